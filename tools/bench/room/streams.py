"""Streams: recordings laid one after another into a continuous background, or background alone.

A stream is planned as a few values, so that a worker process can synthesise it: the same plan gives the same
samples.
"""

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgecl.arrays import Doubles, Waveform
from edgecl.audio.reader import SAMPLE_RATE_HZ
from tools.bench.room import acoustics
from tools.bench.room.conditions import Condition
from tools.bench.room.material import read_folder, read_waveform

GAP_S = 2.0, 4.0
"""Between the recordings of a stream: no window of 2 s holds the middle of two."""
DENSE_GAP_S = 0.2, 0.6
FLOOR_DBFS = -70.0
"""White noise of every stream, since no microphone delivers digital silence; it follows the gain."""
BACKGROUND_DBFS = -50.0, -20.0
PIECE_S = 30.0
SHARE_IN_ROOM = 0.5


@dataclass(frozen=True)
class Event:
    """A recording in a stream."""

    label: str
    start_s: float
    end_s: float


@dataclass(frozen=True)
class Stream:
    """A waveform at 16 kHz and the recordings in it."""

    waveform: Waveform
    events: list[Event]


@dataclass(frozen=True)
class Sounds:
    """Where a stream takes its background, rooms and voices from."""

    backgrounds: Path
    rooms: Path
    voices: tuple[Path, ...]

    def read_voices(self) -> list[Waveform]:
        """Return the recordings of the voices."""
        return [read_waveform(path) for path in self.voices]


@dataclass(frozen=True)
class EventPlan:
    """Recordings of one task with gaps drawn at random, under a condition."""

    task: str
    condition: Condition
    recordings: tuple[tuple[str, Path], ...]
    """(label, file)."""
    sounds: Sounds
    seed: int

    def synthesise(self) -> Stream:
        """Return the stream."""
        rng = _make_rng(self.seed, self.task, "events")  # the same order and gaps under all conditions
        order = rng.permutation(len(self.recordings))
        vary = _make_variation(self.condition, self.sounds.rooms)
        sounds = [vary(read_waveform(self.recordings[n][1]), number) for number, n in enumerate(order)]
        labels = [self.recordings[n][0] for n in order]
        durations = [read_waveform(self.recordings[n][1]).size for n in order]
        laid, starts = _lay(sounds, rng.uniform(*GAP_S, len(sounds) + 1))
        noise = _add_noise(self, laid, starts, sounds) if self.condition.noise else 0.0
        events = [
            Event(label, start / SAMPLE_RATE_HZ, (start + size) / SAMPLE_RATE_HZ)
            for label, start, size in zip(labels, starts, durations, strict=True)
        ]
        return Stream(_finish(rng, laid + noise, self.condition.gain_db), events)


@dataclass(frozen=True)
class ForeignPlan:
    """Recordings of one task, some labels of it, one after another with hardly a gap."""

    task: str
    recordings: tuple[tuple[str, Path], ...]
    """(label, file)."""
    is_near: bool
    """Whether these are the labels that the task's half was not enrolled with."""
    seed: int

    def synthesise(self) -> Stream:
        """Return the stream; it has no events, because nothing in it is to be detected."""
        rng = _make_rng(self.seed, f"{self.task} {self.is_near}", "foreign")
        order = rng.permutation(len(self.recordings))
        sounds = [read_waveform(self.recordings[n][1]) for n in order]
        laid, _ = _lay(sounds, rng.uniform(*DENSE_GAP_S, len(sounds) + 1))
        return Stream(_finish(rng, laid), [])


@dataclass(frozen=True)
class BackgroundPlan:
    """Background of a home: recorded ambience, half of it in a room, in pieces at various levels."""

    number: int
    seconds: float
    sounds: Sounds
    seed: int
    voices_of: str = ""
    """Task whose voices babble over the ambience; empty: none."""

    def synthesise(self) -> Stream:
        """Return the stream."""
        rng = _make_rng(self.seed, f"{self.number}{self.voices_of}", "background")
        samples = round(self.seconds * SAMPLE_RATE_HZ)
        mixed = acoustics.chain(rng, read_folder(self.sounds.backgrounds), samples)
        if self.voices_of:
            talk = acoustics.make_babble(rng, self.sounds.read_voices(), samples)
            mixed += talk / talk.std() * 10 ** (rng.uniform(-10, 10) / 20)
        pieces = np.array_split(mixed, max(1, round(self.seconds / PIECE_S)))
        return Stream(_finish(rng, np.concatenate([self._vary(rng, piece) for piece in pieces])), [])

    def _vary(self, rng: np.random.Generator, piece: Doubles) -> Doubles:
        """Play a piece in a room, or not, at a random level."""
        if rng.random() < SHARE_IN_ROOM:
            rooms = read_folder(self.sounds.rooms)
            response = rooms[rng.integers(len(rooms))]
            piece = acoustics.reverberate(piece.astype(np.float32), response)[: piece.size].astype(np.float64)
        return piece / max(float(piece.std()), 1e-6) * 10 ** (rng.uniform(*BACKGROUND_DBFS) / 20)


Plan = EventPlan | ForeignPlan | BackgroundPlan


def _make_rng(seed: int, name: str, purpose: str) -> np.random.Generator:
    return np.random.default_rng([seed, zlib.crc32(f"{purpose} {name}".encode())])


def _make_variation(condition: Condition, rooms: Path) -> Callable[[Waveform, int], Waveform]:
    """Return the function that plays recording number n of a stream under a condition."""
    responses = _select_responses(rooms, condition.rt60_s) if condition.rt60_s else []
    channel = {
        "telephone": acoustics.filter_telephone,
        "microphone": acoustics.filter_microphone,
    }.get(condition.channel or "")

    def vary(waveform: Waveform, number: int) -> Waveform:
        if responses:
            waveform = acoustics.reverberate(waveform, responses[number % len(responses)])
        if channel:
            level = acoustics.measure_active_rms(waveform)
            waveform = acoustics.set_active_rms(channel(waveform), level)
        return waveform

    return vary


def _select_responses(rooms: Path, rt60_s: float) -> list[Waveform]:
    """Return the responses of all rooms that reverberate long enough, shortened to a reverberation time."""
    long_enough = [room for room in read_folder(rooms) if acoustics.measure_rt60(room) >= rt60_s]
    return [acoustics.shape_response(room, rt60_s) for room in long_enough]


def _lay(sounds: Sequence[Waveform], gaps_s: Doubles) -> tuple[Doubles, list[int]]:
    """Lay sounds one after another, a gap before each and after the last.

    A sound that a room made longer reaches into the gap, or over the next sound.

    Returns:
        The waveform [samples], and the first sample of each sound.
    """
    gaps = np.round(gaps_s * SAMPLE_RATE_HZ).astype(int)
    starts, position = [], 0
    for sound, gap in zip(sounds, gaps, strict=False):
        starts.append(position + gap)
        position += gap + sound.size
    laid = np.zeros(position + gaps[-1])
    for sound, start in zip(sounds, starts, strict=True):
        laid[start : start + sound.size] += sound
    return laid, starts


def _add_noise(plan: EventPlan, laid: Doubles, starts: list[int], sounds: list[Waveform]) -> Doubles:
    """Return noise that follows the levels of the recordings at a constant ratio, as long as the stream.

    The gain is constant from the middle of one gap to the middle of the next, with a linear transition.
    """
    rng = _make_rng(plan.seed, f"{plan.task} {plan.condition.noise}", "noise")
    if plan.condition.noise == "babble":
        noise = acoustics.make_babble(rng, plan.sounds.read_voices(), laid.size)
    else:
        noise = acoustics.chain(rng, read_folder(plan.sounds.backgrounds), laid.size)
    margin = round(GAP_S[0] / 2 * SAMPLE_RATE_HZ)
    knots, gains = [], []
    for start, sound in zip(starts, sounds, strict=True):
        first, last = start - margin, start + sound.size + margin
        rms = max(float(noise[first:last].std()), 1e-6)
        gain = acoustics.measure_active_rms(sound) / rms * 10 ** (-plan.condition.snr_db / 20)
        knots += [first, last]
        gains += [gain, gain]
    return noise * np.interp(np.arange(laid.size), knots, gains)


def _finish(rng: np.random.Generator, waveform: Doubles, gain_db: float = 0.0) -> Waveform:
    """Add the noise floor of a microphone, apply a gain and limit the stream to −1…1."""
    floor = 10 ** (FLOOR_DBFS / 20) * rng.standard_normal(waveform.size)
    return np.clip((waveform + floor) * 10 ** (gain_db / 20), -1.0, 1.0).astype(np.float32)
