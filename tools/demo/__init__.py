"""A demonstration that needs no recordings: made-up household sounds, two tasks, one mixed recording.

`ingredients` are the acoustic parts, `alarms` and `kitchen` the sounds, `room` the place they are heard
in, `synthesise` the files on disk; `story` runs the real commands on them. `python -m tools.demo`.

`microphone` plays the same sounds without end, `truth` knows when; `daemon` has `edgecl serve` hear them, and
teaches it meanwhile (`daemon_story`, told on the screen of `following`). `python -m tools.demo.daemon`.

`telling` is what both stories have in common.
"""
