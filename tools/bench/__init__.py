"""Benchmarks behind the README's figures: `python -m tools.bench`, one run, ratios beside times.

`train_step` sets the two engines beside torch eager, `backbone` sets factorised attention beside dense,
`cost` sets our backbone beside mn04 and YAMNet,
`enrolment` runs the real command on 160 clips in a process of its own and watches its memory,
`daemon` runs `edgecl serve` on made-up sound, `daemon.hour` an hour of it.
"""
