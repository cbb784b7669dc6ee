"""Documentation: pages that are generated from the program, and checks of those that are written by hand."""
