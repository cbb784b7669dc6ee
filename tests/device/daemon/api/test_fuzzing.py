"""The HTTP API: whatever is sent, by its OpenAPI document or against it, is answered as it says.

`EDGECL_FUZZ=40` asks longer.
"""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import positive_data_acceptance

from tests.device.daemon.running import Daemon, until

EXAMPLES = int(os.environ.get("EDGECL_FUZZ", "4"))  # of each operation, and as many that are against it
ENDLESS = r"^/(events|live)$"  # they never end: tested by those who follow them
A_SCHEMA_CANNOT_SAY = [positive_data_acceptance]  # what bytes are a recording, and what a task can be called
PATIENCE_S = 60.0  # where the machine is busy
SHORT_S = 0.5


@pytest.fixture(scope="module")
def taught(daemon: Daemon, recordings: Path) -> Daemon:
    """One that knows a task and has heard it."""
    daemon.teach("alarms", recordings / "alarms")
    until(lambda: daemon.http.get("/sounds").json())
    return daemon


@pytest.fixture(scope="module")
def operations(taught: Daemon) -> list[APIOperation]:
    """What the document says that can be asked for."""
    schema = schemathesis.openapi.from_url(f"http://127.0.0.1:{taught.port}/openapi.json")
    return [one.ok() for one in schema.exclude(path_regex=ENDLESS).get_all_operations()]


@pytest.fixture(scope="module")
def known(taught: Daemon, recordings: Path) -> Callable[[str], dict[str, str]]:
    """Gives path parameters of what is there; what the last operation took away is there again."""
    blob = taught.http.get("/tasks/alarms/export").content
    sound = taught.http.get("/sounds").json()[0]["id"]

    def again(path: str) -> dict[str, str]:
        taught.http.post("/tasks/import", params={"replace": True}, content=blob).raise_for_status()
        for one in taught.enrolments():
            taught.http.delete(f"/enrolments/{one['id']}").raise_for_status()
        begun = path.startswith("/enrolments/") and taught.begin_with("kitchen", recordings / "kitchen")
        return {"task": "alarms", "label": "doorbell", "take": "000", "identity": begun or sound}

    return again


@pytest.mark.parametrize("mode", list(GenerationMode))
def test_every_answer_is_one_that_the_document_promises(
    operations: list[APIOperation], known: Callable[[str], dict[str, str]], mode: GenerationMode
) -> None:
    for operation in operations:
        if (
            mode is GenerationMode.POSITIVE or operation.query or operation.body
        ):  # there is something to be wrong
            ask(operation, mode, known(operation.path))


def ask(operation: APIOperation, mode: GenerationMode, known: dict[str, str]) -> None:
    """One operation with many values: every other time of what is known."""
    turns = iter(range(100_000))

    def check(case: schemathesis.Case) -> None:
        if case.path_parameters and next(turns) % 2 == 0:
            case.path_parameters = {name: known[name] for name in case.path_parameters}
        if mode is GenerationMode.POSITIVE and "seconds" in (case.query or {}):
            case.query["seconds"] = SHORT_S  # a minute of the microphone takes a minute
        case.call_and_validate(timeout=PATIENCE_S, excluded_checks=A_SCHEMA_CANNOT_SAY)

    bounded = settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    bounded(given(case=operation.as_strategy(generation_mode=mode))(check))()
