"""Screening of picture files: each is decoded, checked and brought to one shape, or refused with a reason."""
