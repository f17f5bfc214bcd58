"""The studio's views on the server's side: one file for each, with the addresses that its page asks."""
