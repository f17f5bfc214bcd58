"""Files that are whole or absent, and tensors in files that cannot run code."""
