"""Audio files: reading, decoding, resampling, levels, near-duplicates."""
