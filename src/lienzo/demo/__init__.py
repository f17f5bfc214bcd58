"""The whole of lienzo in minutes and one command."""
