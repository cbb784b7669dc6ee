"""The outcome of one check of the doctor."""

from dataclasses import dataclass
from typing import Literal

Status = Literal["ok", "warn", "fail"]


@dataclass(frozen=True)
class Check:
    """Outcome of one check."""

    name: str
    status: Status
    detail: str
    hint: str = ""
