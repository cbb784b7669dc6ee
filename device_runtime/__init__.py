"""What runs on the device: numpy and onnxruntime only; torch is never in sight."""
