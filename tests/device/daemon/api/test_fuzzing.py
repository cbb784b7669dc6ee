"""The HTTP API answers valid and invalid requests as its OpenAPI document says.

`EDGECL_FUZZ=40` sends more of them.
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

from tests.deadlines import SOON_S
from tests.device.daemon.running import Daemon, until

EXAMPLES = int(
    os.environ.get("EDGECL_FUZZ", "4")
)  # valid requests of each operation, and as many invalid ones
ENDLESS = r"^/(events|live)$"  # their responses never end; test_live.py covers them
NOT_IN_THE_SCHEMA = [positive_data_acceptance]  # which bytes are audio, which names are valid
SHORT_S = 0.5


@pytest.fixture(scope="module")
def enrolled(alarms_daemon: Daemon) -> Daemon:
    """A daemon that has a task and detected one of its sounds."""
    until(lambda: alarms_daemon.http.get("/sounds").json())
    return alarms_daemon


@pytest.fixture(scope="module")
def operations(enrolled: Daemon) -> list[APIOperation]:
    """The operations of the OpenAPI document."""
    schema = schemathesis.openapi.from_url(f"http://127.0.0.1:{enrolled.port}/openapi.json", timeout=SOON_S)
    return [one.ok() for one in schema.exclude(path_regex=ENDLESS).get_all_operations()]


@pytest.fixture(scope="module")
def known(enrolled: Daemon, recordings: Path, knocks: Path) -> Callable[[str], dict[str, str]]:
    """Restore what the last operation deleted; return path parameters of existing resources."""
    blob = enrolled.http.get("/tasks/alarms/export").content
    sound = enrolled.http.get("/sounds").json()[0]["id"]

    def restore(path: str) -> dict[str, str]:
        enrolled.http.post("/tasks/import", params={"replace": True}, content=blob).raise_for_status()
        for one in enrolled.enrolments():
            enrolled.http.delete(f"/enrolments/{one['id']}").raise_for_status()
        begun = path.startswith("/enrolments/") and enrolled.begin_with("kitchen", recordings / "kitchen")
        cut = "/cuts/" in path and enrolled.cut(begun, knocks, "knock").json()["cut"]
        known = {"task": "alarms", "label": "doorbell", "take": "000", "cut": cut, "number": "1"}
        return {**known, "identity": begun or sound}

    return restore


@pytest.mark.parametrize("mode", list(GenerationMode))
def test_every_response_conforms_to_the_openapi_document(
    operations: list[APIOperation], known: Callable[[str], dict[str, str]], mode: GenerationMode
) -> None:
    for operation in operations:
        if (
            mode is GenerationMode.POSITIVE or operation.query or operation.body
        ):  # otherwise no request is invalid
            send_requests(operation, mode, known(operation.path))


def send_requests(operation: APIOperation, mode: GenerationMode, known: dict[str, str]) -> None:
    """Call one operation with many values, every other time on an existing resource."""
    counter = iter(range(100_000))

    def check(case: schemathesis.Case) -> None:
        if case.path_parameters and next(counter) % 2 == 0:
            case.path_parameters = {name: known[name] for name in case.path_parameters}
        if mode is GenerationMode.POSITIVE and "seconds" in (case.query or {}):
            case.query["seconds"] = SHORT_S  # recording a minute takes a minute
        case.call_and_validate(timeout=SOON_S, excluded_checks=NOT_IN_THE_SCHEMA)

    bounded = settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    bounded(given(case=operation.as_strategy(generation_mode=mode))(check))()
