"""What has to be sent to an MQTT broker: events one by one, states only if they differ from what it has.

    events   queued in order, a thousand at most
    states   one value a topic: of several changes in a row only the last is sent

At most `WINDOW` of each kind are sent and not acknowledged, so neither delays the other.
"""

import threading
from collections import deque
from dataclasses import dataclass

CAPACITY = 1000  # events
WINDOW = 20


@dataclass(frozen=True)
class Message:
    """A message to publish."""

    topic: str
    payload: str
    retain: bool
    is_state: bool


class MqttOutbox:
    """The messages for one broker. Any thread adds; one thread takes, sends, and acknowledges."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._events: deque[Message] = deque()
        self._states: dict[str, str] = {}
        self._published: dict[str, str] = {}  # what the broker has of them
        self._changed: dict[str, None] = {}  # topics to send, as an ordered set
        self._sent: dict[int, Message] = {}  # by message ID; not acknowledged yet

    @property
    def waiting(self) -> int:
        """Number of events that are not acknowledged."""
        with self._lock:
            return len(self._events) + self._count_sent(is_state=False)

    @property
    def is_idle(self) -> bool:
        """Return whether everything has been sent and acknowledged."""
        with self._lock:
            return not (self._events or self._sent or self._changed)

    def add_event(self, topic: str, payload: str, retain: bool = False) -> bool:
        """Queue a message that is sent whatever follows; return whether there was room for it."""
        with self._lock:
            if len(self._events) >= CAPACITY:
                return False
            self._events.append(Message(topic, payload, retain, is_state=False))
            return True

    def set_state(self, topic: str, payload: str) -> None:
        """Set the retained value of a topic; an empty one removes the topic from the broker."""
        with self._lock:
            self._states[topic] = payload
            if self._published.get(topic) == payload:
                self._changed.pop(topic, None)
            else:
                self._changed[topic] = None

    def repeat_state(self, topic: str) -> None:
        """Send a state again although the broker has it, as an answer to a command."""
        with self._lock:
            self._published.pop(topic, None)
            if topic in self._states:
                self._changed[topic] = None

    def repeat_states(self) -> None:
        """Send all states again: the connection is new, or the receiver has restarted."""
        with self._lock:
            self._published.clear()
            self._changed = dict.fromkeys(self._states)

    def take_event(self) -> Message | None:
        """Return the next event to send; None if there is none, or too many are not acknowledged."""
        with self._lock:
            is_due = self._events and self._count_sent(is_state=False) < WINDOW
            return self._events.popleft() if is_due else None

    def take_state(self) -> Message | None:
        """Return the next state to send; None if there is none, or too many are not acknowledged.

        A second one of the same topic has to wait for the acknowledgement, since it could overtake the first.
        """
        with self._lock:
            busy = {message.topic for message in self._sent.values() if message.is_state}
            topic = next((one for one in self._changed if one not in busy), None)
            if topic is None or len(busy) >= WINDOW:
                return None
            del self._changed[topic]
            return Message(topic, self._states[topic], retain=True, is_state=True)

    def mark_sent(self, identity: int, message: Message) -> None:
        """Record that a message was sent under this message ID."""
        with self._lock:
            self._sent[identity] = message

    def acknowledge(self, identity: int) -> None:
        """Record that the broker has a message."""
        with self._lock:
            message = self._sent.pop(identity, None)
            if message is None or not message.is_state:
                return
            topic, wanted = message.topic, self._states[message.topic]
            self._published[topic] = message.payload
            if message.payload != wanted:
                self._changed[topic] = None
            elif not wanted:
                del self._states[topic], self._published[topic]
                self._changed.pop(topic, None)

    def _count_sent(self, is_state: bool) -> int:
        return sum(message.is_state is is_state for message in self._sent.values())
