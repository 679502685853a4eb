"""Light curves from event files: time, agreement and memory, beside the original."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scripts.benchmarks.bench import STEP_S, Bench, compared, median
from scripts.benchmarks.contender import Answer, Contender, alternate
from scripts.benchmarks.corrtag import Exposure
from scripts.benchmarks.data import PAIRS, SINGLES, event_files
from scripts.benchmarks.table import Row

__all__ = ["rows"]

WHOLE = {**PAIRS, "1e7": SINGLES["1e7"]}
REPEAT = {"2 x 1e5": 15, "2 x 1e6": 7, "1e7": 4}
KERNEL_PROFILE = "the steps that python -m scripts.benchmarks.steps prints"
PRODUCT_GOAL = 8.0
KERNEL_FLOOR_GOAL = 10.0
CHECKS_GOAL, CHECKS_GOAL_NS = 40.0, 5.0
MEMORY_GOAL_MIB = 100.0
FLUX_AGREEMENT = 1e-10
EXACT_EVENTS = 10**6  # of a segment: so many add up without rounding in float32, as the original adds
SUM_AGREEMENT = 1.3e-7  # counts an event: what that rounding does to more


def rows(bench: Bench) -> list[Row]:
    """Return the figures of extraction, quality checks and memory."""
    with bench.start_ours() as ours, bench.start_theirs() as theirs:
        table = [row for name in WHOLE for row in _extraction(bench, ours, theirs, name)]
        table += _kernel(bench, ours, theirs)
        table += _checks(bench, ours, theirs)
    return [*table, *(_memory(bench, name) for name in WHOLE), _ingest_memory(bench)]


def _extraction(bench: Bench, ours: Contender, theirs: Contender, name: str) -> list[Row]:
    exposure = WHOLE[name]
    own_file, other_file = bench.scratch("ours.npz"), bench.scratch("original.npz")
    arguments: dict[str, Any] = {"path": str(event_files(bench.data, exposure)[0]), "step": STEP_S}
    table, seconds = [], {}
    for flux in (False, True):
        own, other, floor = alternate(
            lambda flux=flux: ours.ask("read", **arguments, flux=flux, save=own_file),  # type: ignore[misc]
            lambda flux=flux: theirs.ask("read", **arguments, flux=flux, save=other_file),  # type: ignore[misc]
            bench.stream,
            repeat=REPEAT[name],
        )
        what = f"light curve {'with flux' if flux else 'without flux'}, {name} events"
        seconds = {"own": median(own), "other": median(other)}
        limit = _by_floor(exposure, seconds["own"], floor)
        table.append(compared(what, seconds["own"], seconds["other"], None, limit))
        if flux:
            table.append(_agreement(name, exposure, np.load(own_file), np.load(other_file)))
    own, other = alternate(
        lambda: ours.ask("write", path=bench.scratch("ours.fits")),
        lambda: theirs.ask("write", path=bench.scratch("original.fits")),
        repeat=REPEAT[name],
    )
    what = f"files to written product, with flux, {name} events"
    total = (seconds["own"] + median(own), seconds["other"] + median(other))
    limit = f"{_by_floor(exposure, seconds['own'], floor)}; writing {1e3 * median(own):.2f} ms"
    return [compared(what, *total, PRODUCT_GOAL, limit), *table]


def _events(exposure: Exposure) -> int:
    return sum(exposure.events.values())


def _by_floor(exposure: Exposure, seconds: float, floor: list[Answer]) -> str:
    event_ns, floor_ns = 1e9 * seconds / _events(exposure), median(floor, "event_ns")
    return f"{event_ns:.1f} ns an event, {event_ns / floor_ns:.1f} x the floor of {floor_ns:.1f} ns"


def _agreement(
    name: str, exposure: Exposure, ours: Mapping[str, NDArray[Any]], theirs: Mapping[str, NDArray[Any]]
) -> Row:
    """Compare the bins that both have: the original leaves the last one out.

    Its flux is the sum of the segments' means over all their pixels in a second; ours is one mean over the wavelengths
    outside airglow in a live second. The data are such that a factor remains, the same for all bins.
    """
    bins = len(theirs["gross"])
    same = slice(0, bins)
    apart = {key: float(np.abs(ours[key][same] - theirs[key]).max()) for key in ("gross", "background")}
    factor = ours["flux"][same] * ours["exposure"][same] / STEP_S / theirs["flux"]
    typical = float(np.median(factor))
    flux = float(np.abs(factor / typical - 1).max())
    exact = max(exposure.events.values()) <= EXACT_EVENTS
    allowed = 0.0 if exact else SUM_AGREEMENT * _events(exposure)
    return Row(
        f"largest difference in {bins} bins, {name} events",
        f"gross {apart['gross']:.2g}, background {apart['background']:.2g} counts, flux {flux:.1e} (relative)",
        goal=f"counts {'equal' if exact else f'<= {allowed:.2g}'}, flux <= {FLUX_AGREEMENT:g}",
        reached=max(apart.values()) <= allowed and flux <= FLUX_AGREEMENT,
        limited_by=("" if exact else "the original adds in float32; ")
        + f"a factor of {typical:.6f} between the two definitions of flux is taken out",
    )


def _kernel(bench: Bench, ours: Contender, theirs: Contender) -> list[Row]:
    exposure = SINGLES["1e6"]
    arguments: dict[str, Any] = {"path": str(event_files(bench.data, exposure)[0]), "step": STEP_S, "flux": False}
    own, other, floor = alternate(
        lambda: ours.ask("read", **arguments),
        lambda: theirs.ask("read", **arguments),
        bench.stream,
        repeat=REPEAT["2 x 1e5"],
    )
    floors = 1e9 * median(own) / _events(exposure) / median(floor, "event_ns")
    what = "gross and background from one file of 1e6 events"
    goal, reached = f"<= {KERNEL_FLOOR_GOAL:g} x", floors <= KERNEL_FLOOR_GOAL
    return [
        compared(what, median(own), median(other), None, _by_floor(exposure, median(own), floor)),
        Row(f"{what}, by the floor", f"{floors:.1f} x", goal=goal, reached=reached, limited_by=KERNEL_PROFILE),
    ]


def _checks(bench: Bench, ours: Contender, theirs: Contender) -> list[Row]:
    """Measure with the rows in memory, as the original's loops work on them, and from the file."""
    exposure = SINGLES["1e6"]
    path = str(event_files(bench.data, exposure)[0])
    own, other, every = alternate(
        lambda: ours.ask("checks", path=path, six=True),
        lambda: theirs.ask("checks", path=path),
        lambda: ours.ask("checks", path=path, six=False),
        repeat=REPEAT["2 x 1e6"],
    )
    assert all(answer["passed"] for answer in (*own, *other, *every))
    own_ns, other_ns, every_ns = (1e9 * median(answers) / _events(exposure) for answers in (own, other, every))
    file_ns = 1e9 * median(own, "file_s") / _events(exposure)
    ratio = other_ns / own_ns
    return [
        Row(
            "the six documented checks of 1e6 events in memory (the original's loops acted out)",
            f"{own_ns:.2f} ns an event",
            f"{other_ns:.0f} ns an event",
            f"{ratio:.0f} x",
            f">= {CHECKS_GOAL:g} x, <= {CHECKS_GOAL_NS:g} ns",
            ratio >= CHECKS_GOAL and own_ns <= CHECKS_GOAL_NS,
            f"from the closed file {file_ns:.2f} ns",
        ),
        Row("all checks of 1e6 events in memory", f"{every_ns:.1f} ns an event"),
    ]


def _memory(bench: Bench, name: str) -> Row:
    """Measure in processes that have read nothing before."""
    path = str(event_files(bench.data, WHOLE[name])[0])
    peaks = []
    for start in (bench.start_ours, bench.start_theirs):
        with start() as contender:
            answer = contender.ask("read", path=path, step=STEP_S, flux=True, watch=True)
            peaks.append(answer["peak_bytes"] / 2**20)
    own, other = peaks
    return Row(
        f"peak anonymous memory above the imports, with flux, {name} events",
        f"{own:.0f} MiB",
        f"{other:.0f} MiB",
        f"{other / own:.1f} x" if own else "",
        f"<= {MEMORY_GOAL_MIB:g} MiB",
        own <= MEMORY_GOAL_MIB,
    )


def _ingest_memory(bench: Bench) -> Row:
    """Measure a process that has taken in a small exposure before."""
    small, large = (str(event_files(bench.data, exposure)[0].parent) for exposure in (PAIRS["2 x 1e5"], WHOLE["1e7"]))
    home = bench.scratch("store")
    with bench.start_ours() as contender:
        contender.ask("ingest", source=small, home=home, workers=1)
        answer = contender.ask("ingest", source=large, home=home, workers=1, watch=True)
    peak = answer["peak_bytes"] / 2**20
    return Row(
        "the same of a whole ingest with plots, 1e7 events, one worker",
        f"{peak:.0f} MiB",
        goal=f"<= {MEMORY_GOAL_MIB:g} MiB",
        reached=peak <= MEMORY_GOAL_MIB,
    )
