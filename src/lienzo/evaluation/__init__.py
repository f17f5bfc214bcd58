"""Scores of generators against collections, and what a discriminator has learnt."""
