"""A reporter that tells of a sound no more than what it was, and in which minute."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime

from device_runtime.daemon.pipeline.event_builder import EventBuilder
from device_runtime.daemon.pipeline.stream_processor import StreamUpdate
from edgecl.events import SoundEvent, Time, format_time, make_event_id

CERTAIN = 1.0
NEUTRAL = 0.0


class RedactingEventBuilder(EventBuilder):
    """Reports that a sound began, with figures that are the same for every sound.

    Its identity would give away the second it began, so it is made of the minute and of how many of its kind
    began in it before. Neither how long it lasts nor how sure it is comes out, so there is no second event.
    """

    _minute: Time = ""
    _begun: Counter[tuple[str, str]]

    def sounds(self, report: StreamUpdate) -> Iterator[SoundEvent]:
        """See `Reporter`."""
        for event in super().sounds(report):
            if event.phase == "new":
                yield self._without_figures(event)

    def _without_figures(self, event: SoundEvent) -> SoundEvent:
        minute = _minute_of(event.start)
        if minute != self._minute:
            self._minute, self._begun = minute, Counter()
        key = event.task, event.label
        self._begun[key] += 1
        return event.model_copy(
            update={
                "id": make_event_id(event.source, *key, f"{minute} {self._begun[key]}"),
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


def _minute_of(time: Time) -> Time:
    return format_time(datetime.fromisoformat(time).timestamp() // 60 * 60)
