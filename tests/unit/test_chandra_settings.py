"""Settings and options of Chandra light curves."""

from pathlib import Path

import pytest
from astropy import units as u
from pydantic import ValidationError

from hstlc.errors import UsageError
from hstlc.missions.chandra.dither import artifacts_s, dither_of, in_phase
from hstlc.missions.chandra.mission import MISSION, curve_options, extraction_settings
from hstlc.missions.chandra.mission_settings import ChandraSettings, bands_of
from hstlc.testing.chandra import ChandraObservation, ChandraScene, write_evt2

DEFAULTS = ChandraSettings()


def test_bands_are_those_of_the_catalog() -> None:
    assert bands_of(DEFAULTS.bands, "ACIS") == {
        "broad": (0.5, 7.0),
        "ultrasoft": (0.2, 0.5),
        "soft": (0.5, 1.2),
        "medium": (1.2, 2.0),
        "hard": (2.0, 7.0),
    }
    assert bands_of(DEFAULTS.bands, "HRC") == {"wide": (0.1, 10.0)}


def test_bands_of_2024_are_lower() -> None:
    old = bands_of(("lightcurves-2024",), "ACIS")
    assert (old["broad"], old["ultrasoft"], old["soft"]) == ((0.15, 7.0), (0.15, 0.3), (0.3, 1.2))


def test_options_have_units() -> None:
    energy = (500 * u.eV, 2 * u.keV)
    changed = curve_options(DEFAULTS, bin_width=1 * u.ks, energy=energy, ra=10.0, dec=2 * u.deg, radius=0.1 * u.arcmin)
    assert changed.bin_width_s == 1000.0
    assert bands_of(changed.bands, "ACIS") == {"energy": (0.5, 2.0)}
    assert changed.sources[0].region == 'icrs; circle(10.0, 2.0, 6.0")'
    assert not changed.use_catalog


@pytest.mark.parametrize(
    "options",
    [
        {"bin_width": 1 * u.m},
        {"energy": (2.0, 1.0)},
        {"energy": 3.0},
        {"band": "nothing"},
        {"band": "soft", "energy": (1.0, 2.0)},
        {"ra": 10.0},
        {"wavelength": (1.0, 2.0)},
        {"radius": 2.0},
    ],
)
def test_options_that_make_no_sense_are_errors_of_usage(options: dict[str, object]) -> None:
    with pytest.raises(UsageError) as caught:
        curve_options(DEFAULTS, **options)
    assert caught.value.code == "usage.bad-option"
    assert caught.value.hint


def test_unknown_bands_are_refused_in_the_configuration() -> None:
    with pytest.raises(ValidationError, match="none of"):
        ChandraSettings(bands=("loud",))


def read(folder: Path, detector: str, content: str = "EVT2", **settings: object) -> dict[str, object]:
    observation = ChandraObservation(detector=detector, ontime_s=200.0)
    written = write_evt2(folder, observation, ChandraScene((), background_ct_s=0.05), content=content)
    identity = MISSION.identify(written.paths[0])
    assert identity is not None
    values = MISSION.describe(MISSION.load([identity]))
    return dict(extraction_settings(values, ChandraSettings(**settings)))


def test_only_what_an_exposure_reads_makes_it_stale(tmp_path: Path) -> None:
    hrc, acis = read(tmp_path, "HRC-I"), read(tmp_path, "ACIS-S")
    assert hrc == read(tmp_path, "HRC-I", bands=("soft",))
    assert acis != read(tmp_path, "ACIS-S", bands=("soft",))
    assert acis != read(tmp_path, "ACIS-S", flares="cut")
    assert acis == read(tmp_path, "ACIS-S", region_band="hard", background_outer=4.0)
    assert read(tmp_path, "ACIS-S", "EVT3") == read(tmp_path, "ACIS-S", "EVT3", flares="cut")


def test_a_region_file_that_changes_makes_curves_stale(tmp_path: Path) -> None:
    path = tmp_path / "stars.reg"
    path.write_text('icrs; circle(150.0, 2.0, 3")')
    sources = [{"name": "A", "region": str(path)}]
    before = read(tmp_path, "ACIS-S", sources=sources)
    path.write_text('icrs; circle(150.0, 2.0, 4")')
    assert before != read(tmp_path, "ACIS-S", sources=sources)


@pytest.mark.parametrize(
    ("instrument", "mjd", "amplitude", "periods"),
    [
        ("ACIS", 59852.0, 8.0, (1000.0, 707.1)),
        ("ACIS", 59854.0, 16.0, (2000.0, 1414.0)),
        ("HRC", 51500.0, 20.0, (1087.0, 768.6)),
        ("HRC", 60000.0, 20.0, (1087.0, 768.6)),
    ],
)
def test_the_dither_is_that_of_instrument_and_day(
    instrument: str, mjd: float, amplitude: float, periods: tuple[float, float]
) -> None:
    dither = dither_of(instrument, mjd)
    assert (dither.amplitude_arcsec, dither.period_y_s, dither.period_z_s) == (amplitude, *periods)
    made = artifacts_s({"INSTRUME": instrument, "EXPSTART": mjd})
    assert tuple(made.values()) == periods


def test_periods_need_an_instrument_and_without_a_day_both_patterns_count() -> None:
    assert artifacts_s({}) == {}
    assert set(artifacts_s({"INSTRUME": "ACIS"}).values()) == {1000.0, 707.1, 2000.0, 1414.0}
    assert artifacts_s({"INSTRUME": "HRC", "EXPSTART": 55000.0, "FRAMETIM": None}).keys() == {"dither Y", "dither Z"}


def test_steady_arrivals_are_in_no_phase() -> None:
    import numpy as np

    from hstlc.events.live_clock import LiveClock
    from hstlc.model import Intervals

    gaps = Intervals.of(np.arange(0.0, 50e3, 1000.0), np.arange(700.0, 50.7e3, 1000.0))
    clock = LiveClock.of([(gaps, 0.9)])
    random = np.random.default_rng(3)
    chances = [
        in_phase(clock.time_at(random.uniform(0.0, clock.total, 300)), clock, period)
        for period in np.linspace(500.0, 2000.0, 50)
    ]
    assert min(chances) > 1e-4  # the gaps of the good time have a period of 1000 s, which is none of the source
