"""What is put into several exposures comes out of their composite."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from click.testing import Result

import hstlc
from hstlc.formats.curve_fits import read_light_curve
from hstlc.model import COLUMNS, LightCurve
from hstlc.stats import statistics
from hstlc.testing.cos import CosExposure, Scene, edit_file, later, segments_of, sinusoid, write_exposure

Run = Callable[..., Result]

FULL_SEGMENTS = CosExposure(opt_elem="G160M", cenwave=1577, segments=("A", "B"), exptime_s=120.0)
SHIFTS_AA = (-7.0, 0.0, 3.5)
SKY = Scene(rate_ct_s=20.0, background_ct_s=3.0, junk_ct_s=2.0)
ALWAYS_SERIOUS = 64 | 512 | 2048


def observe(folder: Path, exposure: CosExposure, scenes, *, shifts_aa=None, starts_s=None, x1d: bool = True):
    """Write a visit a scene, the grating moved between them, and return what was written."""
    folder.mkdir(exist_ok=True)
    written = []
    for number, scene in enumerate(scenes):
        start_mjd = 58300.25 + (starts_s[number] / 86400 if starts_s else number)
        one = replace(exposure, rootname=f"lsim{number:02d}aaq", expstart_mjd=start_mjd, seed=number)
        written.append(write_exposure(folder, one, scene, x1d=x1d))
        for path in written[-1].paths:
            move(path, shifts_aa[number] if shifts_aa else 0.0)
    return written


def move(path: Path, shift_aa: float) -> None:
    """Move the wavelengths of a file, as another position of the grating does."""

    def edit(units) -> None:
        wavelength = units[1].data["WAVELENGTH"]
        wavelength[wavelength > 0] += np.float32(shift_aa)

    if shift_aa:
        edit_file(path, edit)


def made(hstlc: Run, home: Path, source: Path) -> LightCurve:
    """Ingest a folder and return its only composite."""
    result = hstlc("ingest", "-q", source)
    assert result.exit_code == 0, result.stderr
    (path,) = (home / "outputs" / "composite").glob("*.fits")
    return read_light_curve(path)


def good_events(path: Path):
    """The events of a file that may count at all, and the keywords."""
    rows, header = fits.getdata(path, "EVENTS", header=True)
    gti = fits.getdata(path, "GTI")
    good = (rows["DQ"] & (header["SDQFLAGS"] | ALWAYS_SERIOUS)) == 0
    time = np.rint(rows["TIME"] / 0.032) * 0.032 - 0.016
    good &= np.any(
        [(time >= start) & (time < stop) for start, stop in zip(gti["START"], gti["STOP"], strict=True)], axis=0
    )
    return rows[good]


def common_range(paths) -> tuple[float, float]:
    """The wavelengths between the last of the first and the first of the last events."""
    waves = [rows["WAVELENGTH"][rows["WAVELENGTH"] > 0].astype(float) for rows in map(good_events, paths)]
    return max(wave.min() for wave in waves), min(wave.max() for wave in waves)


def counted(path: Path, segment, low: float, high: float) -> tuple[int, float]:
    """Number and weight of the events in the source box and in a range of wavelengths."""
    rows = good_events(path)
    wave = rows["WAVELENGTH"].astype(float)
    here = segment.in_box(rows["XFULL"].astype(float), rows["YFULL"].astype(float)) & (wave >= low) & (wave <= high)
    return int(here.sum()), float(rows["EPSILON"][here].astype(float).sum())


# --- wavelengths in common


@pytest.fixture
def grating_moved(tmp_path: Path):
    return observe(tmp_path / "archive", FULL_SEGMENTS, [SKY] * 3, shifts_aa=SHIFTS_AA)


def test_the_events_inside_the_common_range_are_counted_and_no_other(hstlc: Run, home: Path, tmp_path, grating_moved):
    curve = made(hstlc, home, tmp_path / "archive")
    segments = segments_of("FUV", "SPECTROSCOPIC", "G160M", 1577)
    total, ranges = np.zeros((3, 2)), []
    for place, segment in enumerate(segments):
        paths = [one.corrtags[place] for one in grating_moved]
        low, high = common_range(paths)
        ranges.append((low, high))
        assert high - low == pytest.approx(168.9 - 10.5, abs=1.5)
        total += [counted(path, segment, low, high) for path in paths]
    assert curve.meta["NSOURCE"] == total[:, 0].sum()
    for dataset in (1, 2, 3):
        gross = curve["gross"][curve["dataset"] == dataset].sum()
        assert gross == pytest.approx(total[dataset - 1, 1], rel=1e-12)
    assert (curve.meta["WMIN"], curve.meta["WMAX"]) == (ranges[1][0], ranges[0][1])
    written = sum(one.gross_events for one in grating_moved)
    assert 0.9 < total[:, 0].sum() / written < 0.97


def test_without_the_common_range_the_visits_would_differ(hstlc: Run, home: Path, tmp_path: Path):
    """A visit that sees a fourth less of the spectrum has less light: the composite compares like with like."""
    one_segment = replace(FULL_SEGMENTS, segments=("A",), exptime_s=400.0)
    observe(tmp_path / "archive", one_segment, [SKY] * 2)
    narrow = tmp_path / "archive" / "lsim01aaq_corrtag_a.fits"

    def cut(units) -> None:
        rows = units["EVENTS"].data
        rows["DQ"] |= np.where(rows["WAVELENGTH"] > 1717, 8, 0).astype(np.int16)

    edit_file(narrow, cut)
    alone = [hstlc_curve(tmp_path / "archive" / f"lsim0{n}aaq_corrtag_a.fits") for n in (0, 1)]
    rates = [curve["counts"].sum() / curve["exposure"].sum() for curve in alone]
    assert rates[1] / rates[0] == pytest.approx(0.75, abs=0.03)
    found = statistics(made(hstlc, home, tmp_path / "archive"))
    assert found.between_chi2_p > 1e-3


hstlc_curve = hstlc.light_curve


def test_rows_are_those_of_the_curves_of_the_same_range(hstlc: Run, home: Path, tmp_path: Path):
    one_segment = replace(FULL_SEGMENTS, segments=("A",))
    written = observe(tmp_path / "archive", one_segment, [SKY] * 3, shifts_aa=SHIFTS_AA)
    curve = made(hstlc, home, tmp_path / "archive")
    limits = curve.meta["WMIN"], curve.meta["WMAX"]
    for number, one in enumerate(written, 1):
        alone = hstlc_curve(one.corrtags[0], wavelength=limits)
        rows = curve["dataset"] == number
        for column in COLUMNS:
            if column.name not in ("dataset", "times", "time"):
                np.testing.assert_array_equal(curve[column.name][rows], alone[column.name], err_msg=column.name)
        np.testing.assert_allclose(curve["times"][rows] - alone["times"], (number - 1) * 86400, atol=1e-5)


def test_the_flux_of_each_visit_is_the_injected_one(hstlc: Run, home: Path, tmp_path: Path):
    one_segment = replace(FULL_SEGMENTS, segments=("A",), exptime_s=240.0)
    bright = Scene(rate_ct_s=100.0, background_ct_s=3.0)
    written = observe(tmp_path / "archive", one_segment, [bright] * 3, shifts_aa=SHIFTS_AA)
    curve = made(hstlc, home, tmp_path / "archive")
    (segment,) = [s for s in segments_of("FUV", "SPECTROSCOPIC", "G160M", 1577) if s.letter == "A"]
    start, stop = segment.detector.active
    pixel = np.linspace(start, stop, 20001)
    wave = segment.wavelength_aa(pixel)
    pulls = []
    for number, (one, shift_aa) in enumerate(zip(written, SHIFTS_AA, strict=True), 1):
        used = (wave + shift_aa >= curve.meta["WMIN"]) & (wave + shift_aa <= curve.meta["WMAX"])
        expected = one.net_rate_ct_s / (stop - start) * segment.inverse_sensitivity(wave[used]).mean()
        rows = curve["dataset"] == number
        weight = curve["exposure"][rows] / curve["exposure"][rows].sum()
        error = np.sqrt(np.sum((curve["flux_error"][rows] * weight) ** 2))
        pulls.append((np.sum(curve["flux"][rows] * weight) - expected) / error)
        assert error < 0.01 * expected
    assert np.abs(pulls).max() < 3.5
    assert abs(np.mean(pulls)) < 2


# --- time


def test_a_period_is_found_over_the_gaps_between_visits(hstlc: Run, home: Path, tmp_path: Path):
    period_s, starts_s, length_s = 341.0, (0.0, 2600.0, 5900.0), 700.0
    scenes = [Scene(rate_ct_s=30.0, background_ct_s=1.0, shape=later(sinusoid(period_s, 0.3), t)) for t in starts_s]
    observe(tmp_path / "archive", CosExposure(exptime_s=length_s), scenes, starts_s=starts_s, x1d=False)
    curve = made(hstlc, home, tmp_path / "archive")
    span_s = starts_s[-1] + length_s
    assert curve["times"][-1] + curve["bins"][-1] == pytest.approx(span_s, abs=2.0)
    found = statistics(curve)
    assert abs(1 / found.peak_period_s - 1 / period_s) < 0.2 / span_s
    assert found.false_alarm_probability < 1e-6
    assert found.interesting is True


def test_gains_that_differ_from_visit_to_visit_make_no_star_interesting(hstlc: Run, home: Path, tmp_path: Path):
    scenes = [Scene(rate_ct_s=rate, background_ct_s=1.0) for rate in (20.0, 24.0, 16.0)]
    observe(tmp_path / "archive", CosExposure(exptime_s=300.0), scenes, x1d=False)
    found = statistics(made(hstlc, home, tmp_path / "archive"))
    assert found.datasets == 3
    assert found.between_reduced_chi2 > 100
    assert found.between_chi2_p < 1e-30
    assert found.within_reduced_chi2 == pytest.approx(1, abs=0.2)
    assert found.within_chi2_p > 1e-3
    assert found.interesting is False


# --- a real file


def test_a_real_exposure_alone_is_its_own_curve_cut_to_what_it_sees(hstlc: Run, home: Path, tmp_path: Path, real_data):
    source = tmp_path / "archive"
    source.mkdir()
    for name in ("ld9m10ujq_corrtag_a.fits", "ld9m10ujq_x1d.fits"):
        shutil.copyfile(real_data / "hst" / name, source / name)
    curve = made(hstlc, home, source)
    low, high = common_range([source / "ld9m10ujq_corrtag_a.fits"])
    assert (curve.meta["WMIN"], curve.meta["WMAX"]) == (low, high)
    assert len(curve) == 941
    alone = hstlc_curve(source / "ld9m10ujq_corrtag_a.fits", wavelength=(low, high))
    for column in COLUMNS:
        np.testing.assert_array_equal(curve[column.name], alone[column.name], err_msg=column.name)
    whole = hstlc_curve(source / "ld9m10ujq_corrtag_a.fits")
    assert curve.meta["NSOURCE"] == whole.meta["NSOURCE"] == 1819
