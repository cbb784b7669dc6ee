"""Live sound in the Python API: chunks of an array in, events out."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from device_runtime.recognition.recognizer import Recognizer
from device_runtime.recognition.stream import StreamRecognizer, TaskDetection
from edgecl.arrays import Waveform
from edgecl.audio.array_input import check_sample_rate, to_channels
from edgecl.audio.channels import ChannelFault, ChannelMixer
from edgecl.audio.resampling import Resampler
from edgecl.errors import AudioError

MAX_PEAK = 4.0
"""Float samples above are no sound in −1…1."""
PHASES: dict[str, Literal["start", "update", "end"]] = {"new": "start", "update": "update", "end": "end"}


@dataclass(frozen=True)
class Event:
    """A sound in a stream that starts, goes on or ends."""

    phase: Literal["start", "update", "end"]
    task: str
    label: str
    score: float
    margin: float
    threshold: float
    start_s: float
    end_s: float
    """Up to now, in seconds since the stream began."""
    level_dbfs: float
    """RMS of its loudest window; 0 is a full-scale square wave."""


class Stream:
    """Live sound, followed by all tasks. Events do not depend on how the sound is cut into chunks."""

    def __init__(self, recognizer: Recognizer, sample_rate: int) -> None:
        self._rate_hz = check_sample_rate(sample_rate)
        self._recognizer = StreamRecognizer(recognizer)
        self._resampler = Resampler(self._rate_hz, self._recognizer.rate_hz)
        self._mixer = ChannelMixer(1, self._rate_hz)

    @property
    def channel_fault(self) -> ChannelFault | None:
        """Return the fault of the channels; a single one is used in place of their mean."""
        return self._mixer.fault

    def feed(self, chunk: Any) -> list[Event]:
        """Process a chunk and return the events it causes.

        Args:
            chunk: [samples] or [samples, channels] at the stream's sample rate; may be empty.

        Raises:
            AudioError: it is no sound.
        """
        samples = to_channels(chunk)
        peak = float(np.abs(samples).max(initial=0.0))
        if peak > MAX_PEAK:
            raise AudioError(
                f"the chunk holds a sample of value {peak:g}",
                "floats are expected in −1…1; divide what came from 16-bit integers by 32768",
            )
        if samples.shape[1] != self._mixer.channels:
            self._mixer = ChannelMixer(samples.shape[1], self._rate_hz)
        return self._process(self._resampler.feed(self._mixer.feed(np.clip(samples, -1.0, 1.0))))

    def finish(self) -> list[Event]:
        """End the stream and return the last events: every sound ends. Then it can be fed from the start."""
        events = self._process(self._resampler.finish())
        events += [_make_event(one) for one in self._recognizer.finish()]
        self._resampler = Resampler(self._rate_hz, self._recognizer.rate_hz)
        return events

    def _process(self, waveform: Waveform) -> list[Event]:
        results = self._recognizer.feed(waveform)
        return [_make_event(one) for result in results for one in result.detections]


def _make_event(found: TaskDetection) -> Event:
    one = found.detection
    return Event(
        phase=PHASES[found.phase],
        task=found.task,
        label=one.label,
        score=one.score,
        margin=one.margin,
        threshold=one.threshold,
        start_s=one.start_s,
        end_s=one.end_s,
        level_dbfs=one.level_dbfs,
    )
