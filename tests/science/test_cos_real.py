"""Real files with known answers."""

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

import hstlc
from hstlc.checks import run_checks
from hstlc.errors import UnsupportedModeError
from hstlc.missions.base import Role
from hstlc.missions.hst import MISSION
from hstlc.missions.hst.settings import HstSettings
from hstlc.pipeline.inputs import identify
from hstlc.stats import statistics

GJ436 = "ld9m10ujq_corrtag_a.fits"


@pytest.fixture(scope="module")
def event_file(real_data):
    return real_data / "hst" / GJ436


@pytest.fixture(scope="module")
def curve(event_file):
    return hstlc.light_curve(event_file)


def test_sums_of_the_recommended_reduction(curve):
    assert len(curve) == 941
    assert curve.meta["NSOURCE"] == 1819
    assert curve.meta["NBACKGR"] == 2533
    assert curve.meta["DQMASK"] == 10970
    assert curve["gross"].sum() == pytest.approx(1820.892, abs=5e-4)
    assert curve["background"].sum() == pytest.approx(1420.306, abs=5e-4)
    assert curve["counts"].sum() == pytest.approx(400.586, abs=1e-3)
    assert curve["exposure"].sum() == pytest.approx(1881.152, abs=1e-9)
    assert curve["counts"].sum() / curve["exposure"].sum() == pytest.approx(0.21295, abs=5e-6)


def test_no_bin_is_dropped_and_only_the_last_is_short(curve):
    np.testing.assert_array_equal(curve["times"], 2.0 * np.arange(941))
    np.testing.assert_array_equal(np.flatnonzero(curve["quality"]), [940])
    assert set(np.rint(curve["exposure"][1:940] / 0.032)) == {62.0, 63.0}


def test_airglow_is_what_dominates_without_windows(event_file):
    curve = hstlc.light_curve(event_file, airglow="none")
    assert curve.meta["NSOURCE"] == 7325
    assert curve["gross"].sum() == pytest.approx(7802.435, abs=5e-4)


def test_the_star_is_constant(curve):
    found = statistics(curve)
    assert found.excess_factor == pytest.approx(1.004, abs=0.002)
    assert found.reduced_chi2 == pytest.approx(1.009, abs=0.005)
    assert found.exposure_s == pytest.approx(1881.152, abs=1e-9)
    assert found.interesting is False


def test_flux_between_the_oxygen_line_and_the_end_of_the_segment(event_file):
    curve = hstlc.light_curve(event_file, wavelength=(1315, 1425))
    live = curve["exposure"]
    mean_flux_density = np.nansum(curve["flux"] * live) / live.sum()
    assert curve.meta["DELTAWAV"] == pytest.approx(110, abs=0.02)
    assert mean_flux_density * curve.meta["DELTAWAV"] / 1.945e-15 == pytest.approx(1, abs=0.01)


def test_the_reader_finds_the_events_the_archive_counted(event_file):
    """calcos takes whole pixels between the outer limits of the two-zone box where DQ_WGT is not zero."""
    events = hstlc.read(event_file)
    with fits.open(event_file.with_name("ld9m10ujq_x1d.fits")) as hdus:
        row = hdus[1].data[hdus[1].data["SEGMENT"] == "FUVA"][0]
        lower, upper, weight = row["Y_LOWER_OUTER"], row["Y_UPPER_OUTER"], row["DQ_WGT"]
        archive = row["GCOUNTS"][weight > 0].sum()
    x, y = np.rint(events["x"]).astype(int), np.rint(events["y"])
    good = ((events["dq"] & (int(events.header["SDQFLAGS"]) | 512)) == 0) & (x >= 0) & (x < len(weight))
    x, y = x[good], y[good]
    counted = np.count_nonzero((lower[x] <= y) & (y <= upper[x]) & (weight[x] > 0))
    assert counted == archive == 6387


def test_the_missing_segment_is_a_finding_and_no_reason_to_reject(event_file):
    files = [identify(event_file), identify(event_file.with_name("ld9m10ujq_x1d.fits"))]
    findings = run_checks(MISSION.checks, MISSION.load(files), HstSettings())
    assert [f.reason for f in findings if f.severity == "reject"] == []
    (missing,) = [f for f in findings if f.reason == "Missing segment"]
    assert "corrtag_b" in missing.message


@pytest.mark.parametrize(
    ("name", "role", "reason", "words"),
    [
        ("ldfd01vnq_rawtag_a.fits.gz", Role.REFUSED, "Unsupported product", "raw event list"),
        ("odlm21010_sx1.fits", Role.REFUSED, "Wrong mode", "ACCUM"),
        ("o3zx02070_x1d.fits", Role.REFUSED, "Wrong mode", "ACCUM"),
    ],
)
def test_other_products_are_told_apart(real_data, name, role, reason, words):
    path = real_data / "hst" / name
    identity = identify(path)
    assert (identity.mission, identity.role, identity.reason) == ("hst", role, reason)
    assert name in identity.message
    assert words in identity.message
    for function in (hstlc.read, hstlc.light_curve):
        with pytest.raises(UnsupportedModeError) as caught:
            function(path)
        assert caught.value.code == "data.not-events"
        assert caught.value.context["path"] == str(path)
        assert caught.value.hint


def test_a_spectrum_alone_is_no_event_list(event_file: Path):
    spectrum = event_file.with_name("ld9m10ujq_x1d.fits")
    assert identify(spectrum).role is Role.COMPANION
    with pytest.raises(UnsupportedModeError) as caught:
        hstlc.light_curve(spectrum)
    assert caught.value.code == "data.not-events"
