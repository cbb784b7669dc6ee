"""Who takes part: the product with every bundle and engine, baselines, competitors; and their ears."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from device_runtime.engines import usable
from device_runtime.runtime import Runtime
from edgecl.errors import EdgeclError, UsageError
from tools.bench.continual import competitors
from tools.bench.continual.ears import Ear, bundle_ear
from tools.bench.continual.methods import BASELINES, Entry
from tools.bench.continual.workbench import Setup

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
    """One for each bundle and engine; the first of all is the one for the few-shot curves."""
    entries: list[Entry] = []
    for number, runtime in enumerate(runtimes):
        adapter, path = runtime.bundle.manifest.adapter, runtime.bundle.path
        name = f"edgecl {adapter.placement}/{adapter.kind}"
        for engine in usable(runtime.bundle.manifest.engines):
            taken = any(entry.name == f"{name}, {engine}" for entry in entries)
            shown = f"{name}, {engine} ({path.name})" if taken else f"{name}, {engine}"
            first = number == 0 and not entries
            entries.append(Entry(shown, "edgecl:Edgecl", (path, engine), isolating=True, few_shot=first))
    return entries


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
