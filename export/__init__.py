"""The host side: torch weights in, one bundle out.

Read these in the order of the data: `weights` and `hugging_face` load a network of `model/`;
`onnx_graph` exports it, simplifies the graph and appends gradients; `engines` builds what the
device's two training engines run; `make_bundle` assembles the bundle and `parity` compares it with torch.
`distill/` trains a smaller network from a larger one. `commands` holds the commands of `edgecl-export`.
"""

import device_runtime  # noqa: F401  (switches off the telemetry of onnxruntime before anything imports it)
