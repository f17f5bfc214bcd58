"""The studio: a local page over a folder's collections and runs. See docs/studio.md."""
