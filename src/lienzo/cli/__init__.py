"""The command line: each command reads its words, calls the function of its verb, and prints the result."""
