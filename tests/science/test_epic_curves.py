"""Light curves of EPIC against real files with known answers, stingray, and simulated sources of known truth."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
from astropy.io import fits
from scipy.stats import kstest

import hstlc
from hstlc.missions.xmm.extract import extract
from hstlc.missions.xmm.identify import identify
from hstlc.missions.xmm.read import load
from hstlc.missions.xmm.settings import XmmSettings
from hstlc.model import Quality
from hstlc.testing.cos import flare
from hstlc.testing.epic import (
    EpicCamera,
    EpicObservation,
    EpicSource,
    band_part,
    eclipse,
    position_of,
    write_observation,
)

EGGR38 = {"m1": (694, 318, 605.8, 0.02707, 22_383.4), "m2": (633, 244, 565.4, 0.02543, 22_229.0)}
REGIONS = {"region": "circle(27236.443, 27596.668, 600)", "background": "circle(28868.8, 25949.1, 1139.57)"}
ALL = "all = 0.2 keV .. 12.001 keV"

MOS = EpicCamera("m1", "S001", background_ct_s=0.5)
PN = EpicCamera("pn", "S003", background_ct_s=0.5)
LONG = EpicObservation(length_s=20_000.0, cameras=(MOS,), sources=(EpicSource(rate_ct_s=0.2),))


def made_of(written, **changes):
    return extract(load([identify(path) for path in written.paths]), XmmSettings(**changes))


@pytest.mark.parametrize(("camera", "answer"), EGGR38.items())
def test_a_real_source_has_the_known_counts_and_rate(real_data, camera, answer):
    (path,) = [path for path in (real_data / "xmm").iterdir() if f"__{camera}" in path.name]
    counts, background, net, rate, good_s = answer
    curve = hstlc.light_curve(path, band=ALL, **REGIONS)
    assert (curve["source_events"].sum(), curve["background_events"].sum()) == (counts, background)
    assert curve["counts"].sum() == pytest.approx(net, abs=0.1)
    assert curve["counts"].sum() / curve["exposure"].sum() == pytest.approx(rate, rel=0.005)
    assert curve.gti.total == pytest.approx(good_s, abs=0.1)
    assert len(curve.arrivals) == counts


def test_two_cameras_add_up(real_data):
    paths = sorted((real_data / "xmm").iterdir())
    settings = XmmSettings(sources=[REGIONS], bands=(ALL,))
    ((one),) = extract(load([identify(path) for path in paths]), settings).sources
    both, first, second = (one.curves[f"{name}_all"] for name in ("ep", "m1", "m2"))
    assert one.lead == "ep_all"
    for camera, curve in (("m1", first), ("m2", second)):
        assert curve["source_events"].sum() == EGGR38[camera][0]
    common = first.gti.intersect(second.gti)
    inside = sum(int(common.contains(curve.arrivals.time_s).sum()) for curve in (first, second))
    assert both["source_events"].sum() == inside > 1280
    rates = [curve["counts"].sum() / curve["exposure"].sum() for curve in (both, first, second)]
    assert rates[0] == pytest.approx(rates[1] + rates[2], rel=0.01)
    assert both.gti == common


@pytest.mark.parametrize("width", [500.0, 137.0])
def test_counts_and_exposure_of_one_ccd_are_those_of_stingray(tmp_path, width):
    gti = ((0.0, 3100.0), (3500.0, 9800.0))
    camera = replace(MOS, ccds=(1,), gti=gti, live_part=1.0)
    written = write_observation(tmp_path, replace(LONG, length_s=10_000.0, cameras=(camera,)))
    curve = made_of(written, bin_width=f"{width} s").curve
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it asks for another package
        from stingray import Lightcurve
        from stingray.gti import cross_two_gtis
    with fits.open(written.paths[0]) as hdus:
        rows, good = hdus["EVENTS"].data, hdus["STDGTI01"].data
        keep = (rows["FLAG"] & 0x766BA000 == 0) & (rows["PATTERN"] <= 12) & (rows["PI"] >= 500) & (rows["PI"] < 7000)
        times = np.sort(rows["TIME"][keep]) - LONG.start_met_s
        pairs = np.stack([good["START"], good["STOP"]], axis=1) - LONG.start_met_s
    other = Lightcurve.make_lightcurve(times, width, tstart=0.0, tseg=width * len(curve), gti=pairs, use_hist=True)
    assert np.array_equal(curve["source_events"], other.counts[: len(curve)])
    edges = np.append(curve["times"], curve["times"][-1] + width)
    for low, high, live_s in zip(edges[:-1], edges[1:], curve["exposure"], strict=True):
        assert live_s == pytest.approx(float(np.sum(np.diff(cross_two_gtis(pairs, np.array([[low, high]]))))), abs=1e-4)


@pytest.mark.parametrize("camera", [MOS, PN], ids=["mos", "pn"])
def test_a_constant_source_has_its_rate_and_counts_in_every_band(tmp_path, camera):
    observation = replace(LONG, length_s=4000.0, cameras=(camera,), sources=(EpicSource(60.0, 40.0, rate_ct_s=0.5),))
    written = write_observation(tmp_path, observation)
    (truth,) = written.lists.values()
    (seen,) = made_of(written).sources
    assert (seen.source.ra_deg, seen.source.dec_deg) == pytest.approx(position_of(observation), abs=1e-6)
    assert seen.lead == f"{camera.name}_broad"
    image = (1 - 1 / np.sqrt(1 + (30 / 5.5) ** 2)) / (1 - 1 / np.sqrt(1 + (60 / 5.5) ** 2))
    for band, (low, high) in {"broad": (0.5, 7.0), "soft": (0.5, 1.2), "hard": (2.0, 7.0)}.items():
        curve = seen.curves[f"{camera.name}_{band}"]
        own = truth.source_events(0, 30.0, low, high, at=(60.0, 40.0))
        net, sigma = curve["counts"].sum(), np.sqrt(curve["variance"].sum())
        assert own <= curve["source_events"].sum() <= own + 40
        assert net == pytest.approx(0.5 * image * band_part(low, high) * truth.live_s, abs=3 * sigma)
        assert curve["exposure"].sum() == pytest.approx(truth.live_s, rel=1e-6)
        assert (curve.meta["EMIN"], curve.meta["EMAX"]) == (low, high)
    lead = seen.curves[seen.lead]
    assert kstest(lead.arrivals.live_s / lead.arrivals.total_live_s, "uniform").pvalue > 0.001
    assert [stamp.name for stamp in lead.stamps] == ["SKY", "DETECTOR"]
    assert seen.source.counts == lead["source_events"].sum()
    assert lead.stamps[1].counts.sum() > seen.source.counts  # of all energies


def test_the_cameras_add_up_to_the_sum_of_their_rates(tmp_path):
    lost = replace(MOS, gti=((0.0, 1200.0), (1500.0, 3000.0)))
    cameras = (PN, lost, EpicCamera("m2", "S002", background_ct_s=0.5))
    observation = replace(LONG, length_s=3000.0, cameras=cameras, sources=(EpicSource(rate_ct_s=0.5),))
    (seen,) = made_of(write_observation(tmp_path, observation)).sources
    rate, error = {}, {}
    for name in ("ep", "pn", "m1", "m2"):
        curve = seen.curves[f"{name}_broad"]
        rate[name] = curve["counts"].sum() / curve["exposure"].sum()
        error[name] = np.sqrt(curve["variance"].sum()) / curve["exposure"].sum()
    assert rate["ep"] == pytest.approx(rate["pn"] + rate["m1"] + rate["m2"], abs=error["ep"])
    assert seen.curves["ep_broad"].gti.total == pytest.approx(2700.0)
    assert seen.curves["pn_broad"].gti.total == pytest.approx(3000.0)
    assert seen.curves["ep_broad"].meta["INSTRUME"] == "EPIC"


def test_exposures_of_one_camera_that_follow_each_other_are_one_curve(tmp_path):
    early = replace(MOS, exposure="S001", gti=((0.0, 900.0),))
    late = replace(MOS, exposure="U002", gti=((1100.0, 3000.0),))
    observation = replace(LONG, length_s=3000.0, cameras=(early, late), sources=(EpicSource(rate_ct_s=0.5),))
    written = write_observation(tmp_path, observation)
    (seen,) = made_of(written, bin_width="100 s").sources
    curve = seen.curves["m1_broad"]
    own = sum(truth.source_events(0, 30.0, at=(0.0, 0.0)) for truth in written.lists.values())
    assert own <= curve["source_events"].sum() <= own + 30
    assert curve["exposure"].sum() == pytest.approx(0.99 * 2800, rel=1e-5)
    assert (curve["exposure"][9:11] == 0).all()
    assert (curve["fraction"] <= 1).all()
    assert curve.arrivals.total_live_s == pytest.approx(curve["exposure"].sum())


def test_an_eclipse_is_dark_and_nothing_else(tmp_path):
    observation = replace(LONG, sources=(EpicSource(rate_ct_s=0.3, shape=eclipse(8000.0, 12_000.0)),))
    (seen,) = made_of(write_observation(tmp_path, observation)).sources
    curve = seen.curves["m1_broad"]
    inside = (curve["times"] >= 8000) & (curve["times"] < 12_000)
    outside = curve["counts"][~inside].sum() / curve["exposure"][~inside].sum()
    dark, sigma = curve["counts"][inside].sum(), np.sqrt(curve["variance"][inside].sum())
    assert abs(dark) < 3 * sigma + 3
    assert outside == pytest.approx(0.3 * 0.9 * band_part(0.5, 7.0), rel=0.1)
    assert kstest(curve.arrivals.live_s / curve.arrivals.total_live_s, "uniform").pvalue < 1e-6


def test_a_flare_of_the_source_is_no_flare_of_the_background(tmp_path):
    source = EpicSource(rate_ct_s=0.2, shape=flare(6000.0, rise_s=100.0, decay_s=600.0, amplitude=10.0))
    (seen,) = made_of(write_observation(tmp_path, replace(LONG, sources=(source,)))).sources
    curve = seen.curves["m1_broad"]
    assert not (curve["quality"] & Quality.BACKGROUND_FLARE).any()
    assert 6000 <= curve["times"][np.argmax(curve["rate"])] <= 6500
    assert np.nanmax(curve["rate"]) > 4 * np.nanmedian(curve["rate"])


@pytest.mark.parametrize("treatment", ["flag", "cut", "off"])
def test_a_flare_of_the_background_is_flagged_or_cut_and_always_subtracted(tmp_path, treatment):
    storm = flare(10_000.0, rise_s=100.0, decay_s=700.0, amplitude=60.0)
    camera = replace(MOS, background_ct_s=1.5, background=storm)
    written = write_observation(tmp_path, replace(LONG, cameras=(camera,), sources=(EpicSource(rate_ct_s=0.3),)))
    made = made_of(written, flares=treatment)
    (seen,) = made.sources
    curve = seen.curves["m1_broad"]
    during = (curve["times"] >= 10_000) & (curve["times"] < 11_500)
    flagged = (curve["quality"] & Quality.BACKGROUND_FLARE) != 0
    before = curve["times"] < 9500
    if treatment == "flag":
        assert flagged[during].all()
        assert not flagged[before].any()
        assert made.extra["flare_s"] > 1500
    elif treatment == "cut":
        assert not flagged.any()
        assert curve["exposure"][during].sum() == 0
        assert curve["source_events"][during].sum() == 0
        assert (curve["fraction"][before] > 0.98).all()
        assert curve.gti.total < 18_500
    else:
        assert not flagged.any()
        assert made.extra["flare_s"] == 0
    if treatment != "cut":
        quiet = curve["counts"][before].sum() / curve["exposure"][before].sum()
        stormy = curve["counts"][during].sum() / curve["exposure"][during].sum()
        sigma = np.sqrt(curve["variance"][during].sum()) / curve["exposure"][during].sum()
        assert curve["background"][during].mean() > 10 * curve["background"][before].mean()
        assert stormy == pytest.approx(quiet, abs=3.5 * sigma)


def test_a_source_on_two_ccds_of_different_good_times_stays_constant(tmp_path):
    edge = 330.0 + 2.0  # middle of the gap between the central CCD of MOS and the one beside it
    at = (edge - 5.0, 0.0)
    own = {6: ((0.0, 9000.0), (14_000.0, 20_000.0)), 1: ((3000.0, 20_000.0),)}
    camera = replace(MOS, ccd_gti=own, ccds=(1, 6), live_part=1.0, background_ct_s=0.3)
    observation = replace(LONG, roll_deg=0.0, cameras=(camera,), sources=(EpicSource(*at, rate_ct_s=0.8),))
    written = write_observation(tmp_path, observation)
    truth = next(iter(written.lists.values()))
    ccds = truth.events.ccd[truth.events.source == 0]
    if len(np.unique(ccds)) < 2:  # the detector looks the other way
        observation = replace(observation, sources=(EpicSource(-at[0], at[1], rate_ct_s=0.8),))
        written = write_observation(tmp_path, observation)
    (seen,) = made_of(written).sources
    curve = seen.curves["m1_broad"]
    assert seen.source.extra["live_part_of_region"]["m1_s001"] < 0.99  # the gap
    one, two, both = (
        (curve["times"] < 3000),
        (curve["times"] >= 9000) & (curve["times"] < 14_000),
        curve["times"] >= 14_000,
    )
    whole = curve["counts"][both].sum() / curve["exposure"][both].sum()
    for part in (one, two):
        assert 0.1 < curve["fraction"][part].mean() < 0.9
        rate = curve["counts"][part].sum() / curve["exposure"][part].sum()
        sigma = np.sqrt(curve["variance"][part].sum()) / curve["exposure"][part].sum()
        assert rate == pytest.approx(whole, abs=4 * sigma)
    assert curve["fraction"][one].mean() + curve["fraction"][two].mean() == pytest.approx(1.0, abs=0.02)
    assert kstest(curve.arrivals.live_s / curve.arrivals.total_live_s, "uniform").pvalue > 0.001


@pytest.mark.parametrize("number", [0, 1])
def test_sources_of_no_or_one_event_have_limits(tmp_path, number):
    camera = replace(MOS, background_ct_s=0.02)
    written = write_observation(tmp_path, replace(LONG, cameras=(camera,), sources=(), source_list=False))
    (truth,) = written.lists.values()
    events = truth.events
    in_band = events.good & (events.pi >= 500) & (events.pi < 7000)
    east, north = 100.0, 120.0
    if number:
        row = np.flatnonzero(in_band & (np.hypot(events.east, events.north) < 600))[0]
        east, north = events.east[row], events.north[row]
    sky = written.observation
    ra = sky.ra_deg + east / 3600 / np.cos(np.radians(sky.dec_deg + north / 3600))
    mine = {"name": "faint", "region": f'icrs; circle({ra}, {sky.dec_deg + north / 3600}, 4")'}
    (seen,) = made_of(written, sources=[mine]).sources
    curve = seen.curves["m1_broad"]
    assert seen.source.counts == curve["source_events"].sum() == len(curve.arrivals) == number
    assert np.isfinite(curve["rate_high"]).all()
    assert (curve["rate_high"] > curve["rate"]).all()
    assert (curve["error"] > 0).all()
    assert -1 <= seen.source.hardness[0].low <= seen.source.hardness[0].ratio <= seen.source.hardness[0].high <= 1


def test_the_central_ccd_of_mos_can_be_left_out_where_it_is_a_window(tmp_path):
    window = replace(MOS, keywords={"SUBMODE": "PrimePartialW2"})
    written = write_observation(tmp_path, replace(LONG, length_s=2000.0, cameras=(window,)))
    kept, left = (made_of(written, mos_central_ccd=flag) for flag in (True, False))
    assert len(kept.sources) == 1
    assert left.sources == ()
    assert [finding.reason for finding in left.findings] == ["Source not seen"]
    assert 0 < left.curve["source_events"].sum() < kept.curve["source_events"].sum()


def test_the_readout_of_pn_is_dead_time_by_default(tmp_path):
    written = write_observation(tmp_path, replace(LONG, length_s=1000.0, cameras=(PN,)))
    dead, live = (made_of(written, readout_is_dead=cameras).curve for cameras in (("pn",), ()))
    assert dead["exposure"].sum() / live["exposure"].sum() == pytest.approx(0.0687 / 0.07336496, rel=1e-6)
    assert dead["fraction"] == pytest.approx(live["fraction"], rel=1e-6)
    assert dead["fraction"] == pytest.approx(0.99, rel=1e-6)


def test_bins_of_a_few_frames_are_whole_frames_long(tmp_path):
    written = write_observation(tmp_path, replace(LONG, length_s=1000.0))
    assert set(np.round(made_of(written, bin_width="30 s").curve["bins"], 6)) == {31.2}
    assert set(np.round(made_of(written, bin_width="100 s").curve["bins"], 6)) == {100.0}
    with pytest.raises(hstlc.errors.UsageError, match=r"shorter than a readout frame of 2\.6 s") as caught:
        made_of(written, bin_width="2 s")
    assert caught.value.code == "usage.bin-width"


def test_times_are_those_of_the_spacecraft_and_their_accuracy_at_the_barycenter_is_stated(tmp_path):
    written = write_observation(tmp_path, replace(LONG, length_s=1000.0))
    (seen,) = made_of(written).sources
    curve = seen.curves[seen.lead]
    assert (curve.reference.scale, curve.meta["BJDERR"]) == ("TT", 0.4)
    assert curve.reference.mjd == pytest.approx(50814.0 + LONG.start_met_s / 86400, abs=1e-10)
    assert np.isfinite(curve["bjd_tdb"]).all()
    assert (curve.meta["RA_TARG"], curve.meta["DEC_TARG"]) == pytest.approx(position_of(LONG), abs=1e-6)


def test_a_place_that_is_not_in_the_field_gives_no_other_curve(tmp_path):
    path = write_observation(tmp_path, replace(LONG, length_s=600.0)).paths[0]
    assert hstlc.light_curve(path, ra=150.1, dec=2.2).meta["SRCNAME"] == "XMMU J100024.0+021200"
    with pytest.raises(hstlc.errors.UsageError, match="no camera sees it") as caught:
        hstlc.light_curve(path, ra=151.0, dec=2.2)
    assert caught.value.code == "usage.bad-option"
    assert path.name in caught.value.message
