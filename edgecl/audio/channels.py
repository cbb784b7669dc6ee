"""From several channels to one: their mean, or one of them where the mean would lose the sound; without DC.

A cable or plug that turns one channel upside down makes the mean cancel the sound, and a dead channel halves
it. Both show in the energies of the channels and their correlations between 100 Hz and 8 kHz, without offset
and hum; loud moments count most, as they should: in silence channels hold only their own noise.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from edgecl.arrays import Doubles, Floats, Waveform

ChannelFault = Literal["opposite phase", "one channel dead"]

LOWEST_HZ, HIGHEST_HZ = 100.0, 8000.0
OPPOSITE_CORRELATION = -0.5
"""Correlation with the strongest channel from which downwards a channel cancels it."""
DEAD_DB = -30.0
"""Energy relative to the strongest channel up to which a channel is dead."""
WEAK_DB = -10.0
"""Energy relative to the strongest channel up to which a channel only weakens the mean."""
MARGIN = 0.8
"""Share by which the above must be undercut before the mean is used again, so that it does not flip."""
STEP_S = 0.1
"""How often the choice is reconsidered in a stream."""
MEMORY_S = 20.0
"""Time constant in which the past of a stream is forgotten."""


@dataclass(frozen=True)
class Mix:
    """How the channels of a sound become one."""

    channel: int | None = None
    """The channel to use; None: the mean of all."""
    offset: float = 0.0
    """The DC component, which is subtracted."""

    def apply(self, block: Floats) -> Waveform:
        """Return a block [frames, channels] as one channel [frames]."""
        mixed = block.mean(axis=1) if self.channel is None else block[:, self.channel]
        return np.ascontiguousarray(mixed - np.float32(self.offset))


class ChannelStatistics:
    """Energies, correlations and DC components of channels, summed over blocks."""

    def __init__(self, channels: int, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._covariance: Doubles = np.zeros((channels, channels))
        self._sums: Doubles = np.zeros(channels)
        self._frames = 0

    def add(self, block: Floats, kept: float = 1.0) -> None:
        """Add a block [frames, channels]; `kept` is the share of the past that still counts."""
        self._sums += block.sum(axis=0, dtype=np.float64)
        self._frames += len(block)
        if len(self._sums) == 1:
            return
        spectrum = np.fft.rfft(block, axis=0)
        frequency_hz = np.fft.rfftfreq(len(block), 1 / self._rate_hz)
        spectrum = spectrum[(frequency_hz >= LOWEST_HZ) & (frequency_hz <= HIGHEST_HZ)]
        self._covariance = kept * self._covariance + np.real(spectrum.conj().T @ spectrum) / len(block)

    def choose(self, present: int | None = None) -> int | None:
        """Return the channel to use; None for the mean of all.

        Args:
            present: the channel in use, which is kept until the mean is clearly no worse.
        """
        levels, correlations = self._relate_to_strongest()
        strongest = int(levels.argmax())
        slack = 1.0 if present is None else MARGIN
        weak = levels.min() <= WEAK_DB * slack
        cancels = correlations.min() <= OPPOSITE_CORRELATION * slack
        if not (weak or cancels):
            return None
        return strongest if present is None or levels[present] < WEAK_DB * MARGIN else present

    def choose_mix(self) -> Mix:
        """Return how to mix a recording that was added as a whole."""
        channel = self.choose()
        offsets = self._sums / max(1, self._frames)
        return Mix(channel, float(offsets.mean() if channel is None else offsets[channel]))

    def find_fault(self) -> ChannelFault | None:
        """Return what is wrong with the channels."""
        levels, correlations = self._relate_to_strongest()
        if correlations.min() <= OPPOSITE_CORRELATION:
            return "opposite phase"
        return "one channel dead" if levels.min() <= DEAD_DB else None

    def _relate_to_strongest(self) -> tuple[Doubles, Doubles]:
        """Return level in dB and correlation of each channel relative to the strongest, each [channels]."""
        energy = np.maximum(np.diag(self._covariance), 1e-20)
        strongest = int(energy.argmax())
        correlations: Doubles = self._covariance[strongest] / np.sqrt(energy[strongest] * energy)
        levels: Doubles = 10 * np.log10(energy / energy[strongest])
        correlations[levels <= DEAD_DB] = 0.0  # crosstalk into a dead channel
        return levels, correlations


class ChannelMixer:
    """Mixes the channels of a stream, whatever the sizes of the chunks it arrives in.

    The choice for a tenth of a second depends on what came before it, so that nothing is delayed. A DC
    component stays until the stream is split into windows.
    """

    def __init__(self, channels: int, rate_hz: int) -> None:
        self.channels = channels
        self._step = max(1, round(STEP_S * rate_hz))
        self._kept = float(np.exp(-STEP_S / MEMORY_S))
        self._statistics = ChannelStatistics(channels, rate_hz)
        self._rest: Floats = np.zeros((0, channels), np.float32)  # of the present step
        self._mix = Mix()
        self.fault: ChannelFault | None = None
        """What is wrong with the channels, as the past shows it."""

    def feed(self, chunk: Floats) -> Waveform:
        """Return a chunk [frames, channels] as one channel [frames]."""
        if self.channels == 1:
            return self._mix.apply(chunk)
        mixed = []
        while len(chunk):
            part, chunk = np.split(chunk, [self._step - len(self._rest)])
            mixed.append(self._mix.apply(part))
            self._rest = np.concatenate([self._rest, part])
            if len(self._rest) == self._step:
                self._reconsider()
        return np.concatenate(mixed) if mixed else np.zeros(0, np.float32)

    def _reconsider(self) -> None:
        self._statistics.add(self._rest, self._kept)
        self._rest = self._rest[:0]
        self._mix = Mix(self._statistics.choose(self._mix.channel))
        self.fault = self._statistics.find_fault()
