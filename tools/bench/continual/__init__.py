"""Continual learning, measured: `python -m tools.bench.continual TASKS`.

__main__ → line_up → benchmark → report
  sources/   folders of recordings → tasks
  ears       frozen networks, and the memory of what they heard
  methods/   the product and the baselines, each its own file
  run        one method through the sequence; few_shot its curves; work a process for each
  metrics    what an accuracy matrix says; row its means over the seeds
"""
