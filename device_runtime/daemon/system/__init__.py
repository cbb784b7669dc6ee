"""What the daemon reports to systemd, logs, and reads about its host."""
