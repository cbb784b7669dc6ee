"""Pretraining of the default backbone: a convolutional AudioSet network is distilled into a small FTA-AST.

`mn04` is the teacher, `export.distill` the training, `default/config.json` the recipe. `attention` then fits
the pooling of the frozen weights, `default/attention.json` is its recipe. `probe` measures frozen features
with a logistic regression. See `python -m tools.pretrain --help`.
"""
