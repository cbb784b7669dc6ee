"""The store: task blobs, registry, recovery and integrity checks."""
