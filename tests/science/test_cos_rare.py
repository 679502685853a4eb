"""COS in its rarer forms: blue modes, several good times, bursts, rejected pulse heights, airglow of the day."""

from dataclasses import replace

import numpy as np
import pytest
from astropy.io import fits

from hstlc.checks import run_checks
from hstlc.formats.curve_fits import read_light_curve, write_light_curve
from hstlc.missions.hst import MISSION
from hstlc.missions.hst.settings import HstSettings
from hstlc.model import Quality
from hstlc.pipeline.inputs import identify
from hstlc.stats import statistics
from hstlc.testing.cos import CosExposure, Scene, edit_file, write_exposure

A = CosExposure(exptime_s=600.0, seed=5)
SCENE = Scene(rate_ct_s=20.0, background_ct_s=2.0)
WEIGHT = sum(A.epsilon) / 2
BLUE = {
    "G130M/1055 segment B": CosExposure(opt_elem="G130M", cenwave=1055, segments=("B",), exptime_s=60.0),
    "G130M/1055 segment A": CosExposure(opt_elem="G130M", cenwave=1055, segments=("A",), exptime_s=60.0),
    "G140L/1105 segment A": CosExposure(opt_elem="G140L", cenwave=1105, segments=("A",), exptime_s=60.0),
}


def load(paths):
    return MISSION.load([identify(path, ("hst",)) for path in paths])


def reasons(exposure, **settings):
    return [finding.reason for finding in run_checks(MISSION.checks, exposure, HstSettings(**settings))]


def curve_of(exposure, **settings):
    return MISSION.extract(exposure, HstSettings(**settings)).curve


def add_events(path, other):
    """Put the events of another file into an event list, in order of time; its header tells their number."""

    def edit(units):
        rows = np.concatenate([units["EVENTS"].data, fits.getdata(other, "EVENTS")])
        units["EVENTS"].data = rows[np.argsort(rows["TIME"], kind="stable")]
        units["EVENTS"].header["NEVENTS"] = units["EVENTS"].header["NEVENTSA"] = len(rows)

    edit_file(path, edit)


def with_more(folder, during, scene):
    """Return the truth of an exposure into which another scene shone for a while."""
    truth = write_exposure(folder, A, SCENE)
    (folder / "more").mkdir()
    more = write_exposure(folder / "more", replace(A, gti=(during,), seed=A.seed + 1), scene)
    add_events(truth.corrtags[0], more.corrtags[0])
    return truth


# ---- one segment alone


@pytest.mark.parametrize("name", BLUE)
def test_a_segment_alone_is_whole_where_the_other_was_off(tmp_path, name):
    truth = write_exposure(tmp_path, BLUE[name], replace(SCENE, junk_ct_s=5.0))
    exposure = load(truth.paths)
    assert reasons(exposure) == []
    made = MISSION.extract(exposure, HstSettings())
    assert made.findings == ()
    assert made.curve.meta["SEGMENTS"] == f"FUV{name[-1]}"
    assert made.curve.meta["NSOURCE"] == truth.gross_events
    assert made.curve["gross"].sum() == pytest.approx(truth.gross_epsilon, rel=1e-12)
    live_s = made.curve["exposure"].sum()
    error = np.sqrt(made.curve["variance"].sum())
    assert abs(made.curve["counts"].sum() - truth.net_rate_ct_s * live_s) < 4 * error
    assert np.isfinite(made.curve["flux"]).all()


@pytest.mark.parametrize(
    ("changes", "missed"),
    [
        ({"NEVENTSB": 900}, True),
        ({"NEVENTSB": 900, "DETECTHV": "NomA"}, False),
        ({"NEVENTSB": 900, "DETECTHV": "HVNomA"}, False),
        ({"NEVENTSB": 900, "DETECTHV": "NomB"}, True),
        ({"NEVENTSB": 0, "SEGMENT": "BOTH"}, True),
        ({"NEVENTSB": 900, "OPT_ELEM": "G140L", "CENWAVE": 1105}, False),
        ({"NEVENTSB": 900, "OPT_ELEM": "G140L", "CENWAVE": 1280}, True),
    ],
)
def test_what_a_segment_counts_while_it_is_off_is_not_missed(tmp_path, changes, missed):
    truth = write_exposure(tmp_path, replace(A, exptime_s=20.0), SCENE)
    for path in truth.paths:

        def change(units):
            for key, value in changes.items():
                unit = units[1] if key in units[1].header else units[0]
                if key != "SEGMENT" or "x1d" in path.name:  # noqa: B023  used at once
                    unit.header[key] = value

        edit_file(path, change)
    found = [reason for reason in reasons(load(truth.paths)) if reason != "Header mismatch"]
    assert found == (["Missing segment"] if missed else [])


# ---- several good times


def test_rates_do_not_know_of_the_gaps_between_several_good_times(tmp_path):
    gti = ((0.0, 100.0), (150.016, 200.0), (380.0, 500.0))
    truth = write_exposure(tmp_path, replace(A, gti=gti), SCENE)
    exposure = load(truth.paths)
    curve = curve_of(exposure)
    assert curve["exposure"].sum() == pytest.approx(truth.live_s, abs=1e-9)
    assert curve["gross"].sum() == pytest.approx(truth.gross_epsilon, rel=1e-12)
    dead = curve["exposure"] == 0
    assert dead.sum() == 25 + 90
    assert np.isnan(curve["rate"][dead]).all()
    assert not curve["gross"][dead].any()
    assert len(curve.gti) == 3
    good = curve["quality"] == 0
    assert statistics(curve).reduced_chi2 == pytest.approx(1.0, abs=4 * np.sqrt(2 / good.sum()))
    assert reasons(exposure) == []
    assert reasons(exposure, minimum_live_fraction=0.6) == ["Gaps in good time"]


# ---- bursts and rejected pulse heights


def test_a_burst_of_the_background_is_flagged_and_subtracted(tmp_path):
    truth = with_more(tmp_path, (300.0, 320.0), Scene(rate_ct_s=0.0, background_ct_s=80.0))
    exposure = load(truth.paths)
    assert reasons(exposure) == ["Burst"]
    curve = curve_of(exposure)
    during = (curve["times"] >= 300) & (curve["times"] < 320)
    assert curve["background"][during].mean() > 20 * curve["background"][~during].mean()
    live_s, error = curve["exposure"][during].sum(), np.sqrt(curve["variance"][during].sum())
    assert abs(curve["counts"][during].sum() - truth.net_rate_ct_s * live_s) < 4 * error


def test_pulse_heights_that_are_rejected_add_nothing(tmp_path):
    """A quarter more events than are good, as real lists have; flags of the header alone would let some of them in."""
    scene = Scene(rate_ct_s=40.0, background_ct_s=2.0, junk_ct_s=14.0)
    truth = write_exposure(tmp_path, A, scene)
    exposure = load(truth.paths)
    curve = curve_of(exposure)
    rows = fits.getdata(truth.corrtags[0], "EVENTS")
    junk = (rows["DQ"] & 10970) != 0
    assert 0.1 < junk.mean() < 0.25
    assert curve.meta["NBADDQ"] == junk.sum()
    assert ((rows["DQ"] & 8346) != 0).sum() < junk.sum() / 1.5
    assert curve.meta["NSOURCE"] == truth.gross_events
    assert curve["gross"].sum() == pytest.approx(truth.gross_epsilon, rel=1e-12)


# ---- daylight


def rising_sun(path, degrees_per_s=0.05):
    """Let the Sun rise from the horizon."""

    def edit(units):
        units["TIMELINE"].data["SUN_ALT"] = units["TIMELINE"].data["TIME"] * degrees_per_s

    edit_file(path, edit)


@pytest.fixture
def dawn(tmp_path):
    """An exposure into which airglow shines from 400 s on, when the Sun stands at 20 degrees."""
    truth = with_more(tmp_path, (400.0, 600.0), Scene(rate_ct_s=0.0, background_ct_s=0.0, airglow_ct_s=30.0))
    rising_sun(truth.corrtags[0])
    return truth


def test_without_a_limit_day_and_night_count(dawn):
    curve = curve_of(load(dawn.paths), airglow="none")
    assert (curve["fraction"][:300] > 0.9).all()
    assert curve.meta["SUNALT"] is None
    rate = [np.nanmean(curve["rate"][part]) for part in (slice(0, 200), slice(200, 300))]
    assert rate[1] > rate[0] + 20
    assert "maximum_sun_altitude_deg" not in MISSION.extraction_settings(
        MISSION.describe(load(dawn.paths)), HstSettings()
    )


def test_the_day_is_taken_out_of_the_live_time_and_its_airglow_with_it(dawn):
    exposure = load(dawn.paths)
    limit = {"maximum_sun_altitude": "20.03 deg"}
    curve = curve_of(exposure, airglow="none", **limit)
    assert len(curve) == len(curve_of(exposure, airglow="none"))
    assert curve["exposure"].sum() == pytest.approx(400.6, abs=0.07)
    assert curve["fraction"][200] == pytest.approx(0.3, abs=0.03)
    assert not curve["exposure"][201:].any()
    assert not curve["gross"][curve["exposure"] == 0].any()
    assert (curve["quality"][201:] & Quality.NO_LIVE_TIME).all()
    assert curve.gti.stop[-1] == pytest.approx(400.6, abs=0.01)
    assert curve.meta["SUNALT"] == 20.03
    live_s, error = curve["exposure"].sum(), np.sqrt(curve["variance"].sum())
    assert abs(curve["counts"].sum() - dawn.net_rate_ct_s * live_s) < 4 * error
    rows = fits.getdata(dawn.corrtags[0], "EVENTS")
    good = (rows["DQ"] & 10970) == 0
    assert curve.meta["NBADTIME"] == pytest.approx((good & (rows["TIME"] > 400.6)).sum(), abs=8)
    assert reasons(exposure, **limit) == ["Daylight left out"]
    values = MISSION.describe(exposure)
    read = [MISSION.extraction_settings(values, HstSettings(maximum_sun_altitude=f"{n} deg")) for n in (20, 30)]
    assert [settings["maximum_sun_altitude_deg"] for settings in read] == [20, 30]


def test_a_night_changes_nothing(dawn):
    exposure = load(dawn.paths)
    usual, night = curve_of(exposure), curve_of(exposure, maximum_sun_altitude="30.1 deg")
    for name in ("gross", "exposure", "rate", "flux"):
        np.testing.assert_array_equal(night[name], usual[name])
    assert reasons(exposure, maximum_sun_altitude="30.1 deg") == []


def test_without_a_timeline_nothing_is_left_out_and_that_is_said(dawn):
    edit_file(dawn.corrtags[0], lambda units: units.pop("TIMELINE"))
    exposure = load(dawn.paths)
    curve = curve_of(exposure, maximum_sun_altitude="1 deg")
    np.testing.assert_array_equal(curve["exposure"], curve_of(exposure)["exposure"])
    assert curve.meta["SUNALT"] is None
    assert reasons(exposure, maximum_sun_altitude="1 deg") == ["Missing TIMELINE"]


def test_a_day_without_night_has_bins_without_live_time(dawn, tmp_path):
    curve = curve_of(load(dawn.paths), maximum_sun_altitude="-1 deg")
    assert len(curve) == 301
    assert not curve["exposure"].any()
    assert not curve["gross"].any()
    assert len(curve.gti) == 0
    (tmp_path / "day.fits").write_bytes(bytes(write_light_curve(curve)))
    again = read_light_curve(tmp_path / "day.fits")
    np.testing.assert_array_equal(again["fraction"], 0)
    assert len(again.gti) == 0
    assert statistics(curve).bins_used == 0
