"""What is sent to a broker: every event, and of a state only the last change."""

from device_runtime.daemon.sinks.mqtt_outbox import CAPACITY, WINDOW, MqttOutbox


class Sender:
    """Sends from an outbox as far as it allows; the broker acknowledges when it is asked to."""

    def __init__(self) -> None:
        self.outbox = MqttOutbox()
        self.sent: list[tuple[str, str]] = []
        self._unacknowledged: list[int] = []

    def send(self) -> list[tuple[str, str]]:
        """Send what is due; return topic and payload of it."""
        before = len(self.sent)
        while message := self.outbox.take_event() or self.outbox.take_state():
            self.outbox.mark_sent(len(self.sent), message)
            self._unacknowledged.append(len(self.sent))
            self.sent.append((message.topic, message.payload))
        return self.sent[before:]

    def acknowledge(self) -> None:
        for identity in self._unacknowledged:
            self.outbox.acknowledge(identity)
        self._unacknowledged.clear()

    def send_all(self) -> list[tuple[str, str]]:
        before = len(self.sent)
        while self.send():
            self.acknowledge()
        return self.sent[before:]


def test_of_many_changes_of_a_state_the_first_and_the_last_are_sent() -> None:
    sender = Sender()
    for number in range(50):
        sender.outbox.set_state("a", str(number))
        sender.send()
    assert sender.sent == [("a", "0")]
    sender.acknowledge()
    assert sender.send_all() == [("a", "49")]
    assert sender.outbox.is_idle


def test_a_state_that_the_broker_has_is_not_sent_again_unless_asked_for() -> None:
    sender = Sender()
    sender.outbox.set_state("a", "1")
    sender.outbox.set_state("b", "2")
    assert sender.send_all() == [("a", "1"), ("b", "2")]
    sender.outbox.set_state("a", "1")
    assert sender.send_all() == []
    sender.outbox.repeat_state("a")
    sender.outbox.set_state("a", "1")
    assert sender.send_all() == [("a", "1")]
    sender.outbox.repeat_states()
    assert sender.send_all() == [("a", "1"), ("b", "2")]


def test_a_state_that_changes_back_while_it_is_sent_ends_as_it_should() -> None:
    sender = Sender()
    sender.outbox.set_state("a", "1")
    sender.send_all()
    sender.outbox.set_state("a", "2")
    sender.send()
    sender.outbox.set_state("a", "1")
    sender.acknowledge()
    assert sender.send_all() == [("a", "1")]


def test_a_removed_topic_is_sent_empty_once_and_may_come_back() -> None:
    sender = Sender()
    sender.outbox.set_state("a", "1")
    sender.send_all()
    sender.outbox.set_state("a", "")
    assert sender.send_all() == [("a", "")]
    sender.outbox.repeat_states()
    assert sender.send_all() == []
    sender.outbox.set_state("a", "2")
    assert sender.send_all() == [("a", "2")]


def test_neither_events_nor_states_delay_the_other() -> None:
    sender = Sender()
    for number in range(500):
        assert sender.outbox.add_event("events", str(number))
        sender.outbox.set_state(f"state/{number}", "on")
    topics = [topic for topic, _ in sender.send()]
    assert topics.count("events") == WINDOW
    assert len(topics) == 2 * WINDOW
    sender.acknowledge()
    sender.send_all()
    events = [payload for topic, payload in sender.sent if topic == "events"]
    assert events == [str(number) for number in range(500)]
    assert len(sender.sent) == 1000


def test_events_there_is_no_room_for_are_refused_whatever_the_states() -> None:
    outbox = MqttOutbox()
    for number in range(2 * CAPACITY):
        outbox.set_state(f"state/{number}", "on")
    assert [outbox.add_event("events", str(number)) for number in range(CAPACITY + 1)] == [
        True
    ] * CAPACITY + [False]
    assert outbox.waiting == CAPACITY
