"""The recognition pipeline: source → stream processor → event builder → sink queues."""
