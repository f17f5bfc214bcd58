"""What a person sees: HTML pages, charts, grids of pictures, progress in a terminal."""
