"""How long a test waits for what should happen."""

SOON_S = 300.0
"""Reached by a failure alone: the machine may be slow and busy, and training has a low priority."""
