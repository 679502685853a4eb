"""Chandra exposures for the contract of missions, good ones and bad ones."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from hstlc.testing.chandra.events import draw_events
from hstlc.testing.chandra.files import WrittenChandra, write_event_list, write_evt2, write_region_products
from hstlc.testing.chandra.scene import ChandraObservation, ChandraScene, ChandraSource
from hstlc.testing.example_values import BadExample, GoodExample

__all__ = ["ChandraExamples"]

_SCENE = ChandraScene((ChandraSource(0.05),), background_ct_s=0.05)
_TWO_CHIPS = MappingProxyType({6: (2540.0, 3584.0), 7: (3584.0, 3584.0)})


class ChandraExamples:
    """Event lists of fields and of catalog regions, of ACIS and HRC, 3000 s each."""

    def good(self, folder: Path) -> Mapping[str, GoodExample]:
        """Write one exposure of each kind."""

        def seen(obsid: int, detector: str = "ACIS-S", region: int | None = None, **more: object) -> ChandraObservation:
            values = {"obsid": obsid, "detector": detector, "region": region, "ontime_s": 3000.0, "seed": obsid, **more}
            return ChandraObservation(**values)  # type: ignore[arg-type]

        sparse = ChandraScene((ChandraSource(0.05),), background_ct_s=0.01)
        lone = ChandraScene((ChandraSource(0.02),), background_ct_s=0.05)
        gap = MappingProxyType({7: ((0.0, 1000.0), (1400.0, 3000.0))})
        written = {
            "hrc-field": write_evt2(folder, seen(24564, "HRC-I", start_s=280834944.0), sparse),
            "hrc-region": write_region_products(folder, seen(24565, "HRC-I", region=1), sparse),
            "acis-field": write_evt2(folder, seen(2798), _SCENE, compressed=True),
            "acis-two-chips": write_evt2(folder, seen(2799, "ACIS-I", chips=_TWO_CHIPS), _SCENE),
            "acis-gap": write_evt2(folder, seen(2800, good_times=gap), _SCENE),
            "acis-level-3": write_evt2(folder, seen(2801), _SCENE, content="EVT3"),
            "acis-region": write_region_products(folder, seen(7999, region=35), lone, lc3=True),
            "acis-release-1": write_region_products(
                folder, seen(1575, region=85, revision=1), lone, background_region=True, mask=False
            ),
        }
        flags = {"hrc-region": ("Missing dtf1",)}
        return {name: _example(one, flags.get(name, ())) for name, one in written.items()}

    def bad(self, folder: Path) -> Mapping[str, BadExample]:
        """Write one exposure of each kind that must be rejected."""
        found = {}
        scene = ChandraScene((ChandraSource(0.05),), background_ct_s=0.02)
        names = ("no_events", "no_time", "no_good_time", "no_live_time", "lying_header", "level_1", "continuous", "cut")
        reasons = (
            *("No events", "No time column", "No good time", "No live time", "Lying header"),
            *("Not filtered", "Continuous clocking", "Unreadable file"),
        )
        for number, (name, reason) in enumerate(zip(names, reasons, strict=True)):
            observation = ChandraObservation(obsid=4000 + number, ontime_s=1000.0, seed=number)
            if name == "no_good_time":
                nowhere = MappingProxyType({7: ((0.0, 0.0),)})
                observation = ChandraObservation(obsid=4000 + number, ontime_s=1000.0, good_times=nowhere)
            events = draw_events(ChandraObservation(obsid=4000 + number, ontime_s=1000.0, seed=number), scene)
            path = folder / f"acisf{4000 + number:05d}N021_evt2.fits"
            if name == "no_events":
                events = events.select(np.zeros(len(events), dtype=bool))
            overrides: Mapping[str, Mapping[str, Any]] = {
                "no_live_time": {"EXPOSURE": 0.0, "LIVETIME": 0.0},
                "lying_header": {"TSTOP": observation.start_s + 100.0},
                "level_1": {"CONTENT": "EVT1", "HDUCLAS2": "ALL"},
                "continuous": {"READMODE": "CONTINUOUS"},
            }
            without = ("time",) if name == "no_time" else ()
            write_event_list(path, observation, events, without=without, overrides=overrides.get(name))
            if name == "cut":
                path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
            found[name] = BadExample((path,), reason)
        return found


def _example(written: WrittenChandra, flags: tuple[str, ...]) -> GoodExample:
    return GoodExample(written.paths, written.live_s, written.rate_ct_s, flags)
