"""``python -m lienzo`` is the command ``lienzo``."""

from lienzo.cli.main import main

if __name__ == "__main__":
    main()
