"""Distillation of any teacher into a small FTA student, from audio with or without labels.

`clips` decodes the audio once; `augment`, `rooms`, `labels` and `windows` draw windows in worker processes. A
teacher returns a `TeacherOutput` for each batch; `distillation_model` runs the student on it and `objective`
computes the losses. `run` is the state of one training run, `train` its loop, `command` is
`edgecl-export distill`.
"""
