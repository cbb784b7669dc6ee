"""Checks of Markdown files: commands, code and links."""
