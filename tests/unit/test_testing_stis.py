"""The synthetic STIS exposures: the same for the same arguments, laid out like real files, true to their truth."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from hstlc.errors import UsageError
from hstlc.testing.stis import (
    Scene,
    StisExposure,
    flare,
    high,
    low,
    mode_of,
    sinusoid,
    write_exposure,
    write_references,
)

SPECTRA = {
    "G140L": StisExposure(exptime_s=100.0),
    "G140M": StisExposure(exptime_s=100.0, opt_elem="G140M", cenwave=1222),
    "E140M": StisExposure(exptime_s=100.0, opt_elem="E140M", cenwave=1425),
    "E230M": StisExposure(exptime_s=100.0, opt_elem="E230M", cenwave=1978, doppmag=12.0),
    "E140H": StisExposure(exptime_s=100.0, opt_elem="E140H", cenwave=1271),
    "two imsets": StisExposure(exptime_s=50.0, imsets=2),
}
IMAGE = StisExposure(exptime_s=100.0, opt_elem="MIRNUV", cenwave=0)
MODES = SPECTRA | {"image": IMAGE}
SCENE = Scene(rate_ct_s=40.0, background_ct_s=3.0)
CLEAN = replace(SCENE, background_ct_s=0.0)


def tables(path: Path) -> list[tuple[fits.Header, np.ndarray]]:
    """Headers and rows of all tables of a file."""
    with fits.open(path, memmap=False) as units:
        return [(unit.header, unit.data) for unit in units[1:]]


def events(path: Path) -> np.ndarray:
    """The rows of all imsets, times in seconds."""
    lists = [rows for header, rows in tables(path) if header["EXTNAME"] == "EVENTS"]
    names = ("TIME", "AXIS1", "AXIS2", "DETAXIS1")
    return np.rec.fromarrays([np.concatenate([rows[name] for rows in lists]) for name in names], names=names)


def boxes(path: Path, x: np.ndarray, y: np.ndarray, which: str = "source") -> tuple[np.ndarray, np.ndarray]:
    """Order (-1: none) and offset from its middle of events, by nothing but the columns of the spectrum file."""
    rows = tables(path)[0][1]
    order, best = np.full(len(x), -1), np.full(len(x), np.inf)
    for i, row in enumerate(rows):
        middle = 2 * np.interp((x + 0.5) / 2, np.arange(1, 1025), row["EXTRLOCY"]) - 0.5
        shift = 0.0 if which == "source" else 2 * row[f"{which}OFFST"]
        half = row["EXTRSIZE"] if which == "source" else row[f"{which}SIZE"]
        off = np.abs(y - middle - shift)
        mine = (off <= half) & (off < best)
        order[mine], best[mine] = i, off[mine]
    return order, best


def good(written, rows: np.ndarray) -> np.ndarray:
    gti = tables(written.tag)[-1][1]
    return np.any([(rows["TIME"] > a) & (rows["TIME"] <= b) for a, b in gti], axis=0)


def in_boxes(written, which: str = "source") -> np.ndarray:
    """The events in the boxes, in good time."""
    rows = events(written.tag)
    order, _ = boxes(written.x1d, rows["AXIS1"].astype(float), rows["AXIS2"].astype(float), which)
    return rows[(order >= 0) & good(written, rows)]


@pytest.mark.parametrize("mode", MODES)
def test_equal_arguments_give_equal_bytes(mode, tmp_path):
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    first = write_exposure(tmp_path / "one", MODES[mode], SCENE)
    second = write_exposure(tmp_path / "two", MODES[mode], SCENE)
    assert [path.name for path in first.paths] == [path.name for path in second.paths]
    assert all(a.read_bytes() == b.read_bytes() for a, b in zip(first.paths, second.paths, strict=True))
    other = write_exposure(tmp_path / "two", replace(MODES[mode], seed=1), SCENE)
    assert all(a.read_bytes() != b.read_bytes() for a, b in zip(first.paths, other.paths, strict=True))


@pytest.mark.parametrize("mode", MODES)
def test_files_are_valid_and_say_that_they_are_simulated(mode, tmp_path):
    written = write_exposure(tmp_path, MODES[mode], SCENE)
    for path in written.paths:
        with fits.open(path, memmap=False) as units:
            units.verify("exception")
            assert units[0].header["SIMULATD"] == "T"
            assert units[0].header["FILENAME"] == path.name
            for unit in units:
                assert len(set(unit.header)) == len(unit.header), "a keyword occurs twice"
            names = [unit.name for unit in units[1:]]
            assert units[0].header["NEXTEND"] == len(names)
            n = MODES[mode].imsets
            assert names == (["EVENTS"] * n + ["GTI"] if path == written.tag else ["SCI"] * n)
            assert [unit.ver for unit in units[1 : n + 1]] == list(range(1, n + 1))


@pytest.mark.parametrize("name", ["odlm18040_tag.fits.gz", "odlm21050_x1d.fits"])
def test_tables_are_laid_out_like_real_ones(name, real_data, tmp_path):
    written = write_exposure(tmp_path, MODES["G140L"], SCENE)
    ours = written.tag if "tag" in name else written.x1d
    left_out = {"COMMENT", "HISTORY", "", "ORIGIN", "GROUPS"}
    with fits.open(real_data / "hst" / name) as real, fits.open(ours) as made:
        for theirs, mine in zip(real, made, strict=True):
            assert theirs.name == mine.name
            if theirs.name != "PRIMARY":
                for attribute in ("name", "format", "unit", "bscale", "null"):
                    assert getattr(theirs.columns, f"{attribute}s") == getattr(mine.columns, f"{attribute}s")
                assert theirs.data.dtype == mine.data.dtype
            shared = set(theirs.header) & set(mine.header) - left_out
            assert set(mine.header) - set(theirs.header) <= {"SIMULATD"} | left_out
            for key in shared - {"NAXIS", "NAXIS2"}:
                one, other = theirs.header[key], mine.header[key]
                assert isinstance(one, type(other)) or {type(one), type(other)} == {int, float}, key


def test_times_are_ticks_in_good_time_and_order(tmp_path):
    exposure = StisExposure(gti=((0.0, 20.0), (50.0, 80.5)))
    written = write_exposure(tmp_path, exposure, replace(SCENE, gap_ct_s=20.0))
    with fits.open(written.tag, memmap=False) as units:
        assert units["EVENTS"].header["TSCAL1"] == 0.000125
        times = units["EVENTS"].data["TIME"]
        assert (np.diff(times) >= 0).all()
        edges = units["GTI"].data
        assert edges["START"].tolist() == [0.0, 50.0]
        assert edges["STOP"].tolist() == [20.0, 80.5]
        assert units["EVENTS"].header["EXPTIME"] == units[0].header["TEXPTIME"] == written.live_s == 50.5
    rows = events(written.tag)
    outside = rows[~good(written, rows)]
    assert len(outside) == pytest.approx(600, abs=80)
    assert ((outside["TIME"] > 20) & (outside["TIME"] <= 50)).all()
    assert len(in_boxes(written)) - written.source_events == pytest.approx(3 * 50.5 * 1.024, abs=40)


@pytest.mark.parametrize("mode", SPECTRA)
def test_every_source_event_lies_in_a_box_of_the_spectrum(mode, tmp_path):
    written = write_exposure(tmp_path, SPECTRA[mode], CLEAN)
    rows = events(written.tag)
    order, off = boxes(written.x1d, rows["AXIS1"].astype(float), rows["AXIS2"].astype(float))
    assert len(rows) == written.source_events == pytest.approx(4000, abs=250)
    assert (order >= 0).all()
    assert (off <= tables(written.x1d)[0][1]["EXTRSIZE"][0] - 0.5 + 1e-3).all()
    assert set(order) == set(range(len(written.exposure.mode.orders)))
    for number in set(order):
        wave = tables(written.x1d)[0][1]["WAVELENGTH"][number]
        at = np.interp((rows["AXIS1"][order == number] + 0.5) / 2, np.arange(1, 1025), wave)
        for a, b in written.exposure.mode.dark_windows_aa:
            assert not ((at >= a) & (at <= b)).any()


@pytest.mark.parametrize("mode", SPECTRA)
def test_background_is_as_dense_beside_the_spectrum_as_under_it(mode, tmp_path):
    scene = Scene(rate_ct_s=0.0, background_ct_s=100.0)
    written = write_exposure(tmp_path, SPECTRA[mode], scene)
    expected = 100.0 * 100.0
    rows = in_boxes(written)
    active = (rows["AXIS1"] >= 25) & (rows["AXIS1"] <= 2024)
    # a box of half height h holds the 2 h rows of the high-resolution frame on average
    assert active.sum() == pytest.approx(expected, abs=5 * np.sqrt(expected))
    x1d = tables(written.x1d)[0][1]
    assert x1d["BACKGROUND"].sum() == pytest.approx(100.0, rel=1e-5)
    if mode == "E140H":
        return  # the boxes run into each other
    for which in ("BK1", "BK2"):
        beside = in_boxes(written, which)
        ratio = float(x1d[f"{which}SIZE"].sum() / x1d["EXTRSIZE"].sum())
        n = ((beside["AXIS1"] >= 25) & (beside["AXIS1"] <= 2024)).sum()
        assert n == pytest.approx(expected * ratio, abs=5 * np.sqrt(expected * ratio))


@pytest.mark.parametrize("mode", SPECTRA)
def test_spectrum_counts_what_lies_in_the_boxes(mode, tmp_path):
    written = write_exposure(tmp_path, SPECTRA[mode], SCENE)
    with fits.open(written.tag) as units:
        for number, (header, x1d) in enumerate(tables(written.x1d), 1):
            rows = units["EVENTS", number].data
            order, _ = boxes(written.x1d, rows["AXIS1"].astype(float), rows["AXIS2"].astype(float))
            assert header["EXPTIME"] == units["EVENTS", number].header["EXPTIME"]
            for i, row in enumerate(x1d):
                mine = (order == i) & (rows["DETAXIS1"] > 2) & (rows["DETAXIS1"] < 2047)  # the others are flagged
                expected = np.bincount((rows["AXIS1"][mine] + 1) // 2 - 1, minlength=1024)
                assert np.allclose(row["GROSS"] * header["EXPTIME"], expected, atol=1e-3)
                assert np.allclose(row["NET"], row["GROSS"] - row["BACKGROUND"], atol=1e-6)
                assert not row["FLUX"][row["DQ"] == 2564].any()


@pytest.mark.parametrize("mode", SPECTRA)
def test_spectrum_gives_back_the_injected_flux(mode, tmp_path):
    written = write_exposure(tmp_path, SPECTRA[mode], replace(CLEAN, rate_ct_s=400.0))
    fluence, width = 0.0, 0.0
    sets = tables(written.x1d)
    for header, x1d in sets:
        for row in x1d:
            step = np.gradient(row["WAVELENGTH"])
            fluence += float((row["FLUX"].astype(float) * step).sum()) * header["EXPTIME"]
            width += step[row["DQ"] != 2564].sum()
    measured = fluence / written.live_s / (width / len(sets))
    assert measured == pytest.approx(written.flux_density(), rel=3.5 / np.sqrt(written.source_events))
    assert 1e-16 < written.flux_density() < 1e-12
    some = np.mean(sets[0][1]["WAVELENGTH"][0][[400, 420]])
    assert written.flux_density([(some, some + 1.0)]) > written.flux_density()


@pytest.mark.parametrize("magnitude", [0.0, 1.0, 12.0])
def test_light_moves_over_the_detector_and_the_header_says_how(magnitude, tmp_path):
    exposure = StisExposure(opt_elem="E230M", cenwave=1978, exptime_s=2700.0, doppmag=magnitude)
    written = write_exposure(tmp_path, exposure, Scene(rate_ct_s=5.0, background_ct_s=0.05))
    (header, rows), *_ = tables(written.tag)
    moved = rows["AXIS1"].astype(int) - rows["DETAXIS1"]
    assert (header["DOPPON"], header["DOPPMAG"]) == (magnitude > 0, magnitude)
    if magnitude == 0:
        assert not moved.any()
        return
    phase = 2 * np.pi * ((header["EXPSTART"] - header["DOPPZERO"]) * 86400 + rows["TIME"]) / header["ORBITPER"]
    assert np.abs(moved + magnitude * np.sin(phase)).max() <= 0.5 + 1e-3
    assert set(moved) >= {-magnitude, 0, magnitude / 2 // 1}


def test_real_light_moves_the_same_way(real_data):
    (header, rows), *_ = tables(real_data / "hst" / "odlm18040_tag.fits.gz")
    phase = 2 * np.pi * ((header["EXPSTART"] - header["DOPPZERO"]) * 86400 + rows["TIME"]) / header["ORBITPER"]
    moved = rows["AXIS1"].astype(int) - rows["DETAXIS1"]
    assert np.abs(moved + header["DOPPMAG"] * np.sin(phase)).max() <= 0.5 + 1e-3


def test_the_flat_field_takes_light_that_the_weights_give_back(tmp_path):
    exposure = StisExposure(exptime_s=200.0, flat=0.3, doppmag=9.0)
    written = write_exposure(tmp_path, exposure, replace(CLEAN, rate_ct_s=200.0))
    names = {path.name[-8:-5]: path for path in write_references(tmp_path / "oref", exposure)}
    header = fits.getheader(written.tag)
    for key, kind in (("PFLTFILE", "pfl"), ("LFLTFILE", "lfl"), ("BPIXTAB", "bpx")):
        assert header[key] == f"oref${names[kind].name}"
        assert fits.getheader(names[kind])["SIMULATD"] == "T"
    flat = fits.getdata(names["pfl"], 1).astype(float) * fits.getdata(names["lfl"], 1)
    rows = events(written.tag)
    epsilon = 1 / flat[(rows["AXIS2"] - 1) // 2, (rows["DETAXIS1"] - 1) // 2]
    assert epsilon == pytest.approx(written.source_epsilon)
    error = np.sqrt((epsilon**2).sum())
    assert epsilon.sum() == pytest.approx(40000.0, abs=4 * error)
    # multiplying by the flat field instead, as was done once, does not give the rate back
    assert abs((1 / epsilon).sum() - 40000.0) > 4 * error
    assert flat.std() == pytest.approx(0.3 / np.sqrt(3), rel=0.2)


def test_bad_pixels_are_those_of_this_grating(tmp_path):
    exposure = StisExposure(exptime_s=100.0, bad_pixels=True, doppmag=5.0)
    written = write_exposure(tmp_path, exposure, Scene(rate_ct_s=20.0, background_ct_s=0.0, hot_ct_s=30.0))
    table = fits.getdata(write_references(tmp_path / "oref", exposure)[-1], 1)
    assert table.names == ["OPT_ELEM", "PIX1", "PIX2", "LENGTH", "AXIS", "VALUE"]
    rows = events(written.tag)

    def flagged(wanted):
        flags = np.zeros((1024, 1024), dtype=int)
        for row in table:
            if row["OPT_ELEM"].strip() in wanted:
                dx, dy = (row["LENGTH"], 1) if row["AXIS"] == 1 else (1, row["LENGTH"])
                flags[row["PIX2"] - 1 :, row["PIX1"] - 1 :][:dy, :dx] |= row["VALUE"]
        return flags[(rows["AXIS2"] - 1) // 2, (rows["DETAXIS1"] - 1) // 2]

    mine = flagged({"G140L", "ANY"})
    assert ((mine & 31743) != 0).sum() == len(rows) - written.source_events == pytest.approx(3000, abs=250)
    assert (mine == 1024).any()  # a flag that does not count
    assert ((flagged({"G140L", "G230M"}) & 31743) != 0).sum() > 3300  # blemishes of another grating
    order, _ = boxes(written.x1d, rows["AXIS1"].astype(float), rows["AXIS2"].astype(float))
    assert (order >= 0).all()
    assert tables(written.x1d)[0][1]["GROSS"].sum() * 100 == pytest.approx(written.source_events, rel=1e-5)


@pytest.mark.parametrize("shape", [None, sinusoid(20.0, 0.8), flare(30.0, amplitude=5.0, decay_s=10.0)])
def test_light_curve_of_the_truth_is_the_injected_one(shape, tmp_path):
    scene = Scene(rate_ct_s=100.0, background_ct_s=0.0, shape=shape)
    exposure = StisExposure(gti=((0.0, 40.0), (60.0, 100.0)))
    written = write_exposure(tmp_path, exposure, scene)
    edges = np.arange(0.0, 101.0, 2.5)
    expected = written.expected_counts(edges)
    assert expected.sum() == pytest.approx(written.net_rate_ct_s * 80.0)
    fine = np.linspace(0, 100, 100001)[:-1] + 0.0005
    live = (fine < 40) | (fine > 60)
    by_hand = 100.0 * (np.ones(fine.size) if shape is None else shape(fine)) * live * 0.001
    assert expected == pytest.approx(np.histogram(fine, edges, weights=by_hand)[0], rel=2e-3, abs=1e-9)
    counts = written.source_counts(edges)
    assert counts.sum() == written.source_events == len(events(written.tag))
    chi2 = ((counts - expected)[expected > 0] ** 2 / expected[expected > 0]).sum()
    assert 15 < chi2 < 55  # 32 bins


def test_one_step_back_is_one_tick(tmp_path):
    written = write_exposure(tmp_path, StisExposure(steps_back=1), SCENE)
    steps = np.diff(np.rint(events(written.tag)["TIME"] / 0.000125).astype(int))
    assert steps[steps < 0].tolist() == [-1]


def test_imsets_follow_each_other_in_one_time(tmp_path):
    written = write_exposure(tmp_path, SPECTRA["two imsets"], SCENE)
    (first, one), (second, two), (_, gti) = tables(written.tag)
    assert gti["START"].tolist() == [0.0, 80.0]
    assert gti["STOP"].tolist() == [50.0, 130.0]
    assert one["TIME"].max() <= 50.0
    assert two["TIME"].min() > 80.0
    assert (second["EXPSTART"] - first["EXPSTART"]) * 86400 == pytest.approx(80.0, abs=1e-4)
    assert first["EXPSTART"] == fits.getheader(written.tag)["TEXPSTRT"]
    assert [header["EXPTIME"] for header, _ in tables(written.x1d)] == [50.0, 50.0]
    assert written.live_s == fits.getheader(written.tag)["TEXPTIME"] == 100.0


def test_an_image_has_neither_spectrum_nor_shift(tmp_path):
    written = write_exposure(tmp_path, replace(IMAGE, doppmag=0.0), SCENE)
    rows = events(written.tag)
    assert written.x1d is None
    assert fits.getheader(written.tag)["OBSTYPE"] == "IMAGING"
    assert np.array_equal(rows["AXIS1"], rows["DETAXIS1"])
    assert np.isnan(written.flux_density())
    assert len(rows) - written.source_events == pytest.approx(300, abs=80)


def test_photons_without_exposure(tmp_path):
    written = write_exposure(tmp_path, SPECTRA["G140L"], SCENE, x1d=False, no_good_time=True)
    (header, rows), (_, gti) = tables(written.tag)
    assert (header["EXPTIME"], header["EXPFLAG"], len(gti)) == (0.0, "NORMAL", 0)
    assert fits.getheader(written.tag)["TEXPTIME"] == 0.0
    assert len(rows) > 4000
    assert written.paths == (written.tag,)


def test_low_and_high_resolution_pixels_share_their_edges():
    assert high(1).tolist() == 1.5  # pixels 1 and 2
    assert high([1, 1024]).tolist() == [1.5, 2047.5]
    assert low(high(17.25)) == 17.25


def test_what_cannot_be_simulated_is_said():
    with pytest.raises(UsageError) as caught:
        mode_of("G230L", 2376)
    assert caught.value.code == "testing.unknown-mode"
    assert "G230L/2376" in caught.value.message
    with pytest.raises(UsageError) as caught:
        StisExposure(gti=((10.0, 5.0),))
    assert caught.value.code == "testing.bad-gti"
