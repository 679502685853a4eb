"""Pictures and pages of one light curve."""

import base64
import gzip
import hashlib
import io
import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hstlc.model import COLUMNS, Intervals, LightCurve, Quality
from hstlc.plots.axis import mjd_ticks, nice_step, second_ticks, time_axis, value_ticks
from hstlc.plots.display import bounded, display
from hstlc.plots.document import curve_document
from hstlc.plots.page import bokeh_script, curve_page, curve_values
from hstlc.plots.periodogram import periodogram_document, periodogram_page, periodogram_values
from hstlc.plots.quicklook import quicklook_png
from hstlc.plots.static import static_png
from hstlc.plots.template import document_json
from hstlc.stats.periodogram import spectrum
from hstlc.times import TimeReference

HOSTILE = "<script>alert(1)</script> $$x^2$$ \"' </script> \u2028 <!--"
PAGE = {"identity": "lzaa01aaq", "script": "../static/bokeh.js", "links": {"FITS file": "a.fits", "PNG": "a.png"}}


def make_curve(n=300, *, seed=1, start_s=0.0, flux=1e-14, rate=20.0, dataset=1, **meta):
    """Return a curve of 2-s bins of a constant source; its last bin has no live time."""
    rng = np.random.default_rng(seed)
    exposure = np.full(n, 2.0)
    exposure[-1:] = 0.0
    live = np.where(exposure > 0, exposure, np.nan)
    gross, background = rng.poisson(rate * exposure).astype(float), rng.poisson(exposure).astype(float)
    counts, variance = gross - background, gross + background
    error = np.sqrt(variance + np.where(gross == 0, 1.841**2, 0))
    times = start_s + 2.0 * np.arange(n)
    per_count = flux / rate
    quality = np.where(exposure > 0, 0, Quality.NO_LIVE_TIME | Quality.LOW_FRACTION)
    data = {
        "dataset": np.full(n, dataset), "times": times, "mjd": 58300.25 + (times + 1) / 86400, "bins": np.full(n, 2.0),
        "gross": gross, "background": background, "flux": counts / live * per_count, "counts": counts, "error": error,
        "flux_error": error / live * per_count, "net": counts / live,
        "signal_to_noise": counts / np.where(error > 0, error, np.nan), "time": times + 1, "exposure": exposure,
        "fraction": exposure / 2, "rate": counts / live, "rate_error": error / live, "variance": variance,
        "quality": quality, "bjd_tdb": 2458300.75 + (times + 1) / 86400,
    }  # fmt: skip
    data = {column.name: np.asarray(data[column.name], dtype=column.dtype) for column in COLUMNS}
    known = {"TARGNAME": "A STAR", "INSTRUME": "COS", "DETECTOR": "FUV", "OPT_ELEM": "G130M", "CENWAVE": 1291}
    gti = Intervals.of([start_s], [start_s + 2.0 * max(n - 1, 1)])
    return LightCurve(data, gti, TimeReference(58300.25), known | {"APERTURE": "PSA", "ROOTNAME": "lzaa01aaq"} | meta)


def changed(curve, **columns):
    return LightCurve({**curve.data, **columns}, curve.gti, curve.reference, curve.meta)


def stack(curves):
    data = {column.name: np.concatenate([curve[column.name] for curve in curves]) for column in COLUMNS}
    return LightCurve(data, curves[0].gti, curves[0].reference, curves[0].meta)


def composite(number, n=200):
    return stack([make_curve(n + 10 * i, seed=i, start_s=1e6 * i, dataset=i + 1) for i in range(number)])


def odd_curves():
    """Return curves that lack what others have, by name."""
    curve = make_curve()
    n, nan = len(curve), np.full(len(curve), np.nan)
    return {
        "usual": curve,
        "no-bins": make_curve(0),
        "one-bin": make_curve(1),
        "two-bins": make_curve(2),
        "no-flux": changed(curve, flux=nan, flux_error=nan),
        "all-flagged": changed(curve, quality=np.full(n, 2, dtype=np.int32)),
        "nothing-known": changed(curve, flux=nan, flux_error=nan, rate=nan, rate_error=nan, exposure=np.zeros(n)),
        "negative-flux": changed(curve, flux=-curve["flux"]),
        "zero-counts": make_curve(rate=1e-9, flux=1e-25),
        "every-other-nan": changed(curve, rate=np.where(np.arange(n) % 2, np.nan, curve["rate"])),
        "constant": changed(curve, rate=np.full(n, 3.0), rate_error=np.zeros(n)),
        "second-dataset": make_curve(dataset=2),
        "many-bins": make_curve(25_000),
        "three": composite(3),
        "forty": composite(40),
        "hostile": make_curve(TARGNAME=HOSTILE, ROOTNAME=HOSTILE, APERTURE="<b>"),
        "no-header": LightCurve(curve.data, curve.gti, curve.reference),
    }


ODD = sorted(odd_curves())


class Page(HTMLParser):
    """What a page has: elements with their attributes, and the text of each kind of element."""

    def __init__(self, page):
        super().__init__()
        self.elements, self.texts, self._open = [], {}, ""
        self.feed(page.decode("utf-8"))
        self.document = json.loads(self.texts["script"][0])

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        self._open = tag

    def handle_endtag(self, _tag):
        self._open = ""

    def handle_data(self, data):
        if data.strip():
            self.texts.setdefault(self._open, []).append(data)


def arrays_decoded(node):
    """Return JSON of Bokeh with arrays as lists: whether they are compressed does not matter."""
    if isinstance(node, dict) and node.get("type") == "ndarray":
        content = gzip.decompress(base64.b64decode(node["array"]["data"]))
        assert node["order"] == "little"
        return {
            "dtype": node["dtype"],
            "values": np.frombuffer(content, node["dtype"]).tolist(),
            "shape": node["shape"],
        }
    if isinstance(node, dict):
        return {key: arrays_decoded(value) for key, value in node.items()}
    return [arrays_decoded(value) for value in node] if isinstance(node, list) else node


def image(png):
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))


def has_color(pixels, color):
    return bool((pixels == [int(color[i : i + 2], 16) for i in (1, 3, 5)]).all(axis=-1).any())


@pytest.mark.parametrize("name", ODD)
def test_every_curve_has_pictures(name):
    curve = odd_curves()[name]
    for draw, width, height in ((static_png, 1000, None), (quicklook_png, 400, 150)):
        png = draw(curve)
        assert draw(curve) == png
        picture = Image.open(io.BytesIO(png))
        assert picture.format == "PNG"
        assert picture.width == width
        assert picture.height == (height or picture.height)
        assert not picture.info
        if name not in ("no-bins", "nothing-known", "one-bin"):
            assert len(np.unique(np.asarray(picture.convert("L")))) > 1
    assert len(np.unique(image(static_png(curve)))) > 1


@pytest.mark.parametrize("name", ODD)
def test_every_curve_has_a_page_that_is_the_document_built_for_it(name):
    curve = odd_curves()[name]
    page = Page(curve_page(curve, **PAGE))
    shown = display(curve, 20_000)
    direct = document_json(curve_document(curve_values(shown)), PAGE["identity"])
    assert "flux" in curve_values(shown) or name in ("no-flux", "nothing-known", "no-bins", "one-bin", "all-flagged")
    assert json.dumps(arrays_decoded(page.document), sort_keys=True) == json.dumps(
        arrays_decoded(direct), sort_keys=True
    )


def test_the_page_asks_for_the_script_alone():
    page = Page(curve_page(make_curve(), **PAGE))
    assert [a["src"] for tag, a in page.elements if "src" in a] == ["../static/bokeh.js"]
    assert [a["href"] for tag, a in page.elements if tag == "link"] == ["data:,"]
    assert [a["href"] for tag, a in page.elements if tag == "a"] == ["a.fits", "a.png", "a.png"]
    assert ("html", {"lang": "en"}) in page.elements
    assert page.texts["title"] == ["A STAR"]


def test_names_from_headers_and_links_are_text():
    curve = make_curve(TARGNAME=HOSTILE, ROOTNAME=HOSTILE)
    content = curve_page(curve, identity=HOSTILE, script=f"{HOSTILE}.js", links={HOSTILE: f'"><img src=x>{HOSTILE}'})
    page, usual = Page(content), Page(curve_page(make_curve(), **PAGE))
    assert [tag for tag, _ in page.elements if tag in ("script", "img")] == ["script"] * 3
    assert len([tag for tag, _ in usual.elements if tag == "script"]) == 3
    assert "".join(page.texts["h1"]) == page.texts["title"][0] == HOSTILE
    assert b"<" not in re.search(rb'type="application/json"[^>]*>([^<]*)</script>', content)[1]
    assert HOSTILE not in json.dumps(page.document, ensure_ascii=False)


def test_ids_derive_from_the_identity():
    one, same, other = (curve_page(make_curve(), **{**PAGE, "identity": i}) for i in ("a", "a", "b"))
    assert one == same != other
    ids = set(re.findall(r'"id":"([^"]+)"', one.decode()))
    assert len(ids) > 50
    assert not ids & set(re.findall(r'"id":"([^"]+)"', other.decode()))
    document = Page(one).document
    assert document["root_id"] in ids
    assert any(a.get("id") == document["target_id"] for _, a in Page(one).elements)


def test_another_process_makes_the_same_bytes():
    """Models made before, which move Bokeh's own numbers, change nothing."""
    program = (
        "import sys, hashlib; sys.path.insert(0, sys.argv[1])\n"
        "from bokeh.models import Range1d; [Range1d() for _ in range(7)]\n"
        "import test_plots_curve as t\n"
        "for c in (t.make_curve(), t.composite(3)):\n"
        "    print(*(hashlib.sha256(x).hexdigest() for x in t.products(c)))\n"
    )
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", program, str(Path(__file__).parent)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    here = [[hashlib.sha256(x).hexdigest() for x in products(c)] for c in (make_curve(), composite(3))]
    assert [line.split() for line in run.stdout.splitlines()] == here


def products(curve):
    return (
        static_png(curve),
        quicklook_png(curve),
        curve_page(curve, **PAGE),
        periodogram_page(curve, oversampling=5, **PAGE),
    )


def test_no_value_is_left_out_of_the_page():
    curve = make_curve()
    text = json.dumps(arrays_decoded(Page(curve_page(curve, **PAGE)).document))
    for name in ("rate", "rate_error"):
        assert json.dumps(curve[name].astype(np.float32).tolist())[1:-1] in text
    assert json.dumps(curve["mjd"].tolist()) in text
    assert "@slot" not in text
    assert "@identity" not in text


def test_flagged_bins_are_grey_and_the_legend_says_so():
    curve = make_curve()
    quality = curve["quality"].copy()
    quality[100:120] = Quality.LOW_FRACTION
    flagged = changed(curve, quality=quality)
    assert has_color(image(static_png(flagged)), "#9a9a9a")
    content = curve_page(flagged, **PAGE).decode()
    assert "flagged bin" in content
    assert str(0x9A9A9AFF) in json.dumps(arrays_decoded(Page(content.encode()).document))
    clean = changed(curve, quality=np.zeros_like(quality))
    assert "flagged bin" not in curve_page(clean, **PAGE).decode()
    assert not has_color(image(static_png(clean)), "#9a9a9a")


def test_the_title_tells_what_is_shown():
    shown = display(make_curve(SIMULATD="T"), 20_000)
    assert (shown.target, shown.setup) == ("A STAR", "COS FUV · G130M/1291 · PSA · lzaa01aaq · 2-s bins · simulated")
    merged = display(make_curve(25_000), 20_000)
    assert merged.setup.endswith("4-s bins shown (of 2 s)")
    assert display(composite(3), 20_000).setup == "COS FUV · G130M/1291 · PSA · 3 exposures · 2-s bins"
    assert display(make_curve(0), 10).setup.endswith("no bins")


def test_labels_have_units_and_the_power_of_ten():
    labels = [panel.label for panel in display(make_curve(), 1000).panels]
    assert labels == ["Flux (10⁻¹⁴ erg s⁻¹ cm⁻² Å⁻¹)", "Rate (counts s⁻¹)", "Background (counts s⁻¹)", "Live part"]


def test_flagged_bins_do_not_set_the_limits():
    curve = make_curve()
    rate, quality = curve["rate"].copy(), curve["quality"].copy()
    rate[5], quality[5] = 1e6, Quality.LOW_FRACTION
    for panel in display(changed(curve, rate=rate, quality=quality), 1000).panels:
        assert panel.high < 100, panel.name


@pytest.mark.parametrize(("n", "most"), [(10, 10), (11, 10), (1000, 7), (25_000, 20_000)])
def test_bins_are_bounded(n, most):
    assert len(bounded(make_curve(n), most)) <= most
    several = stack([make_curve(n, dataset=i, start_s=1e5 * i) for i in range(1, 5)])
    assert len(bounded(several, most)) <= most
    assert np.unique(bounded(several, 2)["dataset"]).tolist() == [1, 2, 3, 4]


def test_gaps_between_datasets_are_collapsed_and_short_ones_are_not():
    curve = stack([make_curve(100, start_s=0.0), make_curve(100, start_s=201.0, dataset=2),
                   make_curve(100, start_s=1e7, dataset=3)])  # fmt: skip
    axis = time_axis(curve)
    assert axis.left.tolist() == [0.0, 201.0, 401.0 + 18.0]
    assert axis.gaps.tolist() == [[401.0, 419.0]]
    assert axis.x[200] == 420.0
    assert axis.since_s[[0, 100, 200]].tolist() == [1.0, 1.0, 1.0]
    np.testing.assert_allclose(axis.mjd, 58300.25 + np.array([0.0, 201.0, 1e7]) / 86400, atol=1e-9)
    assert np.all(np.diff(axis.x) > 0)


@pytest.mark.parametrize("number", [1, 2, 3, 40, 400])
def test_labels_of_the_time_axis_keep_their_distance(number):
    axis = time_axis(composite(number, 50))
    low, high = axis.limits
    for ticks, most in ((second_ticks(axis, 10), 10), (mjd_ticks(axis, 8), 8)):
        places = np.array([x for x, _ in ticks])
        assert 2 <= len(places) <= most + 1
        assert np.all(np.diff(places) >= (high - low) / (most + 1) * (1 - 1e-9))
        assert np.all((places >= low) & (places <= high))


def test_labels_count_from_the_start_of_each_dataset():
    axis = time_axis(stack([make_curve(501, dataset=1), make_curve(501, start_s=1e6, dataset=2)]))
    labels = [label for _, label in second_ticks(axis, 10)]
    assert labels == ["#1", "500", "#2", "500", "1000"]
    assert [label for _, label in mjd_ticks(axis, 8)] == ["58300.250", "58311.824"]
    single = time_axis(make_curve(500))
    assert second_ticks(single, 10)[:3] == [(0.0, "0"), (200.0, "200"), (400.0, "400")]
    x, label = mjd_ticks(single, 8)[1]
    assert float(label) == pytest.approx(58300.25 + x / 86400, abs=1e-9)


def test_steps_are_round():
    assert [nice_step(x, 1) for x in (0.7, 1.0, 1.1, 3.0, 6.0)] == [1.0, 1.0, 2.0, 5.0, 10.0]
    assert nice_step(0.0, 5) == 1.0
    assert [label for _, label in value_ticks(-1e-3, 1e-3, 3)] == ["-0.001", "0.000", "0.001"]


def test_the_periodogram_page_is_the_document_built_for_it():
    curve = make_curve(400)
    used = curve.good
    found = spectrum(*(curve[name][used] for name in ("time", "rate", "exposure", "dataset")), 5, 4000)
    page = Page(periodogram_page(curve, oversampling=5, **PAGE))
    direct = document_json(periodogram_document(periodogram_values(found)), PAGE["identity"])
    assert arrays_decoded(page.document) == arrays_decoded(direct)
    assert any(f"period {found.peak.period_s:.6g} s" in text for text in page.texts["strong"])


@pytest.mark.parametrize("name", ["no-bins", "one-bin", "two-bins", "all-flagged", "nothing-known", "constant"])
def test_there_is_no_periodogram_of_nothing(name):
    assert periodogram_page(odd_curves()[name], oversampling=5, **PAGE) is None


def test_the_script_is_that_of_the_installed_bokeh():
    import bokeh

    name, content = bokeh_script()
    assert name == f"bokeh-{bokeh.__version__}.min.js"
    assert len(content) > 500_000
    assert content == (Path(bokeh.__file__).parent / "server/static/js/bokeh.min.js").read_bytes()


@pytest.mark.parametrize("bins", [0, 300, 1300, 5000])
def test_what_was_made_ready_for_one_picture_serves_the_others(bins):
    curve = make_curve(bins)
    ready = display(curve, 20_000)
    assert curve_page(ready, **PAGE) == curve_page(curve, **PAGE)
    assert static_png(ready) == static_png(curve)
    assert quicklook_png(display(curve, 1000)) == quicklook_png(ready) == quicklook_png(curve)
