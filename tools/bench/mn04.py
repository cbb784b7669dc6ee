"""mn04, the backbone's teacher, as a feature extractor for users who take its embedding unchanged."""

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
from export.model.mobile import COARSE_LAYER
from export.onnx_graph.to_onnx import LONGEST_S, SHORTEST_S, export_graph
from tools.pretrain.mn04 import load_mn04

RATE_HZ = DEFAULT_FRONT_END.sample_rate_hz
PUBLISHED_RATE_HZ, FFT_SAMPLES, FRAME_SAMPLES, HOP_SAMPLES = 32000, 1024, 800, 320


class Embedding(nn.Module):
    """Waveforms [B, samples] at 16 kHz → embeddings [B, 384], on the same log-mel image as the backbone."""

    def __init__(self, weights: Path) -> None:
        super().__init__()
        if not weights.is_file():
            raise EdgeclError(f"there is no file '{weights}'", "name the weights of mn04 with --teacher")
        self.front_end, self.network = LogMel(DEFAULT_FRONT_END), load_mn04(weights)

    def forward(self, waveform: Tensor) -> Tensor:
        """Return the embeddings alone."""
        return self.network(self.front_end(waveform)).embedding

    @torch.inference_mode()
    def embed_windows(self, windows: Floats) -> Floats:
        """Return embeddings [N, 384] of windows [N, samples]."""
        return self(torch.from_numpy(windows)).numpy()

    @torch.inference_mode()
    def pool_clip(self, waveform: Floats) -> Floats:
        """Return [1152] of a whole clip [samples]: the embedding, and mean and deviation of a map over time.

        The map is that of stride 16, which our backbone is trained on too; its rows are kept, as ours are.
        """
        output = self.network(compute_published_image(waveform))
        rows = output.maps[COARSE_LAYER]  # [N, C, F, T]
        statistics = (rows.mean(3), rows.std(3, correction=0))
        return torch.cat([output.embedding, *(part.flatten(1) for part in statistics)], dim=1)[0].numpy()

    @torch.inference_mode()
    def embed_clip(self, waveform: Floats) -> Floats:
        """Return the embedding [384] of a whole clip [samples], on the authors' image."""
        return self.network(compute_published_image(waveform)).embedding[0].numpy()

    def to_onnx(self) -> onnx.ModelProto:
        """Export a graph `waveform [batch, samples]` → `embedding [batch, 384]` for any length up to 64 s."""
        samples = Dim("samples", min=int(SHORTEST_S * RATE_HZ), max=LONGEST_S * RATE_HZ)
        example, axes = torch.zeros(2, 2 * RATE_HZ), ({0: Dim("batch"), 1: samples},)
        return export_graph(self, (example,), inputs=["waveform"], outputs=["embedding"], axes=axes)


def compute_published_image(waveform: Floats) -> Tensor:
    """Compute the authors' log-mel image [1, 1, 128, frames] of a clip: at 32 kHz, with centred frames.

    Clips shorter than a second are padded with silence, which is worth ten points of accuracy on drum hits
    and spoken digits.
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
