"""The training loop: a run's state, its steps, its inputs, resumption and trouble."""
