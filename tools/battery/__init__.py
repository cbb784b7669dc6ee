"""The reliability battery: what may go wrong on a device, done on purpose, one row per kind.

`python -m tools.battery` runs all rows and writes their table into docs/reliability.md. A row is a function
that breaks edgecl in one way again and again, and judges what is left each time; `rows` lists them.
"""
