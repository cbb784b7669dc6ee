"""How many recordings are still detected when they are played in other rooms."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property

from device_runtime.model.augmentation import load_augmenter
from device_runtime.recognition.recognizer import Recognizer
from device_runtime.workflows.documents import Document
from device_runtime.workflows.predict import predict_clip
from edgecl.audio.reader import Clip
from edgecl.augmentation.listening_room import LISTENING_ROOMS, ListeningRoom
from edgecl.augmentation.noise_bank import NoiseBank
from edgecl.learning.negative_labels import is_negative

MAX_RECORDINGS = 60
"""Recordings that are played in every room; of more, as many are chosen evenly."""
MAX_DIGITS = 6


@dataclass(frozen=True)
class RoomScore:
    """What a task detects of the recordings of its sounds in one room."""

    room: ListeningRoom
    detected: int
    """Recordings that are answered with their label."""
    recordings: int

    def to_document(self) -> Document:
        """Return everything as plain values."""
        return {**asdict(self.room), "detected": self.detected, "recordings": self.recordings}


def format_rooms(scores: Sequence[RoomScore]) -> str:
    """Return scores in the form that a blob's record stores: `quiet room 18 20; living room …`."""
    return "; ".join(f"{one.room.name} {one.detected} {one.recordings}" for one in scores)


def parse_rooms(text: object) -> list[RoomScore]:
    """Parse the scores of a blob's record; rooms that there are not, and what is malformed, are left out."""
    rooms = {room.name: room for room in LISTENING_ROOMS}
    rows = [row.rsplit(maxsplit=2) for row in text.split(";")] if isinstance(text, str) else []
    return [
        RoomScore(rooms[row[0].strip()], int(row[1]), int(row[2]))
        for row in rows
        if len(row) == 3 and row[0].strip() in rooms and all(map(_is_count, row[1:]))
    ]


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS


@dataclass
class RoomTrial:
    """Plays recordings of a task's sounds in every room and counts what the task detects."""

    recognizer: Recognizer
    """Holds the task alone."""
    recordings: int = 0
    _detected: dict[str, int] = field(default_factory=dict)

    def play(self, clip: Clip, truth: str) -> None:
        """Play one recording; a negative has nothing to be detected and does not count."""
        if is_negative(truth):
            return
        runtime = self.recognizer.runtime
        self.recordings += 1
        for room in LISTENING_ROOMS:
            waveform = room.record(clip.waveform, runtime.rate_hz, self._bank, runtime.window_samples)
            answers = predict_clip(self.recognizer, replace(clip, waveform=waveform)).answers
            found = any(label == truth for _, label in answers)
            self._detected[room.name] = self._detected.get(room.name, 0) + found

    @cached_property
    def _bank(self) -> NoiseBank | None:
        return load_augmenter(self.recognizer.runtime.bundle).bank

    @property
    def scores(self) -> list[RoomScore]:
        """Return the score of every room; none if no recording was played."""
        return list(self._list_scores()) if self.recordings else []

    def _list_scores(self) -> Iterator[RoomScore]:
        for room in LISTENING_ROOMS:
            yield RoomScore(room, self._detected[room.name], self.recordings)
