"""One file after the other: decoded, checked, brought to one shape, or refused with a reason."""
