"""Plain ONNX graphs: export from torch, simplification, quantization and automatic differentiation."""
