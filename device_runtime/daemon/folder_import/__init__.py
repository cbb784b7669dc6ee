"""Watched folder: what is dropped into it is enrolled."""
