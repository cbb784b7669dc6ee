"""Consolidation: merging the adapters of similar tasks down to a budget (ADA)."""
