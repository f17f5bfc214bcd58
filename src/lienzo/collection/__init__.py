"""From pictures as people have them to a collection of one shape. Runs without PyTorch."""
