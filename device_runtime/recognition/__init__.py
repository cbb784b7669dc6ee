"""Recognition of all tasks at once, in a clip or in a stream."""
