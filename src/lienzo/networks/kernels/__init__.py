"""Convolutions computed in the way that is fastest for a device, a precision and a size."""
