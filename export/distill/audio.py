"""The audio of a training run: sounds to learn from, and what rooms are made of."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from device_runtime.system.progress import Progress
from edgecl.audio.reader import RejectedFile
from edgecl.errors import UsageError

from .clips import Clips, decode, open_clips
from .config import RunConfig
from .labels import WORDS
from .rooms import RoomSampler
from .words import synthesise_words

BACKGROUNDS, ROOMS = "backgrounds", "rooms"
"""Sub-folders of a run."""


@dataclass(frozen=True)
class TrainingAudio:
    """Tars of sounds, or folders of tars or sounds, of each kind."""

    sounds: Sequence[Path]
    backgrounds: Sequence[Path] = ()
    """Recorded noise."""
    rooms: Sequence[Path] = ()
    """Measured impulse responses."""

    def decode(self, folder: Path, config: RunConfig, progress: Progress) -> list[RejectedFile]:
        """Decode what a run needs to its folder, unless it is there already; return the rejected files.

        Raises:
            UsageError: a folder does not exist or contains no sound, or a kind is missing.
            DatasetError: no file of a kind can be used.
            ExportError: espeak-ng, which speaks synthetic words, is not installed.
        """
        rejected = decode(self.sounds, folder, progress)
        if not config.room_share:
            return rejected
        if not (self.backgrounds and self.rooms):
            raise UsageError(
                "this run trains in rooms, and recorded noise or impulse responses are not named",
                "name both, or set room_share to 0 in the run's config",
            )
        rejected += decode(self.backgrounds, folder / BACKGROUNDS, progress)
        rejected += decode(self.rooms, folder / ROOMS, progress)
        if config.label_share and config.words:
            synthesise_words(folder / WORDS, config.words, progress)
        return rejected


def open_rooms(config: RunConfig, clips: Clips, folder: Path) -> RoomSampler | None:
    """Open the rooms of a run, whose noise is made of `clips` and of the recordings in its folder."""
    if not config.room_share:
        return None
    backgrounds, responses = (open_clips(folder / name) for name in (BACKGROUNDS, ROOMS))
    return RoomSampler(clips, backgrounds, responses, config.model.window_samples)
