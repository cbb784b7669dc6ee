"""Optional methods that save computation or memory, off by default: SparCL, warm start, model soup."""
