"""The worker: a workflow in a process of its own, at low priority, that ends with the daemon."""
