"""Generators and collections in the formats of other tools."""
