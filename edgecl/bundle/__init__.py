"""The bundle: its files, its manifest, and a scan of its ONNX graphs."""
