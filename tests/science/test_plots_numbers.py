"""What pages, pictures and tables show are the numbers of the light curves and of the database."""

from __future__ import annotations

import base64
import gzip
import html
import json
import os
import re
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy import units as u
from astropy.io import fits
from astropy.time import Time
from astropy.timeseries import LombScargle
from click.testing import CliRunner
from PIL import Image
from scipy.ndimage import binary_dilation

from hstlc import logs
from hstlc.cli.main import cli
from hstlc.config.settings import ENVIRONMENT_PREFIX
from hstlc.testing.cos import CosExposure, Scene, later, sinusoid, write_exposure

PERIOD_S = 87.0
STARTS_S = (0.0, 2600.0, 5900.0)
STEP_S, STEP_RATES = 120.0, (10.0, 30.0)
WITH_GAP = ((0.032, 120.032), (161.024, 300.0))
LONG_GAP = ((0.032, 30_000.032), (35_001.024, 82_000.0))
NO_COUNT_ERROR = 1.841  # upper limit at no counts, Gehrels (1986)

ODD, EVEN, GREY, BAND, FRAME = "#20639b", "#c8553d", "#9a9a9a", "#efefef", "#444444"
ODD_BAR = "#a6c1d7"
MARGIN = 0.06  # of the height of a panel, above and below what it shows

WAVE, STEP, LONG = "SIM-WAVE/lswv{}aaq_curve", "SIM-STEP/lsst0aaq_curve", "SIM-LONG/lslg0aaq_curve"
FLAT = "SIM-FLAT/lsfl0aaq_curve"
HLSP = "composite/hlsp_hstlc_hst_cos-fuv_{}_g130m_1291_psa_v1_sci"
WAVES, STEPS, LONGS, FLATS = (HLSP.format(name) for name in ("sim-wave", "sim-step", "sim-long", "sim-flat"))
SHORT = (WAVE.format(0), WAVE.format(2), STEP, FLAT, WAVES, STEPS)
MERGED = (LONG, LONGS)
EVERY = (*(WAVE.format(number) for number in range(3)), STEP, LONG, FLAT, WAVES, STEPS, LONGS, FLATS)

Table = dict[str, np.ndarray]


@dataclass(frozen=True)
class Tree:
    """A data tree with curves and plots."""

    home: Path

    def fits(self, curve: str) -> Path:
        return self.home / "outputs" / f"{curve}.fits"

    def plot(self, curve: str, ending: str) -> Path:
        return self.home / "plots" / f"{curve}{ending}"

    def rows(self, statement: str, *values: object) -> list[dict[str, Any]]:
        with sqlite3.connect(self.home / "hstlc.db") as connection:
            connection.row_factory = sqlite3.Row
            found = [dict(row) for row in connection.execute(statement, values)]
        connection.close()
        return found

    def stats(self, curve: str) -> dict[str, Any]:
        (row,) = self.rows("select * from stats where lightcurve_filename = ?", f"{Path(curve).name}.fits")
        return row


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """A tree of visits of a pulsating star, of a step, of a constant star, and of more bins than a page shows."""
    folder = tmp_path_factory.mktemp("numbers")
    source, home = folder / "archive", folder / "home"
    source.mkdir()
    home.mkdir()
    for number, start_s in enumerate(STARTS_S):
        exposure = CosExposure(
            rootname=f"lswv{number}aaq", targname="SIM-WAVE", gti=WITH_GAP, seed=number,
            expstart_mjd=58300.25 + start_s / 86400,
        )  # fmt: skip
        shape = later(sinusoid(PERIOD_S, 0.3), start_s)
        write_exposure(source, exposure, Scene(rate_ct_s=30.0, background_ct_s=3.0, shape=shape), x1d=True)
    step = Scene(rate_ct_s=1.0, background_ct_s=1.0, shape=lambda t: np.where(t < STEP_S, *STEP_RATES))
    exposure = CosExposure(rootname="lsst0aaq", targname="SIM-STEP", exptime_s=2 * STEP_S, seed=5, epsilon=(1.0, 1.0))
    write_exposure(source, exposure, step, x1d=False)
    slow = Scene(rate_ct_s=0.4, background_ct_s=0.05, shape=lambda t: np.where(t < 41_000, 0.25, 1.75))
    exposure = CosExposure(rootname="lslg0aaq", targname="SIM-LONG", gti=LONG_GAP, seed=6)
    write_exposure(source, exposure, slow, x1d=True)
    exposure = CosExposure(rootname="lsfl0aaq", targname="SIM-FLAT", exptime_s=400.0, seed=7)
    write_exposure(source, exposure, Scene(rate_ct_s=20.0, background_ct_s=1.0), x1d=True)
    environment = {"HOME": str(folder), "HSTLC_HOME_DIR": str(home), "HSTLC_NUM_CORES": "1"}
    environment["HSTLC_MIN_FREE_SPACE"] = "1 B"
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith(ENVIRONMENT_PREFIX)]:
            patch.delenv(name)
        for arguments in (["ingest", "-q", str(source)], ["make-plots", "-q"]):
            result = CliRunner(env=environment).invoke(cli, arguments, catch_exceptions=False)
            assert (result.exit_code, result.output) == (0, "")
    logs.close()
    return Tree(home)


# --- what the files say


def columns(path: Path) -> Table:
    """Return the columns of a light curve as FITS has them."""
    rows = fits.getdata(path, "LIGHTCURVE")
    return {name.lower(): np.array(rows[name], dtype=rows[name].dtype.newbyteorder("=")) for name in rows.names}


def with_background_rate(table: Table) -> Table:
    """Add the background in counts a second: NaN where nothing was live."""
    live = np.where(table["exposure"] > 0, table["exposure"], np.nan)
    return {**table, "background_rate": table["background"] / live}


def merge_factor(dataset: np.ndarray, most: int) -> int:
    """Return the smallest number of bins to merge that leaves at most ``most``."""
    lengths = [int(np.sum(dataset == number)) for number in np.unique(dataset)]
    factor = 1
    while sum((length + factor - 1) // factor for length in lengths) > most:
        factor += 1
    return factor


def rebinned(table: Table, factor: int, minimum_fraction: float = 0.8) -> Table:
    """Merge bins one group after the other: counts, variances, times and fluences add."""
    names = ("dataset", "times", "time", "mjd", "bins", "exposure", "fraction", "quality", "rate", "rate_error")
    made: dict[str, list[float]] = {name: [] for name in (*names, "flux", "flux_error", "background_rate")}
    for number in np.unique(table["dataset"]):
        rows = np.flatnonzero(table["dataset"] == number)
        for first in range(0, len(rows), factor):
            group = {name: values[rows[first : first + factor]] for name, values in table.items()}
            row = merged_bin(group, minimum_fraction)
            for name, values in made.items():
                values.append(row[name])
    return {name: np.array(values) for name, values in made.items()}


def merged_bin(group: Table, minimum_fraction: float) -> dict[str, float]:
    live_s, width_s = float(np.sum(group["exposure"])), group["bins"]
    on = group["exposure"] > 0
    full_s = np.sum(np.where(on, group["exposure"] / np.where(on, group["fraction"], 1), width_s))
    fraction = live_s / full_s
    row = {
        "dataset": group["dataset"][0],
        "times": group["times"][0],
        "time": np.average(group["time"], weights=width_s),
        "mjd": group["mjd"][0] + np.average(group["mjd"] - group["mjd"][0], weights=width_s),
        "bins": np.sum(width_s),
        "exposure": live_s,
        "fraction": fraction,
        "quality": 3 if live_s <= 0 else 2 if fraction < minimum_fraction else 0,
    }
    if live_s <= 0:
        return row | dict.fromkeys(("rate", "rate_error", "flux", "flux_error", "background_rate"), np.nan)
    variance, nothing = float(np.sum(group["variance"])), float(np.sum(group["gross"])) == 0
    error = np.sqrt(variance + (NO_COUNT_ERROR**2 if nothing else 0))
    seen_s = group["exposure"][on]
    each = group["flux_error"][on] * seen_s / group["error"][on]  # fluence of a count
    fluence_error = error * np.mean(each) if nothing else np.sqrt(np.sum(each**2 * group["variance"][on]))
    return row | {
        "rate": (np.sum(group["gross"]) - np.sum(group["background"])) / live_s,
        "rate_error": error / live_s,
        "flux": np.sum(group["flux"][on] * seen_s) / live_s,
        "flux_error": fluence_error / live_s,
        "background_rate": np.sum(group["background"]) / live_s,
    }


def at_most(table: Table, most: int) -> Table:
    """Return the bins that a plot of at most so many shows."""
    factor = merge_factor(table["dataset"], most)
    return with_background_rate(table) if factor == 1 else rebinned(table, factor)


# --- what the pages say

SUPERSCRIPTS = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")
LABEL = re.compile(r"(?P<word>[\w ]+?)(?: \((?:10(?P<power>[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+) )?(?P<unit>.+)\))?")
END_OF_BAR = re.compile(r"return (\w+)\.map\(\(value, i\) => value ([-+]) (\w+)\[i\]\);")


class Page:
    """The Bokeh document of a page: its models with references followed, its arrays decoded."""

    def __init__(self, path: Path) -> None:
        self.text = path.read_text("utf-8")
        found = re.search(r'<script type="application/json" id="[^"]+-document">(.*?)</script>', self.text, re.DOTALL)
        assert found is not None
        self._models: dict[str, dict[str, Any]] = {}
        document = json.loads(found[1])["doc"]
        self._find(document)
        self.figures = [model for model in self._models.values() if model["name"] == "Figure"]

    def _find(self, node: Any) -> None:
        if isinstance(node, dict) and "name" in node and "id" in node:
            self._models[node["id"]] = node
        for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
            self._find(child)

    def of(self, model: dict[str, Any], name: str, default: Any = None) -> Any:
        """Return an attribute of a model."""
        return self.followed(model.get("attributes", {}).get(name, default))

    def followed(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self.followed(one) for one in value]
        return self._models[value["id"]] if isinstance(value, dict) and value.keys() == {"id"} else value

    def glyphs(self, figure: dict[str, Any], name: str) -> list[tuple[dict[str, Any], Table]]:
        """Return glyphs of a kind in a figure with the columns they are drawn of."""
        found = [(self.of(one, "glyph"), self.of(one, "data_source")) for one in self.of(figure, "renderers")]
        return [(glyph, self.data(source)) for glyph, source in found if glyph["name"] == name]

    def data(self, source: dict[str, Any]) -> Table:
        return {name: decoded(values) for name, values in self.of(source, "data")["entries"]}

    def limits(self, figure: dict[str, Any], axis: str) -> tuple[float, float]:
        limits = self.of(figure, f"{axis}_range")
        return self.of(limits, "start"), self.of(limits, "end")

    def label(self, figure: dict[str, Any]) -> str:
        """Return what the axis on the left says."""
        (axis,) = self.of(figure, "left")
        return str(self.of(axis, "axis_label"))

    def named(self, figure: dict[str, Any], name: str) -> list[dict[str, Any]]:
        return [one for one in self.of(figure, "center") if one["name"] == name]


def decoded(values: Any) -> np.ndarray:
    assert (values["type"], values["order"]) == ("ndarray", "little")
    content = gzip.decompress(base64.b64decode(values["array"]["data"]))
    found = np.frombuffer(content, np.dtype(values["dtype"]).newbyteorder("<"))
    assert [len(found)] == values["shape"]
    return found


def scale_of(label: str, unit: str) -> tuple[str, float]:
    """Return which quantity a label names, and what one of its unit is in the unit of the FITS column."""
    found = LABEL.fullmatch(label)
    assert found is not None, label
    if unit:
        shown = found["unit"].translate(SUPERSCRIPTS).replace("counts", "ct").replace("Å", "Angstrom")
        assert u.Unit(shown) == u.Unit(unit)
    return found["word"], 10.0 ** int((found["power"] or "0").translate(SUPERSCRIPTS))


def field(value: Any) -> str:
    assert value["type"] == "field"
    return str(value["field"])


def rgba(color: str) -> int:
    return int(color[1:] + "ff", 16)


def runs_of(flag: np.ndarray) -> list[tuple[int, int]]:
    """Return first and last row of each run of True."""
    runs: list[tuple[int, int]] = []
    for row in np.flatnonzero(flag):
        if runs and runs[-1][1] == row - 1:
            runs[-1] = runs[-1][0], int(row)
        else:
            runs.append((int(row), int(row)))
    return runs


QUANTITIES = {
    "Flux": ("flux", "flux_error"),
    "Rate": ("rate", "rate_error"),
    "Background": ("background_rate", ""),
    "Live part": ("fraction", ""),
}


def assert_page_shows(page: Page, table: Table, header: fits.Header, reference_mjd: float) -> None:
    """Compare everything that a page draws or says of its bins with the bins."""
    units = {header[f"TTYPE{i}"]: header.get(f"TUNIT{i}") for i in range(1, header["TFIELDS"] + 1)}
    good = table["quality"] == 0
    flux = bool(np.isfinite(table["flux"][good]).any())
    words = []
    for figure in page.figures:
        ((points, data),) = page.glyphs(figure, "Scatter")
        label = page.label(figure)
        word, scale = scale_of(label, {"Flux": units["flux"], "Live part": ""}.get(label.split(" (")[0], units["rate"]))
        words.append(word)
        value, error = QUANTITIES[word]
        assert (field(page.of(points, "x")), field(page.of(points, "fill_color"))) == ("x", "color")
        shown = data[field(page.of(points, "y"))]
        np.testing.assert_allclose(shown * scale, table[value], rtol=2e-7, atol=0, err_msg=word)
        low, high = page.limits(figure, "y")
        bars = page.glyphs(figure, "Segment")
        assert len(bars) == bool(error)
        if error:
            ((bar, same),) = bars
            assert {field(page.of(bar, end)) for end in ("x0", "x1")} == {"x"}
            ends = {sign: same[of] for sign, of, _ in bar_ends(page, bar)}
            assert ends.keys() == {"-", "+"}
            assert all(np.array_equal(values, shown, equal_nan=True) for values in ends.values())
            for _, _, of in bar_ends(page, bar):
                np.testing.assert_allclose(same[of] * scale, table[error], rtol=2e-7, atol=0, err_msg=error)
            assert (low, high) == pytest.approx(limits_of(table[value][good] / scale, table[error][good] / scale))
        else:
            assert low < min(0, np.nanmin(shown[good]))
            assert high > np.nanmax(shown[good])
        assert_times(page, figure, data, table, reference_mjd)
        expected = np.where(good, np.where(table["dataset"] % 2, rgba(ODD), rgba(EVEN)), rgba(GREY))
        np.testing.assert_array_equal(data["color"], expected)
        np.testing.assert_array_equal(data["quality"], table["quality"])
        np.testing.assert_array_equal(data["dataset"], table["dataset"])
    assert words == (["Flux"] if flux else []) + ["Rate", "Background", "Live part"]


def bar_ends(page: Page, bar: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Return sign, value and error of both ends of error bars."""
    found = []
    for end in ("y0", "y1"):
        match = END_OF_BAR.search(page.of(page.followed(page.of(bar, end)["expr"]), "code"))
        assert match is not None
        found.append((match[2], match[1], match[3]))
    return found


def limits_of(values: np.ndarray, errors: np.ndarray) -> tuple[float, float]:
    """Return the limits of a panel that shows values with their errors and a margin."""
    low, high = float(np.nanmin(values - errors)), float(np.nanmax(values + errors))
    return low - MARGIN * (high - low), high + MARGIN * (high - low)


def assert_times(page: Page, figure: dict[str, Any], data: Table, table: Table, reference_mjd: float) -> None:
    numbers, first = np.unique(table["dataset"], return_index=True)
    several = len(numbers) > 1
    np.testing.assert_allclose(data["mjd"], table["mjd"], rtol=0, atol=1e-9)
    x, width = data["x"], table["bins"]
    gaps: list[tuple[float, float]] = []
    ends = [*first[1:], len(x)]
    for start, stop in zip(first, ends, strict=True):
        one = slice(start, stop)
        zero_s = table["times"][start] if several else 0.0
        np.testing.assert_allclose(data["since"][one], table["time"][one] - zero_s, rtol=0, atol=1e-6)
        np.testing.assert_allclose(x[one] - x[start], table["time"][one] - table["time"][start], rtol=0, atol=1e-6)
        if start:
            before = start - 1
            gaps.append((x[before] + width[before] / 2, x[start] - width[start] / 2))
    if not several:
        np.testing.assert_allclose(x, table["time"], rtol=0, atol=1e-6)
    shown_s = sum(table["times"][stop - 1] + width[stop - 1] - table["times"][start]
                  for start, stop in zip(first, ends, strict=True))  # fmt: skip
    assert all(gap == pytest.approx(min(0.03, 0.15 / len(gaps)) * shown_s) for gap in (b - a for a, b in gaps))
    flagged, collapsed = (strip for _, strip in page.glyphs(figure, "VStrip"))
    left = x - (table["time"] - table["times"])
    expected = [(left[a], left[b] + width[b]) for a, b in runs_of(table["quality"] != 0)]
    np.testing.assert_allclose(np.transpose([flagged["x0"], flagged["x1"]]), expected, rtol=0, atol=1e-6)
    np.testing.assert_allclose(np.transpose([collapsed["x0"], collapsed["x1"]]), np.reshape(gaps, (-1, 2)), atol=1e-6)
    segments = segments_of(page, figure)
    np.testing.assert_array_equal(segments["number"], numbers)
    zeros_s = table["times"][first] if several else np.zeros(1)
    np.testing.assert_allclose(segments["mjd"], reference_mjd + zeros_s / 86400, rtol=0, atol=1e-9)
    np.testing.assert_allclose(segments["left"], left[first], rtol=0, atol=1e-6)
    np.testing.assert_allclose(segments["right"], [left[i - 1] + width[i - 1] for i in ends], rtol=0, atol=1e-6)
    assert page.limits(figure, "x") == pytest.approx(time_limits(segments["left"][0], segments["right"][-1]))


def time_limits(left: float, right: float) -> tuple[float, float]:
    return left - 0.01 * (right - left), right + 0.01 * (right - left)


def segments_of(page: Page, figure: dict[str, Any]) -> Table:
    """Return what the labels of the time axis are computed of."""
    (axis,) = page.of(figure, "below")
    arguments = page.of(page.of(axis, "ticker"), "args")
    entries = dict(arguments["entries"]) if "entries" in arguments else arguments
    return page.data(page.followed(entries["segments"]))


@pytest.mark.parametrize("curve", [*SHORT, *MERGED])
def test_a_page_shows_the_columns_of_its_light_curve(tree, curve):
    """For the merged ones against bins that are put together here one after the other."""
    path = tree.fits(curve)
    table, header = columns(path), fits.getheader(path, "LIGHTCURVE")
    assert header["SIMULATD"] == "T"
    page = Page(tree.plot(curve, ".html"))
    shown = at_most(table, 20_000)
    assert (len(shown["time"]) < len(table["time"])) == (curve in MERGED)
    assert (table["quality"] != 0).any()
    assert_page_shows(page, shown, header, header["MJDREF"])


def test_a_page_of_merged_bins_says_so_and_keeps_every_count(tree):
    table = columns(tree.fits(LONG))
    assert len(table["time"]) == 41_000
    page = Page(tree.plot(LONG, ".html"))
    assert "6-s bins shown (of 2 s)" in page.text
    rate = next(figure for figure in page.figures if page.label(figure).startswith("Rate"))
    ((_, data),) = page.glyphs(rate, "Scatter")
    assert len(data["x"]) == 13_667
    exposure_s = rebinned(table, 3)["exposure"]
    assert np.nansum(data["rate"] * exposure_s) == pytest.approx(np.nansum(table["counts"]), rel=1e-6)
    assert set(np.unique(data["quality"])) == {0, 2, 3}


# --- periodograms


def series(table: Table) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return time, rate less the mean of its dataset, and error of a constant rate, of the unflagged bins."""
    good = table["quality"] == 0
    time, rate, exposure, dataset = (table[name][good] for name in ("time", "rate", "exposure", "dataset"))
    for one in np.unique(dataset):
        rate = np.where(dataset == one, rate - np.average(rate, weights=np.where(dataset == one, exposure, 0)), rate)
    return time, rate, 1 / np.sqrt(exposure)


PERIODIC = [WAVE.format(1), WAVES, STEP, LONG]


@pytest.mark.parametrize("curve", PERIODIC)
def test_a_periodogram_marks_the_peak_of_the_database(tree, curve):
    stats, page = tree.stats(curve), Page(tree.plot(curve, "_periodogram.html"))
    (figure,) = page.figures
    marks = [data for _, data in page.glyphs(figure, "Scatter") if len(data["power"]) == 1]
    assert len(marks) == 1
    assert marks[0]["frequency"][0] == pytest.approx(1 / stats["peak_period_s"], rel=1e-12)
    assert marks[0]["period"][0] == pytest.approx(stats["peak_period_s"], rel=1e-12)
    assert marks[0]["power"][0] == pytest.approx(stats["peak_power"], rel=1e-9)
    said = re.search(r"Highest peak: period (\S+) s, power (\S+), false-alarm probability ([^<]+)<", page.text)
    assert said is not None
    assert float(said[1]) == pytest.approx(stats["peak_period_s"], rel=5e-6)
    assert float(said[2]) == pytest.approx(stats["peak_power"], rel=5e-3)
    chance = stats["false_alarm_probability"]
    if chance < 1e-300:
        assert said[3] == "below 1e-300"
    else:
        assert float(said[3]) == pytest.approx(chance, rel=5e-2)
    shortest = re.search(r"periods from (\S+) to (\S+) s", page.text)
    assert shortest is not None
    assert float(shortest[1]) == pytest.approx(stats["shortest_period_s"], rel=2e-3)


@pytest.mark.parametrize("curve", PERIODIC)
def test_a_periodogram_is_that_of_astropy(tree, curve):
    """Powers to 1e-5, the peak to a twentieth of its width; levels to 0.1 %, or 2 % where each dataset has a mean."""
    table = columns(tree.fits(curve))
    time, rate, error = series(table)
    found = LombScargle(time - time[0], rate, error, normalization="standard")
    page = Page(tree.plot(curve, "_periodogram.html"))
    (figure,) = page.figures
    ((_, data),) = page.glyphs(figure, "Line")
    frequency, power = data["frequency"], data["power"]
    np.testing.assert_allclose(data["period"], 1 / frequency)
    some = np.unique(np.linspace(0, len(frequency) - 1, 400).astype(int))
    np.testing.assert_allclose(found.power(frequency[some], method="cython"), power[some], rtol=0, atol=1e-5)

    span_s = float(np.ptp(time))
    (mark,) = [data for _, data in page.glyphs(figure, "Scatter") if len(data["power"]) == 1]
    near = mark["frequency"][0] + np.linspace(-1, 1, 401) / span_s
    near = near[(near > frequency[0] * (1 - 1e-9)) & (near < frequency[-1] * (1 + 1e-9))]
    around = found.power(near, method="cython")
    assert near[np.argmax(around)] == pytest.approx(mark["frequency"][0], abs=0.05 / span_s)
    assert mark["power"][0] == pytest.approx(around.max(), rel=1e-2)
    assert mark["power"][0] <= around.max() * (1 + 1e-6)
    assert found.power(mark["frequency"], method="cython")[0] == pytest.approx(mark["power"][0], rel=1e-5)

    highest_hz = 1 / tree.stats(curve)["shortest_period_s"]
    grid = np.random.default_rng(1).uniform(frequency[0], highest_hz, 300)
    assert found.power(grid, method="cython").max() <= mark["power"][0] * (1 + 1e-6)
    levels = {float(page.of(label, "text")): page.of(label, "y") for label in page.named(figure, "Label")}
    assert sorted(levels) == [0.001, 0.01, 0.1]
    assert sorted(levels.values()) == sorted(page.of(line, "location") for line in page.named(figure, "Span"))
    tolerance = 1e-3 if len(np.unique(table["dataset"])) == 1 else 2e-2
    for probability, level in levels.items():
        expected = found.false_alarm_level(probability, method="baluev", maximum_frequency=highest_hz)
        assert level == pytest.approx(float(expected), rel=tolerance), probability


def test_the_marked_period_is_the_injected_one(tree):
    (figure,) = (page := Page(tree.plot(WAVES, "_periodogram.html"))).figures
    (mark,) = [data for _, data in page.glyphs(figure, "Scatter") if len(data["power"]) == 1]
    assert 1 / mark["period"][0] == pytest.approx(1 / PERIOD_S, abs=0.2 / STARTS_S[-1])


# --- pictures


def pixels_of(path: Path) -> np.ndarray:
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB")).astype(int)


def where(pixels: np.ndarray, color: str) -> np.ndarray:
    return np.asarray((pixels == [int(color[i : i + 2], 16) for i in (1, 3, 5)]).all(axis=-1))


def frames(pixels: np.ndarray) -> list[tuple[int, int, int, int]]:
    """Return left, top, right and bottom line of each panel, found by its frame."""
    frame = where(pixels, FRAME)
    tall = np.flatnonzero(frame.sum(axis=0) > 200)
    left, right = int(tall[0]), int(tall[-1])
    return [(left, top, right, bottom) for top, bottom in runs_of(frame[:, left]) if bottom - top > 20]


def places(box, x, y, x_limits, y_limits):
    """Return column and row of points in a panel."""
    left, top, right, bottom = box
    column = left + (x - x_limits[0]) / (x_limits[1] - x_limits[0]) * (right - left)
    return column, bottom - (y - y_limits[0]) / (y_limits[1] - y_limits[0]) * (bottom - top)


def assert_drawn(pixels, box, x, y, table, x_limits, y_limits, *, reach):
    """Every bin has its dot within a pixel of its place, in its color, and there are no other dots."""
    column, row = places(box, x, y, x_limits, y_limits)
    inside = np.isfinite(y) & (row > box[1] + 3) & (row < box[3] - 3)
    good = table["quality"] == 0
    assert inside[good & np.isfinite(y)].all()
    panel = np.zeros(pixels.shape[:2], dtype=bool)
    panel[box[1] : box[3] + 1, box[0] : box[2] + 1] = True
    every = np.any([where(pixels, color) for color in (ODD, EVEN, GREY)], axis=0)
    odd = table["dataset"] % 2 == 1
    for color, chosen in ((ODD, good & odd), (EVEN, good & ~odd), (GREY, ~good)):
        expected = np.zeros_like(panel)
        at = np.rint(row[chosen & inside]).astype(int), np.rint(column[chosen & inside]).astype(int)
        expected[at] = True
        found = where(pixels, color) & panel
        assert binary_dilation(every if color != EVEN else found, np.ones((3, 3)))[at].all(), color
        allowed = binary_dilation(expected, np.ones((2 * reach + 3,) * 2))
        if color == GREY:
            allowed |= binary_dilation(edge_of(~inside & ~good & np.isfinite(y), column, box, panel), np.ones((7, 7)))
        assert not (found & ~allowed).any(), color


def edge_of(chosen, column, box, panel):
    """Return the columns of bins outside the limits, whose dots are left out or at the edge."""
    found = np.zeros_like(panel)
    found[box[1] : box[3] + 1, np.rint(column[chosen]).astype(int)] = True
    return found


def axis_of(tree, curve):
    """Return where the page puts the bins of a curve that is not merged, and the limits of its time axis."""
    page = Page(tree.plot(curve, ".html"))
    ((_, data),) = page.glyphs(page.figures[0], "Scatter")
    return data["x"], page.limits(page.figures[0], "x")


@pytest.mark.parametrize("curve", SHORT)
def test_the_dots_of_the_picture_are_where_the_axes_of_the_page_put_them(tree, curve):
    table, page = with_background_rate(columns(tree.fits(curve))), Page(tree.plot(curve, ".html"))
    pixels = pixels_of(tree.plot(curve, ".png"))
    boxes = frames(pixels)
    assert len(boxes) == len(page.figures)
    assert len(table["time"]) <= 700
    for box, figure in zip(boxes, page.figures, strict=True):
        ((points, data),) = page.glyphs(figure, "Scatter")
        y = data[field(page.of(points, "y"))]
        limits = page.limits(figure, "x"), page.limits(figure, "y")
        assert_drawn(pixels, box, data["x"], y, table, *limits, reach=2)


@pytest.mark.parametrize("curve", [LONG, LONGS])
def test_the_dots_of_merged_bins_are_where_they_should_be(tree, curve):
    table = columns(tree.fits(curve))
    limits_s = time_limits(table["times"][0], table["times"][-1] + table["bins"][-1])
    pixels, shown = pixels_of(tree.plot(curve, ".png")), at_most(table, 4000)
    assert len(shown["time"]) == 3728
    good = shown["quality"] == 0
    boxes = frames(pixels)
    assert len(boxes) == 4
    for box, name in zip(boxes, ("flux", "rate"), strict=False):
        y_limits = limits_of(shown[name][good], shown[f"{name}_error"][good])
        assert_drawn(pixels, box, shown["time"], shown[name], shown, limits_s, y_limits, reach=1)


@pytest.mark.parametrize("curve", EVERY)
def test_the_dots_of_the_quicklook_are_where_they_should_be(tree, curve):
    table = columns(tree.fits(curve))
    pixels, shown = pixels_of(tree.plot(curve, "_quicklook.png")), at_most(table, 1200)
    assert pixels.shape == (150, 400, 3)
    good = shown["quality"] == 0
    name = "flux" if np.isfinite(shown["flux"][good]).any() else "rate"
    y_limits = limits_of(shown[name][good], shown[f"{name}_error"][good])
    if curve in MERGED:
        x, limits_s = shown["time"], time_limits(table["times"][0], table["times"][-1] + table["bins"][-1])
    else:
        x, limits_s = axis_of(tree, curve)
    assert_drawn(pixels, (3, 3, 396, 146), x, shown[name], shown, limits_s, y_limits, reach=1)


def test_the_step_is_where_it_was_put_and_as_high(tree):
    """Dots and error bars of the picture, read back through its frame: each bin to a pixel, the means to counting."""
    table, page = columns(tree.fits(STEP)), Page(tree.plot(STEP, ".html"))
    pixels = pixels_of(tree.plot(STEP, ".png"))
    box, figure = frames(pixels)[0], page.figures[0]
    left, top, right, bottom = box
    limits_s, (low, high) = page.limits(figure, "x"), page.limits(figure, "y")
    pixel = (high - low) / (bottom - top)
    dots, bars = where(pixels, ODD), where(pixels, ODD_BAR)
    read, good = np.full(len(table["time"]), np.nan), table["quality"] == 0
    assert good.sum() == 120
    for row in np.flatnonzero(good):
        column = left + (table["time"][row] - limits_s[0]) / (limits_s[1] - limits_s[0]) * (right - left)
        strip = slice(round(column) - 2, round(column) + 3)
        rows, columns_of_dot = np.nonzero(dots[top + 1 : bottom, strip])
        assert strip.start + columns_of_dot.mean() == pytest.approx(column, abs=1.0)
        read[row] = low + (bottom - top - 1 - rows.mean()) * pixel
        assert read[row] == pytest.approx(table["rate"][row], abs=1.01 * pixel)
        drawn = np.flatnonzero((bars | dots)[top + 1 : bottom, round(column)])
        ends = low + (bottom - top - 1 - np.array([drawn.max(), drawn.min()])) * pixel
        expected = table["rate"][row] + np.array([-1, 1]) * max(table["rate_error"][row], 2 * pixel)
        np.testing.assert_allclose(ends, expected, atol=2 * pixel)
    early = table["time"] < STEP_S
    for half, injected in zip((early, ~early), STEP_RATES, strict=True):
        chosen = half & good
        error = np.sqrt(np.sum(table["rate_error"][chosen] ** 2)) / chosen.sum()
        assert read[chosen].mean() == pytest.approx(table["rate"][chosen].mean(), abs=pixel / 4)
        assert read[chosen].mean() == pytest.approx(injected, abs=4 * error + pixel / 4)
    split = np.flatnonzero(np.abs(np.diff(table["time"] >= STEP_S)))[0]
    assert read[split + 1 : split + 6].min() > read[split - 4 : split + 1].max()


@pytest.mark.parametrize("ending", [".png", "_quicklook.png"])
def test_the_band_of_flagged_bins_is_as_long_as_the_gap(tree, ending):
    curve = WAVE.format(0)
    table, pixels = columns(tree.fits(curve)), pixels_of(tree.plot(curve, ending))
    limits_s = time_limits(table["times"][0], table["times"][-1] + table["bins"][-1])
    left, top, right, bottom = frames(pixels)[0] if ending == ".png" else (3, 3, 396, 146)
    band = where(pixels, BAND)[top + 1 : bottom, left + 1 : right].sum(axis=0) > (bottom - top) / 2
    first, last = max(runs_of(table["quality"] != 0), key=lambda run: run[1] - run[0])
    edges = np.array([table["times"][first], table["times"][last] + table["bins"][last]])
    expected = left + (edges - limits_s[0]) / (limits_s[1] - limits_s[0]) * (right - left)
    found = left + 1 + np.flatnonzero(band)
    found = found[(found > expected[0] - 20) & (found < expected[1] + 20)]
    np.testing.assert_allclose([found.min(), found.max()], expected, atol=1.5)
    assert len(found) > 0.9 * np.ptp(expected)


def test_ticks_of_the_picture_stand_at_round_values(tree):
    table, page = columns(tree.fits(STEP)), Page(tree.plot(STEP, ".html"))
    assert np.isnan(table["flux"]).all()
    pixels = pixels_of(tree.plot(STEP, ".png"))
    (left, top, _, bottom), figure = frames(pixels)[0], page.figures[0]
    low, high = page.limits(figure, "y")
    pixel = (high - low) / (bottom - top)
    rows = np.flatnonzero(where(pixels, FRAME)[top : bottom + 1, left - 4 : left].all(axis=1))
    values = low + (bottom - top - rows) * pixel
    assert len(values) >= 4
    step = float(np.median(-np.diff(values)))
    nice = min((f * 10.0**k for f in (1, 2, 5) for k in range(-3, 4)), key=lambda one: abs(one - step))
    assert step == pytest.approx(nice, abs=2 * pixel)
    np.testing.assert_allclose(values, nice * np.round(values / nice), atol=pixel)


# --- tables

MEMBERS = """
    select m.*, o.individual_product_id, o.composite_product_id from metadata m join outputs o on o.metadata_id = m.id
    order by m.expstart_mjd
"""
CURVES_OF_STORE = "select * from product where kind in ('individual', 'composite')"
CELLS = {
    "total": "total", "mean": "mean", "poisson_factor": "poisson_factor", "pearson_r": "pearson_r",
    "pearson_p": "pearson_p", "reduced_chi2": "within_reduced_chi2", "chi2_p": "within_chi2_p",
    "period": "peak_period_s", "false_alarm": "false_alarm_probability",
}  # fmt: skip


def cells(path: Path) -> dict[str, dict[str, Any]]:
    """Return the rows of a table by the name of the light curve."""
    found = re.search(
        r'<script type="application/json" id="table-1">(.*?)</script>', path.read_text("utf-8"), re.DOTALL
    )
    assert found is not None
    values = json.loads(found[1])["values"]
    plain = {
        name: [packed["words"][i] for i in packed["index"]] if isinstance(packed, dict) else packed
        for name, packed in values.items()
    }
    rows = [dict(zip(plain, row, strict=True)) for row in zip(*plain.values(), strict=True)]
    return {row["filename"]: row for row in rows}


def test_the_cells_of_the_tables_are_the_rows_of_the_database(tree):
    shown = cells(tree.home / "plots" / "all_hstlc.html")
    products, exposures = tree.rows(CURVES_OF_STORE), tree.rows(MEMBERS)
    assert shown.keys() == {row["filename"] for row in products} == {f"{Path(curve).name}.fits" for curve in EVERY}
    for product in products:
        row, stats = shown[product["filename"]], tree.stats(product["filename"].removesuffix(".fits"))
        members = [one for one in exposures if one[f"{product['kind']}_product_id"] == product["id"]]
        assert (row["kind"], row["datasets"]) == (product["kind"], len(members))
        first = members[0]
        for cell, column in (("target", "targname"), ("instrument", "instrume"), ("detector", "detector"),
                             ("grating", "opt_elem"), ("cenwave", "cenwave"), ("aperture", "aperture")):  # fmt: skip
            assert row[cell] == first[column], cell
        assert row["exptime"] == pytest.approx(sum(one["exptime_s"] for one in members), rel=5e-7)
        assert row["start"] == Time(first["expstart_mjd"], format="mjd").to_value("iso", subfmt="date_hm")
        for cell, column in CELLS.items():
            if stats[column] is None:
                assert row[cell] is None, cell
            else:
                assert row[cell] == pytest.approx(stats[column], rel=5e-7, abs=0), cell
        counts = columns(tree.home / product["path"] / product["filename"])["counts"]
        assert row["total"] == stats["total"] == int(np.nansum(counts))


def test_each_curve_is_in_the_table_of_its_verdict(tree):
    verdicts = {row["lightcurve_filename"]: row["interesting"] for row in tree.rows("select * from stats")}
    assert set(verdicts.values()) == {0, 1}
    everything = cells(tree.home / "plots" / "all_hstlc.html")
    for name, verdict in (("interesting", 1), ("boring", 0), ("null", None)):
        page = tree.home / "plots" / f"{name}_hstlc.html"
        found = cells(page) if verdict in verdicts.values() else {}
        assert found or "table-1" not in page.read_text("utf-8")
        assert found.keys() == {curve for curve, value in verdicts.items() if value == verdict}
        assert all(row == everything[curve] for curve, row in found.items())


def number_rows(path: Path) -> list[list[str]]:
    """Return the texts of the table of a summary page, one list a row."""
    rows = re.findall(r"<tr>(.*?)</tr>", path.read_text("utf-8"), re.DOTALL)
    cut = [re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", row, re.DOTALL) for row in rows]
    return [[html.unescape(re.sub(r"<[^>]*>", "", cell)).strip() for cell in row] for row in cut]


def test_the_summaries_add_up_the_rows_of_the_database(tree):
    grouped = "select {0} as name, count(*) as number, sum(exptime_s) as time_s from metadata group by {0}"
    times = number_rows(tree.home / "plots" / "exptime_histogram.html")
    for row in tree.rows(grouped.format("targname")):
        (found,) = [one for one in times if one[0] == row["name"]]
        assert int(found[1]) == row["number"]
        assert float(found[2]) == pytest.approx(row["time_s"] / 1e3, abs=5e-4)
        assert float(found[3]) == pytest.approx(row["time_s"] / 3600, abs=5e-3)
    (gratings,) = tree.rows(grouped.format("opt_elem"))
    assert ["G130M", "6", "6"] in number_rows(tree.home / "plots" / "opt_elem.html")
    assert (gratings["name"], gratings["number"]) == ("G130M", 6)
    shares = number_rows(tree.home / "plots" / "pie_config_cos_fuv.html")
    assert ["G130M/1291", "6", "100.0 %"] in shares
