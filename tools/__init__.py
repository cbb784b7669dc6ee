"""Development tools beside the product: pretraining, benchmarks, the demonstration, the battery."""

import device_runtime  # noqa: F401  (switches off the telemetry of onnxruntime before anything imports it)
