"""Detections → events, with wall-clock times and an id that stays the same from start to end."""

from collections.abc import Iterator, Sequence

from device_runtime.daemon.pipeline.stream_processor import StreamUpdate
from device_runtime.daemon.sinks.clips import ClipRecorder
from device_runtime.daemon.sources.base import Condition
from device_runtime.recognition.stream import TaskDetection
from edgecl.canonical_json import sha256_hex
from edgecl.events import SoundEvent, SourceEvent, format_time, make_event_id
from edgecl.store import blob
from edgecl.store.blob import TaskBlob


class EventBuilder:
    """Builds the events of one source."""

    def __init__(
        self, source: str, tasks: Sequence[TaskBlob], clip_recorder: ClipRecorder | None = None
    ) -> None:
        """Prepare for a source of this name; `clip_recorder` saves a clip of every sound, if given."""
        self._source = source
        self._clip_recorder = clip_recorder
        self._starts_s: dict[tuple[str, str], float] = {}  # wall clock; of the sounds that continue
        self.set_tasks(tasks)

    def set_tasks(self, tasks: Sequence[TaskBlob]) -> None:
        """Set the tasks that are in use from now on."""
        self._hashes = {task.task: sha256_hex(blob.to_bytes(task)) for task in tasks}

    @property
    def task_names(self) -> list[str]:
        """The tasks in use."""
        return list(self._hashes)

    @property
    def dropped_clips(self) -> int:
        """Number of clips that were not saved because the disk was too slow."""
        return self._clip_recorder.queue.dropped if self._clip_recorder else 0

    def is_active(self, task: str, sha256: str) -> bool:
        """Return whether this version of a task is in use."""
        return self._hashes.get(task) == sha256

    def sound_events(self, update: StreamUpdate) -> Iterator[SoundEvent]:
        """Yield one event for every change of a sound."""
        for detection in update.detections:
            event, sound = self._event(detection, update), detection.detection
            if detection.phase == "end" and self._clip_recorder:
                times_s = update.offset_s + sound.start_s, update.offset_s + sound.end_s
                event = self._clip_recorder.save(event, *times_s)
            yield event

    def source_event(self, condition: Condition, lost_frames: int, now_s: float) -> SourceEvent:
        """Build the event of a source whose condition has changed."""
        return SourceEvent(
            time=format_time(now_s),
            source=self._source,
            state=condition.state,
            detail=condition.detail,
            hint=condition.hint,
            lost_frames=lost_frames,
        )

    def _event(self, detection: TaskDetection, update: StreamUpdate) -> SoundEvent:
        sound = detection.detection
        key = detection.task, sound.label
        # The wall clock may be set while a sound continues: its start stays.
        start_s = self._starts_s.setdefault(key, update.stream_s + sound.start_s)
        if detection.phase == "end":
            del self._starts_s[key]
        start = format_time(start_s)
        return SoundEvent(
            id=make_event_id(self._source, *key, start),
            phase=detection.phase,
            source=self._source,
            task=detection.task,
            label=sound.label,
            score=round(sound.score, 4),
            margin=round(sound.margin, 4),
            threshold=round(sound.threshold, 4),
            start=start,
            end=format_time(start_s + sound.end_s - sound.start_s),
            offset_s=round(update.offset_s + sound.start_s, 3),
            level_dbfs=sound.level_dbfs,
            blob_sha256=self._hashes.get(detection.task),
            clip=None,
        )
