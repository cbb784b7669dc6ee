"""The background that every task must reject, as embeddings of the bundle's backbone.

`background.safetensors` holds embeddings instead of audio: of synthetic noises, and of some everyday sounds
that the host had. So the device need not process them.
"""

from dataclasses import dataclass

import numpy as np
from safetensors.numpy import load

from edgecl.arrays import Floats
from edgecl.bundle.bundle import Bundle

FILE_NAME = "background.safetensors"


@dataclass(frozen=True)
class Background:
    """Embeddings of sounds that belong to no task."""

    noise: Floats  # [A, P], of silence, hum, noises, clicks, babble, machines
    sounds: Floats  # [B, P], of recordings of anything; B may be 0

    @classmethod
    def load(cls, bundle: Bundle) -> "Background":
        """Load the background of a bundle."""
        tensors = load(bundle.read(FILE_NAME))
        return cls(tensors["noise"].astype(np.float32), tensors["sounds"].astype(np.float32))
