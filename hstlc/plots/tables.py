"""Exploratory tables: one row a light curve, with its thumbnail, statistics and files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hstlc.plots.assets import fill_template
from hstlc.plots.datatable import Column, data_table, rounded, shortened_urls
from hstlc.plots.rows import COMPOSITE, INDIVIDUAL, CurveRow, in_order

__all__ = ["ALL_CURVES", "INDEX", "TABLE_COLUMNS", "table_page"]

#: Names of the pages that other pages lead to.
ALL_CURVES, INDEX = "all_hstlc.html", "index.html"

#: The first thirteen columns and their order are documented.
TABLE_COLUMNS: tuple[Column, ...] = (
    Column("target", "target", "Name of the target, as the observer called it."),
    Column("plot", "plot", "The light curve at a glance; leads to the interactive page.", kind="picture", link="page"),
    Column("instrument", "instrument", "Instrument."),
    Column("grating", "grating", "Grating or other optical element."),
    Column("cenwave", "cenwave", "Central wavelength; none for imaging.", "Å", "number"),
    Column("aperture", "aperture", "Aperture."),
    Column("exptime", "exptime", "Exposure time that the headers state, summed.", "s", "number", decimals=1),
    Column("total", "total", "Counts of all bins, background subtracted.", "counts", "number"),
    Column("mean", "mean", "Mean counts of an unflagged bin.", "counts/bin", "number", digits=4),
    Column(
        "poisson_factor",
        "poisson_factor",
        "Standard deviation of the counts of a bin over the square root of their mean; 1 is what counting alone gives.",
        kind="number",
        digits=4,
    ),
    Column("pearson_r", "pearson_r", "Correlation of counts with time, from -1 to 1.", kind="number", digits=3),
    Column(
        "pearson_p",
        "pearson_p",
        "Probability that a source without trend gives a correlation at least as strong.",
        kind="number",
        digits=3,
    ),
    Column("filename", "filename", "Name of the light curve; leads to the FITS file.", kind="name", link="fits"),
    Column("kind", "kind", "Individual: one exposure. Composite: all exposures of one configuration."),
    Column("detector", "detector", "Detector."),
    Column("datasets", "datasets", "Exposures in the light curve.", kind="number"),
    Column("start", "start", "Start of the first exposure.", "UTC"),
    Column(
        "reduced_chi2",
        "reduced χ²",
        "Chi-square by degrees of freedom, under a rate that is constant within each exposure.",
        kind="number",
        digits=4,
    ),
    Column("chi2_p", "χ² p", "Probability that a constant source gives this χ² or more.", kind="number", digits=3),
    Column("period", "period", "Period of the highest peak of the periodogram.", "s", "number", digits=5),
    Column(
        "false_alarm",
        "false alarm",
        "Probability that noise alone gives a peak this high; leads to the periodogram.",
        kind="number",
        link="periodogram_page",
        digits=3,
    ),
)

#: What follows the documented columns where there are light curves of sources.
SOURCE_COLUMNS = (
    Column("source", "source", "The source in the field; none for the whole aperture.", kind="name"),
    Column("band", "band", "Band of energy of the light curve."),
    Column("gl_index", "variability index", "Of the arrivals: 0 constant, from 6 definitely variable.", kind="number"),
)

_DOCUMENTED = 13
_SEARCH: tuple[str, ...] = ("target", "instrument", "detector", "grating", "cenwave", "aperture", "filename")


def table_page(title: str, rows: Sequence[CurveRow], *, intro: str, static: str) -> bytes:
    """Return the HTML page of a table of light curves.

    The rows are compact JSON in the page, which its script shows 50 at a time: sorted by any column, missing values
    last, and filtered by text and kind. It opens with the composites, if there are any, else with all rows;
    ``#q=TEXT`` behind its URL opens it filtered, among all kinds, ``#q="TEXT"`` with rows that have exactly this value,
    and ``&kind=composite`` restricts the kind.

    Parameters
    ----------
    title : str
        Title and heading of the page.
    rows : sequence of CurveRow
        What it shows; their order does not matter.
    intro : str
        Plain text below the heading.
    static : str
        Relative URL of the folder of :func:`hstlc.plots.assets.asset_files`.

    Returns
    -------
    bytes
        UTF-8, the same for the same rows.
    """
    rows = in_order(rows)
    filenames = [row.filename for row in rows]
    values: dict[str, list[Any]] = {
        "target": [row.targname for row in rows],
        "instrument": [row.instrume for row in rows],
        "grating": [row.opt_elem for row in rows],
        "cenwave": [row.cenwave or None for row in rows],
        "aperture": [row.aperture for row in rows],
        "exptime": [rounded(row.exptime_s) for row in rows],
        "total": [row.total for row in rows],
        "mean": [rounded(row.mean) for row in rows],
        "poisson_factor": [rounded(row.poisson_factor) for row in rows],
        "pearson_r": [rounded(row.pearson_r) for row in rows],
        "pearson_p": [rounded(row.pearson_p) for row in rows],
        "filename": filenames,
        "kind": [row.kind for row in rows],
        "detector": [row.detector for row in rows],
        "datasets": [row.datasets for row in rows],
        "start": [row.start_utc for row in rows],
        "reduced_chi2": [rounded(row.reduced_chi2) for row in rows],
        "chi2_p": [rounded(row.chi2_p) for row in rows],
        "period": [rounded(row.peak_period_s) for row in rows],
        "false_alarm": [rounded(row.false_alarm_probability) for row in rows],
        "plot": shortened_urls([row.quicklook for row in rows], filenames),
        "page": shortened_urls([row.page for row in rows], filenames),
        "fits": shortened_urls([row.fits for row in rows], filenames),
        "periodogram_page": shortened_urls([row.periodogram_page for row in rows], filenames),
    }
    columns, search, searched = TABLE_COLUMNS, _SEARCH, "target, configuration or file name"
    if any(row.source for row in rows):
        columns = (*TABLE_COLUMNS[:_DOCUMENTED], *SOURCE_COLUMNS, *TABLE_COLUMNS[_DOCUMENTED:])
        search, searched = (*_SEARCH, "source", "band"), "target, source, configuration or file name"
        values |= {name: [getattr(row, name) for row in rows] for name in ("source", "band", "gl_index")}
    table = data_table(
        columns,
        values,
        caption=title,
        noun="light curves",
        search=search,
        searched=searched,
        stem="filename",
        kind="kind",
        kinds=(COMPOSITE, INDIVIDUAL),
    )
    return fill_template("table.html", title=title, intro=intro, static=static, index=INDEX, table=table)
