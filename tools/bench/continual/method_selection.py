"""The methods of a run: edgecl with every bundle and engine, baselines, competitors; and their extractors."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from device_runtime.model.runtime import Runtime
from device_runtime.training.engines.factory import list_usable_engines
from device_runtime.training.learner import ADAPTER, AUTO, METHODS
from edgecl.bundle.bundle import Bundle
from edgecl.errors import EdgeclError, UsageError
from tools.bench.continual import competitors
from tools.bench.continual.feature_extractors import FeatureExtractor, make_bundle_extractor
from tools.bench.continual.method_inputs import Setup
from tools.bench.continual.methods import BASELINES, Entry

PRODUCT, PROMPTS = "edgecl", "l2p"
CHOICES = (PRODUCT, *BASELINES, *competitors.NAMES)


@dataclass(frozen=True)
class MethodSelection:
    """The methods of a run, the feature extractors that they need, and what was left out."""

    entries: list[Entry] = field(default_factory=list)
    extractors: list[FeatureExtractor] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)  # name → reason


def select_methods(
    names: Sequence[str], bundles: Sequence[Path], setup: Setup, weights: dict[str, Path | None]
) -> MethodSelection:
    """Select methods by name; those that cannot run are left out, with the reason.

    Args:
        names: of `CHOICES`; empty: all.
        bundles: bundles of edgecl; the first one's backbone is also that of the baselines.
        setup: the settings of the run.
        weights: the weights of each competitor; None: not given.

    Raises:
        UsageError: a name is unknown, or the first bundle is unfit for the baselines.
    """
    for name in names:
        if name not in CHOICES:
            raise UsageError(f"there is no method '{name}'", f"choose {', '.join(CHOICES)}")
    selection, wanted = MethodSelection(), names or CHOICES
    runtimes = [Runtime.open(bundle, setup.threads) for bundle in bundles]
    _demand_post(runtimes[0])
    selection.extractors.append(make_bundle_extractor(runtimes[0], setup.caches))
    if PRODUCT in wanted:
        selection.extractors.extend(make_bundle_extractor(runtime, setup.caches) for runtime in runtimes[1:])
        selection.entries.extend(_product_entries(runtimes))
    selection.entries.extend(entry for name, entry in BASELINES.items() if name in wanted and name != PROMPTS)
    if PROMPTS in wanted:
        _add_prompts(selection, setup, runtimes[0])
    for name, file in weights.items():
        if name in wanted:
            _add_competitor(selection, setup, name, file)
    return selection


def _demand_post(runtime: Runtime) -> None:
    placement = runtime.bundle.manifest.adapter.placement
    if placement != "post":
        hint = "name a bundle of placement 'post' first: the baselines use its last tokens"
        raise UsageError(f"the first bundle has its adapters at '{placement}'", hint)


def _product_entries(runtimes: Sequence[Runtime]) -> list[Entry]:
    """Return every method of the first bundle, then the adapters of all bundles with every engine."""
    first = runtimes[0].bundle
    engine = list_usable_engines(first.manifest.engines)[0]
    heads = [
        _product_entry(f"edgecl {method}", first.path, engine, method)
        for method in METHODS
        if method != ADAPTER
    ]
    adapters = [
        _product_entry(
            _adapter_name(runtime.bundle, engine, len(runtimes)), runtime.bundle.path, engine, ADAPTER
        )
        for runtime in runtimes
        for engine in list_usable_engines(runtime.bundle.manifest.engines)
    ]
    return [*heads, *adapters]


def _product_entry(name: str, bundle: Path, engine: str, method: str) -> Entry:
    return Entry(name, "edgecl:Edgecl", (bundle, engine, method), isolated=True, few_shot=method == AUTO)


def _adapter_name(bundle: Bundle, engine: str, bundles: int) -> str:
    adapter = bundle.manifest.adapter
    of = f" of {bundle.path.name}" if bundles > 1 else ""
    return f"edgecl adapter {adapter.placement}/{adapter.kind}{of}, {engine}"


def _add_prompts(selection: MethodSelection, setup: Setup, runtime: Runtime) -> None:
    from tools.bench.continual.first_blocks import make_first_blocks_extractor  # noqa: PLC0415 — torch

    try:
        selection.extractors.append(make_first_blocks_extractor(setup.weights, runtime, setup.caches))
    except EdgeclError as error:
        selection.left_out[BASELINES[PROMPTS].name] = f"{error.message}; {error.hint}"
    else:
        selection.entries.append(BASELINES[PROMPTS])


def _add_competitor(selection: MethodSelection, setup: Setup, name: str, weights: Path | None) -> None:
    try:
        entry, extractor = competitors.load_competitor(name, weights, setup.caches)
    except EdgeclError as error:
        selection.left_out[competitors.NAMES[name]] = f"{error.message}; {error.hint}"
    else:
        selection.entries.append(entry)
        selection.extractors.append(extractor)
