"""Output for people: HTML pages, charts, grids of pictures, films, and progress in a terminal."""
