"""The HTTP API of `edgecl serve`: access, limits and refusals."""

import asyncio
import os
import socket
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path

import httpx
import numpy as np
import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from device_runtime.daemon.api.auth import AccessMiddleware
from device_runtime.daemon.api.limits import MAX_CONNECTIONS
from device_runtime.daemon.api.sockets import format_page_url, open_tcp_socket
from edgecl.config.schema import ApiConfig
from tests.deadlines import SOON_S
from tests.device.daemon.running import TOKEN, Daemon, free_port, until

OWN_HOST, OWN_ORIGIN = "localhost:8475", "http://localhost:8475"
FOREIGN_HOSTS = (
    "evil.example",
    "localhost.evil.example:8475",
    "localhost@evil.example",
    "[::2]:8475",
    "[",
    "",
)
FOREIGN_ORIGINS = ("http://evil.example", "http://localhost:80", "http://localhost", "null", "file://", "x")


def test_hostile_requests_are_refused_with_a_problem_document(clean_daemon: Daemon, recordings: Path) -> None:
    daemon, identity = clean_daemon, clean_daemon.begin("alarms")
    ring = (recordings / "alarms" / "doorbell" / "0.wav").read_bytes()
    add = f"/enrolments/{identity}/recordings"
    refused = {
        "Host": (daemon.http.get("/tasks", headers={"Host": "evil.example"}), 421),
        "Origin": (daemon.http.post("/enrolments", headers={"Origin": "http://evil.example"}), 403),
        "an embedded image": (daemon.http.get("/doctor", headers={"Sec-Fetch-Site": "cross-site"}), 403),
        "a sub-domain": (daemon.http.get("/tasks", headers={"Sec-Fetch-Site": "same-site"}), 403),
        "null Origin": (daemon.http.delete("/tasks/x", headers={"Origin": "null"}), 403),
        "not audio": (daemon.http.post(f"{add}?label=a", content=b"\0" * 5000), 422),
        "empty": (daemon.http.post(f"{add}?label=a", content=b""), 422),
        "label": (daemon.http.post(f"{add}?label=../../etc", content=ring), 400),
        "name": (daemon.http.post(f"{add}?label=a&name=x.sh", content=ring), 400),
        "too large": (daemon.http.post(f"{add}?label=a", content=b"\0" * 20_000_001), 413),
        "too large, in pieces": (daemon.http.post(f"{add}?label=a", content=iter([ring] * 400)), 413),
        "large JSON": (daemon.http.post("/enrolments", json={"task": "a" * 256_000}), 413),
        "large JSON, in pieces": (daemon.http.post("/enrolments", content=iter([b"[" * 16_000] * 17)), 413),
        "deep JSON": (daemon.http.post("/enrolments", content=b"[" * 250_000), 422),
        "large body of no route": (daemon.http.post("/nowhere", content=b"0" * 256_001), 413),
        "task": (daemon.http.post("/enrolments", json={"task": "../x"}), 400),
        "no JSON": (daemon.http.post("/enrolments", content=b"{"), 422),
        "unknown key": (daemon.http.post("/enrolments", json={"task": "a", "mood": 1}), 422),
        "NUL": (daemon.http.post("/predict?task=%00", content=ring), 400),
        "unknown task": (daemon.http.post("/tasks/nobody/undo"), 404),
        "unknown enrolment": (daemon.http.get("/enrolments/nobody"), 404),
        "unknown path": (daemon.http.get("/nowhere"), 404),
        "no recordings": (daemon.http.post(f"/enrolments/{identity}/start"), 400),
    }
    for what, (answer, status) in refused.items():
        assert answer.status_code == status, (what, answer.text)
        assert answer.headers["content-type"] == "application/problem+json", what
        assert answer.json()["detail"], what
        assert str(daemon.home) not in answer.text, what
    assert [path.name for path in (daemon.home / "uploads").rglob("*") if path.is_file()] == []
    assert daemon.is_ready()


@pytest.mark.parametrize("origin", [OWN_ORIGIN, None, *FOREIGN_ORIGINS])
@pytest.mark.parametrize("host", [OWN_HOST, *FOREIGN_HOSTS])
def test_only_requests_to_this_host_from_its_own_page_have_access(host: str, origin: str | None) -> None:
    async def accept(scope: Scope, receive: Receive, send: Send) -> None:
        await PlainTextResponse("yes")(scope, receive, send)

    app = AccessMiddleware(accept, hosts=["localhost", "::1"], token="")
    headers = {"Host": host} | ({"Origin": origin} if origin else {})

    async def send_request() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://x") as client:
            return await client.get("/tasks", headers=headers)

    answer = asyncio.run(send_request())
    own = OWN_ORIGIN if host == OWN_HOST else None
    assert answer.status_code == (421 if own is None else 200 if origin in (own, None) else 403)


@pytest.mark.parametrize(
    ("address", "hosts", "page"),
    [
        ("127.0.0.1", ["board.local"], "http://127.0.0.1:PORT"),
        ("0.0.0.0", ["board.local", "10.0.0.7"], "http://board.local:PORT"),
        (
            "0.0.0.0",
            [],
            f"http://localhost:PORT; to use another name, such as '{socket.gethostname()}.local'",
        ),
    ],
)
def test_the_page_url_has_a_host_name_that_a_browser_can_open(
    address: str, hosts: list[str], page: str
) -> None:
    config = ApiConfig(address=address, hosts=hosts, token=TOKEN, port=free_port())
    with open_tcp_socket(address, config.port) as listening:
        assert format_page_url(config, listening).startswith(page.replace("PORT", str(config.port)))


def test_the_socket_is_for_owner_and_group_and_pages_load_nothing_from_other_hosts(daemon: Daemon) -> None:
    assert stat.S_IMODE(daemon.socket.stat().st_mode) == 0o660
    page = daemon.http.get("/docs")
    assert "POST /enrolments" in page.text
    assert "http://" not in page.text + page.headers["content-security-policy"]
    assert "https://" not in page.text
    document = daemon.http.get("/openapi.json").json()
    assert "/enrolments/{identity}/recordings" in document["paths"]
    url = f"http://localhost:{daemon.port}"
    by_port = httpx.get(f"{url}/tasks", headers={"Origin": url}, timeout=SOON_S)
    assert by_port.status_code == 200


def test_the_doctor_answers_at_once_and_the_page_itself_has_access(daemon: Daemon) -> None:
    for site in ("same-origin", "none"):
        assert daemon.http.get("/tasks", headers={"Sec-Fetch-Site": site}).status_code == 200
    with ThreadPoolExecutor(3) as callers:
        answers = [answer.json() for answer in callers.map(daemon.http.get, ["/doctor"] * 3)]
    assert answers == 3 * [{"healthy": None, "checks": [], "age_s": None, "running": True}]
    ended = until(lambda: (now := daemon.http.get("/doctor").json())["age_s"] is not None and now)
    assert ended["healthy"] is True
    assert ended["age_s"] < 30
    assert "self-test" in {check["name"] for check in ended["checks"]}


def test_the_log_escapes_file_names_that_are_not_utf_8(
    bundle: Path, evening: np.ndarray, tmp_path: Path
) -> None:
    (tmp_path / "watched" / os.fsdecode(b"bells\xff") / "doorbell").mkdir(parents=True)
    (tmp_path / "watched" / os.fsdecode(b"bells\xff") / "doorbell" / "0.wav").write_bytes(b"hm")
    daemon = Daemon(tmp_path, bundle, evening, more=f'[watch]\nfolder = "{tmp_path}/watched"\n')
    try:
        until(lambda: "is not enrolled" in daemon.log)
        log = daemon.http.get("/log")
        assert log.status_code == 200
        assert any("bells\\udcff" in line["text"] for line in log.json())
    finally:
        daemon.close()


def test_idle_connections_make_room_for_new_ones(daemon: Daemon) -> None:
    with ExitStack() as idle:
        for number in range(2 * MAX_CONNECTIONS):
            idle.enter_context(connect(daemon, f"127.0.0.{2 + number % 4}"))
        for _ in range(20):
            assert httpx.get(f"http://127.0.0.1:{daemon.port}/health", timeout=SOON_S).status_code == 200
        assert daemon.http.get("/health").status_code == 200  # by the Unix socket


def test_an_address_cannot_use_up_all_connections(daemon: Daemon) -> None:
    head = b"POST /enrolments HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n"
    url = f"http://127.0.0.1:{daemon.port}/health"
    with ExitStack() as busy:

        def is_full() -> bool:
            """Make one connection busy, and return whether the next one is refused."""
            with suppress(ConnectionError):
                busy.enter_context(connect(daemon, "127.0.0.2")).sendall(head)
            return is_refused(daemon, "127.0.0.2")

        until(is_full)
        assert httpx.get(url, timeout=SOON_S).status_code == 200
    until(lambda: not is_refused(daemon, "127.0.0.2"))


def connect(daemon: Daemon, address: str) -> socket.socket:
    """Connect to the port from one of the addresses of this machine."""
    return socket.create_connection(("127.0.0.1", daemon.port), source_address=(address, 0))


def is_refused(daemon: Daemon, address: str) -> bool:
    """Return whether a connection is closed without an answer."""
    try:
        with connect(daemon, address) as caller:
            caller.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
            return not caller.recv(1)
    except ConnectionError:
        return True


def test_a_token_protects_the_port_is_masked_and_the_daemon_ends_cleanly_with_a_subscriber(
    bundle: Path, evening: np.ndarray, tmp_path: Path
) -> None:
    daemon = Daemon(tmp_path, bundle, evening, TOKEN)
    try:

        def get(path: str, **headers: str) -> httpx.Response:
            return httpx.get(f"http://127.0.0.1:{daemon.port}{path}", headers=headers, timeout=SOON_S)

        for public in ("/", "/page/index.html", "/docs", "/openapi.json"):
            assert get(public, **{"Sec-Fetch-Site": "cross-site"}).status_code == 200
        for protected in ("/live", "/events", "/sounds", "/doctor", "/page", "//page/index.html", "/docs/"):
            assert get(protected).status_code == 401
        assert get("/config").status_code == 401
        assert get("/config", Authorization="Bearer wrong").status_code == 401
        config = get("/config", Authorization=f"Bearer {TOKEN}")
        assert config.json()["api"]["token"] == "**********"
        assert TOKEN not in config.text
        with daemon.http.stream("GET", "/events") as following:
            assert next(following.iter_text()).startswith(": following")
            daemon.process.terminate()
            assert daemon.process.wait(SOON_S) == 0
        assert not daemon.socket.exists()
        assert "Traceback" not in daemon.log
    finally:
        daemon.close()


def test_without_the_extra_the_error_names_it(tmp_path: Path) -> None:
    hide = "import sys; sys.modules['fastapi'] = None; from device_runtime.cli import main; main()"
    command = [sys.executable, "-c", hide, "serve", "--api", "--home", str(tmp_path)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert "pip install '.[daemon]'" in run.stderr
