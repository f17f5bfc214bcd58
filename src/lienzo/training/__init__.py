"""The training loop, and what it is made of: state, steps, inputs, resumption, and signs of trouble."""
