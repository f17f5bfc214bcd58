"""The experiments of the laboratory, one file for each."""
