"""From recordings to a dataset of tokens: ingest, token extraction, token cache, replay."""
