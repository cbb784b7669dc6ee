"""Generate docs/reference/events.md from the models of the events."""

from edgecl.events import FaultEvent, SoundEvent, SourceEvent
from tools.docs.markdown import field_table

INTRODUCTION = """# Events

What `edgecl serve` and `edgecl listen --json` emit: one JSON document per event. The same documents go to
stdout, the history, MQTT, the webhook and the HTTP API's `/events`.

Events are versioned (`version`). Within a version fields may be added; none changes its meaning or goes away.
All phases of one sound carry the same `id`, so the newest event with an `id` holds all that is known.
"""

SOUND = """## Sound

A sound begins (`new`), goes on and was recognised with a larger margin (`update`), and ends (`end`).

```json
{"kind": "sound", "version": 1, "id": "3f2a90c4d1e85b67", "phase": "end", "source": "plughw:CARD=Device",
 "task": "alarms", "label": "doorbell", "score": 0.997, "margin": 0.72, "threshold": 0.44,
 "start": "2026-05-01T07:31:02.500Z", "end": "2026-05-01T07:31:05.000Z", "offset_s": 3661.5,
 "level_dbfs": -20.3, "blob_sha256": null, "clip": null, "exact": true}
```
"""

SOURCE = """## Source

The condition of a source changed.

```json
{"kind": "source", "version": 1, "time": "2026-05-01T07:31:09.120Z", "source": "plughw:CARD=Device",
 "state": "silent", "detail": "", "hint": "", "lost_frames": 0}
```
"""

FAULT = """## Fault

A part of the daemon failed unexpectedly, which is a bug or a lack of memory. The part is restarted, with
back-off, and the others go on.

```json
{"kind": "fault", "version": 1, "time": "2026-05-01T07:31:09.120Z", "part": "folder import",
 "detail": "MemoryError", "hint": "", "count": 1}
```
"""

STATES = """
### States of a source

| state | meaning |
|---|---|
| `starting` | not open yet |
| `listening` | sound comes in |
| `silent` | nothing but one value: unplugged, muted, or the wrong input; no microphone is that quiet |
| `clipping` | many samples at full scale: the input gain is too high |
| `wrong rate` | more or fewer frames than the seconds that passed |
| `opposite phase` | channels cancel each other: a wrong plug or cable; one of them is used |
| `one channel dead` | one channel gives no sound; another one is used |
| `dc offset` | the sound is not centred on zero; it is corrected, and takes room from loud sounds |
| `too soft` | nothing loud since it was opened: the input gain may be too low |
| `hung` | open, and no frame for 3 s; it is opened again |
| `failed` | it ended or could not be opened; it is opened again |
"""


def render() -> str:
    """Return the page as Markdown."""
    sound = [SOUND, *field_table(SoundEvent, with_default=False), ""]
    source = [SOURCE, *field_table(SourceEvent, with_default=False), STATES]
    fault = [FAULT, *field_table(FaultEvent, with_default=False)]
    return "\n".join([INTRODUCTION, *sound, *source, *fault]).rstrip() + "\n"
