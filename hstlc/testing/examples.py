"""Files of each mission for its contract tests: good exposures with their right answers, and bad ones with reasons.

A new mission adds an object with the methods of :class:`MissionExamples` to :data:`EXAMPLES`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from hstlc.testing.chandra.examples import ChandraExamples
from hstlc.testing.cos import CosExposure, Scene, bad_files, constant, write_exposure
from hstlc.testing.epic.examples import EpicExamples
from hstlc.testing.example_values import BadExample, GoodExample, MissionExamples

__all__ = ["EXAMPLES", "BadExample", "CosExamples", "GoodExample", "MissionExamples"]


class CosExamples:
    """COS exposures of both detectors and every mode, 60 s each."""

    #: Kinds of :func:`hstlc.testing.cos.bad_files` for which the original system had no reason.
    NEW_REASONS: Mapping[str, str] = MappingProxyType(
        {
            "shutter_closed": "Shutter closed",
            "wavecal": "Not science",
            "accum": "Wrong mode",
            "rawtag": "Unsupported product",
            "truncated": "Unreadable file",
            "zero_byte": "Unreadable file",
            "garbage": "Unreadable file",
        }
    )

    def good(self, folder: Path) -> Mapping[str, GoodExample]:
        """Write one exposure of each mode."""
        nuv = CosExposure(detector="NUV", opt_elem="G185M", cenwave=1786, segments=("A", "B", "C"))
        modes = {
            "fuv-one-segment": CosExposure(),
            "fuv-both-segments": CosExposure(segments=("A", "B")),
            "fuv-g140l": CosExposure(opt_elem="G140L", cenwave=1105),
            "fuv-gap": CosExposure(gti=((0.032, 30.0), (45.0, 75.0))),
            "nuv-stripes": nuv,
            "nuv-g230l": replace(nuv, opt_elem="G230L", cenwave=2950),
            "nuv-imaging": replace(nuv, obstype="IMAGING", opt_elem="MIRRORA", cenwave=0),
        }
        examples = {}
        for number, (name, mode) in enumerate(modes.items(), 1):
            # no background in images, where nothing can be subtracted
            scene = Scene(rate_ct_s=20.0, background_ct_s=0.0 if mode.imaging else 2.0, shape=constant())
            exposure = replace(mode, rootname=f"lgood{number}aaq", exptime_s=60.0, seed=number)
            written = write_exposure(folder, exposure, scene)
            flags = ("Second order",) if mode.opt_elem == "G230L" else ()
            examples[name] = GoodExample(written.paths, written.live_s, written.net_rate_ct_s, flags)
        return examples

    def bad(self, folder: Path) -> Mapping[str, BadExample]:
        """Write one exposure of each kind that must be rejected; those that are only flagged are left out."""
        examples = {}
        for kind, bad in bad_files(folder).items():
            reason = bad.reason or self.NEW_REASONS.get(kind)
            if reason is not None:
                examples[kind] = BadExample(bad.paths, reason)
        return examples


#: By mission name.
EXAMPLES: Mapping[str, MissionExamples] = MappingProxyType(
    {"chandra": ChandraExamples(), "hst": CosExamples(), "xmm": EpicExamples()}
)
