"""Light curves of Chandra exposures and of the sources in them."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
from astropy.time import Time

import hstlc
from hstlc.errors import UnsupportedModeError, UsageError
from hstlc.formats.curve_fits import read_light_curve, write_light_curve
from hstlc.missions.base import Extraction, SourceCurves
from hstlc.missions.chandra.mission import MISSION
from hstlc.missions.chandra.mission_settings import ChandraSettings
from hstlc.model import Quality
from hstlc.stats.hardness import hardness_ratio
from hstlc.testing.chandra import (
    ChandraObservation,
    ChandraScene,
    ChandraSource,
    EventTable,
    constant,
    write_event_list,
    write_evt2,
    write_region_products,
)

SCENE = ChandraScene((ChandraSource(0.02),), background_ct_s=0.05)
FIELD = ChandraObservation(ontime_s=10_000.0)
REGION = replace(FIELD, region=35)
HERE = {"name": "here", "region": 'icrs; circle(150.0, 2.0, 2.5")'}


def made(paths: Sequence[Path], **settings: Any) -> Extraction:
    identities = [MISSION.identify(path) for path in paths]
    exposure = MISSION.load([one for one in identities if one is not None])
    return MISSION.extract(exposure, ChandraSettings(**settings))


def alone(paths: Sequence[Path], **settings: Any) -> SourceCurves:
    (source,) = made(paths, **settings).sources
    return source


def test_a_region_of_the_catalog_has_a_curve_in_each_band_and_broad_leads(tmp_path: Path) -> None:
    written = write_region_products(tmp_path, REGION, SCENE, lc3=True)
    source = alone(written.paths)
    assert list(source.curves) == ["broad", "ultrasoft", "soft", "medium", "hard"]
    assert source.lead == "broad"
    described = source.source
    assert (described.name, described.number, described.catalogue) == ("CXOU J100000.0+020000", "0035", "reg3")
    assert described.extra["catalog_variability"] == {"b": {"VARINDEX": 0, "FRAC3SIG": 1.0, "FRAC5SIG": 1.0}}
    broad = source.curves["broad"]
    parts = [source.curves[band]["source_events"].sum() for band in ("soft", "medium", "hard")]
    assert broad["source_events"].sum() == described.counts == sum(parts)
    assert {stamp.name for stamp in broad.stamps} == {"SKY", "DETECTOR"}
    assert source.curves["soft"].stamps == ()


def test_the_counts_are_those_of_the_events_in_the_ellipse(tmp_path: Path) -> None:
    written = write_region_products(tmp_path, REGION, SCENE)
    assert written.ellipse is not None
    x, y, a, b, angle = written.ellipse
    turn = np.deg2rad(angle)
    dx, dy = (values.astype(np.float32) - at for values, at in ((written.events.x, x), (written.events.y, y)))
    u, v = dx * np.cos(turn) + dy * np.sin(turn), dy * np.cos(turn) - dx * np.sin(turn)
    within = (u / a) ** 2 + (v / b) ** 2
    described = alone(written.paths).source
    assert described.counts == np.count_nonzero(within <= 1)
    assert described.background_counts == np.count_nonzero((within <= 25) & (within > 1.21))
    assert described.scale == pytest.approx(1 / (25 - 1.21), rel=1e-9)


def test_release_1_has_its_own_background(tmp_path: Path) -> None:
    old = write_region_products(tmp_path, replace(REGION, revision=1), SCENE, background_region=True, mask=False)
    source = alone(old.paths).source
    assert source.extra["block"] == "SRCREG"
    assert source.scale == pytest.approx(1 / 24, rel=0.02)


def test_without_its_ellipse_the_whole_box_is_the_source(tmp_path: Path) -> None:
    written = write_region_products(tmp_path, REGION, SCENE, reg3=False)
    source = alone(written.paths).source
    assert (source.catalogue, source.background_region, source.scale) == ("regevt3", "", 0.0)
    assert source.counts == len(written.events)


def test_bins_are_whole_frames_from_half_way_to_half_way(tmp_path: Path) -> None:
    written = write_region_products(tmp_path, REGION, SCENE)
    curve = alone(written.paths).curves["broad"]
    frames = curve["bins"] / REGION.frame_s
    np.testing.assert_allclose(frames, 154.0, atol=1e-6)
    arrivals = curve.arrivals
    assert arrivals is not None
    phase = (arrivals.time_s - curve["times"][0]) / REGION.frame_s % 1
    np.testing.assert_allclose(phase, 0.5, atol=1e-5)
    assert arrivals.frame_s == REGION.frame_s


def test_a_bin_shorter_than_a_frame_is_refused(tmp_path: Path) -> None:
    written = write_region_products(tmp_path, REGION, SCENE)
    with pytest.raises(UsageError) as caught:
        made(written.paths, bin_width="2 s")
    assert caught.value.code == "usage.bin-width"


def test_live_time_of_bins_is_that_of_good_times_and_dead_time(tmp_path: Path) -> None:
    gaps = MappingProxyType({0: ((0.0, 100.0), (150.0, 420.0), (430.0, 1000.0))})
    hrc = ChandraObservation(detector="HRC-I", ontime_s=1000.0, good_times=gaps, start_s=280834944.0)
    written = write_evt2(tmp_path, hrc, ChandraScene((), background_ct_s=0.05))
    for paths in (written.paths, written.paths[:1]):
        curve = made(paths, bin_width="250 s").curve
        np.testing.assert_allclose(curve["exposure"], np.array([200, 240, 250, 250]) * 0.987, rtol=1e-9)
        np.testing.assert_allclose(curve["fraction"], [0.8, 0.96, 1.0, 1.0], rtol=1e-9)


def test_a_region_on_two_chips_is_live_as_far_as_they_are(tmp_path: Path) -> None:
    half = MappingProxyType({6: ((0.0, 10_000.0),), 7: ((0.0, 5000.0),)})
    two = replace(
        FIELD,
        chips=MappingProxyType({6: (3072.0, 3584.0), 7: (4096.0, 3584.0)}),
        good_times=half,
        dither_arcsec=0.0,
        frame_s=0.44104,
        exposed_s=0.4,
    )
    scene = ChandraScene((ChandraSource(0.3),), background_ct_s=0.01)
    written = write_evt2(tmp_path, two, scene)
    source = alone(written.paths, sources=[HERE])
    curve = source.curves["broad"]
    early, late = curve["times"] < 4000 + curve["times"][0], curve["times"] > 5500 + curve["times"][0]
    np.testing.assert_allclose(curve["fraction"][early], 1.0)
    np.testing.assert_allclose(curve["fraction"][late][:-1], 0.5, atol=0.03)
    rate = [curve["source_events"][some].sum() / curve["exposure"][some].sum() for some in (early, late)]
    for value, some in zip(rate, (early, late), strict=True):
        assert value == pytest.approx(0.3 * 0.99, abs=4 * 0.3 / np.sqrt(curve["source_events"][some].sum()))
    total = curve["source_events"].sum() / curve["exposure"].sum()
    assert total == pytest.approx(0.3 * 0.99, rel=0.07)
    assert set(source.source.extra["chips"]) == {"6", "7"}


@pytest.mark.parametrize("events", [0, 1])
def test_sources_of_no_and_of_one_event_have_curves_with_limits(tmp_path: Path, events: int) -> None:
    few = EventTable(
        np.array([5000.0 + REGION.frame_s / 2])[:events],
        *(np.full(events, 4096.5) for _ in range(2)),
        np.full(events, 1.5),
        np.zeros(events, dtype=np.int64),
    )
    beside = EventTable(
        np.arange(30) * 300.0 + 1.6, np.full(30, 4106.0), np.full(30, 4096.0), np.full(30, 2.5), np.full(30, -1)
    )
    names = EventTable.__dataclass_fields__
    both = EventTable(*(np.concatenate([getattr(one, name) for one in (few, beside)]) for name in names))
    paths = write_region_products(tmp_path, REGION, SCENE).paths
    write_event_list(paths[0], REGION, both, content="REGEVT3", mask=(4079.0, 4079.0, 4114.0, 4114.0))
    source = alone(paths)
    curve = source.curves["broad"]
    assert curve["source_events"].sum() == events
    assert curve["background_events"].sum() == 30
    assert np.isfinite(curve["rate"]).all()
    assert (curve["rate_high"] > 0).all()
    assert (curve["rate_low"] <= np.maximum(curve["rate"], 0)).all()
    assert (curve["error"] > 0).all()
    assert len(curve.arrivals or ()) == events
    assert all(-1 < ratio.low < ratio.high < 1 for ratio in source.source.hardness)


def test_hardness_ratios_are_positive_for_the_harder(tmp_path: Path) -> None:
    for energy, sign in ((0.8, -1), (4.0, 1)):
        scene = ChandraScene((ChandraSource(0.05, energy_kev=energy),), background_ct_s=0.05)
        source = alone(write_region_products(tmp_path, REGION, scene).paths)
        ratios = {(one.hard, one.soft): one for one in source.source.hardness}
        assert list(ratios) == [("hard", "medium"), ("hard", "soft"), ("medium", "soft")]
        one = ratios["hard", "soft"]
        assert np.sign(one.ratio) == sign
        counts = [
            int(source.curves[band][column].sum())
            for column in ("source_events", "background_events")
            for band in ("hard", "soft")
        ]
        expected = hardness_ratio(counts[0], counts[1], counts[2], counts[3], source.source.scale)
        assert (one.ratio, one.low, one.high) == expected


def test_hrc_has_one_band_and_arrivals_without_energy(tmp_path: Path) -> None:
    hrc = ChandraObservation(detector="HRC-I", ontime_s=3000.0, region=1)
    scene = ChandraScene((ChandraSource(0.05),), background_ct_s=0.01)
    source = alone(write_region_products(tmp_path, hrc, scene).paths)
    assert list(source.curves) == [source.lead] == ["wide"]
    arrivals = source.curves["wide"].arrivals
    assert arrivals is not None
    assert np.isnan(arrivals.energy_kev).all()
    assert source.source.hardness == ()
    assert source.source.extra["block"] == "ECF90REGW"


def test_sources_of_the_settings_keep_out_of_each_others_backgrounds(tmp_path: Path) -> None:
    scene = ChandraScene((ChandraSource(0.02), ChandraSource(0.2, x_arcsec=7.0)), background_ct_s=0.02)
    written = write_evt2(tmp_path, FIELD, scene)
    there = {"name": "there", "region": f'icrs; circle({150.0 - 7 / 3600}, 2.0, 2.5")'}
    both = {one.source.name: one.source for one in made(written.paths, sources=[HERE, there]).sources}
    single = alone(written.paths, sources=[HERE]).source
    assert both["here"].counts == single.counts
    assert both["here"].background_counts < 0.05 * single.background_counts
    assert both["here"].scale > single.scale


def test_the_catalogs_source_is_cut_from_the_background_of_ones_own(tmp_path: Path) -> None:
    scene = ChandraScene((ChandraSource(0.05, sigma_arcsec=1.5),), background_ct_s=0.2)
    written = write_region_products(tmp_path, REGION, scene)
    beside = {"name": "beside", "region": f'icrs; circle({150.0 - 9 / 3600}, 2.0, 2")'}
    own = alone(written.paths, sources=[beside], use_catalog=False).source
    assert own.name == "beside"
    assert "ellipse" in own.background_region
    everything = made(written.paths, sources=[beside]).sources
    assert [one.source.name for one in everything] == ["beside", "CXOU J100000.0+020000"]


def test_a_source_outside_of_the_field_is_left_out(tmp_path: Path) -> None:
    written = write_evt2(tmp_path, FIELD, SCENE)
    far = {"name": "far", "region": 'icrs; circle(151.0, 2.0, 2.5")'}
    assert [one.source.name for one in made(written.paths, sources=[far, HERE]).sources] == ["here"]


def test_too_few_counts_give_a_finding_and_no_curves(tmp_path: Path) -> None:
    written = write_region_products(tmp_path, REGION, SCENE)
    extraction = made(written.paths, minimum_counts=10_000)
    assert extraction.sources == ()
    assert [finding.reason for finding in extraction.findings] == ["Few counts"]


def test_bands_can_be_chosen(tmp_path: Path) -> None:
    written = write_region_products(tmp_path, REGION, SCENE)
    source = alone(written.paths, bands=("soft", "iron = 6.2 keV .. 7.2 keV", "all = 0.1 keV .. 10 keV"))
    assert list(source.curves) == ["soft", "iron", "all"]
    assert source.lead == "all"
    iron = written.events.energy_kev[(written.events.energy_kev >= 6.2) & (written.events.energy_kev < 7.2)]
    curve = source.curves["iron"]
    assert curve["source_events"].sum() + curve["background_events"].sum() <= len(iron)
    assert (curve.meta["EMIN"], curve.meta["EMAX"]) == (6.2, 7.2)


def flaring(folder: Path, content: str) -> Path:
    """Write a field whose background is ten times as high from 10 ks to 12 ks."""

    def high(time_s: np.ndarray) -> np.ndarray:
        return np.where((time_s >= 10_000) & (time_s < 12_000), 10.0, 1.0)

    scene = ChandraScene((ChandraSource(0.05),), background_ct_s=0.3, background_shape=high)
    return write_evt2(folder, replace(FIELD, ontime_s=40_000.0), scene, content=content).paths[0]


def test_background_flares_are_flagged_or_cut_in_level_2_and_left_in_level_3(tmp_path: Path) -> None:
    path = flaring(tmp_path, "EVT2")
    flagged = alone([path], sources=[HERE]).curves["broad"]
    marked = (flagged["quality"] & Quality.BACKGROUND_FLARE) > 0
    since = flagged["times"] - flagged["times"][0]
    assert marked[(since > 10_100) & (since < 11_400)].all()
    assert np.mean(marked[(since < 9000) | (since > 13_000)]) < 0.1
    cut = alone([path], sources=[HERE], flares="cut").curves["broad"]
    assert flagged["exposure"].sum() - cut["exposure"].sum() == pytest.approx(2000, abs=600)
    assert not (cut["quality"] & Quality.BACKGROUND_FLARE).any()
    assert cut.arrivals is not None
    assert len(cut.arrivals) == cut["source_events"].sum() < flagged["source_events"].sum()
    assert cut.arrivals.total_live_s == pytest.approx(cut["exposure"].sum())
    for kept in (alone([path], sources=[HERE], flares="off"), alone([flaring(tmp_path, "EVT3")], sources=[HERE])):
        assert not (kept.curves["broad"]["quality"] & Quality.BACKGROUND_FLARE).any()


def test_a_quiet_background_has_hardly_any_flares(tmp_path: Path) -> None:
    quiet = ChandraScene((ChandraSource(0.05),), background_ct_s=0.3, background_shape=constant())
    parts = []
    for seed in range(5):
        observation = replace(FIELD, ontime_s=40_000.0, seed=seed)
        parts.append(made(write_evt2(tmp_path, observation, quiet).paths).extra["flare_s"] / 40_000.0)
    assert np.mean(parts) < 0.02


def test_the_whole_field_has_all_good_events_of_the_widest_band(tmp_path: Path) -> None:
    written = write_evt2(tmp_path, FIELD, SCENE)
    curve = made(written.paths).curve
    assert curve["gross"].sum() == len(written.events)
    assert curve["exposure"].sum() == pytest.approx(written.live_s)
    assert curve["background"].sum() == 0


def test_keywords_say_what_the_curve_is(tmp_path: Path) -> None:
    written = write_region_products(tmp_path, REGION, SCENE)
    meta = alone(written.paths).curves["hard"].meta
    expected = {
        "TELESCOP": "CHANDRA", "INSTRUME": "ACIS", "DETECTOR": "ACIS-7", "OBS_ID": "7999", "BAND": "hard",
        "ROOTNAME": "acisf07999_000_r0035", "SRCNAME": "CXOU J100000.0+020000", "EMIN": 2.0, "EMAX": 7.0,
        "SIMULATD": "T", "FRAMETIM": 3.24104, "BJDERR": 0.5, "DATE": "2020-01-21T00:00:00", "TARGNAME": "SIM-SOURCE",
    }  # fmt: skip
    assert {key: meta[key] for key in expected} == expected
    start = Time(50814.0, REGION.start_s / 86400, format="mjd", scale="tt").utc.mjd
    assert meta["EXPSTART"] == pytest.approx(start, abs=1e-9)
    assert (meta["RA_TARG"], meta["DEC_TARG"]) == pytest.approx((150.0, 2.0))


def test_a_curve_comes_back_from_its_file_with_arrivals_and_pictures(tmp_path: Path) -> None:
    curve = alone(write_region_products(tmp_path, REGION, SCENE).paths).curves["broad"]
    path = tmp_path / "curve.fits"
    path.write_bytes(write_light_curve(curve))
    back = read_light_curve(path)
    assert curve.arrivals is not None
    assert back.arrivals is not None
    np.testing.assert_array_equal(back.arrivals.live_s, curve.arrivals.live_s)
    np.testing.assert_array_equal(back["rate_high"], curve["rate_high"])
    assert [stamp.name for stamp in back.stamps] == ["SKY", "DETECTOR"]


def test_the_picture_of_the_sky_has_the_source_in_its_middle(tmp_path: Path) -> None:
    scene = ChandraScene((ChandraSource(0.05, x_arcsec=30.0, y_arcsec=-20.0),), background_ct_s=0.01)
    stamp = alone(write_region_products(tmp_path, REGION, scene).paths).curves["broad"].stamps[0]
    line, column = (int(at) for at in np.unravel_index(stamp.counts.argmax(), stamp.counts.shape))
    x, y = REGION.pixel(30.0, -20.0)
    assert stamp.x + (column + 0.5) * stamp.step == pytest.approx(x, abs=2.5)
    assert stamp.y + (line + 0.5) * stamp.step == pytest.approx(y, abs=2.5)
    assert stamp.scale_arcsec == pytest.approx(0.492)


def test_the_interface_of_notebooks_takes_positions_and_energies(tmp_path: Path) -> None:
    path = write_evt2(tmp_path, FIELD, SCENE).paths[0]
    curve = hstlc.light_curve(path, ra=150.0, dec=2.0, radius=2.5, energy=(0.5, 2.0), bin_width=1000.0)
    assert (curve.meta["EMIN"], curve.meta["EMAX"]) == (0.5, 2.0)
    broad = alone([path], sources=[HERE]).curves
    assert curve["source_events"].sum() == sum(broad[band]["source_events"].sum() for band in ("soft", "medium"))
    (region,) = hstlc.light_curves(write_region_products(tmp_path, REGION, SCENE).paths[0])
    assert region.source.number == "0035"


def test_the_real_list_gives_a_curve_and_its_copy_without_energies_nearly_the_same(real_data: Path) -> None:
    region = "circle(4450, 3830, 40)"
    with_energy, without = (
        hstlc.light_curve(real_data / "chandra" / name, region=region, bin_width=100.0)
        for name in ("chandra_test.fits", "chandra_noener_test.fits")
    )
    assert with_energy["exposure"].sum() == pytest.approx(945.3364763 * 0.90694721567, rel=1e-7)
    np.testing.assert_allclose(without["source_events"].sum(), with_energy["source_events"].sum(), rtol=0.02)
    assert with_energy["source_events"].sum() > 1000


def test_a_real_list_without_events_is_no_light_curve(real_data: Path) -> None:
    with pytest.raises(UnsupportedModeError) as caught:
        made([real_data / "chandra" / "structure_only_evt.fits"])
    assert caught.value.code == "data.no-events"
