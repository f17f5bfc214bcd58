"""The theory laboratory: what the papers prove, checked on the code that paints."""
