"""Where the time of a light curve goes: each step of the sum over one event list.

``python -m scripts.benchmarks.steps`` after ``scripts/benchmarks/run extraction``, which makes the data.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median
from typing import Any

import numpy as np

from hstlc.events import bin_edges
from hstlc.events.bin_rows import BinRows
from hstlc.lightcurves.lookup import Lookup
from hstlc.missions.hst.airglow import windows
from hstlc.missions.hst.cos_clock import OUTSIDE, TICK_S, Placer
from hstlc.missions.hst.cos_extract import response
from hstlc.missions.hst.cos_regions import dq_mask, extraction_box, in_boxes, is_good
from hstlc.missions.hst.wavelengths import Seen
from hstlc.missions.registry import mission
from scripts.benchmarks.contender import ROOT
from scripts.benchmarks.data import PAIRS, event_files

__all__ = ["main"]

REPEAT = 7


def main() -> None:
    """Print the steps and what each costs."""
    folder = event_files(ROOT / ".benchmarks" / "data", PAIRS["2 x 1e6"])[0].parent
    hst = mission("hst")
    settings = hst.settings_model()
    found = [identity for path in sorted(folder.iterdir()) if (identity := hst.identify(path)) is not None]
    exposure = hst.load(found)
    events = exposure.events["corrtag_a"]
    runs: list[dict[str, float]] = []
    for _ in range(REPEAT):
        runs.append({})
        _steps(exposure, events, settings, runs[-1])
    print("| step | ns an event |\n| --- | --- |")
    total = 0.0
    for name in runs[0]:
        ns = 1e9 * median(run[name] for run in runs) / len(events)
        total += ns
        print(f"| {name} | {ns:.1f} |")
    print(f"| all | {total:.1f} |\n")


def _steps(exposure: Any, events: Any, settings: Any, spent: dict[str, float]) -> None:
    """Do the work of ``hstlc.missions.hst.cos_sums.sum_list`` step by step, timing each."""

    def step(name: str, work: Callable[[], Any]) -> Any:
        started = time.perf_counter()
        done = work()
        spent[name] = spent.get(name, 0.0) + time.perf_counter() - started
        return done

    edges = bin_edges(float(events.gti.stop[-1]), settings.bin_width_s, TICK_S)
    placer, mask, box = Placer(events.gti, edges), dq_mask(exposure), extraction_box(exposure, "A")
    low, high = settings.fuv_wavelength_aa
    excluded = windows(settings.airglow, exposure.text("OPT_ELEM"))
    calibration = response(exposure.spectra["A"], (low, high), excluded)
    lookup, seen, total = Lookup(calibration.wavelength_aa, calibration.fluence), Seen(), np.zeros(len(edges) - 1)
    blocks = events.blocks("TIME", "DQ", "XFULL", "YFULL", "WAVELENGTH", "EPSILON")
    while (block := step("read rows, take columns apart", lambda: next(blocks, None))) is not None:
        stamps, dq, *floats, weight = block
        x, y, aa = step("to double precision", lambda floats=floats: [v.astype(np.float64) for v in floats])
        index = step("bins and good time", lambda stamps=stamps: placer.place(stamps))
        good = step("data quality", lambda dq=dq, index=index: is_good(dq, mask) & (index != OUTSIDE))
        pair = step("boxes", lambda x=x, y=y, good=good: [w & good for w in in_boxes(x, y, box, "FUV")])
        step("limits of wavelength", lambda aa=aa, good=good: seen.add(aa, good))

        def choose(aa: Any = aa, pair: Any = pair) -> Any:
            wanted = (aa >= low) & (aa <= high)
            for start, stop in excluded:
                wanted &= (aa < start) | (aa > stop)
            source, beside = (where & wanted for where in pair)
            rows = np.flatnonzero(source | beside)
            return rows, np.flatnonzero(source.take(rows)), np.flatnonzero(beside.take(rows))

        rows, source, beside = step("wavelengths, chosen rows", choose)
        bins = step("their bins", lambda index=index, rows=rows: BinRows(index.take(rows), 0))
        w = step("their weights", lambda weight=weight, rows=rows: weight.take(rows).astype(np.float64))
        net = np.zeros(len(rows))
        net[source] = w.take(source)
        step("sum of gross", lambda bins=bins, net=net: bins.add(total, net))
        net[beside] -= w.take(beside)
        step(
            "sums of background and variance",
            lambda bins=bins, net=net: (bins.add(total, net), bins.add(total, net**2)),
        )
        worth = step("flux: what a count is worth", lambda aa=aa, rows=rows: lookup(aa.take(rows)))
        value = net * worth
        step("flux: two sums", lambda bins=bins, value=value: (bins.add(total, value), bins.add(total, value**2)))


if __name__ == "__main__":
    main()
