import json
import math
import random
import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plain_row import HOSTILE, composite, row

from hstlc.plots.assets import asset_files, embedded_json
from hstlc.plots.datatable import STEM, pack, rounded, shortened_urls
from hstlc.plots.rows import CurveRow, Verdict, duration_text, in_order
from hstlc.plots.tables import TABLE_COLUMNS, table_page

DOCUMENTED = (
    *("target", "plot", "instrument", "grating", "cenwave", "aperture", "exptime", "total", "mean", "poisson_factor"),
    *("pearson_r", "pearson_p", "filename"),
)


def page_of(rows, **changes):
    return table_page(
        **({"title": "All", "rows": rows, "intro": "Every curve.", "static": "static"} | changes)
    ).decode()


def data_of(page):
    return json.loads(re.search(r'<script type="application/json"[^>]*>(.*?)</script>', page, re.S).group(1))


def values_of(data, name):
    """Return the values as the script of the table reads them."""
    found = data["values"][name]
    values = found if isinstance(found, list) else [found["words"][index] for index in found["index"]]
    if name == "filename":
        return values
    stems = [re.sub(r"\.[^.]*\Z", "", filename) for filename in values_of(data, "filename")]
    return [v.replace(STEM, stem) if isinstance(v, str) else v for v, stem in zip(values, stems, strict=True)]


class Tags(HTMLParser):
    """Names of all elements, and the text outside of scripts."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.words, self.within = [], [], ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, _):
        self.tags.append(tag)
        self.within = tag

    def handle_endtag(self, _):
        self.within = ""

    def handle_data(self, data):
        if self.within != "script":
            self.words.append(data)


def test_columns_begin_with_the_documented_ones_in_their_order():
    assert tuple(column.key for column in TABLE_COLUMNS)[: len(DOCUMENTED)] == DOCUMENTED
    data = data_of(page_of([row()]))
    assert tuple(column["key"] for column in data["columns"])[: len(DOCUMENTED)] == DOCUMENTED


def test_every_header_has_a_scope_an_explanation_and_a_button():
    page = page_of([row()])
    headers = re.findall(r"<th (.*?)>(.*?)</th>", page)
    assert len(headers) == len(TABLE_COLUMNS)
    for column, (attributes, content) in zip(TABLE_COLUMNS, headers, strict=True):
        assert 'scope="col"' in attributes
        assert re.search(r'title="[A-Z].*\."', attributes)
        assert ("<button" in content) == (column.kind != "picture")
        assert f"({column.unit})" in content or not column.unit
    assert "<caption" in page


def test_the_data_are_those_of_the_rows():
    rows = [row(1), composite(2, cenwave=0, mean=None, interesting=None), row(3, chi2_p=math.nan, expstart_mjd=None)]
    data = data_of(page_of(rows))
    assert data["rows"] == 3
    assert values_of(data, "kind") == ["composite", "individual", "individual"]
    assert values_of(data, "filename") == ["hlsp_2.fits", "a0003_curve.fits", "a0001_curve.fits"]
    assert values_of(data, "page") == ["../c/hlsp_2.html", "../x/a0003_curve.html", "../x/a0001_curve.html"]
    assert values_of(data, "plot") == ["../c/hlsp_2.png", "../x/a0003_curve.png", "../x/a0001_curve.png"]
    assert values_of(data, "cenwave") == [None, 1291, 1291]
    assert values_of(data, "mean") == [None, 4.0, 4.0]
    assert values_of(data, "chi2_p") == [0.3, None, 0.3]
    assert values_of(data, "start") == ["2012-11-21 08:05", "", "2012-11-21 08:05"]
    assert values_of(data, "datasets") == [2, 1, 1]


def test_the_order_of_the_rows_does_not_matter():
    rows = [maker(n, targname=f"T{n % 3}") for n in range(20) for maker in (row, composite)]
    shuffled = random.Random(1).sample(rows, len(rows))
    assert page_of(rows) == page_of(shuffled)
    kinds = [r.kind for r in in_order(shuffled)]
    assert kinds == sorted(kinds)


def test_an_empty_table_says_so():
    page = page_of([])
    assert "There are no light curves here." in page
    assert "<table" not in page


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize(
    "field", ["targname", "instrume", "detector", "opt_elem", "aperture", "filename", "rootname", "mission"]
)
def test_texts_of_headers_stay_texts(name, field):
    usual, page = page_of([row()]), page_of([row(**{field: name})])
    assert Tags(page).tags == Tags(usual).tags
    shown = {"targname": "target", "instrume": "instrument", "opt_elem": "grating"}.get(field, field)
    if field not in ("rootname", "mission"):
        assert values_of(data_of(page), shown) == [name]


@pytest.mark.parametrize("text", HOSTILE)
def test_title_and_intro_are_escaped(text):
    usual = Tags(page_of([row()])).tags
    found = Tags(page_of([row()], title=f"A{text}", intro=f"B{text}"))
    assert found.tags == usual
    if "\ud800" not in text:
        assert f"B{text}" in "".join(found.words)


def test_nothing_is_loaded_from_elsewhere():
    for content in (*asset_files().values(), page_of([row(), composite()]).encode()):
        assert b"//" not in re.sub(rb"(?m)^ *//.*$", b"", content)
        for word in (b"@import", b"import(", b"fetch(", b"XMLHttpRequest"):
            assert word not in content


def test_static_files_are_where_the_caller_says():
    page = page_of([row()], static="../s")
    assert '<link rel="stylesheet" href="../s/hstlc.css">' in page
    assert '<script src="../s/table.js" defer></script>' in page
    assert "<noscript>" in page


def test_many_rows_give_few_bytes_each():
    rows = [row(n, targname=f"T{n // 10}") for n in range(5000)]
    assert len(page_of(rows)) < 250 * len(rows)


@given(st.recursive(st.none() | st.text() | st.integers(), lambda v: st.lists(v) | st.dictionaries(st.text(), v)))
def test_embedded_json_reads_back_and_ends_no_script(value):
    text = str(embedded_json(value))
    assert json.loads(text) == value
    assert "<" not in text


@given(st.lists(st.sampled_from(["a", "b", ""]) | st.text()))
def test_packed_texts_read_back(values):
    packed = pack(values)
    assert (packed if isinstance(packed, list) else [packed["words"][i] for i in packed["index"]]) == values


@given(
    st.lists(
        st.tuples(st.from_regex(r"[a-z0-9/.%_-]*", fullmatch=True), st.from_regex(r"[a-z0-9._-]*", fullmatch=True))
    )
)
def test_shortened_urls_read_back(pairs):
    urls, filenames = [url for url, _ in pairs], [name for _, name in pairs]
    short = shortened_urls(urls, filenames)
    stems = [re.sub(r"\.[^.]*\Z", "", name) for name in filenames]
    assert [s.replace(STEM, stem) for s, stem in zip(short, stems, strict=True)] == urls


@pytest.mark.parametrize("value", [None, math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_missing(value):
    assert rounded(value) is None


@pytest.mark.parametrize(
    ("mjd", "start"),
    [
        (51544.0, "2000-01-01 00:00"),
        (51544.0 - 1e-9, "2000-01-01 00:00"),
        (None, ""),
        (math.nan, ""),
        (math.inf, ""),
        (1e12, ""),
        (-1e12, ""),
    ],
)
def test_start_is_a_date_or_nothing(mjd, start):
    assert row(expstart_mjd=mjd).start_utc == start


@pytest.mark.parametrize(
    ("interesting", "verdict"),
    [(True, Verdict.INTERESTING), (False, Verdict.BORING), (None, Verdict.NULL)],
)
def test_verdict(interesting, verdict):
    assert row(interesting=interesting).verdict is verdict


@pytest.mark.parametrize(
    ("changes", "configuration"),
    [({}, "G130/1291/A1"), ({"cenwave": 0}, "G130/A1"), ({"aperture": ""}, "G130/1291"), ({"opt_elem": ""}, "1291/A1")],
)
def test_configuration_leaves_out_what_there_is_not(changes, configuration):
    assert row(**changes).configuration == configuration


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (999, "999 s"), (999.7, "1.00 ks"), (9996, "10.0 ks"), (123456, "123 ks"), (1.5e9, "1,500 Ms")],
)
def test_duration_text(seconds, text):
    assert duration_text(seconds) == text


def test_rows_are_values():
    assert row() == row()
    assert hash(row()) == hash(row())
    assert isinstance(row(), CurveRow)


def test_columns_of_sources_are_there_where_there_are_sources():
    plain, full = page_of([row(1)]), page_of([row(1), row(2, source="S <1>", band="wide", gl_index=7)])
    assert "variability index" not in plain
    assert values_of(data_of(full), "source") == ["", "S <1>"]
    assert values_of(data_of(full), "gl_index") == [None, 7]
    assert "<1>" not in full.partition("</head>")[2].replace("S \\u003c1>", "")
