"""Pretraining of the default backbone: a small FTA-AST distils a convolutional AudioSet teacher.

`pool` unpacks the audio once; `augment` draws a window; `teacher` says what it hears on that very
window; `objective` compares the student's tokens with it, column by column; `train` is the loop, and
`probe` measures frozen features with a logistic regression. `python -m tools.pretrain --help` starts it.
"""
