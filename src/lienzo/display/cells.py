"""What stands below a cell of a notebook: a piece of HTML without a style sheet, which Jupyter and Colab show."""

from lienzo.display.pages import escape


def cell(title: str, sentence: str, *figures: str) -> str:
    """Return a title and a sentence (plain text) above figures side by side, which wrap where there is no room."""
    beside = "".join(f"<div>{figure}</div>" for figure in figures)
    below = f'<div style="display: flex; flex-wrap: wrap; gap: 1rem">{beside}</div>' if figures else ""
    return f"<p><b>{escape(title)}</b>: {escape(sentence)}</p>{below}"
