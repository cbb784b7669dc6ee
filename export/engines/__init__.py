"""The graphs that the device's training engines run: a portable train step and ORT training artifacts."""
