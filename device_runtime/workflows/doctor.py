"""Is everything as it should be? Each check looks at one thing and says ok, warn or fail, and what to do."""

import os
import platform
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Literal

import soundfile

from device_runtime.data.token_cache import measure_usage
from device_runtime.model import selftest
from device_runtime.model.runtime import Runtime, default_threads
from device_runtime.model.session import list_onnxruntime_distributions
from device_runtime.training.engines.factory import list_engines, open_engine
from device_runtime.training.engines.selftest import check_engine
from edgecl.errors import EdgeclError, NoStoreError
from edgecl.store.store import Store

Status = Literal["ok", "warn", "fail"]
NEEDED_FORMATS = ("WAV", "FLAC", "OGG", "MP3", "AIFF")
LITTLE_SPACE_BYTES = 256 << 20
FULL_SHARE = 0.9  # of the cache's limit
CARD = re.compile(r"^card \d+: (\S+) \[(.*?)\], device (\d+)", re.MULTILINE)  # of `arecord -l`
ARECORD_S = 5.0
DAEMON_PACKAGES = ("fastapi", "starlette", "uvicorn", "prometheus-client", "paho-mqtt")
PACKAGES = ("numpy", "safetensors", "soundfile", "soxr", "pydantic", "typer", "rich")


@dataclass(frozen=True)
class Check:
    """One thing that was looked at."""

    name: str
    status: Status
    detail: str
    hint: str = ""


def examine(home: Path, bundle: Path, threads: int, cache_bytes: int) -> Iterator[Check]:
    """All checks, each as soon as it is done."""
    yield _machine(threads)
    yield _packages()
    yield _onnxruntime()
    yield _formats()
    yield _microphone()
    yield _daemon()
    yield _home(home)
    yield _space(home)
    yield _cache(home, cache_bytes)
    yield _store(home)
    yield from _bundle(bundle, threads)


def _machine(threads: int) -> Check:
    cores = os.cpu_count() or 1
    detail = f"{platform.machine()}, {cores} cores, {threads} threads, Python {platform.python_version()}"
    if threads > cores:
        return Check("machine", "warn", detail, f"no more threads than cores: --threads {default_threads()}")
    return Check("machine", "ok", detail)


def _packages() -> Check:
    own = f"edgecl {version_of('edgecl') or 'from source'}"
    return Check("packages", "ok", ", ".join([own, *(f"{name} {version_of(name)}" for name in PACKAGES)]))


def _onnxruntime() -> Check:
    installed = list_onnxruntime_distributions()
    if not installed:
        return Check("onnxruntime", "fail", "not installed", "run 'pip install edgecl' again")
    detail = ", ".join(f"{name} {version_of(name)}" for name in installed)
    if len(installed) == 1:
        return Check("onnxruntime", "ok", detail)
    hint = f"run 'pip uninstall {' '.join(installed)}', then 'pip install edgecl' again"
    return Check("onnxruntime", "fail", f"two distributions overwrite each other: {detail}", hint)


def _formats() -> Check:
    known = soundfile.available_formats()
    readable = [name for name in NEEDED_FORMATS if name in known]
    missing = [name for name in NEEDED_FORMATS if name not in known]
    detail = f"libsndfile {soundfile.__libsndfile_version__} reads {', '.join(readable)}"
    if missing:
        return Check("audio", "warn", detail, f"libsndfile 1.1 or newer also reads {', '.join(missing)}")
    return Check("audio", "ok", detail)


def _microphone() -> Check:
    """What can record. Where nothing can, recordings are learnt and recognised all the same."""
    try:
        listed = subprocess.run(
            ["arecord", "-l"],
            env={**os.environ, "LC_ALL": "C"},
            capture_output=True,
            timeout=ARECORD_S,
            check=False,
        )
    except FileNotFoundError:
        return Check("microphone", "warn", "no 'arecord' to record with", "sudo apt install alsa-utils")
    except (OSError, subprocess.TimeoutExpired) as error:
        return Check("microphone", "warn", f"'arecord -l' gave no answer: {error}", "run it by hand")
    cards = CARD.findall(listed.stdout.decode(errors="replace"))
    if not cards:
        hint = "plug one in; 'arecord -l' lists what records, for root and the group 'audio'"
        return Check("microphone", "warn", "no sound card that records", hint)
    named = [f"plughw:CARD={card},DEV={device} ({title})" for card, title, device in cards]
    return Check("microphone", "ok", ", ".join(named))


def _daemon() -> Check:
    """The extra; without it `edgecl serve` listens all the same."""
    missing = [name for name in DAEMON_PACKAGES if not version_of(name)]
    if not missing:
        return Check("daemon", "ok", ", ".join(f"{name} {version_of(name)}" for name in DAEMON_PACKAGES))
    detail = f"the page, the API and MQTT of 'edgecl serve' need {', '.join(missing)}"
    return Check("daemon", "ok", detail, "where they are wanted, in the clone: pip install '.[daemon]'")


def _home(home: Path) -> Check:
    there = _nearest_existing(home)
    try:
        with tempfile.TemporaryFile(dir=there) as probe:
            probe.write(b"edgecl")
    except OSError as error:
        detail = f"'{home}' cannot be written to: {error.strerror}"
        return Check("home", "fail", detail, "choose another folder with --home")
    return Check("home", "ok", f"'{home}' is writable" + ("" if home.exists() else " (not made yet)"))


def _space(home: Path) -> Check:
    free = shutil.disk_usage(_nearest_existing(home)).free
    detail = f"{free >> 20} MiB free"
    if free < LITTLE_SPACE_BYTES:
        hint = f"'{home / 'cache'}' may be deleted, but then no task can be corrected without its folder"
        return Check("space", "warn", detail, hint)
    return Check("space", "ok", detail)


def _cache(home: Path, limit_bytes: int) -> Check:
    try:
        clips, held_bytes = measure_usage(home / "cache")
    except OSError as error:
        return Check("cache", "warn", f"cannot be read: {error.strerror}", "tasks cannot be corrected")
    detail = f"{clips} recordings remembered, {held_bytes >> 20} of {limit_bytes >> 20} MB"
    if held_bytes > FULL_SHARE * limit_bytes:
        return Check("cache", "warn", detail, "give it more room: --cache-limit MB or EDGECL_CACHE_LIMIT")
    return Check("cache", "ok", detail)


def _store(home: Path) -> Check:
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


def _bundle(path: Path, threads: int) -> Iterator[Check]:
    try:
        runtime = Runtime.open(path, threads)
    except EdgeclError as error:
        yield Check("bundle", "fail", error.message, error.hint)
        return
    manifest = runtime.bundle.manifest
    identity = f"{manifest.name} {manifest.fingerprint[:8]}"
    yield Check("bundle", "ok", f"{identity}, {len(manifest.files)} files intact")
    yield _agreement("self-test", selftest.check_recognition(runtime))
    for name in list_engines():
        yield _engine(name, runtime)


def _engine(name: str, runtime: Runtime) -> Check:
    try:
        engine = open_engine(name, runtime.bundle, runtime.threads)
    except EdgeclError as error:
        return Check(f"engine {name}", "warn", error.message, error.hint)
    return _agreement(f"engine {name}", [check_engine(engine, runtime.bundle.load_golden())])


def _agreement(name: str, comparisons: list[selftest.Comparison]) -> Check:
    differences = ", ".join(f"{c.name} {c.difference:.1e}" for c in comparisons)
    detail = f"largest differences from the host: {differences}"
    if all(comparison.agrees for comparison in comparisons):
        return Check(name, "ok", detail)
    return Check(name, "fail", detail, "try another version of onnxruntime; nothing learnt here is sound")


def _nearest_existing(path: Path) -> Path:
    path = path.absolute()
    return next(folder for folder in (path, *path.parents) if folder.exists())


def version_of(package: str) -> str:
    """The installed version of a distribution; empty where it is not installed."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""
