"""The theory laboratory: numerical experiments that compare theorems about GANs with the code that trains them."""
