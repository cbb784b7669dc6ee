"""The watched folder: every sub-folder of recordings becomes a task."""
