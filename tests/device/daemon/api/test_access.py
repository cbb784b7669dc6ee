"""The HTTP API of `edgecl serve`: who may ask, and what is refused."""

import os
import socket
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import httpx
import numpy as np
import pytest

from device_runtime.daemon.api.limits import CONNECTIONS
from device_runtime.daemon.api.sockets import page_of, tcp_socket
from edgecl.config.schema import ApiConfig
from tests.device.daemon.running import TOKEN, Daemon, free_port, until


def test_hostile_requests_are_refused_with_a_problem_document(forgetting: Daemon, recordings: Path) -> None:
    daemon, identity = forgetting, forgetting.begin("alarms")
    ring = (recordings / "alarms" / "doorbell" / "0.wav").read_bytes()
    add = f"/enrolments/{identity}/recordings"
    refused = {
        "Host": (daemon.http.get("/tasks", headers={"Host": "evil.example"}), 421),
        "Origin": (daemon.http.post("/enrolments", headers={"Origin": "http://evil.example"}), 403),
        "a picture": (daemon.http.get("/doctor", headers={"Sec-Fetch-Site": "cross-site"}), 403),
        "a neighbour": (daemon.http.get("/tasks", headers={"Sec-Fetch-Site": "same-site"}), 403),
        "null Origin": (daemon.http.delete("/tasks/x", headers={"Origin": "null"}), 403),
        "no sound": (daemon.http.post(f"{add}?label=a", content=b"\0" * 5000), 422),
        "empty": (daemon.http.post(f"{add}?label=a", content=b""), 422),
        "label": (daemon.http.post(f"{add}?label=../../etc", content=ring), 400),
        "name": (daemon.http.post(f"{add}?label=a&name=x.sh", content=ring), 400),
        "too large": (daemon.http.post(f"{add}?label=a", content=b"\0" * 20_000_001), 413),
        "too large, in pieces": (daemon.http.post(f"{add}?label=a", content=iter([ring] * 400)), 413),
        "task": (daemon.http.post("/enrolments", json={"task": "../x"}), 400),
        "no JSON": (daemon.http.post("/enrolments", content=b"{"), 422),
        "unknown key": (daemon.http.post("/enrolments", json={"task": "a", "mood": 1}), 422),
        "NUL": (daemon.http.post("/predict?task=%00", content=ring), 400),
        "unknown task": (daemon.http.post("/tasks/nobody/undo"), 404),
        "unknown enrolment": (daemon.http.get("/enrolments/nobody"), 404),
        "unknown path": (daemon.http.get("/nowhere"), 404),
        "nothing to learn from": (daemon.http.post(f"/enrolments/{identity}/start"), 400),
    }
    for what, (answer, status) in refused.items():
        assert answer.status_code == status, (what, answer.text)
        assert answer.headers["content-type"] == "application/problem+json", what
        assert answer.json()["detail"], what
        assert str(daemon.home) not in answer.text, what
    assert [path.name for path in (daemon.home / "uploads").rglob("*") if path.is_file()] == []
    assert daemon.answers()


@pytest.mark.parametrize(
    ("address", "hosts", "page"),
    [
        ("127.0.0.1", ["board.local"], "http://127.0.0.1:PORT"),
        ("0.0.0.0", ["board.local", "10.0.0.7"], "http://board.local:PORT"),
        (
            "0.0.0.0",
            [],
            f"http://localhost:PORT; for others list a name such as '{socket.gethostname()}.local'",
        ),
    ],
)
def test_the_page_is_told_by_a_name_that_a_browser_can_open(
    address: str, hosts: list[str], page: str
) -> None:
    config = ApiConfig(address=address, hosts=hosts, token=TOKEN, port=free_port())
    with tcp_socket(address, config.port) as listening:
        assert page_of(config, listening).startswith(page.replace("PORT", str(config.port)))


def test_the_socket_is_for_owner_and_group_and_pages_need_nothing_from_elsewhere(daemon: Daemon) -> None:
    assert stat.S_IMODE(daemon.socket.stat().st_mode) == 0o660
    page = daemon.http.get("/docs")
    assert "POST /enrolments" in page.text
    assert "http://" not in page.text + page.headers["content-security-policy"]
    assert "https://" not in page.text
    document = daemon.http.get("/openapi.json").json()
    assert "/enrolments/{identity}/recordings" in document["paths"]
    by_port = httpx.get(
        f"http://localhost:{daemon.port}/tasks", headers={"Origin": f"http://localhost:{daemon.port}"}
    )
    assert by_port.status_code == 200


def test_the_doctor_sees_one_at_a_time_and_the_page_itself_may_ask(daemon: Daemon) -> None:
    for site in ("same-origin", "none"):
        assert daemon.http.get("/tasks", headers={"Sec-Fetch-Site": site}).status_code == 200
    with ThreadPoolExecutor(3) as callers:
        answers = [*callers.map(daemon.http.get, ["/doctor"] * 3)]
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409]
    assert daemon.http.get("/doctor").status_code == 200


def test_the_log_tells_names_that_are_no_text(bundle: Path, evening: np.ndarray, tmp_path: Path) -> None:
    (tmp_path / "watched" / os.fsdecode(b"bells\xff") / "doorbell").mkdir(parents=True)
    (tmp_path / "watched" / os.fsdecode(b"bells\xff") / "doorbell" / "0.wav").write_bytes(b"hm")
    daemon = Daemon(tmp_path, bundle, evening, more=f'[watch]\nfolder = "{tmp_path}/watched"\n')
    try:
        until(lambda: "is not learnt" in daemon.said)
        log = daemon.http.get("/log")
        assert log.status_code == 200
        assert any("bells\\udcff" in line["text"] for line in log.json())
    finally:
        daemon.close()


def test_who_connects_and_asks_nothing_shuts_out_nobody(daemon: Daemon) -> None:
    url = f"http://127.0.0.1:{daemon.port}/health"
    with ExitStack() as idle:
        for _ in range(CONNECTIONS + 6):
            idle.enter_context(socket.create_connection(("127.0.0.1", daemon.port)))
        until(lambda: httpx.get(url).status_code == 503)
        assert daemon.http.get("/health").status_code == 200  # by the socket
        until(lambda: httpx.get(url).status_code == 200)


def test_a_token_guards_the_port_is_masked_and_the_daemon_ends_cleanly_while_followed(
    bundle: Path, evening: np.ndarray, tmp_path: Path
) -> None:
    daemon = Daemon(tmp_path, bundle, evening, TOKEN)
    try:
        for free in ("/", "/page/index.html", "/docs", "/openapi.json"):
            linked = {"Sec-Fetch-Site": "cross-site"}
            assert httpx.get(f"http://127.0.0.1:{daemon.port}{free}", headers=linked).status_code == 200
        for guarded in ("/live", "/events", "/sounds", "/doctor", "/page", "//page/index.html", "/docs/"):
            assert httpx.get(f"http://127.0.0.1:{daemon.port}{guarded}").status_code == 401
        url = f"http://127.0.0.1:{daemon.port}/config"
        assert httpx.get(url).status_code == 401
        assert httpx.get(url, headers={"Authorization": "Bearer wrong"}).status_code == 401
        config = httpx.get(url, headers={"Authorization": f"Bearer {TOKEN}"})
        assert config.json()["api"]["token"] == "**********"
        assert TOKEN not in config.text
        with daemon.http.stream("GET", "/events") as following:
            assert next(following.iter_text()).startswith(": following")
            daemon.process.terminate()
            assert daemon.process.wait(20) == 0
        assert not daemon.socket.exists()
        assert "Traceback" not in daemon.said
    finally:
        daemon.close()


def test_without_the_extra_a_sentence_names_it(tmp_path: Path) -> None:
    hide = "import sys; sys.modules['fastapi'] = None; from device_runtime.cli import main; main()"
    command = [sys.executable, "-c", hide, "serve", "--api", "--home", str(tmp_path)]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    assert told.returncode == 1
    assert "pip install '.[daemon]'" in told.stderr
