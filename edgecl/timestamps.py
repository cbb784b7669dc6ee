"""Creation times in stored files: ISO 8601 in UTC, of a day that exists, within bounds."""

import re
from datetime import UTC, datetime

TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?(Z|\+00:00)")
DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)  # where the clock of a board without a battery starts
LATEST = datetime(2999, 12, 31, 23, 59, 59, tzinfo=UTC)


def parse_time(text: str) -> datetime:
    """Parse a time such as 2026-01-31T23:59:59+00:00.

    Raises:
        ValueError: It has another form, does not exist, or is out of bounds.
    """
    if not TIME.fullmatch(text):
        raise ValueError("should be a time such as 2026-01-31T23:59:59+00:00")
    return _check_bounds(datetime.fromisoformat(text))


def check_time(text: str) -> str:
    """Return a time that `parse_time` accepts; raise `ValueError` for any other text."""
    parse_time(text)
    return text


def check_date(text: str) -> str:
    """Return a text that begins with a date such as 2026-01-31; raise `ValueError` for any other."""
    if not DATE.match(text):
        raise ValueError("should begin with a date such as 2026-01-31")
    _check_bounds(datetime.fromisoformat(text[:10]).replace(tzinfo=UTC))
    return text


def clamp_time(time: datetime) -> datetime:
    """Return the nearest time within the bounds."""
    return min(max(time, EARLIEST), LATEST)


def _check_bounds(time: datetime) -> datetime:
    if clamp_time(time.replace(microsecond=0)) != time.replace(microsecond=0):
        raise ValueError(f"should be from {EARLIEST.year} to {LATEST.year}")
    return time
