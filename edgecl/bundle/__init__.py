"""The bundle: manifest, hashes, and a scan of its ONNX graphs."""
