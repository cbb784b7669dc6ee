"""Audio sources: each yields blocks of frames with a running frame count, and reports its condition."""
