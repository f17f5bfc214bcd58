"""The experiments of the theory laboratory, one file for each."""
