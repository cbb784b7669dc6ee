"""The benchmarks behind the published figures.

Speed and memory, all by `python -m tools.bench`:
    train_step       one training step: both engines and torch eager
    backbone         factorised and dense attention
    cost             the backbone, mn04 and YAMNet (`mn04`, `yamnet`)
    enrolment        `edgecl enroll` on 160 clips: time, peak memory, blob size
    daemon           `edgecl serve` on synthetic sound; `daemon.soak`: an hour of it

Accuracy, each by `python -m tools.bench.NAME TASKS`:
    accuracy         test accuracy of every task by engine
    room             detection and false alarms in streams: noise, reverberation, level, other microphones
    open_set         rejection of unknown sounds, recognition without a task name, false alarms in noise
    corrections      effect of one `edgecl correct`
    consolidation    accuracy and speed with shared adapters
    continual        continual learning: edgecl and methods of the literature
    probe            linear probe on the backbone, mn04 and YAMNet
    features         our features and mn04's behind every closed-form head
    rejection_methods    keys, energy and distance as scores for open-set rejection (`rejection_scores`)
    recipe_options   accuracy and cost of the recipe's options (`recipe_training`)
    adapters         adapters trained in several forms, beside SLDA without one
    input_tuning     tuning in the input space
"""
