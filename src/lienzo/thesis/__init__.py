"""The finished thesis as pages: its chapters in two languages, its figures, its results, and what was reproduced."""
