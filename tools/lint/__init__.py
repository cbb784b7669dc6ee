"""The checks of prose and names that ruff does not have: `python -m tools.lint [PATH …]`."""
