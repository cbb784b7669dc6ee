"""The figures as Markdown tables."""

from collections.abc import Callable, Iterator, Sequence
from statistics import fmean

from tools.bench.markdown import format_header, format_row
from tools.bench.room.benchmark import PRODUCT, YARDSTICK, Results, SystemFigures
from tools.bench.room.conditions import CLEAN, CONDITIONS
from tools.bench.room.figures import Alarms, Outcome, Share

STRICT_CONDITIONS = ("clean", "recorded noise 20 dB", "recorded noise 10 dB", "babble 20 dB", "babble 10 dB")
ROOMS = tuple(one.name for one in CONDITIONS if one != CLEAN)


def format_share(share: Share) -> str:
    """Format a share in percent with its interval."""
    low, high = share.interval
    return f"{100 * share.value:.0f} ({100 * low:.0f}–{100 * high:.0f})"


def format_alarms(alarms: Alarms) -> str:
    """Format a rate per hour with its interval."""
    low, high = alarms.interval
    return f"{alarms.per_hour:.1f} ({low:.1f}–{high:.1f})"


def format_all(results: Results) -> Iterator[str]:
    """Yield the lines of all tables, under headings."""
    yield from _section("Detected with the right label, % (95 % interval)", _detected(results, PRODUCT))
    if YARDSTICK in results.systems:
        title = f"{YARDSTICK}, with as many false alarms in the background"
        yield from _section(f"The same: {title}", _detected(results, YARDSTICK))
    yield from _section("False alarms an hour (95 % interval)", _alarms(results))
    yield from _section("In a stream and offline, clean", _offline(results))
    yield from _section("At ≤ 0.1 false alarms an hour of background", _strict(results))
    if results.rules:
        title = "Rules of events with as many false alarms as the default rule, mean of the tasks"
        yield from _section(title, _rules(results))
    yield from _section("Summary, mean of the tasks", _summary(results))


def _section(title: str, lines: Iterator[str]) -> Iterator[str]:
    yield f"\n## {title}\n"
    yield from lines


def mean_detected(by_task: dict[str, Outcome]) -> float:
    """Return the mean share over tasks, 0…1."""
    return fmean(outcome.detected.value for outcome in by_task.values())


def _detected(results: Results, system: str) -> Iterator[str]:
    figures = results.systems[system]
    yield from format_header(["condition", *results.tasks, "mean", "wrong label", "missed", "also wrong"])
    for condition in results.conditions:
        by_task = figures.outcomes[condition]
        cells = [format_share(by_task[task].detected) for task in results.tasks]
        parts: Sequence[Callable[[Outcome], int]] = (
            lambda one: one.wrong,
            lambda one: one.missed,
            lambda one: one.also_wrong,
        )
        means = [fmean(part(one) / one.count for one in by_task.values()) for part in parts]
        yield format_row(
            [condition, *cells, f"**{100 * mean_detected(by_task):.0f}**", *(f"{100 * m:.0f}" for m in means)]
        )


def _alarms(results: Results) -> Iterator[str]:
    yield from format_header(["sound", "system", *results.tasks])
    kinds: dict[str, Callable[[SystemFigures], dict[str, Alarms]]] = {
        "background": lambda one: one.background,
        "foreign: the other tasks' recordings": lambda one: one.foreign,
        "near: half of its own labels, not enrolled": lambda one: one.near,
    }
    for kind, of in kinds.items():
        for system, figures in results.systems.items():
            yield format_row([kind, system, *(format_alarms(of(figures)[task]) for task in results.tasks)])
        hours = of(results.systems[PRODUCT])
        yield format_row(["", "hours", *(f"{hours[task].hours:.2f}" for task in results.tasks)])


def _offline(results: Results) -> Iterator[str]:
    yield from format_header(["", *results.tasks])
    clean = results.systems[PRODUCT].outcomes[CLEAN.name]
    yield format_row(["offline accuracy", *(f"{100 * results.offline[task]:.1f}" for task in results.tasks)])
    yield format_row(["in a stream", *(f"{100 * clean[task].detected.value:.1f}" for task in results.tasks)])


def _strict(results: Results) -> Iterator[str]:
    conditions = [one for one in STRICT_CONDITIONS if one in results.conditions]
    yield from format_header(
        ["task", "system", "threshold", "alarms", *(f"missed, {one}" for one in conditions)]
    )
    for task in results.tasks:
        for system, figures in results.systems.items():
            point = figures.strict[task]
            missed = [point.outcomes[one] for one in conditions]
            cells = [format_share(Share(one.count - one.right, one.count)) for one in missed]
            sign = "+" if system == PRODUCT else ""
            yield format_row(
                [task, system, f"{point.threshold:{sign}.2f}", format_alarms(point.alarms), *cells]
            )


def _rules(results: Results) -> Iterator[str]:
    """Yield detection, and in brackets the share of events with a detection of another label."""
    yield from format_header(["rule", "threshold", *results.conditions])
    for rule, points in results.rules.items():
        offset = fmean(point.threshold for point in points.values())
        cells = []
        for condition in results.conditions:
            by_task = {task: point.outcomes[condition] for task, point in points.items()}
            wrong = fmean((one.wrong + one.also_wrong) / one.count for one in by_task.values())
            cells.append(f"{100 * mean_detected(by_task):.1f} ({100 * wrong:.1f})")
        yield format_row([rule, f"{offset:+.2f}", *cells])


def _summary(results: Results) -> Iterator[str]:
    """Yield one row for each system, to be collected over commits."""
    yield from format_header(["", *results.conditions, "mean over rooms", "background", "foreign", "near"])
    for system, figures in results.systems.items():
        means = {one: mean_detected(figures.outcomes[one]) for one in results.conditions}
        rooms = fmean(means[one] for one in results.conditions if one in ROOMS)
        rates = [
            fmean(one.per_hour for one in of.values())
            for of in (figures.background, figures.foreign, figures.near)
        ]
        cells = [f"{100 * share:.0f}" for share in (*means.values(), rooms)]
        yield format_row([system, *cells, *(f"{rate:.1f}" for rate in rates)])
