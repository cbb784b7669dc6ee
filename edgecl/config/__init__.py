"""The configuration of the daemon: schema, values with their origin, privacy levels."""
