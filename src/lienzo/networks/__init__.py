"""The networks, one file for each, and the layers that they share."""
