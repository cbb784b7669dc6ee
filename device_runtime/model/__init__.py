"""The frozen network of a bundle in onnxruntime sessions: waveform → tokens → logits."""
