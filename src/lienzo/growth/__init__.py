"""A trained run goes on at twice the size."""
