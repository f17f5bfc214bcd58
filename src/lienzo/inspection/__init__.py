"""What a path holds, as plain values."""
