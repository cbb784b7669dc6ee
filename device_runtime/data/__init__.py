"""Training data: recordings, their tokens, datasets, and the token cache."""
