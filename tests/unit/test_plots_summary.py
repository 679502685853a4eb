import json
import re
import subprocess
import sys
from itertools import pairwise

import pytest
from plain_row import HOSTILE, composite, row
from test_plots_tables import Tags

from hstlc.plots.summary import configuration_page, exposure_page, filter_page

PLACES = {"script": "static/bokeh.min.js", "static": "static"}


def configurations(rows, **places):
    return configuration_page(rows, "CAM", "UV", **places)


PAGES = pytest.mark.parametrize("make", [exposure_page, configurations, filter_page])


def charts_of(page):
    found = re.search(r'<script type="application/json" id="charts">(.*?)</script>', page.decode(), re.S)
    return json.loads(found.group(1))


def numbers_of(page):
    """Return the rows of the table of numbers as texts."""
    body = re.search(r"<tbody>(.*?)</tbody>", page.decode(), re.S).group(1)
    cells = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", line, re.S) for line in body.split("</tr>")[:-1]]
    return [[re.sub(r"<[^>]*>", "", cell) for cell in line] for line in cells]


def nodes(value):
    if isinstance(value, dict):
        yield value
        for item in value.values():
            yield from nodes(item)
    elif isinstance(value, list):
        for item in value:
            yield from nodes(item)


def sources_of(chart):
    """Return the columns of each data source of a chart."""
    for node in nodes(chart):
        if node.get("name") == "ColumnDataSource":
            yield dict(node["attributes"]["data"]["entries"])


def test_exposure_times_are_summed_for_each_target_and_the_longest_come_first():
    rows = [row(n, targname=f"T{n % 40:02d}", exptime_s=10.0 * (n % 40 + 1)) for n in range(80)]
    page = exposure_page([*rows, composite(99, targname="T00", exptime_s=1e6)], **PLACES)
    numbers = numbers_of(page)
    assert len(numbers) == 30
    assert numbers[0] == ["T39", "2", "0.800", "0.22"]
    assert [line[0] for line in numbers] == [f"T{n:02d}" for n in range(39, 9, -1)]
    bars, steps = charts_of(page)
    (source,) = sources_of(bars)
    assert source["name"] == [line[0] for line in numbers]
    assert source["right"] == pytest.approx([0.02 * n for n in range(40, 10, -1)])
    (source,) = sources_of(steps)
    assert source["x"][1:-1] == pytest.approx([0.02 * n for n in range(1, 41)])
    assert source["y"] == pytest.approx([0, *(2.5 * n for n in range(1, 41)), 100])


def test_the_distribution_of_many_targets_has_few_steps():
    rows = [row(n, targname=f"T{n}", exptime_s=1.0 + n) for n in range(3000)]
    _, steps = charts_of(exposure_page(rows, **PLACES))
    (source,) = sources_of(steps)
    assert len(source["x"]) == 502
    assert (source["x"][1], source["x"][-2], source["y"][-2]) == (0.001, 3.0, 100.0)


def test_exposure_times_that_are_none_do_not_count():
    rows = [row(n, exptime_s=value) for n, value in enumerate([None, 0.0, -1.0, float("nan"), float("inf"), 50.0])]
    assert numbers_of(exposure_page(rows, **PLACES)) == [["GJ-436", "1", "0.050", "0.01"]]


def test_shares_are_of_the_exposures_in_composites_of_one_detector():
    rows = [
        *(composite(1, datasets=6), composite(2, cenwave=1300, datasets=3), composite(3, datasets=1)),
        *(composite(4, detector="IR", datasets=9), composite(5, instrume="OTHER", datasets=9), row(6)),
    ]
    assert numbers_of(configurations(rows, **PLACES)) == [["G130/1291", "7", "70.0 %"], ["G130/1300", "3", "30.0 %"]]


def test_small_shares_are_gathered_and_listed():
    rows = [composite(n, cenwave=1000 + n, datasets=60 - 2 * n) for n in range(30)]
    page = configurations(rows, **PLACES)
    assert len(numbers_of(page)) == 30
    (chart,) = charts_of(page)
    ring = next(source for source in sources_of(chart) if "first" in source)
    assert len(ring["name"]) == 10
    assert ring["name"][-1] == "21 others"
    assert ring["second"][-1] == pytest.approx(ring["first"][0] - 2 * 3.141592653589793)


def test_one_small_share_keeps_its_name():
    rows = [composite(1, datasets=99), composite(2, cenwave=1300, datasets=1)]
    (chart,) = charts_of(configurations(rows, **PLACES))
    ring = next(source for source in sources_of(chart) if "first" in source)
    assert ring["name"] == ["G130/1291", "G130/1300"]


def test_labels_of_a_ring_are_apart():
    rows = [composite(n, cenwave=1000 + n, datasets=1 + 200 * (n == 0) + 8 * (n < 9)) for n in range(12)]
    (chart,) = charts_of(configurations(rows, **PLACES))
    written = [source for source in sources_of(chart) if "text" in source and len(source["text"]) == 1]
    for side in (-1.2, 1.2):
        heights = sorted(source["y"][0] for source in written if source["x"] == [side])
        assert all(b - a > 0.159 for a, b in pairwise(heights))
        assert all(abs(height) < 1.13 for height in heights)


def test_exposures_are_counted_by_element_and_instrument():
    rows = [row(1), row(2), row(3, instrume="B"), row(4, opt_elem="M1"), composite(5)]
    assert numbers_of(filter_page(rows, **PLACES)) == [["G130", "1", "2", "3"], ["M1", "0", "1", "1"]]


@PAGES
def test_without_rows_a_page_says_so(make):
    page = make([], **PLACES).decode()
    assert "There are no " in page
    assert "bokeh" not in page


@PAGES
def test_ids_depend_on_the_rows_only(make):
    from bokeh.models import ColumnDataSource

    rows = [maker(n, opt_elem=f"G{n % 4}") for n in range(12) for maker in (row, composite)]
    page = make(rows, **PLACES)
    ColumnDataSource()
    assert make(rows[::-1], **PLACES) == page
    for number, chart in enumerate(charts_of(page), 1):
        ids = {node["id"] for node in nodes(chart) if "id" in node}
        assert ids == {f"chart-{number}-{count}" for count in range(1, len(ids) + 1)}
        assert chart["root_id"] == f"chart-{number}-1"


def test_another_process_gives_the_same_bytes():
    program = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from plain_row import row\n"
        "from hstlc.plots.summary import filter_page\n"
        "sys.stdout.buffer.write(filter_page([row(1), row(2, instrume='B')], script='s', static='t'))"
    )
    folder = __file__.rpartition("/")[0]
    done = subprocess.run([sys.executable, "-c", program, folder], capture_output=True, check=True)
    assert done.stdout == filter_page([row(1), row(2, instrume="B")], script="s", static="t")


@PAGES
@pytest.mark.parametrize("name", HOSTILE)
def test_texts_of_headers_stay_texts(make, name):
    changes = {"targname": name, "opt_elem": name}
    usual = make([row(1), composite(2)], **PLACES).decode()
    page = make([row(1, **changes), composite(2, **changes)], **PLACES).decode()
    assert Tags(page).tags == Tags(usual).tags


def test_the_script_is_the_one_that_is_given():
    page = filter_page([row()], script="../s/bokeh.min.js", static="../s").decode()
    assert '<script src="../s/bokeh.min.js"></script>' in page
    assert "cdn" not in page.lower()
