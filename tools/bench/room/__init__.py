"""The room benchmark: detection in continuous streams with noise, reverberation, level and other recorders.

    TASKS ─► enrol, default settings ──────────────────────────────┐
      └► test recordings ─► condition ─► streams ─► daemon pipeline ─► window scores, detections ─► figures
                            ▲                          └► mn04 + logistic regression, the same event rule
    backgrounds, rooms, voices: never in copies or pretraining

`material` reads the sounds, `acoustics` computes rooms, noise and filters, `streams` lays recordings into
streams, `enrolment` and `yardstick` train, `scoring` runs the streams, `figures` counts, `report` prints.
"""
