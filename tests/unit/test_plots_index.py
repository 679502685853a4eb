import re

import pytest
from plain_row import HOSTILE, composite, row
from test_plots_tables import Tags, data_of, values_of

from hstlc.plots.index import index_page

TABLES = {"all light curves": ("all_hstlc.html", 1234), "interesting": ("interesting_hstlc.html", 5)}
SUMMARIES = {"exposure time": "exptime_histogram.html"}


def page_of(rows, tables=TABLES, summaries=SUMMARIES):
    return index_page(rows, tables=tables, summaries=summaries, static="static").decode()


def counts_of(page):
    return dict(re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", page))


def cards_of(page):
    return re.findall(r'class="card".*?</(?:a|div)></li>', page, re.S)


def test_counts_are_of_targets_exposures_and_composites():
    rows = [row(1), row(2), row(3, targname="B", interesting=True), composite(4, exptime_s=2401.0)]
    assert counts_of(page_of(rows)) == {
        "targets": "2",
        "exposures": "3",
        "composite light curves": "1",
        "exposure time": "3.60 ks",
        "targets that vary": "1",
    }


def test_the_newest_twenty_exposures_come_first():
    rows = [row(n, expstart_mjd=56000.0 + n, targname=f"T{n}") for n in range(30)]
    names = [re.search("<strong>(.*?)</strong>", card).group(1) for card in cards_of(page_of(rows))]
    assert names == [f"T{n}" for n in range(29, 9, -1)]


def test_an_exposure_without_page_picture_or_date():
    (card,) = cards_of(page_of([row(page="", quicklook="", exptime_s=None), row(2, expstart_mjd=None)]))
    assert "href" not in card
    assert "<img" not in card


def test_targets_have_sums_links_and_their_own_curves():
    rows = [
        *(row(1, targname="A B", exptime_s=None), row(2, targname="A B", expstart_mjd=51544.5)),
        *(composite(3, targname="A B", expstart_mjd=None), composite(4, targname="C+", page="")),
    ]
    data = data_of(page_of(rows))
    assert values_of_names(data, "target") == ["A B", "C+"]
    assert data["values"]["exposures"] == [2, 0]
    assert data["values"]["composites"] == [[["G130/1291/A1", "../c/hlsp_3.html"]], [["G130/1291/A1", ""]]]
    assert data["values"]["exptime"] == [1200.5, 0.0]
    assert values_of_names(data, "last") == ["2012-11-21 08:05", "2012-11-21 08:05"]
    links = [value[0] for value in data["values"]["curves"]]
    assert links == [["all 3", "all_hstlc.html#q=%22A%20B%22"], ["all 1", "all_hstlc.html#q=%22C%2B%22"]]


def values_of_names(data, name):
    return values_of({"values": {**data["values"], "filename": [""] * data["rows"]}}, name)


def test_tables_and_summaries_in_the_order_given():
    page = page_of([row()])
    assert '<a href="all_hstlc.html">all light curves</a> <span class="amount">(1,234)</span>' in page
    assert page.index("all_hstlc.html") < page.index("interesting_hstlc.html") < page.index("exptime_histogram.html")


def test_without_rows_tables_and_summaries():
    page = page_of([], {}, {})
    assert "There are no targets here." in page
    assert counts_of(page)["exposure time"] == "0 s"
    assert "Newest" not in page


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("field", ["targname", "instrume", "detector", "opt_elem", "aperture"])
def test_texts_of_headers_stay_texts(name, field):
    rows = [row(1), composite(2)]
    changed = [row(1, **{field: name}), composite(2, **{field: name})]
    assert Tags(page_of(changed)).tags == Tags(page_of(rows)).tags


def test_the_order_of_the_rows_does_not_matter():
    rows = [maker(n, targname=f"T{n % 5}") for n in range(30) for maker in (row, composite)]
    assert page_of(rows) == page_of(rows[::-1])


def test_sources_count_apart_and_neither_as_exposures_nor_as_all_links_of_a_target():
    sources = [row(10 + i, source=f"S{i}", band="wide", exptime_s=9e9) for i in range(30)]
    composites = [composite(50 + i, source=f"S{i}", band="wide") for i in range(30)]
    page = page_of([row(1), *sources, *composites])
    counts = counts_of(page)
    assert (counts["exposures"], counts["sources"], counts["exposure time"]) == ("1", "30", "1.20 ks")
    assert len(cards_of(page)) == 1
    (links,) = data_of(page)["values"]["composites"]
    assert [name for name, _ in links] == [f"S{i}" for i in (0, 1, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19)]
