"""What runs on the device: numpy and onnxruntime only; torch is never in sight.

Importing this package switches off the telemetry of onnxruntime, which is on by default since 1.32: it looks
up the address of a collector, and keeps a device id and a queue of events in the user's cache folder.
onnxruntime reads the variable when it is imported; its `disable_telemetry_events()` comes too late.

NumPy's matrix products run on one thread unless the environment says otherwise: its threads wait for each
other in busy loops, which costs CPU time and gains nothing beside onnxruntime's threads. NumPy reads the
variable when it is imported as well.
"""

import os

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # of this process and its children
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
