"""Whether an environment holds what its name promises: `python -m tools.environment host|device`.

The device suite proves something only where torch and onnx are truly absent, and either suite only where
exactly one of the two wheels that own the import package `onnxruntime` is installed.
"""

import sys
from collections.abc import Collection
from importlib.metadata import distributions

REQUIRED = {
    "host": {"torch", "onnx", "onnxscript", "onnxruntime-training-cpu"},
    "device": {"onnxruntime"},
}
FORBIDDEN = {
    "host": {"onnxruntime"},
    "device": {"torch", "onnx", "onnxscript", "onnxruntime-training-cpu", "transformers"},
}


def faults(environment: str, installed: Collection[str]) -> list[str]:
    """One sentence for every distribution that is missing from, or foreign to, `environment`."""
    missing = sorted(REQUIRED[environment].difference(installed))
    foreign = sorted(FORBIDDEN[environment].intersection(installed))
    return [f"{name} is missing" for name in missing] + [f"{name} must not be here" for name in foreign]


def main(environment: str) -> int:
    """0 when this interpreter is a proper `environment`, 1 after telling its faults."""
    installed = {distribution.name.lower() for distribution in distributions()}
    found = faults(environment, installed)
    for fault in found:
        print(f"error: environment '{environment}': {fault}", file=sys.stderr)
    if found:
        print(f"hint:  rm -r .venv/{environment} && make {environment}-env", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    if sys.argv[1:] not in (["host"], ["device"]):
        sys.exit("usage: python -m tools.environment host|device")
    sys.exit(main(sys.argv[1]))
