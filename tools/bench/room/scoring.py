"""Runs streams through the daemon's pipeline, in several processes; the yardstick sees the same windows."""

import multiprocessing
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from device_runtime.daemon.pipeline.stream_processor import StreamProcessor, StreamUpdate
from device_runtime.daemon.sources.base import Block
from device_runtime.model.runtime import Runtime
from device_runtime.recognition.recognizer import Recognizer
from device_runtime.recognition.stream import StreamRecognizer
from device_runtime.system.progress import Progress
from device_runtime.workflows.predict import load_recognizer
from device_runtime.workflows.workspace import Workspace
from edgecl.arrays import Waveform
from edgecl.audio.reader import SAMPLE_RATE_HZ
from edgecl.detection import Detection
from tools.bench.room.streams import Event, Plan
from tools.bench.room.track import Track
from tools.bench.room.yardstick import Logistic, open_mn04, score_stream

BLOCK_SAMPLES = 1600  # 0.1 s, as a microphone delivers it


@dataclass(frozen=True)
class ScoredStream:
    """A stream's events, what the daemon detects at default settings, and the answers to its windows."""

    plan: Plan
    seconds: float
    events: list[Event]
    detections: dict[str, list[Detection]]  # by task
    tracks: dict[str, Track]  # by task
    yardstick: dict[str, Track]  # by task; thresholds are 0


@dataclass(frozen=True)
class Setup:
    """What a worker process opens."""

    workspace: Workspace
    yardstick: dict[str, Logistic]
    graph: Path | None
    """mn04; None: no yardstick."""


class StreamScorer:
    """All enrolled tasks and the yardstick, ready for streams."""

    def __init__(self, setup: Setup) -> None:
        runtime = Runtime.open(setup.workspace.locate_bundle(), threads=1)
        with setup.workspace.open_store() as store:
            self._recognizer: Recognizer = load_recognizer(store, runtime)
        self._yardstick = setup.yardstick
        self._embed = open_mn04(setup.graph) if setup.graph else None

    def score(self, plan: Plan) -> ScoredStream:
        """Synthesise a stream and run it through the pipeline of `edgecl listen` and the yardstick."""
        stream = plan.synthesise()
        updates = list(self._listen(stream.waveform))
        ended = [one for update in updates for one in update.detections if one.phase == "end"]
        tasks = [task.task for task in self._recognizer.tasks]
        return ScoredStream(
            plan,
            stream.waveform.size / SAMPLE_RATE_HZ,
            stream.events,
            {task: [one.detection for one in ended if one.task == task] for task in tasks},
            {task: _collect_track(updates, task) for task in tasks},
            score_stream(self._embed, self._yardstick, stream.waveform) if self._embed else {},
        )

    def _listen(self, waveform: Waveform) -> Iterator[StreamUpdate]:
        processor = StreamProcessor(StreamRecognizer(self._recognizer), SAMPLE_RATE_HZ)
        for start in range(0, waveform.size, BLOCK_SAMPLES):
            block = waveform[start : start + BLOCK_SAMPLES]
            yield from processor.process(Block(start, block, (start + block.size) / SAMPLE_RATE_HZ))
        yield from processor.finish()


def _collect_track(updates: Sequence[StreamUpdate], task: str) -> Track:
    windows = [update.window for update in updates if update.window]
    scores = [next(score for score in window.scores if score.task == task) for window in windows]
    return Track(
        np.array([window.start_s for window in windows]),
        np.array([window.end_s for window in windows]),
        [score.label for score in scores],
        np.array([score.margin for score in scores]),
        np.array([score.threshold for score in scores]),
    )


_scorer: StreamScorer | None = None


def _open_scorer(setup: Setup) -> None:
    global _scorer  # noqa: PLW0603 (one for each worker process)
    _scorer = StreamScorer(setup)


def _score(plan: Plan) -> ScoredStream:
    assert _scorer
    return _scorer.score(plan)


def score_all(setup: Setup, plans: Sequence[Plan], processes: int, progress: Progress) -> list[ScoredStream]:
    """Score streams in worker processes; in this one where `processes` is 1."""
    scored = []
    for stream in _iterate(setup, plans, processes):
        scored.append(stream)
        progress("streams", len(scored), len(plans))
    return scored


def _iterate(setup: Setup, plans: Sequence[Plan], processes: int) -> Iterator[ScoredStream]:
    if processes == 1:
        scorer = StreamScorer(setup)
        yield from (scorer.score(plan) for plan in plans)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, context, _open_scorer, (setup,)) as pool:
        for future in as_completed([pool.submit(_score, plan) for plan in plans]):
            yield future.result()
