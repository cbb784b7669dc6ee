"""An installed bundle proves itself at its first start, or the one before takes over."""

import os
import shutil
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from safetensors.numpy import load_file, save_file

from device_runtime.daemon.builder import open_daemon
from device_runtime.daemon.system.log_buffer import LogBuffer
from device_runtime.model.shipped_bundle import DEFAULT_BUNDLE
from device_runtime.workflows.bundle_update import install_bundle, list_bundles, roll_back
from device_runtime.workflows.check import Check
from device_runtime.workflows.doctor import run_checks
from device_runtime.workflows.first_start import MAX_STARTS, prove_installed
from device_runtime.workflows.workspace import Workspace
from edgecl.bundle.bundle import Bundle, write_manifest
from edgecl.bundle.installed import InstalledBundles, make_name
from edgecl.config.schema import Config, SourceConfig
from edgecl.errors import BundleError, NoPreviousVersionError, SignatureError
from edgecl.signatures import FOLDER_NAME
from tests.altered_bundle import alter_geometry, make_altered_bundle, read_description
from tests.device.conftest import Edgecl
from tools.battery.fork import run

LATER, EARLIER = "2999-01-01", "1999-01-01"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "home", threads=1)


@pytest.fixture
def newer(tmp_path: Path) -> Path:
    return make_altered_bundle(DEFAULT_BUNDLE, tmp_path / "newer", created=LATER)


def put(workspace: Workspace, folder: Path) -> Path:
    """Install a bundle without its self-test, and return its folder in the home."""
    installed, bundle = InstalledBundles(workspace.home), Bundle.open(folder)
    name = make_name(bundle)
    with installed.lock():
        installed.add(bundle, name, lambda copy: None)
        installed.select(name)
    return installed.folder / name


def accept(workspace: Workspace) -> None:
    """Mark the bundle in use as proved, without its start."""
    installed = InstalledBundles(workspace.home)
    installed.write_selection(installed.read_selection().model_copy(update={"is_proved": True}))


def find_bundle_check(workspace: Workspace) -> Check:
    return next(check for check in run_checks(workspace).checks if check.name == "bundle")


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_an_installed_bundle_is_used_from_the_next_start_on(workspace: Workspace, newer: Path) -> None:
    assert install_bundle(workspace, newer).replaced.path == DEFAULT_BUNDLE
    assert not list_bundles(workspace).is_proved
    path = workspace.open_runtime().bundle.path
    assert path.parent == workspace.home / "bundles"
    assert Bundle.open(path).manifest.created == LATER
    assert list_bundles(workspace).is_proved
    assert not install_bundle(workspace, newer).changed
    assert roll_back(workspace).current.path == DEFAULT_BUNDLE
    assert roll_back(workspace).current.created == LATER


def test_tasks_that_do_not_fit_are_named_with_the_way_out(edgecl: Edgecl, home: Path, tmp_path: Path) -> None:
    result = edgecl("bundle", "install", alter_geometry(DEFAULT_BUNDLE, tmp_path / "other"))
    assert result.code == 0
    assert "until they are enrolled again: 'alarms'. Run: edgecl enroll --again" in result.out
    assert "in use, not started yet" in edgecl("bundle", "show").out
    assert "enroll --again" not in edgecl("bundle", "rollback").out
    assert edgecl("bundle", "show", "--json").json["current"]["path"] == str(DEFAULT_BUNDLE)


def test_a_bundle_that_fails_at_its_first_start_is_replaced_by_the_one_before(
    workspace: Workspace, newer: Path
) -> None:
    path, warnings = put(workspace, newer), list[str]()
    (path / "backbone.onnx").write_bytes(b"rotten")
    opened = Workspace(workspace.home, threads=1, warn=warnings.append).open_runtime()
    assert opened.bundle.path == DEFAULT_BUNDLE
    assert "replaced by the one before, since it failed at its start" in warnings[0]
    assert "'backbone.onnx'" in list_bundles(workspace).failure
    assert workspace.open_runtime().bundle.path == DEFAULT_BUNDLE


def test_a_bundle_whose_starts_break_off_is_replaced_by_the_one_before(
    workspace: Workspace, newer: Path, tmp_path: Path
) -> None:
    put(workspace, newer)

    def start() -> None:
        prove_installed(workspace.home, die, lambda warning: None)

    for _ in range(MAX_STARTS):
        assert run(start, tmp_path / "output").code == -signal.SIGKILL
        assert list_bundles(workspace).current.created == LATER
    assert workspace.open_runtime().bundle.path == DEFAULT_BUNDLE
    assert f"its first {MAX_STARTS} starts broke off" in list_bundles(workspace).failure


def test_an_older_bundle_is_not_installed_unasked(workspace: Workspace, tmp_path: Path) -> None:
    older = make_altered_bundle(DEFAULT_BUNDLE, tmp_path / "older", created=EARLIER)
    with pytest.raises(BundleError, match=f"is of {EARLIER}, older than 'default' in use") as error:
        install_bundle(workspace, older)
    assert "--allow-downgrade" in error.value.hint
    assert not workspace.home.exists()
    assert install_bundle(workspace, older, allow_downgrade=True).current.created == EARLIER


def test_a_bundle_that_fails_its_self_test_leaves_nothing(workspace: Workspace, tmp_path: Path) -> None:
    folder = shutil.copytree(DEFAULT_BUNDLE, tmp_path / "wrong")
    golden = load_file(folder / "golden.safetensors")
    save_file({**golden, "tokens": golden["tokens"] + 1}, folder / "golden.safetensors")
    (folder / "manifest.json").unlink()
    write_manifest(folder, read_description(DEFAULT_BUNDLE))
    with pytest.raises(BundleError, match="fails its self-test: tokens differ"):
        install_bundle(workspace, folder)
    assert os.listdir(workspace.home / "bundles") == [".lock"]
    assert workspace.open_bundle().path == DEFAULT_BUNDLE


def test_no_bundle_is_parsed_that_no_trusted_key_signed(workspace: Workspace, tmp_path: Path) -> None:
    keys = workspace.home / FOLDER_NAME
    keys.mkdir(parents=True)
    (keys / "maker.pub").write_text("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA== maker")
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "manifest.json").write_bytes(b"not parsed")
    with pytest.raises(SignatureError):
        install_bundle(workspace, tmp_path / "foreign")
    assert not (workspace.home / "bundles").exists()


def test_without_an_earlier_bundle_there_is_nothing_to_go_back_to(workspace: Workspace) -> None:
    with pytest.raises(NoPreviousVersionError):
        roll_back(workspace)


def test_a_damaged_selection_is_an_error_that_an_installation_mends(
    workspace: Workspace, newer: Path
) -> None:
    put(workspace, newer)
    (workspace.home / "bundles" / "selection.json").write_bytes(b"{}")
    with pytest.raises(BundleError, match=r"selection.json' is damaged") as error:
        workspace.open_bundle()
    assert "edgecl bundle install FOLDER" in error.value.hint
    put(workspace, newer)
    assert workspace.open_bundle().manifest.created == LATER


def test_two_updates_leave_the_bundle_that_a_daemon_uses(
    workspace: Workspace, newer: Path, tmp_path: Path
) -> None:
    others = [
        make_altered_bundle(DEFAULT_BUNDLE, tmp_path / date, created=date)
        for date in ("2999-01-02", "2999-01-03")
    ]
    used = put(workspace, newer)
    accept(workspace)
    soundfile.write(tmp_path / "silence.wav", np.zeros(1600), 16_000)
    config = Config(source=SourceConfig(path=str(tmp_path / "silence.wav")))
    with open_daemon(config, workspace, LogBuffer(lambda text: None)):
        put(workspace, others[0])
        accept(workspace)
        put(workspace, newer)  # writes the folder anew
        for other in others:
            accept(workspace)
            put(workspace, other)
        assert Bundle.open(used).manifest.created == LATER
    with InstalledBundles(workspace.home).lock():
        assert not used.exists()
    assert len(os.listdir(used.parent)) == 4  # two bundles, the selection, the lock


def test_a_bundle_of_the_package_needs_no_lock(workspace: Workspace) -> None:
    with InstalledBundles(workspace.home).keep_in_use(DEFAULT_BUNDLE):
        assert not workspace.home.exists()


def test_the_bundle_in_use_is_never_the_one_to_go_back_to(
    workspace: Workspace, newer: Path, tmp_path: Path
) -> None:
    newest = make_altered_bundle(DEFAULT_BUNDLE, tmp_path / "newest", created="2999-01-02")
    put(workspace, newer)
    accept(workspace)
    put(workspace, newest)
    put(workspace, newer)
    bundles = list_bundles(workspace)
    assert (bundles.current.created, bundles.previous) == (LATER, None)


def test_a_bundle_that_is_installed_again_keeps_the_one_before(workspace: Workspace, newer: Path) -> None:
    put(workspace, newer)
    accept(workspace)
    put(workspace, newer)
    assert roll_back(workspace).current.path == DEFAULT_BUNDLE


def test_the_check_of_a_running_daemon_says_that_a_bundle_was_taken_back(
    workspace: Workspace, newer: Path
) -> None:
    path = put(workspace, newer)
    (path / "backbone.onnx").write_bytes(b"rotten")
    in_use = workspace.open_runtime().bundle.path
    check = find_bundle_check(replace(workspace, bundle=in_use))
    assert (check.status, "it failed at its start" in check.detail) == ("warn", True)
    assert find_bundle_check(replace(workspace, bundle=newer)).status == "ok"
