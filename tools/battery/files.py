"""Row: damaged and forged files are read; each is refused with a message, or read as it was written."""

import io
import json
import random
import resource
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from device_runtime.data.token_cache import TokenCache
from device_runtime.model.shipped_bundle import DEFAULT_BUNDLE
from edgecl import canonical_json
from edgecl.audio.reader import read_clip
from edgecl.bundle import manifest, onnx_scan
from edgecl.canonical_json import sha256_hex
from edgecl.config.schema import read_config
from edgecl.errors import EdgeclError
from edgecl.store import blob, blob_record, training_set
from edgecl.store.store import Store
from tools.battery.fork import run
from tools.battery.mutate import mutate_bytes, mutate_document
from tools.battery.subject import Subject
from tools.battery.tally import Tally
from tools.demo.synthesise import make_clip
from tools.demo.waveforms import RATE_HZ

Check = Callable[[random.Random], str | None]
"""Make one damaged file and read it; return what went wrong. It may raise `EdgeclError` and nothing else."""

MAX_BYTES = 3 << 30  # of address space: a file that asks for more than that is a bomb
SECONDS_PER_FILE = 2
RECORDINGS = (
    *(("WAV", "PCM_16"), ("WAV", "FLOAT"), ("WAV", "ULAW"), ("FLAC", "PCM_16"), ("OGG", "VORBIS")),
    *(("OGG", "OPUS"), ("MP3", "MPEG_LAYER_III"), ("AIFF", "PCM_16"), ("CAF", "PCM_16"), ("AU", "PCM_16")),
)
CONFIG = """
home = "/var/lib/edgecl"
privacy = 1
[source]
device = "plughw:CARD=Device"
rate_hz = 48000
[rule]
needed = 3
of = 5
[tasks.alarms]
thresholds = { doorbell = 0.3 }
[mqtt]
host = "broker"
password = "secret"
[history]
days = 7
"""


def read_damaged_files(subject: Subject, count: float) -> Tally:
    """Read many damaged files of each kind in a child process with limits of memory and time.

    Args:
        subject: the prepared home.
        count: number of files of each kind.
    """
    tally = Tally()
    for name, check in _list_checks(subject).items():
        _run_check(name, check, round(count), subject, tally)
    return tally


def _run_check(name: str, check: Check, count: int, subject: Subject, tally: Tally) -> None:
    report = subject.folder / "report.json"
    report.unlink(missing_ok=True)

    def work() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (MAX_BYTES, MAX_BYTES))
        failures = [sentence for seed in range(count) if (sentence := _try(check, name, seed))]
        report.write_text(json.dumps(failures))

    ended = run(work, subject.output, timeout_s=60 + SECONDS_PER_FILE * count)
    tally.tried += count
    if ended.code != 0 or not report.exists():
        tally.failures.append(f"{name}: the process ended with {ended.code}: {ended.messages[-300:]}")
    else:
        tally.failures += json.loads(report.read_text())


def _try(check: Check, name: str, seed: int) -> str | None:
    """Return what went wrong with the file of a seed."""
    try:
        sentence = check(random.Random(f"{name} {seed}"))
    except EdgeclError as error:
        return None if error.message else f"{name} {seed}: refused without a message"
    except Exception as error:
        return f"{name} {seed}: {type(error).__name__}: {error}"[:300]
    return sentence and f"{name} {seed}: {sentence}"


def _list_checks(subject: Subject) -> dict[str, Check]:
    """Return a check for each kind of file."""
    exported, bundle = subject.exported.read_bytes(), DEFAULT_BUNDLE
    recordings = [_encode(*kind) for kind in RECORDINGS]
    return {
        "blob": lambda rng: _check_blob(exported, rng),
        "forged blob": lambda rng: _check_forged_blob(exported, rng),
        "manifest": lambda rng: _check_manifest((bundle / "manifest.json").read_bytes(), rng),
        "forged manifest": lambda rng: _check_forged_manifest((bundle / "manifest.json").read_bytes(), rng),
        "graph": lambda rng: _check_graph((bundle / "adapter.onnx").read_bytes(), rng),
        "recording": lambda rng: _check_recording(rng.choice(recordings), subject.folder / "damaged", rng),
        "configuration": lambda rng: _check_config(subject.folder / "config.toml", rng),
        "training set": lambda rng: _check_training_set(subject, rng),
        "cached tokens": lambda rng: _check_tokens(subject, rng),
        "registry": lambda rng: _check_registry(subject, rng),
    }


def _check_blob(whole: bytes, rng: random.Random) -> str | None:
    damaged = mutate_bytes(whole, rng)
    blob.from_bytes(damaged)
    return None if damaged == whole else "an altered blob was accepted"


def _check_forged_blob(whole: bytes, rng: random.Random) -> str | None:
    """Change the record of a blob, whose digest a forger would compute again; only its form is judged."""
    size = int.from_bytes(whole[:8], "little")
    header = json.loads(whole[8 : 8 + size])
    record = json.loads(header["__metadata__"][blob_record.RECORD_KEY])
    header["__metadata__"][blob_record.RECORD_KEY] = _forge(record, whole[8 + size :], rng).decode()
    data = json.dumps(mutate_document(header, rng) if rng.random() < 0.3 else header).encode()
    data += b" " * (-len(data) % 8)
    blob.from_bytes(len(data).to_bytes(8, "little") + data + whole[8 + size :])
    return None


def _forge(document: dict[str, Any], payload: bytes, rng: random.Random) -> bytes:
    """Change a document and give it the right digest; where JSON has no such value, leave it as it is."""
    content = {name: value for name, value in document.items() if name != "digest"}
    try:
        text = canonical_json.dump(changed := mutate_document(content, rng))
    except ValueError:
        text = canonical_json.dump(changed := content)
    return canonical_json.dump(changed | {"digest": sha256_hex(text + payload)})


def _check_manifest(whole: bytes, rng: random.Random) -> str | None:
    damaged = mutate_bytes(whole, rng)
    manifest.from_bytes(damaged)
    return None if damaged == whole else "an altered manifest was accepted"


def _check_forged_manifest(whole: bytes, rng: random.Random) -> str | None:
    manifest.from_bytes(_forge(json.loads(whole), b"", rng))
    return None


def _check_graph(whole: bytes, rng: random.Random) -> str | None:
    onnx_scan.check(mutate_bytes(whole, rng), "adapter.onnx", for_training=False)
    return None


def _check_recording(whole: bytes, path: Path, rng: random.Random) -> str | None:
    path.write_bytes(mutate_bytes(whole, rng))
    waveform = read_clip(path).waveform
    if not (np.isfinite(waveform).all() and np.abs(waveform).max() <= 1.0):
        return "samples are not finite or beyond full scale"
    return None


def _check_config(path: Path, rng: random.Random) -> str | None:
    path.write_bytes(mutate_bytes(CONFIG.encode(), rng))
    read_config(path)
    return None


def _check_training_set(subject: Subject, rng: random.Random) -> str | None:
    whole = next((subject.home / "lessons").iterdir()).read_bytes()
    damaged = mutate_bytes(whole, rng)
    found = training_set.from_bytes(damaged)
    return None if found is None or damaged == whole else "an altered training set was accepted"


def _check_tokens(subject: Subject, rng: random.Random) -> str | None:
    folder = subject.folder / "tokens"
    cache = TokenCache(folder, "5a" * 32, 800, 1 << 20)
    cache.put("key", np.ones((1, 2, 3), np.float16))
    (path,) = folder.iterdir()
    whole = path.read_bytes()
    damaged = mutate_bytes(whole, rng)
    path.write_bytes(damaged)
    return None if cache.get("key") is None or damaged == whole else "altered tokens were used"


def _check_registry(subject: Subject, rng: random.Random) -> str | None:
    """Damage the registry: no task gets the blob of another one, and none is missing without a warning."""
    home = subject.copy_home()
    path = home / "registry.db"
    path.write_bytes(mutate_bytes(path.read_bytes(), rng))
    with Store.open(home, create=False) as store:
        for entry in store.list_tasks():
            if blob.from_bytes(store.read_blob(entry.task)).task != entry.task:
                return f"task '{entry.task}' has the blob of another one"
    return None


def _encode(container: str, codec: str) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, make_clip("knock", 0), RATE_HZ, format=container, subtype=codec)
    return buffer.getvalue()
