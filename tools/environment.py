"""`python -m tools.environment host|device`: check which distributions an environment has.

The device tests are valid only without torch and onnx, and all tests only with exactly one of the two wheels
that own the import package `onnxruntime`.
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


def find_faults(environment: str, installed: Collection[str]) -> list[str]:
    """Return one sentence for every distribution that is missing or forbidden.

    Args:
        environment: "host" or "device".
        installed: names of the installed distributions, in lower case.
    """
    missing = sorted(REQUIRED[environment].difference(installed))
    foreign = sorted(FORBIDDEN[environment].intersection(installed))
    return [f"{name} is missing" for name in missing] + [f"{name} must not be here" for name in foreign]


def main(environment: str) -> int:
    """Print the faults of this interpreter's environment; return 1 where there are any, else 0."""
    installed = {distribution.name.lower() for distribution in distributions()}
    faults = find_faults(environment, installed)
    for fault in faults:
        print(f"error: environment '{environment}': {fault}", file=sys.stderr)
    if faults:
        print(f"hint:  rm -r .venv/{environment} && make {environment}-env", file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    if sys.argv[1:] not in (["host"], ["device"]):
        sys.exit("usage: python -m tools.environment host|device")
    sys.exit(main(sys.argv[1]))
