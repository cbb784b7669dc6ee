"""What runs on the device: numpy and onnxruntime only; torch is never in sight.

Importing this package switches off the telemetry of onnxruntime, which is on by default since 1.32: it looks
up the address of a collector, and keeps a device id and a queue of events in the user's cache folder.
onnxruntime reads the variable when it is imported; its `disable_telemetry_events()` comes too late.
"""

import os

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # of this process and its children
