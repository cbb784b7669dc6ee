"""`tools.environment` notices what would make a suite prove nothing."""

from tools.environment import find_faults


def test_a_proper_device_environment_has_no_faults() -> None:
    assert find_faults("device", {"onnxruntime", "numpy", "pytest"}) == []


def test_a_device_environment_with_torch_or_both_wheels_is_refused() -> None:
    assert find_faults("device", {"onnxruntime", "torch"}) == ["torch must not be here"]
    both = find_faults("device", {"onnxruntime", "onnxruntime-training-cpu"})
    assert both == ["onnxruntime-training-cpu must not be here"]


def test_a_host_environment_without_the_training_wheel_is_refused() -> None:
    assert find_faults("host", {"torch", "onnx", "onnxscript"}) == ["onnxruntime-training-cpu is missing"]
