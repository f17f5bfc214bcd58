"""The canvas: pictures that a generator makes while someone plays, in a process of its own with a low priority."""
