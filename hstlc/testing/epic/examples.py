"""EPIC observations for the contract of missions, good ones and bad ones."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from hstlc.testing.epic.bad import bad_observations
from hstlc.testing.epic.files import WrittenObservation, write_observation
from hstlc.testing.epic.scene import EpicCamera, EpicObservation, EpicSource, band_part
from hstlc.testing.example_values import BadExample, GoodExample

__all__ = ["EpicExamples"]

_BROAD = (0.5, 7.0)
_LENGTH_S = 600.0


class EpicExamples:
    """Observations with one camera or all, with gaps and without a source list, ten minutes each."""

    def good(self, folder: Path) -> Mapping[str, GoodExample]:
        """Write one observation of each kind."""
        pn, mos1, mos2 = (EpicCamera(name, exposure) for name, exposure in _EXPOSURES)
        gaps = ((0.0, 250.0), (300.0, 600.0))
        kinds: dict[str, tuple[EpicCamera, ...]] = {
            "pn": (pn,),
            "mos": (mos1,),
            "all-cameras": (pn, mos1, mos2),
            "gap": (EpicCamera("m2", "S002", gti=gaps),),
            "window": (EpicCamera("m1", "U002", keywords={"SUBMODE": "PrimePartialW3"}),),
            "no-source-list": (mos2,),
        }
        found = {}
        for number, (name, cameras) in enumerate(kinds.items(), 1):
            sources = (EpicSource(40.0, 30.0, rate_ct_s=0.5), EpicSource(-200.0, 100.0, rate_ct_s=0.3))
            observation = EpicObservation(
                obs_id=f"09997{number:02d}101",
                target=f"SIM-FIELD-{number}",
                length_s=_LENGTH_S,
                cameras=cameras,
                sources=sources,
                source_list=name != "no-source-list",
                seed=number,
            )
            flags = () if observation.source_list else ("Missing source list",)
            found[name] = _example(write_observation(folder, observation), flags)
        return found

    def bad(self, folder: Path) -> Mapping[str, BadExample]:
        """Write one observation of each kind that must be rejected or refused."""
        return {name: BadExample(paths, reason) for name, (paths, reason) in bad_observations(folder).items()}


_EXPOSURES = (("pn", "S003"), ("m1", "S001"), ("m2", "S002"))


def _example(written: WrittenObservation, flags: tuple[str, ...]) -> GoodExample:
    """Return what the light curve of the whole field must say: live time is the mean of the cameras'."""
    observation = written.observation
    lives = [truth.live_s for truth in written.lists.values()]
    counts = 0.0
    for camera, live_s in zip(observation.cameras, lives, strict=True):
        sources = sum(source.rate_ct_s * source.weights.get(camera.name, 1.0) for source in observation.sources)
        background = camera.background_ct_s * band_part(*_BROAD, background=True)
        counts += live_s * (sources * band_part(*_BROAD) + background)
    live_s = float(np.mean(lives))
    return GoodExample(written.paths, live_s, counts / live_s, flags)
