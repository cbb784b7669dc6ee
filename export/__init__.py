"""The host's side: torch weights in, one bundle out.

`model/` is the torch network; `checkpoint` and `hugging_face` bring weights in; `to_onnx` writes the
frozen backbone and the adapted forward graph; `autodiff` and `train_step` append gradients and AdamW in
plain ONNX; `ort_training` makes the same step for onnxruntime-training; `make_bundle` is the recipe that
puts them together and `parity` the proof that they agree; `commands` are those of `edgecl-export`.
"""
