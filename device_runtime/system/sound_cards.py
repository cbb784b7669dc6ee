"""The sound cards that record, as `arecord` of alsa-utils lists them."""

import os
import re
import subprocess
from dataclasses import dataclass

from edgecl.errors import SourceError

TIMEOUT_S = 5.0
CARD = re.compile(r"^card \d+: (\S+) \[(.*?)\], device (\d+)", re.MULTILINE)  # of `arecord -l`


@dataclass(frozen=True)
class SoundCard:
    """A device that records."""

    name: str
    """The ALSA device, by name: a number changes from start to start."""
    title: str
    """What its maker calls it."""


def list_sound_cards() -> list[SoundCard]:
    """List the sound cards that record; none where there are none, or this user may not use them.

    Raises:
        SourceError: arecord is missing, or gives no answer.
    """
    try:
        listed = subprocess.run(
            ["arecord", "-l"],
            env={**os.environ, "LC_ALL": "C"},
            capture_output=True,
            timeout=TIMEOUT_S,
            check=False,
        )
    except FileNotFoundError:
        raise SourceError("no 'arecord' to record with", "sudo apt install alsa-utils") from None
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SourceError(f"'arecord -l' gave no answer: {error}", "run it by hand") from None
    found = CARD.findall(listed.stdout.decode(errors="replace"))
    return [SoundCard(f"plughw:CARD={card},DEV={device}", title) for card, title, device in found]
