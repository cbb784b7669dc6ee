"""Audio sources: each gives blocks of frames with a running frame count, and a condition."""
