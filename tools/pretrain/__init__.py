"""Pretraining of the default backbone: a small FTA-AST distils a convolutional AudioSet teacher.

`mn04` is the teacher, `export.distill` the training, `default/config.json` the recipe; `probe` measures
frozen features with a logistic regression. `python -m tools.pretrain --help` starts it.
"""
