"""Who takes part: the product with every bundle and engine, baselines, competitors; and their ears."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from device_runtime.model.runtime import Runtime
from device_runtime.training.engines.factory import list_usable_engines
from device_runtime.training.learner import ADAPTER, AUTO, METHODS
from edgecl.bundle.bundle import Bundle
from edgecl.errors import EdgeclError, UsageError
from tools.bench.continual import competitors
from tools.bench.continual.feature_extractors import Ear, bundle_ear
from tools.bench.continual.method_inputs import Setup
from tools.bench.continual.methods import BASELINES, Entry

PRODUCT, PROMPTS = "edgecl", "l2p"
CHOICES = (PRODUCT, *BASELINES, *competitors.NAMES)


@dataclass(frozen=True)
class LineUp:
    """The methods of a run."""

    entries: list[Entry] = field(default_factory=list)
    ears: list[Ear] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)  # name → why


def line_up(
    chosen: Sequence[str], bundles: Sequence[Path], setup: Setup, competing: dict[str, Path | None]
) -> LineUp:
    """The chosen methods; what cannot take part is left out, with the reason.

    Args:
        chosen: of `CHOICES`; none means all.
        bundles: the product's; the first one's backbone is also that of the baselines.
        competing: the weights of each competitor, None where they were not named.

    Raises:
        UsageError: there is no such method, or the first bundle is not fit for the baselines.
    """
    for name in chosen:
        if name not in CHOICES:
            raise UsageError(f"there is no method '{name}'", f"choose {', '.join(CHOICES)}")
    made, wanted = LineUp(), chosen or CHOICES
    runtimes = [Runtime.open(bundle, setup.threads) for bundle in bundles]
    _demand_post(runtimes[0])
    made.ears.append(bundle_ear(runtimes[0], setup.memories))
    if PRODUCT in wanted:
        made.ears.extend(bundle_ear(runtime, setup.memories) for runtime in runtimes[1:])
        made.entries.extend(_products(runtimes))
    made.entries.extend(entry for name, entry in BASELINES.items() if name in wanted and name != PROMPTS)
    if PROMPTS in wanted:
        _add_prompts(made, setup, runtimes[0])
    for name, weights in competing.items():
        if name in wanted:
            _add_competitor(made, setup, name, weights)
    return made


def _demand_post(runtime: Runtime) -> None:
    placement = runtime.bundle.manifest.adapter.placement
    if placement != "post":
        hint = "name a bundle of placement 'post' first: the baselines learn from its last tokens"
        raise UsageError(f"the first bundle has its adapters at '{placement}'", hint)


def _products(runtimes: Sequence[Runtime]) -> list[Entry]:
    """Every method of the first bundle, its adapter with every engine, then the adapters of the others."""
    first = runtimes[0].bundle
    engine = list_usable_engines(first.manifest.engines)[0]
    heads = [
        _product(f"edgecl {method}", first.path, engine, method) for method in METHODS if method != ADAPTER
    ]
    adapters = [
        _product(_adapter_name(runtime.bundle, engine, len(runtimes)), runtime.bundle.path, engine, ADAPTER)
        for runtime in runtimes
        for engine in list_usable_engines(runtime.bundle.manifest.engines)
    ]
    return [*heads, *adapters]


def _product(name: str, bundle: Path, engine: str, method: str) -> Entry:
    return Entry(name, "edgecl:Edgecl", (bundle, engine, method), isolating=True, few_shot=method == AUTO)


def _adapter_name(bundle: Bundle, engine: str, bundles: int) -> str:
    adapter = bundle.manifest.adapter
    of = f" of {bundle.path.name}" if bundles > 1 else ""
    return f"edgecl adapter {adapter.placement}/{adapter.kind}{of}, {engine}"


def _add_prompts(made: LineUp, setup: Setup, runtime: Runtime) -> None:
    from tools.bench.continual.first_blocks import first_blocks_ear  # noqa: PLC0415 — torch

    try:
        made.ears.append(first_blocks_ear(setup.weights, runtime, setup.memories))
    except EdgeclError as error:
        made.left_out[BASELINES[PROMPTS].name] = f"{error.message}; {error.hint}"
    else:
        made.entries.append(BASELINES[PROMPTS])


def _add_competitor(made: LineUp, setup: Setup, name: str, weights: Path | None) -> None:
    try:
        entry, ear = competitors.competitor(name, weights, setup.memories)
    except EdgeclError as error:
        made.left_out[competitors.NAMES[name]] = f"{error.message}; {error.hint}"
    else:
        made.entries.append(entry)
        made.ears.append(ear)
