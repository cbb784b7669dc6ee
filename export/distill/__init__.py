"""Distilling any teacher into a small FTA student, from unlabelled audio.

`clips` decodes the audio once; `windows` draws augmented windows in worker processes; a teacher says what it
has `heard`; `lesson` lets the student look at the same window and `objective` says how far it is from its
teacher; `run` is the state of one training, `train` the loop over it. `command` is `edgecl-export distill`.
"""
