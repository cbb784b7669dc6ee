"""Merging the adapters of similar tasks into a fixed budget (ADA)."""
