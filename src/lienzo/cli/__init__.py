"""The command line: words in, one call of a verb, results out."""
