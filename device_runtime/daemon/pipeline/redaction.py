"""Events at privacy level 3: the label of a sound and the minute it began, nothing else."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime

from device_runtime.daemon.pipeline.event_builder import EventBuilder
from device_runtime.daemon.pipeline.stream_processor import StreamUpdate
from edgecl.events import SoundEvent, Time, format_time, make_event_id

CERTAIN = 1.0
NEUTRAL = 0.0


class RedactingEventBuilder(EventBuilder):
    """Builds one event when a sound begins, with figures that are the same for every sound.

    An id made of the start would reveal its second, so it is made of the minute and of the number of sounds
    of the same label in it. Duration and confidence are withheld, so there is no second event.
    """

    _minute: Time = ""
    _counts: Counter[tuple[str, str]]

    def sound_events(self, update: StreamUpdate) -> Iterator[SoundEvent]:
        """See `EventBuilder`."""
        for event in super().sound_events(update):
            if event.phase == "new":
                yield self._redact(event)

    def _redact(self, event: SoundEvent) -> SoundEvent:
        minute = _truncate_to_minute(event.start)
        if minute != self._minute:
            self._minute, self._counts = minute, Counter()
        key = event.task, event.label
        self._counts[key] += 1
        return event.model_copy(
            update={
                "id": make_event_id(event.source, *key, f"{minute} {self._counts[key]}"),
                "start": minute,
                "end": minute,
                "score": CERTAIN,
                "margin": NEUTRAL,
                "threshold": NEUTRAL,
                "offset_s": NEUTRAL,
                "level_dbfs": NEUTRAL,
                "clip": None,
                "exact": False,
            }
        )


def _truncate_to_minute(time: Time) -> Time:
    return format_time(datetime.fromisoformat(time).timestamp() // 60 * 60)
