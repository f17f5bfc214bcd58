"""A search for the settings of a recipe with the lowest KID."""
