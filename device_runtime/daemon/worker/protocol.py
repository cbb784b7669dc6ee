"""The messages between the daemon and a worker process: one JSON document a line.

daemon ── Job ──► stdin of the worker, which stays open as long as the daemon lives
daemon ◄── Progress, …, then one Result or Failure ── stdout of the worker
"""

import json
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, TypeAdapter

from device_runtime.workflows.documents import Document
from edgecl import errors
from edgecl.errors import EdgeclError

Mode = Literal["new", "replace", "add"]
"""What an enrolment does with a task of the same name: refuse it, train it anew, or add to it."""


def _replace_surrogates(text: str) -> str:
    """Escape what is no valid text: the undecodable bytes of a file name."""
    return text.encode(errors="backslashreplace").decode()


def _to_path(value: Any) -> Any:
    return Path(value) if isinstance(value, str) else value


def _from_path(path: Path) -> str:
    return str(path)


Text = Annotated[str, BeforeValidator(_replace_surrogates)]
FilePath = Annotated[Path, BeforeValidator(_to_path), PlainSerializer(_from_path)]
"""A path, also one whose name is no valid text, which pydantic's own validator rejects."""


class Message(BaseModel):
    """Base of all messages."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def to_line(self) -> bytes:
        """Return the message as one line of JSON."""
        return json.dumps(self.model_dump(), allow_nan=False).encode() + b"\n"


class EnrollRequest(Message):
    """A request to enrol a task, see `EnrolmentRequest` of the workflow."""

    workflow: Literal["enroll"] = "enroll"
    task: str
    folder: FilePath
    mode: Mode = "new"
    dry_run: bool = False
    trial_recording: FilePath | None = None


class CorrectionTarget(Message):
    """What a recording is, or is not: as in the workflow, which is not imported since that takes memory."""

    task: str
    label: str
    holds: bool
    """Whether the recording is that sound."""


class CorrectRequest(Message):
    """A request to correct a task with a recording."""

    workflow: Literal["correct"] = "correct"
    path: FilePath
    target: CorrectionTarget


class PredictRequest(Message):
    """A request to recognise the sounds in a recording."""

    workflow: Literal["predict"] = "predict"
    path: FilePath
    task: str | None = None
    """Only this task; None: all."""


class DoctorRequest(Message):
    """A request to check the installation."""

    workflow: Literal["doctor"] = "doctor"


Request = EnrollRequest | CorrectRequest | PredictRequest | DoctorRequest


class Job(Message):
    """A request and the workspace it is for."""

    home: FilePath
    bundle: FilePath
    engine: str
    seed: int
    cache_bytes: int
    request: Annotated[Request, Field(discriminator="workflow")]


class Progress(Message):
    """A step of the workflow."""

    kind: Literal["progress"] = "progress"
    stage: str
    done: int
    total: int


class Result(Message):
    """The end of a workflow that succeeded."""

    kind: Literal["result"] = "result"
    document: Document


class Failure(Message):
    """The end of a workflow that raised an error."""

    kind: Literal["failure"] = "failure"
    error: str
    """Name of the error class in `edgecl.errors`."""
    message: Text
    hint: Text

    @classmethod
    def from_error(cls, error: EdgeclError) -> "Failure":
        """Describe an error by its narrowest class in `edgecl.errors`."""
        names = [kind.__name__ for kind in type(error).__mro__ if kind.__module__ == errors.__name__]
        return cls(error=names[0], message=error.message, hint=error.hint)

    def to_error(self) -> EdgeclError:
        """Return an error of the same class, message and hint."""
        kind: type[EdgeclError] = getattr(errors, self.error)
        return kind(self.message, self.hint)


Reply = Annotated[Progress | Result | Failure, Field(discriminator="kind")]
_REPLY: TypeAdapter[Progress | Result | Failure] = TypeAdapter(Reply)


def parse_job(line: bytes) -> Job:
    """Parse the line of a job."""
    return Job.model_validate(json.loads(line))


def parse_reply(line: bytes) -> Progress | Result | Failure:
    """Parse a line of a worker.

    Raises:
        ValueError: the line is no message.
    """
    return _REPLY.validate_python(json.loads(line))
