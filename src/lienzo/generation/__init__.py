"""From a trained generator to pictures that never existed."""
