"""What a task must not take for one of its sounds, as the bundle's backbone hears it.

`background.safetensors` holds embeddings, not sound: of noises made by arithmetic, and of some everyday
sounds the host had at hand. Nothing of it has to be listened to on the device.
"""

from dataclasses import dataclass

import numpy as np
from safetensors.numpy import load

from edgecl.arrays import Floats
from edgecl.bundle.bundle import Bundle

FILE_NAME = "background.safetensors"


@dataclass(frozen=True)
class Background:
    """Embeddings of what is in no task."""

    noise: Floats  # [A, P], of silence, hum, noises, clicks, babble, machines
    sounds: Floats  # [B, P], of recordings of anything; B may be 0

    @classmethod
    def load(cls, bundle: Bundle) -> "Background":
        """The background that travels with a bundle."""
        tensors = load(bundle.read(FILE_NAME))
        return cls(tensors["noise"].astype(np.float32), tensors["sounds"].astype(np.float32))
