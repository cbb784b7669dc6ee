"""Adapters in several forms, beside SLDA without one: `python -m tools.bench.adapters TASKS`.

    recordings of a task ─► tokens ─► every form ─► test recordings, and those left out by cross-validation

`__main__` is the command line, `forms` trains, `episodes` does so through a closed-form head, `pool` learns
an initial adapter from other audio, `measurement` measures and prints.
"""
