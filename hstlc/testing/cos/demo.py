"""The exposures of the demonstration, with the right answers worked out by hand."""

from __future__ import annotations

from dataclasses import dataclass, replace

from hstlc.testing.cos.scene import CosExposure, Scene, flare, later, sinusoid, transit

__all__ = ["DEMO_COMPOSITE", "DEMO_EXPECTED", "DemoExpected", "demo_exposures"]


@dataclass(frozen=True, slots=True)
class DemoExpected:
    """What a right reduction says of one demonstration exposure.

    Attributes
    ----------
    rootname, targname : str
        Which one; rootname '' is the composite of the target.
    live_s : float, seconds
        Sum of the good times.
    net_rate_ct_s : float, counts per second
        Weighted source rate of all segments, mean over the good times.
    interesting : bool
        Whether a constant rate must be refused.
    period_s, period_error_s : float or None
        Period of the strongest periodic signal and how far off it may be; None where there is no signal.
    """

    rootname: str
    targname: str
    live_s: float
    net_rate_ct_s: float
    interesting: bool
    period_s: float | None = None
    period_error_s: float | None = None


# The mean weight of an event is (0.95 + 1.10) / 2 = 1.025.
DEMO_EXPECTED = (
    # 20 * 1.025
    DemoExpected("lsim01aaq", "SIM-CONSTANT", 1200.0, 20.5, interesting=False),
    # 20 * 1.025 * (1 + 3 * (10 / 2 + 60) / 1200)
    DemoExpected("lsim02aaq", "SIM-FLARE", 1200.0, 23.83125, interesting=True),
    # 20 * 1.025: ten whole periods
    DemoExpected("lsim03aaq", "SIM-PULSE", 1200.0, 20.5, interesting=True, period_s=120.0, period_error_s=1.0),
    # 40 * 1.025 * (1 - 0.2 * 400 / 1800)
    DemoExpected("lsim04aaq", "SIM-TRANSIT", 1800.0, 39.177778, interesting=True),
    # 20 * 1.025; good from 0.032 to 900.032 s and from 1200.032 to 2100.032 s
    DemoExpected("lsim05aaq", "SIM-GAP", 1800.0, 20.5, interesting=False),
    # (20 + 20) * 1.025
    DemoExpected("lsim06aaq", "SIM-BOTH", 1200.0, 41.0, interesting=False),
    # (15 + 15 + 15) * 1.025
    DemoExpected("lsim07aaq", "SIM-NUV", 1200.0, 46.125, interesting=False),
    # 20 * 1.025: four whole periods each, too weak for one visit
    DemoExpected("lsim08aaq", "SIM-VISITS", 600.0, 20.5, interesting=False),
    DemoExpected("lsim08abq", "SIM-VISITS", 600.0, 20.5, interesting=False),
    DemoExpected("lsim08acq", "SIM-VISITS", 600.0, 20.5, interesting=False),
)

#: Three visits of one target: what none of them shows stands out in the composite.
DEMO_COMPOSITE = DemoExpected("", "SIM-VISITS", 1800.0, 20.5, interesting=True, period_s=150.0, period_error_s=0.5)

#: Starts of the visits after the first, seconds.
VISITS_S = (0.0, 1500.0, 4700.0)


def demo_exposures() -> tuple[tuple[CosExposure, Scene, DemoExpected], ...]:
    """Return what the demonstration observes: exposure, scene and the expected answers, at most 2e5 events each."""
    faint = 1.0
    observed = (
        (CosExposure(exptime_s=1200.0, seed=1), Scene(20.0, faint)),
        (CosExposure(exptime_s=1200.0, seed=2), Scene(20.0, faint, flare(400.0))),
        (CosExposure(exptime_s=1200.0, seed=3), Scene(20.0, faint, sinusoid(120.0, 0.3), airglow_ct_s=5.0)),
        (CosExposure(exptime_s=1800.0, seed=4), Scene(40.0, faint, transit(900.0), junk_ct_s=5.0)),
        (CosExposure(gti=((0.032, 900.032), (1200.032, 2100.032)), seed=5), Scene(20.0, faint)),
        (CosExposure(segments=("A", "B"), exptime_s=1200.0, seed=6), Scene(20.0, faint, airglow_ct_s=5.0)),
        (
            CosExposure(
                detector="NUV",
                opt_elem="G185M",
                cenwave=1786,
                segments=("A", "B", "C"),
                exptime_s=1200.0,
                seed=7,
            ),
            Scene(15.0, faint),
        ),
        *(
            (
                CosExposure(exptime_s=600.0, expstart_mjd=58310.0 + start_s / 86400, seed=seed),
                Scene(20.0, faint, later(sinusoid(DEMO_COMPOSITE.period_s or 0.0, 0.05), start_s)),
            )
            for seed, start_s in zip((8, 9, 10), VISITS_S, strict=True)
        ),
    )
    return tuple(
        (_named(exposure, expected), scene, expected)
        for (exposure, scene), expected in zip(observed, DEMO_EXPECTED, strict=True)
    )


def _named(exposure: CosExposure, expected: DemoExpected) -> CosExposure:
    return replace(exposure, rootname=expected.rootname, targname=expected.targname)
