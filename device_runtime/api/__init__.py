"""The Python API: like the command line a thin front end over `device_runtime.workflows`."""

from device_runtime.api.device import Device, Prediction
from device_runtime.api.stream import Event, Stream

__all__ = ["Device", "Event", "Prediction", "Stream"]
