"""A source that is a microphone by way of PortAudio, for macOS and desktops: extra `mic`.

PortAudio calls from a thread of its own, which waits for nobody: what is not fetched within half a minute is
lost, and counted. On Linux `arecord` (`command`) is sturdier: a driver that hangs would hang us here.
"""

import queue
import sys
import time
from typing import TYPE_CHECKING, Any

from device_runtime.daemon.sources.base import LISTENING, NOTHING, Block
from device_runtime.daemon.sources.pcm import Encoding, PcmFormat, Unpacker
from edgecl.errors import SourceError, UsageError

if TYPE_CHECKING:
    from sounddevice import CallbackFlags

PREFIX = "sounddevice:"
SAMPLES = {Encoding.s16le: "int16", Encoding.s32le: "int32", Encoding.f32le: "float32"}
BLOCK_S = 0.1
WAITING_BLOCKS = 300


class SoundDeviceSource:
    """The frames of one input device."""

    def __init__(self, device: str, form: PcmFormat) -> None:
        """Open the device whose name holds these words; without any the usual one.

        Raises:
            UsageError: sounddevice or PortAudio is not installed.
            SourceError: there is no such device, or it cannot be opened so.
        """
        self.name = f"{PREFIX}{device}"
        self.rate_hz = form.rate_hz
        self.condition = LISTENING
        self.lost_frames = 0
        self._unpacker = Unpacker(form)
        self._next_frame = 0
        self._missed = 0  # frames since the newest block in the queue
        self._waiting: queue.Queue[tuple[int, bytes]] = queue.Queue(WAITING_BLOCKS)
        self._stream = _opened(device, form, self._take)

    def read(self, within_s: float) -> Block | None:
        """See `Source`; never None.

        Raises:
            SourceError: the device gives no more.
        """
        try:
            missed, data = self._waiting.get(timeout=within_s)
        except queue.Empty:
            if not self._stream.active:
                raise SourceError(f"'{self.name}' stopped", "is the microphone plugged in?") from None
            return Block(self._next_frame, NOTHING, time.time())
        self.lost_frames += missed
        waveform = self._unpacker.feed(data)
        first = self._next_frame + missed
        self._next_frame = first + waveform.size
        return Block(first, waveform, time.time())

    def close(self) -> None:
        """See `Source`."""
        self._stream.close(ignore_errors=True)

    def _take(self, data: Any, frames: int, times: Any, flags: "CallbackFlags") -> None:
        """Called by PortAudio; of an overflow it does not tell how much was lost, a block is the least."""
        missed = self._missed + (frames if flags.input_overflow else 0)
        try:
            self._waiting.put_nowait((missed, bytes(data)))
            self._missed = 0
        except queue.Full:
            self._missed = missed + frames


def device_of(name: str) -> str | None:
    """The words that name a device of PortAudio; None where another kind of source is meant.

    Raises:
        UsageError: it is named by a number; sounddevice or PortAudio is not installed.
    """
    is_prefixed = name.startswith(PREFIX)
    if not is_prefixed and sys.platform != "darwin":
        return None
    device = name.removeprefix(PREFIX)
    if device.isdecimal():
        reason = f"'{name}' names a microphone by its number, which changes from start to start"
        raise UsageError(reason, "'python -m sounddevice' lists their names; a part of one is enough")
    _portaudio()
    return "" if device == "default" else device


def _portaudio() -> Any:
    try:
        import sounddevice  # noqa: PLC0415  (an extra)
    except ModuleNotFoundError:
        raise UsageError("this microphone needs sounddevice", "in the clone: pip install '.[mic]'") from None
    except OSError:  # its library is not there
        raise UsageError("sounddevice needs PortAudio", "sudo apt install libportaudio2") from None
    return sounddevice


def _opened(device: str, form: PcmFormat, take: Any) -> Any:
    portaudio = _portaudio()
    try:
        portaudio._terminate()  # it looks for devices only when it begins: one may have been plugged in
        portaudio._initialize()
        stream = portaudio.RawInputStream(
            samplerate=form.rate_hz,
            blocksize=round(BLOCK_S * form.rate_hz),
            device=device or None,
            channels=form.channels,
            dtype=SAMPLES[form.encoding],
            callback=take,
        )
        stream.start()
    except (portaudio.PortAudioError, ValueError) as error:
        called = f"'{PREFIX}{device}'"
        reason = " ".join(str(error).split())
        raise SourceError(f"{called} cannot be opened: {reason}", "see 'python -m sounddevice'") from None
    return stream
