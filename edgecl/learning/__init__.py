"""Pure computation on embeddings and scores: open-set keys, calibration, metrics."""
