"""The report of an object: one page over its sources, their observations, pictures and files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hstlc.plots.assets import fill_template
from hstlc.plots.datatable import Column, DataTable, data_table, rounded

__all__ = ["BRIGHT", "MEDIUM", "Download", "ReportCurve", "ReportSource", "brightness", "report_page"]

#: Counts from which an observation is colored as bright, and as less so.
BRIGHT, MEDIUM = 1000, 500

_COLUMNS = (
    Column("source", "source", "Name of the source; leads to its part of this page.", link="anchor"),
    Column("plot", "plot", "The light curve at a glance; leads to the interactive page.", kind="picture", link="page"),
    Column("instrument", "instrument", "Instrument."),
    Column("observation", "observation", "The observation."),
    Column("region", "region", "What the source is called in the catalog of the observation."),
    Column("start", "start", "Start of the observation.", "UTC"),
    Column("end", "end", "End of the observation.", "UTC"),
    Column("offaxis", "off-axis", "Distance of the source from the optical axis.", "arcmin", "number", decimals=1),
    Column("ra", "RA", "Right ascension, ICRS.", "deg", "number", decimals=5),
    Column("dec", "Dec", "Declination, ICRS.", "deg", "number", decimals=5),
    Column("rate", "average rate", "Counts less background over live time.", "counts/s", "number", digits=4),
    Column("counts", "counts", "Events in the source region.", kind="number"),
    Column("exposure", "exposure", "Live time.", "s", "number", decimals=1),
    Column(
        "index", "variability index", "Of Gregory and Loredo: 0 constant, from 6 definitely variable.", "", "number"
    ),
    Column("files", "files", "The light curve that stands for the source.", kind="links"),
)


@dataclass(frozen=True, slots=True)
class Download:
    """The files of one light curve, by URL relative to the report."""

    band: str
    urls: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ReportCurve:
    """A source in one observation.

    Texts are plain, not escaped; URLs are relative to the report and percent-encoded.

    Attributes
    ----------
    anchor : str
        Id of its part of the page.
    instrument, observation, region : str
    start, end : str
        UTC, '' where unknown.
    offaxis_arcmin, ra_deg, dec_deg : float or None
    rate_ct_s : float or None, ct/s
        Counts less background over live time.
    counts : int, ct
        Events in the source region.
    exposure_s : float, seconds
        Live time.
    gl_index : int or None
        Variability index.
    page, picture, thumbnail : str
        URLs of the interactive page and of the pictures of the light curve.
    stamps : tuple of (str, str)
        What each picture of its events shows, and its URL.
    downloads : tuple of Download
        The files of each of its light curves, that which stands for the source first.
    """

    anchor: str
    instrument: str
    observation: str
    region: str
    start: str
    end: str
    offaxis_arcmin: float | None
    ra_deg: float | None
    dec_deg: float | None
    rate_ct_s: float | None
    counts: int
    exposure_s: float
    gl_index: int | None
    page: str
    picture: str
    thumbnail: str
    stamps: tuple[tuple[str, str], ...]
    downloads: tuple[Download, ...]

    @property
    def brightness(self) -> str:
        """How its link is colored."""
        return brightness(self.counts)

    @property
    def values(self) -> tuple[tuple[str, str, str], ...]:
        """Header and value of each cell of its table, and the unit."""

        def number(value: float | None, form: str) -> str:
            return "–" if value is None else format(value, form)

        return (
            ("Instrument", self.instrument or "–", ""),
            ("Observation", self.observation or "–", ""),
            ("Region", self.region or "–", ""),
            ("Start", self.start or "–", "UTC"),
            ("End", self.end or "–", "UTC"),
            ("Off-axis", number(self.offaxis_arcmin, ".1f"), "arcmin"),
            ("RA", number(self.ra_deg, ".5f"), "deg"),
            ("Dec", number(self.dec_deg, "+.5f"), "deg"),
            ("Average rate", number(self.rate_ct_s, ".4g"), "counts/s"),
            ("Counts", f"{self.counts:,}", ""),
            ("Exposure", f"{self.exposure_s:,.1f}", "s"),
            ("Variability index", number(self.gl_index, "d"), "0 to 10"),
        )


@dataclass(frozen=True, slots=True)
class ReportSource:
    """A source with its observations in order of time."""

    anchor: str
    number: str
    name: str
    curves: tuple[ReportCurve, ...]

    @property
    def brightness(self) -> str:
        """How its link is colored: after its brightest observation."""
        return brightness(max((curve.counts for curve in self.curves), default=0))


def brightness(counts: int) -> str:
    """Return the class of a number of counts.

    Examples
    --------
    >>> brightness(1000), brightness(999), brightness(499)
    ('bright', 'medium', 'faint')
    """
    return "bright" if counts >= BRIGHT else "medium" if counts >= MEDIUM else "faint"


def report_page(title: str, sources: Sequence[ReportSource], facts: Sequence[tuple[str, str]], *, static: str) -> bytes:
    """Return the page of a report.

    Parameters
    ----------
    title : str
        Name of the object.
    sources : sequence of ReportSource
    facts : sequence of (str, str)
        What the report was made with: names and values.
    static : str
        Relative URL of the folder of :func:`hstlc.plots.assets.asset_files`.

    Returns
    -------
    bytes
        HTML in UTF-8 that needs no network; the same for the same arguments.
    """
    return fill_template(
        "report.html",
        title=title,
        intro="",
        static=static,
        facts=list(facts),
        sources=list(sources),
        table=_table(sources),
        limits={"bright": f"{BRIGHT:,} counts or more", "medium": f"{MEDIUM:,} or more", "faint": "fewer"},
    )


def _table(sources: Sequence[ReportSource]) -> DataTable:
    rows = [(source, curve) for source in sources for curve in source.curves]
    curves = [curve for _, curve in rows]
    values: dict[str, list[Any]] = {
        "source": [source.name for source, _ in rows],
        "anchor": [f"#{curve.anchor}" for curve in curves],
        "plot": [curve.thumbnail for curve in curves],
        "page": [curve.page for curve in curves],
        "instrument": [curve.instrument for curve in curves],
        "observation": [curve.observation for curve in curves],
        "region": [curve.region for curve in curves],
        "start": [curve.start for curve in curves],
        "end": [curve.end for curve in curves],
        "offaxis": [rounded(curve.offaxis_arcmin) for curve in curves],
        "ra": [rounded(curve.ra_deg, 9) for curve in curves],
        "dec": [rounded(curve.dec_deg, 9) for curve in curves],
        "rate": [rounded(curve.rate_ct_s) for curve in curves],
        "counts": [curve.counts for curve in curves],
        "exposure": [rounded(curve.exposure_s) for curve in curves],
        "index": [curve.gl_index for curve in curves],
        "files": [[[kind, url] for kind, url in curve.downloads[0].urls.items()] for curve in curves],
    }
    return data_table(
        _COLUMNS,
        values,
        caption="All observations",
        noun="observations",
        search=("source", "instrument", "observation", "region"),
        searched="source, instrument or observation",
    )
