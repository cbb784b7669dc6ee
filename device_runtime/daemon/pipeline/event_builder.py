"""What is heard → events, with the time of the wall clock and an identity that stays."""

from collections.abc import Iterator, Sequence

from device_runtime.daemon.pipeline.stream_processor import StreamUpdate
from device_runtime.daemon.sinks.clips import ClipKeeper
from device_runtime.daemon.sources.base import Condition
from device_runtime.recognition.stream import TaskDetection
from edgecl.canonical_json import sha256_hex
from edgecl.events import SoundEvent, SourceEvent, format_time, make_event_id
from edgecl.store import blob
from edgecl.store.blob import TaskBlob


class EventBuilder:
    """Reports what one source gives to hear."""

    def __init__(self, source: str, tasks: Sequence[TaskBlob], keeper: ClipKeeper | None = None) -> None:
        """`keeper`: where a recording of every sound is to be kept."""
        self._source = source
        self._keeper = keeper
        self._begun_s: dict[tuple[str, str], float] = {}  # wall clock; the sounds that go on
        self.teach(tasks)

    def teach(self, tasks: Sequence[TaskBlob]) -> None:
        """Which versions of which tasks hear from now on."""
        self._blobs = {task.task: sha256_hex(blob.to_bytes(task)) for task in tasks}

    @property
    def task_names(self) -> list[str]:
        """Those that hear now."""
        return list(self._blobs)

    @property
    def lost_clips(self) -> int:
        """How many recordings the disk was too slow for."""
        return self._keeper.outbox.dropped if self._keeper else 0

    def hears(self, task: str, sha256: str) -> bool:
        """Whether this version of a task hears now."""
        return self._blobs.get(task) == sha256

    def sounds(self, report: StreamUpdate) -> Iterator[SoundEvent]:
        """One event for every change."""
        for heard in report.heard:
            event, found = self._event(heard, report), heard.detection
            if heard.phase == "end" and self._keeper:
                times_s = report.offset_s + found.start_s, report.offset_s + found.end_s
                event = self._keeper.keep(event, *times_s)
            yield event

    def condition(self, condition: Condition, lost_frames: int, now_s: float) -> SourceEvent:
        """The event of a source whose condition changed."""
        return SourceEvent(
            time=format_time(now_s),
            source=self._source,
            state=condition.state,
            detail=condition.detail,
            hint=condition.hint,
            lost_frames=lost_frames,
        )

    def _event(self, heard: TaskDetection, report: StreamUpdate) -> SoundEvent:
        found, key = heard.detection, (heard.task, heard.detection.label)
        # The wall clock may be set while a sound goes on; its beginning stays what it was.
        start_s = self._begun_s.setdefault(key, report.stream_s + found.start_s)
        if heard.phase == "end":
            del self._begun_s[key]
        start = format_time(start_s)
        return SoundEvent(
            id=make_event_id(self._source, *key, start),
            phase=heard.phase,
            source=self._source,
            task=heard.task,
            label=found.label,
            score=round(found.score, 4),
            margin=round(found.margin, 4),
            threshold=round(found.threshold, 4),
            start=start,
            end=format_time(start_s + found.end_s - found.start_s),
            offset_s=round(report.offset_s + found.start_s, 3),
            level_dbfs=found.level_dbfs,
            blob_sha256=self._blobs.get(heard.task),
            clip=None,
        )
