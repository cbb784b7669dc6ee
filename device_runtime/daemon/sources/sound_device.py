"""A source that is a PortAudio input device, for macOS and desktops: extra `mic`.

PortAudio calls back from a thread of its own that must not block: blocks that are not read within half a
minute are dropped and counted. On Linux `arecord` (`command`) is more robust: a driver that hangs would hang
this process.
"""

import queue
import sys
import time
from typing import TYPE_CHECKING, Any

from device_runtime.daemon.sources.base import LISTENING, NO_FRAMES, Block
from device_runtime.daemon.sources.pcm import Encoding, PcmDecoder, PcmFormat
from edgecl.errors import SourceError, UsageError

if TYPE_CHECKING:
    from sounddevice import CallbackFlags

PREFIX = "sounddevice:"
SAMPLE_TYPES = {Encoding.s16le: "int16", Encoding.s32le: "int32", Encoding.f32le: "float32"}
BLOCK_S = 0.1
QUEUE_BLOCKS = 300


class SoundDeviceSource:
    """The frames of one input device."""

    def __init__(self, device: str, pcm_format: PcmFormat) -> None:
        """Open the device whose name contains `device`; the default device where it is empty.

        Raises:
            UsageError: sounddevice or PortAudio is not installed.
            SourceError: there is no such device, or it does not support the format.
        """
        self.name = f"{PREFIX}{device}"
        self.rate_hz = pcm_format.rate_hz
        self.condition = LISTENING
        self.lost_frames = 0
        self._decoder = PcmDecoder(pcm_format)
        self._next_frame = 0
        self._dropped = 0  # frames since the newest block in the queue
        self._queue: queue.Queue[tuple[int, bytes]] = queue.Queue(QUEUE_BLOCKS)
        self._stream = _open_stream(device, pcm_format, self._enqueue)

    def read(self, timeout_s: float) -> Block | None:
        """See `Source`; never None.

        Raises:
            SourceError: the device has stopped.
        """
        try:
            dropped, data = self._queue.get(timeout=timeout_s)
        except queue.Empty:
            if not self._stream.active:
                raise SourceError(f"'{self.name}' stopped", "is the microphone plugged in?") from None
            return Block(self._next_frame, NO_FRAMES, time.time())
        self.lost_frames += dropped
        waveform = self._decoder.decode(data)
        first = self._next_frame + dropped
        self._next_frame = first + waveform.size
        return Block(first, waveform, time.time(), self._decoder.channel_fault)

    def close(self) -> None:
        """See `Source`."""
        self._stream.close(ignore_errors=True)

    def _enqueue(self, data: Any, frames: int, times: Any, flags: "CallbackFlags") -> None:
        """Queue a block; called by PortAudio, which does not say how much an overflow lost: at least one."""
        dropped = self._dropped + (frames if flags.input_overflow else 0)
        try:
            self._queue.put_nowait((dropped, bytes(data)))
            self._dropped = 0
        except queue.Full:
            self._dropped = dropped + frames


def parse_device(name: str) -> str | None:
    """Return the part of a source name that names a PortAudio device; None for another kind of source.

    Raises:
        UsageError: the device is named by its index; sounddevice or PortAudio is not installed.
    """
    is_prefixed = name.startswith(PREFIX)
    if not is_prefixed and sys.platform != "darwin":
        return None
    device = name.removeprefix(PREFIX)
    if device.isdecimal():
        reason = f"'{name}' names a microphone by its number, which changes from start to start"
        raise UsageError(reason, "'python -m sounddevice' lists their names; a part of one is enough")
    _import_sounddevice()
    return "" if device == "default" else device


def _import_sounddevice() -> Any:
    try:
        import sounddevice  # noqa: PLC0415  (an extra)
    except ModuleNotFoundError:
        raise UsageError("this microphone needs sounddevice", "in the clone: pip install '.[mic]'") from None
    except OSError:  # the library PortAudio is missing
        raise UsageError("sounddevice needs PortAudio", "sudo apt install libportaudio2") from None
    return sounddevice


def _open_stream(device: str, pcm_format: PcmFormat, callback: Any) -> Any:
    portaudio = _import_sounddevice()
    try:
        portaudio._terminate()  # devices are enumerated at initialisation only: one may have been plugged in
        portaudio._initialize()
        stream = portaudio.RawInputStream(
            samplerate=pcm_format.rate_hz,
            blocksize=round(BLOCK_S * pcm_format.rate_hz),
            device=device or None,
            channels=pcm_format.channels,
            dtype=SAMPLE_TYPES[pcm_format.encoding],
            callback=callback,
        )
        stream.start()
    except (portaudio.PortAudioError, ValueError) as error:
        reason = " ".join(str(error).split())
        message = f"'{PREFIX}{device}' cannot be opened: {reason}"
        raise SourceError(message, "see 'python -m sounddevice'") from None
    return stream
