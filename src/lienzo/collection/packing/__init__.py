"""Which of the screened pictures stay, and how they become shards and an index."""
