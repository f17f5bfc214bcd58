"""Games of the plane for the view of theory, in a process of their own."""
