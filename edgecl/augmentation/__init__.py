"""Augmentation at enrolment: copies of a recording as it would sound elsewhere, each varied at random.

    placement     at a random position in the window
    room          half of the copies: reverberation of a synthetic room
    noise         four fifths: synthetic noise, or noise of the bundle's bank, through the whole window
    channel       half: a random equaliser; a quarter: a telephone band
    level         at a random level

Few recordings contain a sound only in one room, from one distance and through one microphone. Copies train a
task, its keys and its threshold to ignore all three.
"""

from edgecl.augmentation.augmenter import Augmenter

AUGMENTATION_VERSION = 4
"""Increased whenever the same recording gives other copies."""

__all__ = ["AUGMENTATION_VERSION", "Augmenter", "make_copies_key"]


def make_copies_key(clip_sha256: str, version: int = AUGMENTATION_VERSION) -> str:
    """Return the key of the tokens of a clip's copies, as a version made them, in the token cache."""
    return f"{clip_sha256}:varied:{version}"
