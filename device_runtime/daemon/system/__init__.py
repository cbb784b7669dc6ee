"""The daemon and its host: reports to systemd, the log, and figures about the machine."""
