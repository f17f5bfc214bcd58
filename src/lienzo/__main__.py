"""``python -m lienzo`` is the command ``lienzo``."""

from lienzo.cli import main

if __name__ == "__main__":
    main()
