"""What the studio reads of runs and collections: ranges and pages, never whole files, and nothing is written."""
