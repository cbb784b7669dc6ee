"""Fitting a task: recipe, engines, methods, validation, rejection thresholds."""
