"""What the page of a source shows: numbers against known ones, the same bytes, nothing but text from names."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import numpy as np
import pytest
from source_curves import BIN_S, SPAN_S, source_curves

from hstlc.events.live_clock import LiveClock
from hstlc.lightcurves.composite import stack
from hstlc.model import LightCurve, Quality
from hstlc.plots.arrivals import arrival_view, cumulative
from hstlc.plots.bands import band_label, bands_and_cameras, hardness_series
from hstlc.plots.colors import FLAGGED, FLARE, ODD_EVEN, rgba
from hstlc.plots.source_page import curve_numbers, numbers_of, source_page
from hstlc.plots.source_values import SourceView, source_values, source_view, spectral_window
from hstlc.stats.hardness import hardness_ratio

CURVES = source_curves()
LEAD = CURVES["broad"]
BANDS = {name: curve for name, curve in CURVES.items() if name != "broad"}
ARTIFACTS = {"dither y": 1500.0, "dither z": 700.0}
LINKS = {"PNG": "a.png"}


def page(curve: LightCurve = LEAD, others: dict[str, LightCurve] = BANDS, **options: object) -> str:
    settings = {"identity": "a/b", "script": "bokeh.min.js", "links": LINKS, "artifacts_s": ARTIFACTS, **options}
    return source_page(curve, others, **settings).decode("utf-8")  # type: ignore[arg-type]


def view(curve: LightCurve = LEAD, others: dict[str, LightCurve] = BANDS) -> SourceView:
    return source_view(curve, others, ARTIFACTS, 5)


def test_the_page_is_the_same_each_time_and_another_source_has_other_ids() -> None:
    assert page() == page()
    assert page() != page(identity="c/d")


def test_the_page_asks_for_the_script_alone() -> None:
    assert set(re.findall(r'(?:src|href)="([^"]+)"', page())) == {"a.png", "data:,", "bokeh.min.js"}


def test_names_and_bands_are_text_and_never_markup() -> None:
    bad = "</script><script>alert(1)</script>"
    curve = replace(LEAD, meta={**LEAD.meta, "SRCNAME": bad})
    text = page(curve, {f"{bad}{name}": one for name, one in BANDS.items()}, artifacts_s={bad: 1500.0})
    assert "<script>alert" not in text
    assert text.count("</script>") == page().count("</script>")


def test_every_axis_has_a_name_with_its_unit() -> None:
    text = page()
    for label in (
        "Net rate (counts s⁻¹)", "Rate (counts s⁻¹)", "Hardness (−1 to 1)", "Blocks (counts s⁻¹)",
        "Gregory-Loredo (counts s⁻¹)", "Live part", "Time since the start of the exposure (s)", "MJD (TT)",
        "Live time (s)", "Events so far (counts)", "Frequency (Hz)", "Period (s)", "X (pixel)", "Detector y (pixel)",
    ):  # fmt: skip
        assert json.dumps(label)[1:-1] in text, label


def test_colors_tell_flares_from_flagged_bins() -> None:
    values = source_values(view())
    quality = LEAD["quality"]
    flare = (quality & Quality.BACKGROUND_FLARE) != 0
    assert set(values["color"][flare]) == {rgba(FLARE)}
    assert set(values["color"][(quality != 0) & ~flare]) == {rgba(FLAGGED)}
    assert set(values["color"][quality == 0]) == {rgba(ODD_EVEN[0])}
    np.testing.assert_array_equal(values["flare_from"], [3000.0])
    np.testing.assert_array_equal(values["flare_to"], [4000.0])
    np.testing.assert_array_equal(values["flagged_from"], [7000.0])
    np.testing.assert_array_equal(values["flagged_to"], [8000.0])


def test_error_bars_are_the_limits_of_the_curve() -> None:
    values = source_values(view())
    np.testing.assert_allclose(values["rate_from"], LEAD["rate_low"], rtol=1e-6)
    np.testing.assert_allclose(values["rate_to"], LEAD["rate_high"], rtol=1e-6)


def test_blocks_find_the_flare_on_the_clock() -> None:
    found = arrival_view(LEAD)
    assert found is not None
    for steps in found.blocks:
        assert len(steps) == 3
        np.testing.assert_allclose(steps.start_s[1:], [12_000.0, 13_500.0], atol=60.0)
        arrivals = LEAD.arrivals.time_s if LEAD.arrivals is not None else np.zeros(0)
        inside = np.sum((arrivals >= steps.start_s[1]) & (arrivals < steps.stop_s[1]))
        live = 0.98 * (steps.stop_s[1] - steps.start_s[1])
        assert steps.rate[1] == pytest.approx(inside / live, rel=0.01)


def test_arrivals_in_background_flares_are_left_out() -> None:
    found = arrival_view(LEAD)
    assert found is not None
    assert LEAD.arrivals is not None
    inside = np.sum((LEAD.arrivals.time_s >= 3000.0) & (LEAD.arrivals.time_s < 4000.0))
    assert found.arrivals == len(LEAD.arrivals) - inside
    assert found.live_s == pytest.approx(0.98 * (SPAN_S - 1000.0 - 2 * BIN_S))


def test_cumulative_counts_reach_all_events_at_the_end_of_live_time() -> None:
    live = np.sort(np.random.default_rng(1).uniform(0, 50.0, 10_001))
    shown = cumulative(live, 50.0, 100)
    assert len(shown.counts) <= 102
    assert (shown.live_s[-1], shown.counts[-1]) == (50.0, 10_001)
    expected = np.searchsorted(live, shown.live_s, side="right")
    np.testing.assert_array_equal(shown.counts[1:-1], expected[1:-1])


def test_hardness_is_that_of_the_sums_of_its_bins() -> None:
    series = {(one.hard, one.soft): one for one in hardness_series(CURVES)}
    assert set(series) == {("hard", "medium"), ("hard", "soft"), ("medium", "soft")}
    one = series["hard", "soft"]
    for i, (first, last) in enumerate(zip(one.first, one.last, strict=True)):
        good = CURVES["hard"].good[first : last + 1]
        counts = [
            round(np.sum(CURVES[name][f"{which}_events"][first : last + 1][good]))
            for which in ("source", "background")
            for name in ("hard", "soft")
        ]
        expected = hardness_ratio(*counts, 0.1)
        np.testing.assert_allclose((one.ratio[i], one.low[i], one.high[i]), expected, rtol=1e-12)


def test_bands_that_overlap_give_no_ratio() -> None:
    assert hardness_series({"broad": LEAD}) == []
    assert hardness_series({"broad": LEAD, "hard": CURVES["hard"]}) == []


def test_bands_come_from_soft_to_hard_and_cameras_apart() -> None:
    other = {f"two_{name}": curve for name, curve in source_curves(instrument="OTHER").items()}
    bands, cameras = bands_and_cameras(LEAD, {**other, **BANDS})
    assert list(bands) == ["ultrasoft", "soft", "medium", "hard"]
    assert list(cameras) == ["two_broad"]
    assert band_label("soft", CURVES["soft"]) == "soft 0.5–1.2 keV"


def test_the_spectral_window_is_the_transform_of_the_sampling() -> None:
    rng = np.random.default_rng(2)
    time_s, weight = np.sort(rng.uniform(0, 1000.0, 50)), rng.uniform(1, 2, 50)
    frequency = np.linspace(0, 0.1, 301)
    expected = [abs(np.sum(weight * np.exp(2j * np.pi * one * time_s))) ** 2 for one in frequency]
    np.testing.assert_allclose(
        spectral_window(time_s, weight, frequency), np.array(expected) / np.sum(weight) ** 2, rtol=1e-8, atol=1e-12
    )


def test_periods_of_the_observatory_are_marked_where_they_are() -> None:
    values = source_values(view())
    np.testing.assert_allclose(values["mark_frequency"], [1 / 1500.0])
    assert values["mark_text"] == ["dither y, 1500 s"]


def test_a_peak_at_such_a_period_says_so() -> None:
    data = dict(LEAD.data)
    data["rate"] = 0.05 + 0.03 * np.sin(2 * np.pi * LEAD["time"] / 1500.0)
    numbers = {name: value for name, value, _ in numbers_of(view(replace(LEAD, data=data)))}
    assert numbers["The observatory makes such a period by"] == "dither y"


def test_numbers_are_those_of_the_unflagged_bins() -> None:
    good = LEAD.good
    numbers = {name: (value, unit) for name, value, unit in curve_numbers(LEAD)}
    live = float(np.sum(LEAD["exposure"][good]))
    rate = float(np.sum(LEAD["counts"][good])) / live
    assert numbers["Live time"] == (f"{live:,.1f}", "s")
    assert numbers["Net rate"][0].startswith(f"{rate:.4g} ±")
    assert numbers["Energies"] == ("0.5 to 7", "keV")
    assert numbers["Start"] == ("2008-06-04 05:58:55", "UTC")  # 65.184 s before TT


def test_a_composite_shows_each_dataset_and_its_gap() -> None:
    later = replace(LEAD, reference=replace(LEAD.reference, mjd=LEAD.reference.mjd + 2))
    both = stack([LEAD, later])
    values = source_values(view(both, {}))
    assert set(values["color"]) == {rgba(one) for one in (*ODD_EVEN, FLAGGED, FLARE)}
    assert len(values["gap_from"]) == 1
    if both.arrivals is not None:
        shown = values["odds_x"]
        assert shown.max() <= values["time_high"]
        assert np.all(np.diff(shown) >= 0)


@pytest.mark.parametrize("rate", [0.0, 1e-4])
def test_a_source_with_hardly_an_event_has_a_page(rate: float) -> None:
    faint = source_curves(rate, flare=False)
    text = page(faint["broad"], {name: curve for name, curve in faint.items() if name != "broad"})
    assert "Variability index" in text


def test_a_curve_without_live_time_or_stamps_has_a_page() -> None:
    empty = {name: np.zeros(0, dtype=values.dtype) for name, values in LEAD.data.items()}
    curve = replace(LEAD, data=empty, stamps=(), arrivals=None)
    assert "no bins" in page(curve, {})


def test_the_view_of_a_clock_that_never_runs_is_none() -> None:
    data = dict(LEAD.data)
    data["exposure"] = np.zeros(len(LEAD))
    assert arrival_view(replace(LEAD, data=data)) is None
    assert LiveClock(np.zeros(0), np.zeros(0)).total == 0
