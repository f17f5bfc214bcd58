"""From sources of pictures to a collection: listing, screening, packing. Runs without PyTorch."""
