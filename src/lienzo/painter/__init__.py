"""A procedural painter: canvases in six manners, and files that are broken the way downloads break.

No artist or model made the pictures: each manner is a function that covers a canvas with a few flat or soft shapes,
whose positions, proportions and palette are drawn from :mod:`lienzo.seeds`. The manners differ
strongly in layout and palette, so that a small network can learn them in minutes, and a person can see whether it has.

The same seed paints the same files, byte for byte on one platform, in any number of processes.
"""
