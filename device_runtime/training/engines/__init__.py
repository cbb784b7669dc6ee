"""Training engines: one protocol, two implementations that agree to float32 rounding."""
