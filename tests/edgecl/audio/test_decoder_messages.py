"""A damaged MP3 file is reported once, by edgecl; what others print on stderr is kept."""

import os
import random
import threading
from contextlib import suppress
from pathlib import Path

import pytest
import soundfile

from edgecl.audio.decoder_messages import drop_decoder_messages
from edgecl.audio.reader import read_clip
from edgecl.errors import AudioError
from tools.demo.synthesise import make_clip
from tools.demo.waveforms import RATE_HZ


def write_damaged(path: Path) -> Path:
    soundfile.write(path, make_clip("knock", 0), RATE_HZ, format="MP3", subtype="MPEG_LAYER_III")
    data, rng = bytearray(path.read_bytes()), random.Random(1)
    for start in range(300, len(data) - 100, 600):
        data[start : start + 100] = rng.randbytes(100)
    path.write_bytes(data)
    return path


def test_the_decoder_of_mp3_prints_nothing(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    file = write_damaged(tmp_path / "damaged.mp3")
    with suppress(soundfile.SoundFileError), soundfile.SoundFile(file) as sound:
        sound.read()
    assert "mpg123" in capfd.readouterr().err
    with suppress(AudioError):
        read_clip(file)
    assert capfd.readouterr().err == ""


def test_what_others_print_is_passed_on(capfd: pytest.CaptureFixture[str]) -> None:
    def work() -> None:
        with drop_decoder_messages():
            os.write(2, b"\nNote: Trying to resync...\n[src/libmpg123/layer3.c:1] error: nonsense\n")
            os.write(2, f"{threading.get_ident()} was here\n".encode())

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines = capfd.readouterr().err.splitlines()
    assert sorted(lines) == sorted(f"{thread.ident} was here" for thread in threads)


def test_stderr_may_be_closed() -> None:
    kept = os.dup(2)
    os.close(2)
    try:
        with drop_decoder_messages(), pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(2)
    finally:
        os.dup2(kept, 2)
        os.close(kept)
