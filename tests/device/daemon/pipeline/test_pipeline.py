"""From blocks to events: the same as offline, for any blocks, at any rate, across gaps."""

from collections.abc import Callable, Iterable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from device_runtime.daemon.pipeline.event_builder import EventBuilder
from device_runtime.daemon.pipeline.loop import Pipeline
from device_runtime.daemon.pipeline.loudness_trigger import LoudTrigger
from device_runtime.daemon.pipeline.redaction import RedactingEventBuilder
from device_runtime.daemon.pipeline.ring_buffer import AudioRingBuffer
from device_runtime.daemon.pipeline.stream_processor import StreamProcessor
from device_runtime.daemon.sinks.clips import BUFFER_S, ClipFolder, ClipRecorder
from device_runtime.daemon.sinks.queue import SinkQueue
from device_runtime.daemon.sources.base import Block, Condition, Source
from device_runtime.daemon.sources.file import FileSource
from device_runtime.recognition.recognizer import Recognizer
from device_runtime.recognition.stream import StreamRecognizer, detect_sounds
from edgecl.audio.reader import read_clip
from edgecl.canonical_json import sha256_hex
from edgecl.events import Event, SoundEvent, SourceEvent
from edgecl.store import blob
from tests.device.conftest import RINGS_AT_S

RATE_HZ = 16_000
STARTED_S = 1_700_000_000.0


def blocks_of(waveform: np.ndarray, cuts: Iterable[int], first_frame: int = 0) -> list[Block]:
    """Return a waveform in blocks, as from a source that was opened at `STARTED_S`."""
    edges = [0, *sorted(cuts), waveform.size]
    return [
        Block(first_frame + start, waveform[start:end], STARTED_S + (first_frame + end) / RATE_HZ)
        for start, end in pairwise(edges)
    ]


def process(
    recognizer: Recognizer, blocks: Iterable[Block], trigger: LoudTrigger | None = None
) -> list[SoundEvent]:
    """Return the events of these blocks."""
    processor = StreamProcessor(StreamRecognizer(recognizer), RATE_HZ, trigger)
    builder = EventBuilder("mic", recognizer.tasks)
    updates = [update for block in blocks for update in processor.process(block)] + [*processor.finish()]
    return [event for update in updates for event in builder.sound_events(update)]


@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(0, 16 * RATE_HZ), max_size=20))
def test_any_blocks_give_the_same_events_and_those_of_the_whole_recording(
    recognizer: Recognizer, evening: np.ndarray, cuts: list[int]
) -> None:
    events = process(recognizer, blocks_of(evening, cuts))
    assert events == process(recognizer, blocks_of(evening, []))
    ended = sorted((event for event in events if event.phase == "end"), key=lambda event: event.offset_s)
    offline = [one.detection for one in detect_sounds(recognizer, evening)]
    assert [(event.offset_s, event.label) for event in ended] == [(d.start_s, d.label) for d in offline]


def test_a_sound_keeps_its_id_from_start_to_end(recognizer: Recognizer, evening: np.ndarray) -> None:
    rings = [event for event in process(recognizer, blocks_of(evening, [])) if event.label == "doorbell"]
    assert len({event.id for event in rings}) == len(RINGS_AT_S)
    for one in {event.id for event in rings}:
        phases = [event.phase for event in rings if event.id == one]
        assert (phases[0], phases[-1]) == ("new", "end")
        assert set(phases[1:-1]) <= {"update"}
        assert len({event.start for event in rings if event.id == one}) == 1
    first = rings[0]
    assert first.start.startswith("2023-11-14T22:13:2")
    assert first.blob_sha256 == sha256_hex(blob.to_bytes(recognizer.tasks[0]))
    assert first.level_dbfs > -40


def test_an_event_survives_the_round_trip_through_json(recognizer: Recognizer, evening: np.ndarray) -> None:
    for event in process(recognizer, blocks_of(evening, [])):
        assert SoundEvent.model_validate_json(event.model_dump_json()) == event


def test_a_redacted_event_is_valid_and_two_sounds_of_a_minute_have_different_ids(
    recognizer: Recognizer, evening: np.ndarray
) -> None:
    def redact(started_s: float) -> list[SoundEvent]:
        processor = StreamProcessor(StreamRecognizer(recognizer), RATE_HZ)
        builder = RedactingEventBuilder("mic", recognizer.tasks)
        block = Block(0, evening, started_s + evening.size / RATE_HZ)
        updates = [*processor.process(block), *processor.finish()]
        return [event for update in updates for event in builder.sound_events(update)]

    rings = [event for event in redact(STARTED_S) if event.label == "doorbell"]
    assert [event.start for event in rings] == ["2023-11-14T22:13:00.000Z"] * len(RINGS_AT_S)
    assert len({event.id for event in rings}) == len(RINGS_AT_S)
    assert all(SoundEvent.model_validate_json(event.model_dump_json()) == event for event in rings)
    assert redact(STARTED_S) == redact(STARTED_S + 7)  # the second is not revealed
    for ring in rings:
        figures = ring.score, ring.margin, ring.threshold, ring.offset_s, ring.level_dbfs
        assert (ring.phase, figures, ring.clip, ring.exact) == ("new", (1, 0, 0, 0, 0), None, False)


def test_a_short_gap_is_filled_and_a_long_one_starts_a_new_stream(
    recognizer: Recognizer, evening: np.ndarray
) -> None:
    before, after = evening[: 8 * RATE_HZ], evening[8 * RATE_HZ :]
    for gap_s in (0.2, 100.0):
        first = 8 * RATE_HZ + round(gap_s * RATE_HZ)
        events = process(recognizer, blocks_of(before, []) + blocks_of(after, [], first))
        rings = [event for event in events if event.phase == "end" and event.label == "doorbell"]
        offsets_s = [ring.offset_s for ring in rings]
        expected_s = [at_s + (gap_s if at_s > 8 else 0) for at_s in RINGS_AT_S]
        assert offsets_s == [pytest.approx(at_s + 0.5, abs=1.5) for at_s in expected_s]


def test_a_short_gap_is_no_click_where_the_microphone_has_an_offset(recognizer: Recognizer) -> None:
    ring_buffer = AudioRingBuffer(RATE_HZ, 10.0)
    processor = StreamProcessor(StreamRecognizer(recognizer), RATE_HZ, ring_buffer=ring_buffer)
    hiss = np.random.RandomState(0).normal(0.1, 1e-3, RATE_HZ // 2).astype(np.float32)
    for first in (0, 7 * RATE_HZ // 10):
        assert list(processor.process(Block(first, hiss, STARTED_S))) == []
    buffered = ring_buffer.newest(10.0) / (1 << 15)
    assert buffered.size == 12 * RATE_HZ // 10
    assert np.abs(buffered - 0.1).max() < 0.01


def test_no_sound_continues_across_a_long_gap(recognizer: Recognizer, evening: np.ndarray) -> None:
    ringing = evening[3 * RATE_HZ : 6 * RATE_HZ]
    blocks = blocks_of(ringing, []) + blocks_of(ringing, [], 60 * RATE_HZ)
    ends = [event for event in process(recognizer, blocks) if event.phase == "end"]
    assert len({event.id for event in ends}) == len(ends) >= 2


def test_a_loud_sound_is_detected_without_enrolment(recognizer: Recognizer, evening: np.ndarray) -> None:
    events = process(recognizer, blocks_of(evening, []), LoudTrigger(-35.0))
    loud = [event for event in events if event.task == "_loud" and event.phase == "new"]
    assert [event.offset_s for event in loud] == [pytest.approx(at_s + 0.25, abs=0.75) for at_s in RINGS_AT_S]
    assert all(event.level_dbfs >= -35 and event.blob_sha256 is None for event in loud)


class ScriptedSource:
    """A source with a list of conditions and one block."""

    name = "mic"
    rate_hz = RATE_HZ
    lost_frames = 7

    def __init__(self, conditions: list[Condition], waveform: np.ndarray) -> None:
        self._conditions = iter(conditions)
        self._blocks = iter(blocks_of(waveform, []))

    def read(self, timeout_s: float) -> Block | None:
        self.condition = next(self._conditions, None) or self.condition
        return next(self._blocks, None)

    def close(self) -> None: ...


Runner = Callable[..., list[Event]]


@pytest.fixture
def run(recognizer: Recognizer) -> Runner:
    """Runs a pipeline on a source to its end, and returns its events."""

    def run_pipeline(
        source: Source, clip_recorder: ClipRecorder | None = None, buffer: AudioRingBuffer | None = None
    ) -> list[Event]:
        events: list[Event] = []
        queue = SinkQueue(events.append, blocks=True)
        processor = StreamProcessor(StreamRecognizer(recognizer), source.rate_hz, ring_buffer=buffer)
        builder = EventBuilder(source.name, recognizer.tasks, clip_recorder)
        pipeline = Pipeline(source, processor, builder, [queue])
        pipeline.run(lambda: False)
        queue.close()
        source.close()
        assert pipeline.sound_count == sum(event.kind == "sound" and event.phase == "new" for event in events)
        return events

    return run_pipeline


@pytest.mark.parametrize("rate_hz", [8_000, 16_000])
def test_a_file_gives_the_events_of_its_recording(
    run: Runner, recognizer: Recognizer, evening: np.ndarray, tmp_path: Path, rate_hz: int
) -> None:
    soundfile.write(tmp_path / "evening.wav", 0.5 * evening[:: RATE_HZ // rate_hz], rate_hz, subtype="PCM_16")
    events = run(FileSource(tmp_path / "evening.wav", fast=True))
    assert isinstance(events[0], SourceEvent)
    assert events[0].state == "listening"
    offsets_s = sorted(event.offset_s for event in events[1:] if event.phase == "end")
    offline = detect_sounds(recognizer, read_clip(tmp_path / "evening.wav").waveform)
    assert offsets_s == sorted(one.detection.start_s for one in offline)


def test_a_change_of_condition_is_reported_once(run: Runner) -> None:
    hung = Condition("hung", "no frame for 3 s", "unplug it")
    events = run(ScriptedSource([hung, hung], np.zeros(10, np.float32)))
    assert [(event.state, event.detail, event.lost_frames) for event in events] == [
        ("hung", "no frame for 3 s", 7)
    ]


def test_a_clip_is_saved_of_every_sound(
    run: Runner, recognizer: Recognizer, evening: np.ndarray, tmp_path: Path
) -> None:
    soundfile.write(tmp_path / "evening.wav", evening, RATE_HZ, subtype="FLOAT")
    folder, buffer = ClipFolder(tmp_path / "clips", 1 << 20), AudioRingBuffer(RATE_HZ, BUFFER_S)
    queue = SinkQueue(folder.write, blocks=True)
    clip_recorder = ClipRecorder(buffer, folder, queue)
    events = run(FileSource(tmp_path / "evening.wav", fast=True), clip_recorder, buffer)
    queue.close()
    ends = [event for event in events if event.kind == "sound" and event.phase == "end"]
    assert ends
    for event in ends:
        waveform, _ = soundfile.read(event.clip, dtype="float32")
        assert np.abs(waveform).max() > 0.1
    assert all(event.clip is None for event in events if event.kind == "sound" and event.phase != "end")
