"""Augmentation at enrolment: copies of a recording as it would sound elsewhere, each varied at random.

    placement     at a random position in the window
    room          half of the copies: reverberation of a synthetic room
    noise         four fifths: synthetic noise, or noise of the bundle's bank, through the whole window
    channel       half: a random equaliser; a quarter: a telephone band
    level         at a random level

Few recordings contain a sound only in one room, from one distance and through one microphone. Copies train a
task, its keys and its threshold to ignore all three.
"""
