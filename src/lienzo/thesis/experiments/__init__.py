"""The long experiments of the thesis alone, each of which leaves a kept result."""
