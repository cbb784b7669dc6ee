"""Training a task: recipe, methods, engines, validation, rejection threshold."""
