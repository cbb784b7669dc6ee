"""Continual-learning benchmark: `python -m tools.bench.continual TASKS`.

__main__ → method_selection → benchmark → report
  sources/             folders of recordings → tasks
  feature_extractors   frozen networks and the cache of their features
  methods/             edgecl and the baselines, one file each
  sequence             one method through the sequence; few_shot: its curves; worker_processes: one per run
  metrics              figures of an accuracy matrix; method_summary: means over the seeds
  tables, plots        the results on the screen, in report.md and as pictures
"""
