"""A source that plays a recording, at its own speed or as fast as it can be processed."""

import time
from contextlib import ExitStack
from pathlib import Path

from device_runtime.daemon.sources.base import LISTENING, NO_FRAMES, Block, Condition
from device_runtime.daemon.sources.health import CHANNEL_CONDITIONS
from edgecl.audio.channels import ChannelMixer
from edgecl.audio.decoding import make_decodable, open_sound, read_blocks
from edgecl.errors import AudioError, SourceError

LONGEST_S = 31 * 86_400.0
BLOCK_S = 0.1  # at normal speed


class FileSource:
    """The frames of a file. Its time begins when it is opened, not when it was recorded.

    `read_clip` decodes the whole file first and scales down what peaks above 1; this does not.
    """

    def __init__(self, path: Path, fast: bool) -> None:
        """Open the file.

        Raises:
            SourceError: the file is not readable audio.
        """
        self.name = str(path)
        self.condition: Condition = LISTENING
        self.lost_frames = 0
        self._fast = fast
        try:
            with ExitStack() as opening:
                file = opening.enter_context(path.open("rb", buffering=0))  # the decoder reads on
                source = opening.enter_context(make_decodable(file))
                sound = opening.enter_context(open_sound(source))
                self._open_files = opening.pop_all()
        except AudioError as defect:
            raise SourceError(f"'{path}' {defect.message}", defect.hint) from None
        except OSError as error:
            reason = f"'{path}' cannot be read: {error.strerror}"
            raise SourceError(reason, "check that it exists and that you may read it") from None
        self.rate_hz: int = sound.samplerate
        self._blocks = read_blocks(sound, LONGEST_S)
        self._mixer = ChannelMixer(sound.channels, sound.samplerate)
        self._decoded = NO_FRAMES
        self._next_frame = 0
        self._opened_unix_s = time.time()
        self._opened_s = time.monotonic()

    def read(self, timeout_s: float) -> Block | None:
        """See `Source`.

        Raises:
            SourceError: the file is damaged from here on.
        """
        if not self._decoded.size and not self._decode():
            return None
        frames = self._decoded.size if self._fast else self._wait_for_frames(timeout_s)
        waveform, self._decoded = self._decoded[:frames], self._decoded[frames:]
        first, self._next_frame = self._next_frame, self._next_frame + waveform.size
        return Block(first, waveform, self._opened_unix_s + self._next_frame / self.rate_hz)

    def close(self) -> None:
        """See `Source`."""
        self._open_files.close()

    def _decode(self) -> bool:
        """Decode the next block of the file; return whether there was one."""
        try:
            block = next(self._blocks, None)
        except AudioError as defect:
            raise SourceError(f"'{self.name}' {defect.message}", defect.hint) from None
        if block is None:
            return False
        self._decoded = self._mixer.feed(block)
        if self._mixer.fault:  # for good: the end of a recording need not show it any more
            self.condition = CHANNEL_CONDITIONS[self._mixer.fault]
        return True

    def _wait_for_frames(self, timeout_s: float) -> int:
        """Wait until a block is due in real time; return the number of frames that are due."""
        due_s = self._opened_s + self._next_frame / self.rate_hz + BLOCK_S
        time.sleep(min(max(due_s - time.monotonic(), 0.0), timeout_s))
        return max(0, int((time.monotonic() - self._opened_s) * self.rate_hz) - self._next_frame)
