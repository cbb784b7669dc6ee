"""The process and its machine: progress, timing, memory, the systemd unit."""
