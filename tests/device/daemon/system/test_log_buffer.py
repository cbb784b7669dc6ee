"""The log buffer prints every message, and keeps the newest."""

from device_runtime.daemon.system.log_buffer import CAPACITY, LogBuffer, LogLine


def test_the_newest_lines_are_kept_and_listeners_get_each_once() -> None:
    printed: list[str] = []
    lines: list[LogLine] = []
    log = LogBuffer(printed.append)
    log.subscribe(lines.append)
    for number in range(CAPACITY + 10):
        log.write(f"message {number}")
    assert [line.text for line in log.newest(2)] == printed[-2:] == ["message 508", "message 509"]
    assert len(log.newest(10_000)) == CAPACITY
    assert [line.text for line in lines] == printed
