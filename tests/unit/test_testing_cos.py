"""The synthetic COS exposures: the same for the same arguments, laid out like real files, true to their truth."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from hstlc.errors import UsageError
from hstlc.testing.cos import (
    DEMO_EXPECTED,
    CosExposure,
    Scene,
    bad_files,
    demo_exposures,
    edit_file,
    flare,
    segments_of,
    sinusoid,
    transit,
    trend,
    write_exposure,
)

MASK = 8346 | 64 | 512 | 2048
AIRGLOW = {"G140L": ((1126.165, 1142.98), (1191.55, 1235.67), (1294.168, 1314.029), (1347.598, 1366.512))}
NUV = CosExposure(detector="NUV", opt_elem="G185M", cenwave=1786, segments=("A", "B", "C"))
BUSY = Scene(rate_ct_s=20.0, background_ct_s=3.0, airglow_ct_s=7.0, junk_ct_s=4.0)
SPECTRA = {
    "G130M-A": CosExposure(),
    "G130M-AB": CosExposure(segments=("A", "B")),
    "G130M-B": CosExposure(segments=("B",)),
    "G130M-1055": CosExposure(cenwave=1055, segments=("A", "B")),
    "G160M": CosExposure(opt_elem="G160M", cenwave=1577, segments=("A", "B")),
    "G140L": CosExposure(opt_elem="G140L", cenwave=1105, segments=("A", "B")),
    "G185M": NUV,
    "G230L": replace(NUV, opt_elem="G230L", cenwave=2950),
}
IMAGE = CosExposure(detector="NUV", opt_elem="MIRRORA", obstype="IMAGING")
MODES = SPECTRA | {"image": IMAGE}
UNREADABLE = {"truncated", "zero_byte", "garbage"}


def recount(path: Path, letter: str, others: str = "") -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Time, wavelength and weight of the events in a source box, by nothing but the file's own header."""
    with fits.open(path, memmap=False) as units:
        header, rows = units[1].header, units[1].data
        x, y, wave = (rows[name].astype(np.float64) for name in ("XFULL", "YFULL", "WAVELENGTH"))
        offset = y - header[f"SP_LOC_{letter}"] - header[f"SP_SLP_{letter}"] * (x - (512 if others else 8192))
        half = header[f"SP_HGT_{letter}"] / 2
        keep = (offset >= -half) & (offset < half) & ((rows["DQ"] & MASK) == 0)
        keep &= (wave > 915) & (wave < (3200 if others else 1800))
        for low, high in AIRGLOW.get(units[0].header["OPT_ELEM"], ((1208, 1225), (1298, 1312))):
            keep &= (wave < low) | (wave > high)
        return tuple(rows[name][keep].astype(np.float64) for name in ("TIME", "WAVELENGTH", "EPSILON"))


def recount_all(written, exposure):
    fuv = exposure.detector == "FUV"
    for i, truth in enumerate(written.segments):
        path = written.corrtags[i if fuv else 0]
        yield truth, recount(path, truth.name[-1], "" if fuv else "ABC")


@pytest.mark.parametrize("mode", MODES)
def test_equal_arguments_give_equal_bytes(mode, tmp_path):
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    exposure = replace(MODES[mode], exptime_s=20.0)
    first = write_exposure(tmp_path / "one", exposure, BUSY)
    second = write_exposure(tmp_path / "two", exposure, BUSY)
    assert [p.name for p in first.paths] == [p.name for p in second.paths]
    assert all(a.read_bytes() == b.read_bytes() for a, b in zip(first.paths, second.paths, strict=True))
    assert first.segments == second.segments or mode == "image"  # NaN flux of an image
    other = write_exposure(tmp_path / "two", replace(exposure, seed=1), BUSY)
    assert all(a.read_bytes() != b.read_bytes() for a, b in zip(first.paths, other.paths, strict=True))


def test_segment_events_do_not_depend_on_the_other_segment(tmp_path):
    exposure = CosExposure(exptime_s=50.0, segments=("A", "B"))
    both = write_exposure(tmp_path, exposure, BUSY)
    events = fits.getdata(both.corrtags[1], 1).tobytes()
    alone = write_exposure(tmp_path, replace(exposure, segments=("B",)), BUSY)
    assert alone.corrtags == both.corrtags[1:]
    assert fits.getdata(alone.corrtags[0], 1).tobytes() == events


@pytest.mark.parametrize("mode", MODES)
def test_files_are_valid_and_say_that_they_are_simulated(mode, tmp_path):
    written = write_exposure(tmp_path, replace(MODES[mode], exptime_s=20.0), BUSY)
    for path in written.paths:
        with fits.open(path, memmap=False) as units:
            units.verify("exception")
            assert units[0].header["SIMULATD"] == "T"
            assert units[0].header["FILENAME"] == path.name
            assert path.stat().st_size == units[-1]._data_offset + -(-units[-1].size // 2880) * 2880
            assert "CHECKSUM" not in units[1].header
            for unit in units:
                assert len(set(unit.header)) == len(unit.header), "a keyword occurs twice"


@pytest.mark.parametrize("mode", SPECTRA)
def test_recount_of_the_file_equals_the_truth(mode, tmp_path):
    written = write_exposure(tmp_path, replace(SPECTRA[mode], exptime_s=200.0), BUSY)
    for truth, (_, _, epsilon) in recount_all(written, SPECTRA[mode]):
        assert len(epsilon) == truth.gross_events
        assert epsilon.sum() == pytest.approx(truth.gross_epsilon, rel=1e-12)
        assert truth.gross_events > truth.source_events > 3000


@pytest.mark.parametrize("mode", SPECTRA)
def test_without_background_only_the_source_is_recounted(mode, tmp_path):
    scene = replace(BUSY, background_ct_s=0.0)
    written = write_exposure(tmp_path, replace(SPECTRA[mode], exptime_s=200.0), scene)
    for truth, (_, _, epsilon) in recount_all(written, SPECTRA[mode]):
        assert len(epsilon) == truth.source_events
        assert epsilon.sum() == pytest.approx(truth.source_epsilon, rel=1e-12)
    assert sum(truth.counted for truth in written.segments) == (2 if mode == "G230L" else len(written.segments))


@pytest.mark.parametrize("mode", SPECTRA)
def test_spectrum_gives_back_the_injected_flux(mode, tmp_path):
    exposure = replace(SPECTRA[mode], exptime_s=200.0)
    written = write_exposure(tmp_path, exposure, replace(BUSY, background_ct_s=0.0, rate_ct_s=200.0))
    rows = fits.getdata(written.x1d, 1)
    assert list(rows["SEGMENT"]) == [truth.name for truth in written.segments]
    for row, (truth, (_, wave, epsilon)) in zip(rows, recount_all(written, exposure), strict=True):
        lit = row["NET"] != 0
        inverse = np.interp(wave, row["WAVELENGTH"][lit], (row["FLUX"] / np.where(lit, row["NET"], 1))[lit])
        step = np.interp(wave, row["WAVELENGTH"], np.gradient(row["WAVELENGTH"]))
        band = np.sum(epsilon * inverse * step) / written.live_s
        assert band == pytest.approx(truth.band_flux, rel=3.5 / np.sqrt(len(wave)))
        assert 1e-16 < truth.flux_density < 1e-12


def test_spectrum_counts_what_lies_in_the_box(tmp_path):
    written = write_exposure(tmp_path, NUV, BUSY)
    rows = fits.getdata(written.x1d, 1)
    header, events = fits.getheader(written.corrtags[0], 1), fits.getdata(written.corrtags[0], 1)
    for row, letter in zip(rows, "ABC", strict=True):
        middle = header[f"SP_LOC_{letter}"] + header[f"SP_SLP_{letter}"] * (events["XFULL"].astype(float) - 512)
        inside = (np.abs(events["YFULL"] - middle) < 28.5) & ((events["DQ"] & MASK) == 0)
        pixel = np.rint(events["XFULL"][inside]).astype(int) + header["X_OFFSET"]
        assert np.array_equal(row["GCOUNTS"], np.bincount(pixel, minlength=1274))
        assert np.allclose(row["GROSS"], row["GCOUNTS"] / 600.0)
        assert np.allclose(events["WAVELENGTH"][inside], row["WAVELENGTH"][pixel], atol=0.02)


def test_image_is_a_blob_in_the_lower_half_without_boxes(tmp_path):
    written = write_exposure(tmp_path, IMAGE, BUSY)
    header, rows = fits.getheader(written.corrtags[0], 1), fits.getdata(written.corrtags[0], 1)
    assert written.x1d is None
    assert header["SP_LOC_A"] == header["B_BKG2_C"] == header["PHOTFLAM"] == -999
    assert not rows["WAVELENGTH"].any()
    good = (rows["YFULL"] < 512) & ((rows["DQ"] & MASK) == 0)
    (truth,) = written.segments
    assert np.count_nonzero(good) == truth.gross_events
    assert rows["EPSILON"][good].astype(float).sum() == pytest.approx(truth.gross_epsilon, rel=1e-12)


@pytest.mark.parametrize("gti", [None, ((0.032, 100.0), (400.0, 500.0))])
def test_times_are_ticks_inside_the_good_times(gti, tmp_path):
    exposure = CosExposure(gti=gti, exptime_s=300.0)
    written = write_exposure(tmp_path, exposure, BUSY)
    with fits.open(written.corrtags[0], memmap=False) as units:
        time = units["EVENTS"].data["TIME"]
        good = units["GTI"].data
        assert time.dtype == np.dtype(">f4")
        assert (np.diff(time) >= 0).all()
        tick = np.rint(time.astype(float) / 0.032).astype(int)
        assert np.array_equal(time, (tick * 0.032).astype(np.float32))
        edges = np.rint(np.array([good["START"], good["STOP"]]) / 0.032).astype(int).T
        assert np.allclose(good["STOP"], edges[:, 1] * 0.032, rtol=0, atol=1e-9)
        inside = np.any([(tick > start) & (tick <= stop) for start, stop in edges], axis=0)
        assert inside.all()
        assert {start + 1 for start, _ in edges} <= set(tick), "no event in the first tick: choose another seed"
        assert np.sum(good["STOP"] - good["START"]) == pytest.approx(units["EVENTS"].header["EXPTIME"], abs=1e-6)
        assert len(units["TIMELINE"].data) == round(float(time[-1]) - float(time[0])) + 1
        assert units["EVENTS"].header["EXPTIME"] == written.live_s == exposure.live_s


def test_junk_is_in_the_box_and_flagged(tmp_path):
    quiet = write_exposure(tmp_path, CosExposure(), Scene(rate_ct_s=0.0, background_ct_s=0.0, junk_ct_s=10.0))
    rows = fits.getdata(quiet.corrtags[0], 1)
    box = (np.abs(rows["YFULL"] - 425.191) < 19.5) & (rows["WAVELENGTH"] > 915)
    assert np.count_nonzero(box) == pytest.approx(6000, abs=250)
    assert ((rows["DQ"][box] & MASK) != 0).all()
    assert (rows["DQ"][box] & 8346 == 0).mean() == pytest.approx(0.5, abs=0.05)  # 64, 512, 2048: not in SDQFLAGS
    assert quiet.gross_events == 0


@pytest.mark.parametrize(("letter", "lines"), [("A", (1300.5, 1307.0)), ("B", (1214.5, 1217.0))])
def test_airglow_is_in_the_box_at_its_lines(letter, lines, tmp_path):
    scene = Scene(rate_ct_s=0.0, background_ct_s=0.0, airglow_ct_s=10.0)
    written = write_exposure(tmp_path, CosExposure(segments=(letter,)), scene)
    rows = fits.getdata(written.corrtags[0], 1)
    glow = rows["WAVELENGTH"][rows["WAVELENGTH"] > 0]
    assert glow.size == pytest.approx(6000, abs=250)
    assert lines[0] < glow.min() < glow.max() < lines[1]
    timeline = fits.getdata(written.corrtags[0], 3)
    assert timeline["LY_ALPHA" if letter == "B" else "OI_1304"].sum() == glow.size


def test_constant_source_is_poisson_over_200_seeds(tmp_path):
    expected = 20.0 * 30.016  # 938 ticks
    counts, weights = [], []
    for seed in range(200):
        exposure = CosExposure(exptime_s=30.016, seed=seed)
        written = write_exposure(tmp_path, exposure, Scene(background_ct_s=0.0), x1d=False)
        counts.append(written.source_events)
        weights.append(written.source_epsilon)
    assert np.mean(counts) == pytest.approx(expected, abs=3 * np.sqrt(expected / 200))
    assert np.var(counts) / expected == pytest.approx(1.0, abs=3 * np.sqrt(2 / 200))
    assert np.sum(weights) / np.sum(counts) == pytest.approx(1.025, abs=1e-3)
    assert written.net_rate_ct_s == pytest.approx(20.5)


@pytest.mark.parametrize(
    ("shape", "mean"),
    [(sinusoid(60.0, 0.8), 1.0), (flare(200.0, amplitude=9.0), 1.975), (transit(300.0), 0.8667), (trend(1e-3, 300), 1)],
)
def test_shape_is_followed_in_time(shape, mean, tmp_path):
    written = write_exposure(tmp_path, CosExposure(), Scene(100.0, 0.0, shape))
    assert written.net_rate_ct_s == pytest.approx(102.5 * mean, rel=1e-3)
    time, _, _ = recount(written.corrtags[0], "A")
    counts = np.histogram(time, np.arange(0.0, 601.0, 10.0))[0]
    fine = np.arange(0.0, 600.0, 0.01)
    wanted = 1000 * shape(fine).reshape(60, -1).mean(axis=1)
    assert np.sum((counts - wanted) ** 2 / wanted) < 60 + 4 * np.sqrt(120)
    assert np.sum((counts - counts.mean()) ** 2 / counts.mean()) > 300


def test_background_is_uniform_over_the_rows(tmp_path):
    written = write_exposure(tmp_path, NUV, Scene(rate_ct_s=0.0, background_ct_s=10.0))
    rows = fits.getdata(written.corrtags[0], 1)
    counts, _ = np.histogram(rows["YFULL"], np.linspace(0, 1023.5, 17))
    assert np.sum((counts - counts.mean()) ** 2) / counts.mean() < 15 + 4 * np.sqrt(30)
    for truth in written.segments:
        assert truth.source_events == 0
        expected = truth.background_rate_ct_s * 600
        assert truth.gross_epsilon == pytest.approx(expected, abs=4 * np.sqrt(expected))


def test_overrides_replace_add_and_remove(tmp_path):
    overrides = {"TARGNAME": "A/B c", "EXPTIME": 1.0, "EXPFLAG": None, "NEWKEY": 5}
    written = write_exposure(tmp_path, CosExposure(exptime_s=5.0, overrides=overrides), Scene())
    for path in written.paths:
        primary, table = fits.getheader(path, 0), fits.getheader(path, 1)
        assert primary["TARGNAME"] == "A/B c"
        assert (table["EXPTIME"], table["NEWKEY"], "EXPFLAG" in table) == (1.0, 5, False)


def test_bad_files_are_what_they_are_called(tmp_path):
    bad = bad_files(tmp_path, seed=4)
    table = {kind: fits.getdata(one.paths[0], 1) for kind, one in bad.items() if kind not in UNREADABLE}
    header = {
        kind: fits.getheader(bad[kind].paths[0], 0) + fits.getheader(bad[kind].paths[0], 1).copy(strip=True)
        for kind in table
    }
    assert header["bad_expflag"]["EXPFLAG"] == "INTERRUPTED"
    assert [path.name[9:] for path in bad["bad_expflag"].paths] == ["_corrtag_a.fits", "_corrtag_b.fits", "_x1d.fits"]
    steps = np.diff(table["nonlinear_time"]["TIME"])
    assert (steps < 0).mean() > 0.3
    assert len(table["no_events"]) == 0
    assert len(table["singular_event"]) == 1
    assert len(table["singular_time"]) > 100
    assert len(set(table["singular_time"]["TIME"])) == 1
    assert header["bad_proposal"]["PROPOSID"] == 13635
    assert 0 < header["short_exposure"]["EXPTIME"] < 1
    assert len(table["short_exposure"]) > 10
    assert header["zero_exptime"]["EXPTIME"] == 0
    assert np.isnan(table["nan_time"]["TIME"]).all()
    assert header["shutter_closed"]["SHUTTER"] == "Closed"
    assert "WAVE" in header["wavecal"]["EXPTYPE"]
    assert header["accum"]["OBSMODE"] == header["accum"]["IMAGETYP"] == "ACCUM"
    assert table["rawtag"].columns.names == ["TIME", "RAWX", "RAWY", "PHA"]
    assert bad["rawtag"].paths[0].name.endswith("_rawtag_a.fits")
    good_times = fits.getdata(bad["lying_exptime"].paths[0], 2)
    assert header["lying_exptime"]["EXPTIME"] == 600.0
    assert np.sum(good_times["STOP"] - good_times["START"]) == pytest.approx(300.0)
    assert header["lying_nevents"]["NEVENTS"] != len(table["lying_nevents"])
    assert bad["zero_byte"].paths[0].stat().st_size == 0
    for kind in UNREADABLE - {"truncated"}:
        with pytest.raises(OSError, match=r"Empty|No SIMPLE|not"):
            fits.open(bad[kind].paths[0])
    with fits.open(bad["truncated"].paths[0]) as units, pytest.warns(UserWarning, match="truncated"):
        assert len(units) < 4
    assert {one.reason for one in bad.values()} == {
        None, "Bad EXPFLAG", "Non-linear time", "No events", "Singular event", "Bad Proposal", "Short Exposure",
    }  # fmt: skip


def test_bad_files_are_the_same_for_the_same_seed(tmp_path):
    (tmp_path / "two").mkdir()
    one, two = bad_files(tmp_path, seed=4), bad_files(tmp_path / "two", seed=4)
    for kind in one:
        for a, b in zip(one[kind].paths, two[kind].paths, strict=True):
            assert a.read_bytes() == b.read_bytes(), kind


def test_edit_file_keeps_the_rest(tmp_path):
    (path,) = write_exposure(tmp_path, CosExposure(exptime_s=5.0), Scene(), x1d=False).paths
    before = fits.getdata(path, 1).copy()
    edit_file(path, lambda units: units[0].header.set("TARGNAME", "OTHER"))
    assert fits.getheader(path)["TARGNAME"] == "OTHER"
    assert fits.getdata(path, 1).tobytes() == before.tobytes()


def test_demo_agrees_with_the_table_written_by_hand(tmp_path):
    for exposure, scene, expected in demo_exposures():
        written = write_exposure(tmp_path, exposure, scene)
        assert (exposure.rootname, exposure.targname) == (expected.rootname, expected.targname)
        assert len(expected.rootname) == 9
        assert expected.rootname.endswith("q")
        assert written.live_s == pytest.approx(expected.live_s)
        assert written.net_rate_ct_s == pytest.approx(expected.net_rate_ct_s, rel=1e-5)
        error = np.sqrt(written.source_events) / written.live_s
        assert written.source_epsilon / written.live_s == pytest.approx(expected.net_rate_ct_s, abs=4 * error)
        assert all(fits.getheader(path, 1)["NAXIS2"] <= 200_000 for path in written.corrtags)
        time = np.sort(np.concatenate([found[0] for _, found in recount_all(written, exposure)]))
        if expected.period_s:
            freq = np.arange(1 / 600, 0.24, 1e-5)
            bins = 0.016 + 2.016 * np.arange(595)  # 63 ticks each
            curve = np.histogram(time, np.append(bins, bins[-1] + 2.016))[0]
            power = np.abs(np.exp(-2j * np.pi * freq[:, None] * bins) @ (curve - curve.mean()))
            assert 1 / freq[power.argmax()] == pytest.approx(expected.period_s, abs=expected.period_error_s)
    assert len({one.rootname for one in DEMO_EXPECTED}) == len(DEMO_EXPECTED) == 10


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"cenwave": 1300}, "testing.unknown-mode"),
        ({"detector": "NUV"}, "testing.unknown-mode"),
        ({"obstype": "IMAGING"}, "testing.unknown-mode"),
        ({"segments": ("C",)}, "testing.unknown-segment"),
        ({"segments": ()}, "testing.unknown-segment"),
        ({"exptime_s": 0.0}, "testing.bad-gti"),
        ({"gti": ((10.0, 20.0), (15.0, 30.0))}, "testing.bad-gti"),
        ({"gti": ()}, "testing.bad-gti"),
    ],
)
def test_impossible_exposures_are_refused(change, code):
    with pytest.raises(UsageError) as caught:
        replace(CosExposure(), **change)
    assert caught.value.code == code
    assert caught.value.hint


@pytest.mark.parametrize(("mode", "low", "high"), [("G130M-AB", 5e-13, 2e-12), ("G185M", 3e-13, 1e-12)])
def test_sensitivities_are_of_the_right_size(mode, low, high):
    exposure = SPECTRA[mode]
    for segment in segments_of(exposure.detector, exposure.obstype, exposure.opt_elem, exposure.cenwave):
        inverse = segment.inverse_sensitivity(segment.wavelength_aa(segment.useful_pixels().ravel()))
        assert low < inverse.min() < inverse.max() < high


@pytest.mark.parametrize("suffix", ["corrtag_a", "x1d"])
def test_layout_is_that_of_a_real_file(suffix, tmp_path, real_data):
    real_path = real_data / "hst" / f"ld9m10ujq_{suffix}.fits"
    write_exposure(tmp_path, CosExposure(segments=("A", "B"), exptime_s=20.0), BUSY)
    with fits.open(real_path) as real, fits.open(tmp_path / f"lsim00aaq_{suffix}.fits") as ours:
        assert [unit.name for unit in ours] == [unit.name for unit in real]
        for theirs, mine in zip(real, ours, strict=True):
            # TCxxxx of TIMELINE describe columns of another table
            stray = "TC" if theirs.name == "TIMELINE" else "HISTORY"
            missing = {key for key in theirs.header if key not in mine.header and not key.startswith(stray)}
            missing = {key for key in missing if not key.startswith("LMP")}  # we flash the lamp once
            assert not missing - {"", "COMMENT", "HISTORY"}
            for key, value in theirs.header.items():
                if key and key in mine.header and key not in {"COMMENT", "HISTORY"}:
                    kinds = {type(value), type(mine.header[key])}
                    assert len(kinds) == 1 or kinds == {int, float}, (theirs.name, key)
            if theirs.name != "PRIMARY":
                for part in ("names", "formats", "units", "disps"):
                    assert getattr(mine.columns, part) == getattr(theirs.columns, part), (theirs.name, part)
                assert mine.data.dtype.descr == theirs.data.dtype.descr
        for key in (
            "TELESCOP",
            "INSTRUME",
            "OBSMODE",
            "OBSTYPE",
            "EXPTYPE",
            "DETECTOR",
            "SHUTTER",
            "OPT_ELEM",
            "CENWAVE",
        ):
            assert ours[0].header[key] == real[0].header[key], key
        for key in ("SP_LOC_A", "SP_HGT_A", "B_HGT1_A", "B_BKG2_A", "B_BKG1_B", "SDQFLAGS", "X_OFFSET"):
            assert ours[1].header[key] == pytest.approx(real[1].header[key], abs=1e-3), key
