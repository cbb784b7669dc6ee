"""The noise bank of a bundle: a few minutes of background noise that enrolment mixes into augmented copies.

    recordings ─► texture statistics ─► new sound with the same statistics ─┐
    sentences ─► espeak-ng in many voices ─► talkers, babble ───────────────┴─► one Ogg Opus file

No sample of a recording is in it: textures are drawn at random from statistics, and voices are synthesised.
"""
