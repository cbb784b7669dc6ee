"""The graphs of the device's training engines: the portable train step and ORT training artifacts."""
