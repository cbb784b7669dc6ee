"""A demonstration that needs no recordings: made-up household sounds, two tasks, one mixed recording.

`ingredients` are the acoustic parts, `alarms` and `kitchen` the sounds, `room` the place they are heard
in, `synthesise` the files on disk; `story` runs the real commands on them. `python -m tools.demo`.
"""
