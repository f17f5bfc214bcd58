"""Laws that are known exactly, and the small games that are played on them."""
