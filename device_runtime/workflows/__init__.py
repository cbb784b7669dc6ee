"""The use cases: each opens the store, runs, commits, and returns a typed result."""
