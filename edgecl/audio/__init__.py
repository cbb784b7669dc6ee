"""Audio: reading files, decoding, resampling, levels, near-duplicates."""
