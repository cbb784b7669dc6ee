"""mn04, our backbone's teacher, as somebody uses it who takes its embedding as it is."""

from pathlib import Path

import numpy as np
import onnx
import soxr
import torch
from torch import Tensor, nn
from torch.export import Dim

from edgecl.arrays import Floats
from edgecl.errors import EdgeclError
from export.model.ast import DEFAULT_FRONT_END
from export.model.frontend import LogMel, mel_bank
from export.onnx_graph.to_onnx import LONGEST_S, SHORTEST_S, export_graph
from tools.pretrain.mn04 import load_mn04

RATE_HZ = DEFAULT_FRONT_END.sample_rate_hz
PUBLISHED_RATE_HZ, FFT_SAMPLES, FRAME_SAMPLES, HOP_SAMPLES = 32000, 1024, 800, 320


class Embedding(nn.Module):
    """Waveforms [B, samples] at 16 kHz → embeddings [B, 384], on the image that our backbone hears too."""

    def __init__(self, weights: Path) -> None:
        super().__init__()
        if not weights.is_file():
            raise EdgeclError(f"there is no file '{weights}'", "name the weights of mn04 with --teacher")
        self.front_end, self.network = LogMel(DEFAULT_FRONT_END), load_mn04(weights)

    def forward(self, waveform: Tensor) -> Tensor:
        """The embeddings, without the teacher's other answers."""
        return self.network(self.front_end(waveform)).embedding

    @torch.inference_mode()
    def of_windows(self, windows: Floats) -> Floats:
        """Embeddings [N, 384] of windows [N, samples]."""
        return self(torch.from_numpy(windows)).numpy()

    @torch.inference_mode()
    def of_clip(self, waveform: Floats) -> Floats:
        """Embedding [384] of a whole clip [samples], as the authors compute it."""
        return self.network(published_image(waveform)).embedding[0].numpy()

    def to_onnx(self) -> onnx.ModelProto:
        """`waveform [batch, samples]` → `embedding [batch, 384]`, of any length up to 64 s."""
        samples = Dim("samples", min=int(SHORTEST_S * RATE_HZ), max=LONGEST_S * RATE_HZ)
        example, axes = torch.zeros(2, 2 * RATE_HZ), ({0: Dim("batch"), 1: samples},)
        return export_graph(self, (example,), inputs=["waveform"], outputs=["embedding"], axes=axes)


def published_image(waveform: Floats) -> Tensor:
    """The log-mel image [1, 1, 128, frames] that the authors make of a clip: at 32 kHz, frames centred.

    Silence follows what is shorter than a second: it is worth ten points on drum hits and spoken digits.
    """
    filled = np.pad(waveform, (0, max(0, RATE_HZ - waveform.size)))
    raised = torch.from_numpy(soxr.resample(filled, RATE_HZ, PUBLISHED_RATE_HZ))
    emphasised = raised[1:] - DEFAULT_FRONT_END.preemphasis * raised[:-1]
    window = torch.hann_window(FRAME_SAMPLES, periodic=False)
    spectrum = torch.stft(emphasised, FFT_SAMPLES, HOP_SAMPLES, FRAME_SAMPLES, window, return_complex=True)
    bands, highest_hz = DEFAULT_FRONT_END.mel_bands, PUBLISHED_RATE_HZ / 2
    bank = mel_bank(bands, FFT_SAMPLES, PUBLISHED_RATE_HZ, 0.0, highest_hz)
    log_mel = (torch.tensor(bank, dtype=torch.float32) @ spectrum.abs().square() + 1e-5).log()
    return ((log_mel + 4.5) / 5)[None, None]
