"""onnxruntime sends nothing and stores nothing about its user, however edgecl is started."""

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from device_runtime.daemon.worker.process import START
from tests.deadlines import SOON_S
from tests.device.conftest import RATE_HZ

TELEMETRY_SWITCH = "ORT_DISABLE_TELEMETRY"
ROOT = Path(__file__).parents[3]
TELEMETRY_DELAY_S = 11.0  # onnxruntime 1.32 looks up its collector nine seconds after the start

WITNESS = f"""
import os, sys
class Witness:
    def find_spec(self, name, path=None, target=None):
        if name == "onnxruntime":
            with open(os.environ["WITNESS"], "a") as file:
                file.write(str(os.environ.get("{TELEMETRY_SWITCH}")) + chr(10))
sys.meta_path.insert(0, Witness())
"""
"""A `sitecustomize` that writes down how the switch is set whenever onnxruntime is imported."""

ENTRY_POINTS = {
    "command": ("-m", "device_runtime", "doctor"),
    "module": ("-m", "edgecl", "doctor"),
    "Python API": ("-c", "import edgecl; edgecl.Device.open('home').predict('ring.wav')"),
    "worker": ("-c", f"{START.split(';')[0]}; import onnxruntime"),
    "tools": ("-c", "import tools; import onnxruntime"),
    "export": ("-c", "import export; import onnxruntime"),
}


def make_user_environment(**variables: object) -> dict[str, str]:
    """Return this environment as a user has it, without the switch, and with some variables."""
    inherited = {name: value for name, value in os.environ.items() if name != TELEMETRY_SWITCH}
    return inherited | {name: str(value) for name, value in variables.items()}


@pytest.mark.parametrize("entry", ENTRY_POINTS)
def test_telemetry_is_off_before_onnxruntime_is_imported(
    entry: str, tmp_path: Path, home: Path, recordings: Path
) -> None:
    (tmp_path / "hook").mkdir()
    (tmp_path / "hook" / "sitecustomize.py").write_text(WITNESS)
    shutil.copy(recordings / "alarms" / "doorbell" / "0.wav", tmp_path / "ring.wav")
    seen = tmp_path / "seen"
    paths = os.pathsep.join(
        map(str, (tmp_path / "hook", ROOT, *filter(None, [os.environ.get("PYTHONPATH")])))
    )
    environment = make_user_environment(WITNESS=seen, PYTHONPATH=paths, EDGECL_HOME=home)
    command = [sys.executable, *ENTRY_POINTS[entry]]
    subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, check=False)
    assert set(seen.read_text().splitlines()) == {"1"}


def test_the_daemon_contacts_nobody_and_leaves_no_file_outside_its_home(
    home: Path, tmp_path: Path, bundle: Path
) -> None:
    if not shutil.which("strace"):
        pytest.skip("strace is not installed")
    user, trace = tmp_path / "user", tmp_path / "trace"
    user.mkdir()
    (tmp_path / "config.toml").write_text('[source]\npath = "-"\n')
    command = ["strace", "-f", "-qq", "-e", "trace=connect,sendto,sendmsg,sendmmsg", "-o", trace]
    command += [sys.executable, "-m", "device_runtime", "serve", "--config", tmp_path / "config.toml"]
    command += ["--home", home, "--bundle", bundle]
    environment = make_user_environment(HOME=user, PYTHONPATH=ROOT)
    for name in ("XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"):
        environment.pop(name, None)
    daemon = subprocess.Popen(
        [*map(str, command)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
    )
    daemon.stdin.write(bytes(2 * 3 * RATE_HZ))
    daemon.stdin.flush()
    time.sleep(TELEMETRY_DELAY_S)
    daemon.communicate(timeout=SOON_S)
    assert daemon.returncode == 0
    contacts = [line for line in trace.read_text().splitlines() if re.search(r"AF_INET6?", line)]
    assert contacts == []
    assert [path for path in user.rglob("*") if path.is_file()] == []
