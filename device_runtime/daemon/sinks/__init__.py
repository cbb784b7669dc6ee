"""Event sinks: JSON lines, log, history, clips, webhook, MQTT; each behind its own queue and thread."""
