"""Event sinks: JSON lines, history, clips, webhook, MQTT; each behind a queue of its own."""
