"""Choosing the microphone on the page, with a program that records as arecord does."""

import sys
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.device.daemon.browser import Another, Opened
from tests.device.daemon.running import until

ARECORD = """#!{python}
import random, sys, time
if sys.argv[1:] == ["-l"]:
    print("card 1: Device [USB PnP Sound Device], device 0: USB Audio [USB Audio]")
    sys.exit()
if "plughw:CARD=Device,DEV=0" not in sys.argv:
    sys.exit("arecord: main:830: audio open error: No such file or directory")
while True:
    sys.stdout.buffer.write(random.randbytes(3200))
    sys.stdout.buffer.flush()
    time.sleep(0.1)
"""


def test_a_microphone_is_chosen_and_used_at_once_and_after_a_restart(
    another: Another, opened: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "programs/arecord"
    program.parent.mkdir()
    program.write_text(ARECORD.format(python=sys.executable))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=":")
    daemon = another(source='device = "default"')
    until(lambda: daemon.http.get("/status").json()["source"]["state"] == "failed")
    window = opened(daemon)
    window.show("System")
    chosen = window.page.get_by_label("Listen to")
    expect(chosen).to_have_value("")
    chosen.select_option("plughw:CARD=Device,DEV=0")
    until(lambda: daemon.http.get("/status").json()["source"]["state"] in ("listening", "clipping"))
    window.picture("system-microphone")
    wrong = daemon.http.put("/microphone", json={"name": "file:FILE=/tmp/x,SLAVE=null"})
    assert (wrong.status_code, "no sound card" in wrong.json()["detail"]) == (404, True)
    window.page.goto("about:blank")
    daemon.restart()
    assert daemon.http.get("/microphones").json() == {
        "configured": "default",
        "chosen": "plughw:CARD=Device,DEV=0",
        "sound_cards": [{"name": "plughw:CARD=Device,DEV=0", "title": "USB PnP Sound Device"}],
        "fixed": "",
        "hint": "",
    }
    until(lambda: daemon.http.get("/status").json()["source"]["state"] in ("listening", "clipping"))


def test_where_a_recording_is_listened_to_no_microphone_can_be_chosen(
    another: Another, opened: Opened
) -> None:
    daemon = another()
    window = opened(daemon)
    window.show("System")
    expect(window.page.get_by_label("Listen to")).to_be_disabled()
    expect(window.page.get_by_text("names another source than a sound card")).to_be_visible()
    assert daemon.http.put("/microphone", json={"name": ""}).status_code == 403
