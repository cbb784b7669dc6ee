"""The log buffer prints every message, and keeps the newest."""

import logging

from device_runtime.daemon.system.log_buffer import CAPACITY, KNOWN_MESSAGES, LogBuffer, LogLine


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


def test_equal_messages_of_a_library_are_one_line_a_minute() -> None:
    printed: list[str] = []
    now_s = [100.0]
    log = LogBuffer(printed.append, lambda: now_s[0])
    warning = logging.LogRecord("uvicorn.error", logging.WARNING, "", 0, "Exceeded %s limit.", ("its",), None)
    for _ in range(30):
        log.emit(warning)
        now_s[0] += 5
    assert printed == [
        "Exceeded its limit.",
        "Exceeded its limit. (12 times)",
        "Exceeded its limit. (12 times)",
    ]
    for number in range(KNOWN_MESSAGES + 1):
        log.emit(logging.LogRecord("x", logging.WARNING, "", 0, f"message {number}", None, None))
    assert len(printed) == 3 + KNOWN_MESSAGES + 1
    log.emit(warning)
    assert printed[-1] == "Exceeded its limit."
