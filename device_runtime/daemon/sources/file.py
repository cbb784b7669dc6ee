"""A source that is a recording: played at the speed it was made, or as fast as it can be heard."""

import time
from contextlib import ExitStack
from pathlib import Path

from device_runtime.daemon.sources.base import LISTENING, NOTHING, Block
from edgecl.audio.decoding import open_sound, read_mono_blocks
from edgecl.errors import AudioError, SourceError

LONGEST_S = 31 * 86_400.0
PIECE_S = 0.1  # given at once at normal speed


class FileSource:
    """The frames of a file. Its time begins when it is opened, whenever it was recorded.

    Unlike `read_clip`, which sees all of it first, it does not scale down what peaks above 1.
    """

    def __init__(self, path: Path, fast: bool) -> None:
        """Open the file.

        Raises:
            SourceError: it holds no sound that can be read.
        """
        self.name = str(path)
        self.condition = LISTENING
        self.lost_frames = 0
        self._fast = fast
        try:
            with ExitStack() as opening:
                file = opening.enter_context(path.open("rb"))
                sound = opening.enter_context(open_sound(file))
                self._opened = opening.pop_all()
        except AudioError as defect:
            raise SourceError(f"'{path}' {defect.message}", defect.hint) from None
        except OSError as error:
            reason = f"'{path}' cannot be read: {error.strerror}"
            raise SourceError(reason, "check that it exists and that you may read it") from None
        self.rate_hz: int = sound.samplerate
        self._blocks = read_mono_blocks(sound, LONGEST_S)
        self._decoded = NOTHING
        self._given = 0  # frames
        self._began_s = time.time()
        self._began = time.monotonic()

    def read(self, within_s: float) -> Block | None:
        """See `Source`.

        Raises:
            SourceError: the file is damaged from here on.
        """
        if not self._decoded.size and not self._decode():
            return None
        frames = self._decoded.size if self._fast else self._due(within_s)
        part, self._decoded = self._decoded[:frames], self._decoded[frames:]
        first, self._given = self._given, self._given + part.size
        return Block(first, part, self._began_s + self._given / self.rate_hz)

    def close(self) -> None:
        """See `Source`."""
        self._opened.close()

    def _decode(self) -> bool:
        try:
            self._decoded = next(self._blocks, NOTHING)
        except AudioError as defect:
            raise SourceError(f"'{self.name}' {defect.message}", defect.hint) from None
        return bool(self._decoded.size)

    def _due(self, within_s: float) -> int:
        """How many frames ought to have been given by now; waits until it is a tenth of a second's worth."""
        piece_at_s = self._began + self._given / self.rate_hz + PIECE_S
        time.sleep(min(max(piece_at_s - time.monotonic(), 0.0), within_s))
        return max(0, int((time.monotonic() - self._began) * self.rate_hz) - self._given)
