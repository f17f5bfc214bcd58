"""Packing: duplicates are refused, and the pictures that stay become shards and an index."""
