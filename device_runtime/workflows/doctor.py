"""Check the installation, the home, the bundle and the engines: each check is ok, warn or fail."""

import os
import platform
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path

import soundfile

from device_runtime.data.token_cache import measure_usage
from device_runtime.model import selftest
from device_runtime.model.session import list_onnxruntime_distributions
from device_runtime.model.shipped_bundle import DEFAULT_BUNDLE
from device_runtime.system.board_profile import default_threads
from device_runtime.system.packages import find_installed_version
from device_runtime.system.sound_cards import list_sound_cards
from device_runtime.training.engines.base import ENGINES
from device_runtime.training.engines.factory import REQUIREMENTS, list_engines, open_engine
from device_runtime.training.engines.selftest import check_engine
from device_runtime.workflows.bundle_check import check_bundle
from device_runtime.workflows.check import Check
from device_runtime.workflows.doctor_board import check_board
from device_runtime.workflows.documents import Document
from device_runtime.workflows.workspace import Workspace
from edgecl.bundle.bundle import Bundle
from edgecl.bundle.installed import InstalledBundles
from edgecl.errors import BundleError, EdgeclError, NoStoreError, SourceError
from edgecl.store.store import Store

AUDIO_FORMATS = ("WAV", "FLAC", "OGG", "MP3", "AIFF")
MIN_FREE_BYTES = 256 << 20
FULL_SHARE = 0.9  # of the cache limit
DAEMON_PACKAGES = ("fastapi", "starlette", "uvicorn", "prometheus-client", "paho-mqtt", "cryptography")
PACKAGES = ("numpy", "safetensors", "soundfile", "soxr", "pydantic", "typer", "rich")


@dataclass(frozen=True)
class DoctorReport:
    """Outcome of all checks."""

    checks: list[Check]

    @property
    def is_healthy(self) -> bool:
        """Return whether no check failed."""
        return all(check.status != "fail" for check in self.checks)

    def to_document(self) -> Document:
        """Return everything as plain values: `edgecl doctor --json`."""
        return {"healthy": self.is_healthy, "checks": [asdict(check) for check in self.checks]}


def run_checks(workspace: Workspace) -> DoctorReport:
    """Check the installation, the home, the bundle and the engines; nothing is changed."""
    home = workspace.home
    return DoctorReport(
        [
            _check_machine(workspace.threads),
            *check_board(_nearest_existing(home)),
            _check_packages(),
            _check_onnxruntime(),
            _check_audio_formats(),
            _check_microphone(),
            _check_daemon(),
            _check_home(home),
            _check_space(home),
            _check_cache(home, workspace.cache_bytes),
            _check_store(home),
            *_check_bundle(workspace),
        ]
    )


def _check_machine(threads: int) -> Check:
    cores = os.cpu_count() or 1
    detail = f"{platform.machine()}, {cores} cores, {threads} threads, Python {platform.python_version()}"
    if threads > cores:
        return Check("machine", "warn", detail, f"no more threads than cores: --threads {default_threads()}")
    return Check("machine", "ok", detail)


def _check_packages() -> Check:
    """Import every package that edgecl needs: a missing one ends the check with its name."""
    for name in PACKAGES:
        import_module(name)
    own = f"edgecl {find_installed_version('edgecl') or 'from source'}"
    return Check(
        "packages", "ok", ", ".join([own, *(f"{name} {find_installed_version(name)}" for name in PACKAGES)])
    )


def _check_onnxruntime() -> Check:
    installed = list_onnxruntime_distributions()
    if not installed:
        return Check("onnxruntime", "fail", "not installed", "run 'pip install edgecl' again")
    detail = ", ".join(f"{name} {find_installed_version(name)}" for name in installed)
    if len(installed) == 1:
        return Check("onnxruntime", "ok", detail)
    hint = f"run 'pip uninstall {' '.join(installed)}', then 'pip install edgecl' again"
    return Check("onnxruntime", "fail", f"two distributions overwrite each other: {detail}", hint)


def _check_audio_formats() -> Check:
    known = soundfile.available_formats()
    readable = [name for name in AUDIO_FORMATS if name in known]
    missing = [name for name in AUDIO_FORMATS if name not in known]
    detail = f"libsndfile {soundfile.__libsndfile_version__} reads {', '.join(readable)}"
    if missing:
        return Check("audio", "warn", detail, f"libsndfile 1.1 or newer also reads {', '.join(missing)}")
    return Check("audio", "ok", detail)


def _check_microphone() -> Check:
    """Find devices that record; without one edgecl works on files."""
    try:
        cards = list_sound_cards()
    except SourceError as error:
        return Check("microphone", "warn", error.message, error.hint)
    if not cards:
        hint = "plug one in; 'arecord -l' lists sound cards, for root and the group 'audio'"
        return Check("microphone", "warn", "no sound card that records", hint)
    return Check("microphone", "ok", ", ".join(f"{card.name} ({card.title})" for card in cards))


def _check_daemon() -> Check:
    """Find the packages of the extra `daemon`, without which `edgecl serve` still works."""
    missing = [name for name in DAEMON_PACKAGES if not find_installed_version(name)]
    if not missing:
        return Check(
            "daemon", "ok", ", ".join(f"{name} {find_installed_version(name)}" for name in DAEMON_PACKAGES)
        )
    detail = f"the page, the API and MQTT of 'edgecl serve' need {', '.join(missing)}"
    return Check("daemon", "ok", detail, "to use them, in the clone: pip install '.[daemon]'")


def _check_home(home: Path) -> Check:
    there = _nearest_existing(home)
    try:
        with tempfile.TemporaryFile(dir=there) as probe:
            probe.write(b"edgecl")
    except OSError as error:
        detail = f"'{home}' cannot be written to: {error.strerror}"
        return Check("home", "fail", detail, "choose another folder with --home")
    return Check("home", "ok", f"'{home}' is writable" + ("" if home.exists() else " (does not exist yet)"))


def _check_space(home: Path) -> Check:
    free = shutil.disk_usage(_nearest_existing(home)).free
    detail = f"{free >> 20} MiB free"
    if free < MIN_FREE_BYTES:
        hint = f"'{home / 'cache'}' may be deleted, but then tasks must be enrolled again before a correction"
        return Check("space", "warn", detail, hint)
    return Check("space", "ok", detail)


def _check_cache(home: Path, limit_bytes: int) -> Check:
    try:
        clips, held_bytes = measure_usage(home / "cache")
    except OSError as error:
        return Check("cache", "warn", f"cannot be read: {error.strerror}", "tasks cannot be corrected")
    detail = f"{clips} recordings, {held_bytes >> 20} of {limit_bytes >> 20} MB"
    if held_bytes > FULL_SHARE * limit_bytes:
        return Check("cache", "warn", detail, "raise its limit: --cache-limit MB or EDGECL_CACHE_LIMIT")
    return Check("cache", "ok", detail)


def _check_store(home: Path) -> Check:
    try:
        with Store.open(home, create=False) as store:
            verdicts = store.verify()
            warnings = store.warnings
    except NoStoreError:
        return Check("tasks", "ok", "none yet")
    except EdgeclError as error:
        return Check("tasks", "fail", error.message, error.hint)
    if bad := [verdict.task for verdict in verdicts if verdict.status != "unchanged"]:
        return Check("tasks", "fail", f"damaged: {', '.join(bad)}", "run 'edgecl verify'")
    if warnings:
        return Check("tasks", "warn", "; ".join(warnings))
    return Check("tasks", "ok", f"{len(verdicts)}, all unchanged")


def _check_bundle(workspace: Workspace) -> Iterator[Check]:
    try:
        bundle = workspace.open_bundle()
    except EdgeclError as error:
        yield Check("bundle", "fail", error.message, error.hint)
        return
    yield _check_selection(workspace.home, bundle)
    try:
        yield _compare("self-test", check_bundle(bundle))
    except EdgeclError as error:
        yield Check("self-test", "fail", error.message, error.hint)
        return
    for name in ENGINES:
        yield _check_engine(name, bundle, workspace.threads)


def _check_selection(home: Path, bundle: Bundle) -> Check:
    """Report an installed bundle that was taken back, unless another bundle than its successor is checked."""
    manifest = bundle.manifest
    identity = f"{manifest.name} {manifest.fingerprint[:8]}"
    installed = InstalledBundles(home)
    try:
        selection = installed.read_selection()
    except BundleError as error:  # the daemon goes on with the bundle of its start
        return Check("bundle", "warn", f"{identity}; {error.message}", error.hint)
    selected = installed.locate(selection.current) or DEFAULT_BUNDLE
    if selection.failure and bundle.path.resolve() == selected.resolve():
        hint = "install another one, or go on with this one"
        return Check("bundle", "warn", f"{identity}; {selection.failure}", hint)
    return Check("bundle", "ok", f"{identity}, {len(manifest.files)} files intact")


def _check_engine(name: str, bundle: Bundle, threads: int) -> Check:
    if name not in list_engines():
        return Check(f"engine {name}", "ok", f"not installed and not needed: {REQUIREMENTS}")
    try:
        engine = open_engine(name, bundle, threads)
    except EdgeclError as error:
        return Check(f"engine {name}", "warn", error.message, error.hint)
    return _compare(f"engine {name}", [check_engine(engine, bundle.load_golden())])


def _compare(name: str, comparisons: list[selftest.Comparison]) -> Check:
    differences = ", ".join(f"{c.name} {c.difference:.1e}" for c in comparisons)
    detail = f"largest differences from the host: {differences}"
    if all(comparison.agrees for comparison in comparisons):
        return Check(name, "ok", detail)
    return Check(
        name,
        "fail",
        detail,
        "try another version of onnxruntime; tasks trained with this one are not reliable",
    )


def _nearest_existing(path: Path) -> Path:
    path = path.absolute()
    return next(folder for folder in (path, *path.parents) if folder.exists())
