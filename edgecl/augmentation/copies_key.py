"""The key of a clip's augmented copies in the token cache."""

AUGMENTATION_VERSION = 5
"""Increased whenever the same recording gives other copies."""


def make_copies_key(clip_sha256: str, version: int = AUGMENTATION_VERSION) -> str:
    """Return the key of the tokens of a clip's copies, as a version made them, in the token cache."""
    return f"{clip_sha256}:varied:{version}"
