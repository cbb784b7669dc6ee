"""MQTT topics and the discovery document by which Home Assistant knows this device.

Device discovery, https://www.home-assistant.io/integrations/mqtt/#device-discovery-payload: the document is
retained at `homeassistant/device/<name>/config` and has one component an entity. Topics, under
`edgecl/<name>`:

    availability                     online, or offline as the last will
    events                           every event (`edgecl.events`), one JSON document each
    event/<task>                     a sound that begins; its label is the event type
    sound/<task>/<label>             ON while it is detected; Home Assistant itself turns it off after a delay
    threshold/<task>/<label>[/set]   the smallest accepted margin
    listening[/set]                  ON, OFF
    microphone                       the newest condition of the source
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, get_args

from edgecl.events import State

Component = dict[str, Any]
ON, OFF = "ON", "OFF"
LOWEST_MARGIN, HIGHEST_MARGIN = -2, 2
STEP = 0.01
THRESHOLD_WORDS = 5  # of its topic


@dataclass(frozen=True)
class AdvertisedTask:
    """A task as it is advertised to Home Assistant."""

    task: str
    labels: Sequence[str]
    threshold: float | None
    """The task's own; None if it cannot be set."""


@dataclass(frozen=True)
class AnnouncedEntity:
    """An entity in a discovery document."""

    platform: str
    state_topic: str
    """Empty if it has none."""


@dataclass(frozen=True)
class Device:
    """This device as Home Assistant knows it."""

    name: str
    """Letters, digits, - and _."""
    version: str
    off_delay_s: int
    prefix: str = "homeassistant"
    """The discovery prefix of Home Assistant."""

    @property
    def config_topic(self) -> str:
        """The topic of the discovery document."""
        return f"{self.prefix}/device/edgecl-{self.name}/config"

    @property
    def birth_topic(self) -> str:
        """The topic on which Home Assistant announces that it has started."""
        return f"{self.prefix}/status"

    def topic(self, *words: str) -> str:
        """Return a topic of this device."""
        return "/".join(("edgecl", self.name, *words))

    def is_threshold_topic(self, topic: str) -> bool:
        """Return whether a topic is that of a threshold of this device."""
        words = topic.split("/")
        return (
            len(words) == THRESHOLD_WORDS
            and words[:3] == ["edgecl", self.name, "threshold"]
            and not set(topic) & set("+#")
        )

    def document(self, components: dict[str, Component]) -> dict[str, Any]:
        """Return the discovery document."""
        return {
            "device": {"identifiers": [f"edgecl-{self.name}"], "name": f"edgecl {self.name}"},
            "origin": {"name": "edgecl", "sw_version": self.version},
            "availability_topic": self.topic("availability"),
            "qos": 1,
            "components": components,
        }

    def components(self, tasks: Sequence[AdvertisedTask]) -> dict[str, Component]:
        """Return every entity by its id."""
        entities = dict(self._device_entities())
        for task in tasks:
            entities.update(self._task_entities(task))
        return {key: {**entity, "unique_id": f"edgecl-{self.name}-{key}"} for key, entity in entities.items()}

    def _device_entities(self) -> Iterator[tuple[str, Component]]:
        yield (
            "listening",
            {
                "platform": "switch",
                "name": "Listening",
                "icon": "mdi:ear-hearing",
                "state_topic": self.topic("listening"),
                "command_topic": self.topic("listening", "set"),
            },
        )
        yield (
            "microphone",
            {
                "platform": "sensor",
                "name": "Microphone",
                "icon": "mdi:microphone",
                "device_class": "enum",
                "entity_category": "diagnostic",
                "options": list(get_args(State)),
                "state_topic": self.topic("microphone"),
                "value_template": "{{ value_json.state }}",
                "json_attributes_topic": self.topic("microphone"),
            },
        )

    def _task_entities(self, task: AdvertisedTask) -> Iterator[tuple[str, Component]]:
        yield (
            f"event-{slug(task.task)}",
            {
                "platform": "event",
                "name": task.task,
                "icon": "mdi:waveform",
                "event_types": list(task.labels),
                "state_topic": self.topic("event", slug(task.task)),
            },
        )
        for label in task.labels:
            place = slug(task.task), slug(label)
            yield f"sound-{'-'.join(place)}", self._sound_entity(f"{task.task}: {label}", place)
            if task.threshold is not None:
                name = f"{task.task}: {label} from"
                yield f"threshold-{'-'.join(place)}", self._threshold_entity(name, place)

    def _sound_entity(self, name: str, place: tuple[str, str]) -> Component:
        return {
            "platform": "binary_sensor",
            "name": name,
            "device_class": "sound",
            "off_delay": self.off_delay_s,
            "state_topic": self.topic("sound", *place),
        }

    def _threshold_entity(self, name: str, place: tuple[str, str]) -> Component:
        return {
            "platform": "number",
            "name": name,
            "entity_category": "config",
            "mode": "box",
            "min": LOWEST_MARGIN,
            "max": HIGHEST_MARGIN,
            "step": STEP,
            "state_topic": self.topic("threshold", *place),
            "command_topic": self.topic("threshold", *place, "set"),
        }


def parse_entities(document: str) -> dict[str, AnnouncedEntity]:
    """Return every entity of a discovery document by its id; empty if the document is malformed.

    Anyone with access to the broker may have written it.
    """
    try:
        components = json.loads(document)["components"].items()
        return {
            key: AnnouncedEntity(str(entity["platform"]), str(entity.get("state_topic", "")))
            for key, entity in components
            if len(entity) > 1  # else it removes the entity
        }
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return {}


def slug(word: str) -> str:
    """Return an injective form of a word that is valid in topics and ids."""
    plain = re.sub(r"[^a-z0-9_]", "_", word)
    return word if plain == word else f"{plain}_{sha256(word.encode()).hexdigest()[:6]}"
