"""Questions that people ask of a million light curves, and how long the answers take."""

from __future__ import annotations

import time
from dataclasses import dataclass
from statistics import median

from sqlalchemy import Engine, text

from hstlc.db.engine import reading

__all__ = ["QUESTIONS", "Question", "ask"]

#: Longest median answer of each class of question.
POINT_MS, LIST_MS, AGGREGATE_MS = 5.0, 200.0, 2000.0

# What the documentation joins: a light curve with its exposure.
_CURVES = "stats s JOIN outputs o ON s.product_id = o.individual_product_id JOIN metadata m ON o.metadata_id = m.id"
_BY_NAME = (
    "stats s JOIN outputs o ON s.lightcurve_filename = o.individual_filename JOIN metadata m ON o.metadata_id = m.id"
)
_COMPOSITES = "stats s JOIN outputs o ON s.product_id = o.composite_product_id JOIN metadata m ON o.metadata_id = m.id"


@dataclass(frozen=True)
class Question:
    """A question in words and in SQL, and the longest answer that is wanted."""

    name: str
    limit_ms: float
    sql: str


QUESTIONS = (
    Question(
        "statistics by name of curve",
        POINT_MS,
        "SELECT * FROM stats WHERE lightcurve_filename = 'l0400000q_curve.fits'",
    ),
    Question(
        "one exposure by name",
        POINT_MS,
        "SELECT * FROM metadata WHERE mission = 'hst' AND rootname = 'l0400000q'",
    ),
    Question(
        "files of an exposure",
        POINT_MS,
        "SELECT kind, filename, cal_ver, state FROM exposure_file WHERE rootname = 'l0400000q' ORDER BY kind",
    ),
    Question(
        "findings of an exposure",
        POINT_MS,
        "SELECT severity, reason, message FROM finding WHERE rootname = 'l0400000q' ORDER BY severity DESC",
    ),
    Question(
        "one target",
        POINT_MS,
        f"SELECT m.rootname, s.poisson_factor, s.chi2_p FROM {_CURVES} WHERE m.targname = 'TARGET-020000'",
    ),
    Question(
        "one target, by name of curve",
        POINT_MS,
        f"SELECT m.rootname, s.poisson_factor, s.chi2_p FROM {_BY_NAME} WHERE m.targname = 'TARGET-020000'",
    ),
    Question(
        "exposures of the composites of a target",
        POINT_MS,
        "SELECT c.dataset, m.rootname, i.chi2_p, i.interesting, s.within_chi2_p, s.between_chi2_p, "
        "s.interesting AS together FROM composite_member c JOIN metadata m ON c.metadata_id = m.id JOIN "
        "outputs o ON o.metadata_id = m.id JOIN stats i ON i.product_id = o.individual_product_id JOIN stats "
        "s ON s.product_id = c.product_id WHERE m.targname = 'TARGET-020000' ORDER BY c.dataset",
    ),
    Question(
        "files of one configuration",
        POINT_MS,
        "SELECT f.filename FROM exposure_file f JOIN metadata m ON f.metadata_id = m.id WHERE m.configuration "
        "= 'hst/COS/FUV/TARGET-020000/G130M/1055/PSA'",
    ),
    Question(
        "top 100 by Poisson factor",
        POINT_MS,
        "SELECT lightcurve_filename, poisson_factor FROM stats WHERE poisson_factor IS NOT NULL ORDER BY "
        "poisson_factor DESC LIMIT 100",
    ),
    Question(
        "top 100 by Poisson factor, with exposure",
        POINT_MS,
        f"SELECT m.targname, s.poisson_factor FROM {_CURVES} WHERE s.poisson_factor IS NOT NULL ORDER BY "
        "s.poisson_factor DESC LIMIT 100",
    ),
    Question(
        "composites that vary most",
        LIST_MS,
        "SELECT s.lightcurve_filename, s.poisson_factor FROM stats s JOIN product p ON s.product_id = p.id "
        "WHERE p.kind = 'composite' AND s.poisson_factor >= 3",
    ),
    Question(
        "periodogram flag and correlated",
        LIST_MS,
        "SELECT lightcurve_filename, pearson_p FROM stats WHERE periodogram AND pearson_p < 0.001",
    ),
    Question(
        "with a period, by name of curve",
        LIST_MS,
        f"SELECT m.targname, s.poisson_factor, s.peak_period_s, s.false_alarm_probability FROM {_BY_NAME} "
        "WHERE s.periodogram",
    ),
    Question(
        "with a period that chance does not explain",
        LIST_MS,
        f"SELECT m.targname, s.peak_period_s, s.peak_power FROM {_CURVES} WHERE s.periodogram AND "
        "s.false_alarm_probability < 1e-6",
    ),
    Question(
        "a grating and long exposures, top 50",
        LIST_MS,
        f"SELECT m.rootname, s.poisson_factor FROM {_CURVES} WHERE m.opt_elem = 'G160M' AND m.exptime_s > 2000 "
        "AND s.poisson_factor > 0 ORDER BY s.poisson_factor DESC LIMIT 50",
    ),
    Question(
        "targets that vary",
        LIST_MS,
        f"SELECT m.targname, s.poisson_factor, s.reduced_chi2 FROM {_BY_NAME} WHERE s.interesting ORDER BY m.targname",
    ),
    Question(
        "composites that vary",
        LIST_MS,
        "SELECT DISTINCT m.targname, s.datasets, s.bins_used, s.exposure_s, s.reduced_chi2, s.peak_period_s, "
        f"s.shortest_period_s FROM {_COMPOSITES} WHERE s.interesting ORDER BY m.targname",
    ),
    Question(
        "vary only when put together",
        LIST_MS,
        f"SELECT DISTINCT m.targname, s.datasets, s.peak_period_s, s.between_chi2_p FROM {_COMPOSITES} JOIN "
        "stats i ON i.product_id = o.individual_product_id WHERE s.interesting AND NOT i.interesting",
    ),
    Question(
        "reasons of rejection",
        LIST_MS,
        "SELECT reason, COUNT(*) AS files FROM bad_data GROUP BY reason ORDER BY reason",
    ),
    Question(
        "findings of good exposures",
        LIST_MS,
        "SELECT f.rootname, f.reason, f.message FROM finding f JOIN metadata m ON f.mission = m.mission AND "
        "f.rootname = m.rootname ORDER BY f.rootname, f.reason",
    ),
    Question(
        "pictures of composites, 10,000 as db sql gives",
        LIST_MS,
        "SELECT p.path, p.filename FROM product p JOIN product c ON p.parent_id = c.id JOIN stats s ON "
        "s.product_id = c.id WHERE p.kind = 'plot' AND c.kind = 'composite' AND s.datasets = 3 LIMIT 10000",
    ),
    Question(
        "NUV exposures that vary",
        LIST_MS,
        f"SELECT m.targname, s.total FROM {_CURVES} WHERE m.detector = 'NUV' AND s.interesting",
    ),
    Question(
        "configurations that need a composite",
        LIST_MS,
        "SELECT DISTINCT m.configuration FROM metadata m JOIN outputs o ON o.metadata_id = m.id WHERE "
        "o.composite_product_id IS NULL AND o.individual_product_id IS NOT NULL",
    ),
    Question(
        "exposures a grating",
        AGGREGATE_MS,
        "SELECT opt_elem, COUNT(*) FROM metadata GROUP BY opt_elem",
    ),
    Question(
        "exposures a configuration",
        AGGREGATE_MS,
        "SELECT instrume, detector, opt_elem, cenwave, aperture, COUNT(*) FROM metadata GROUP BY instrume, "
        "detector, opt_elem, cenwave, aperture",
    ),
    Question(
        "members left out, and why",
        AGGREGATE_MS,
        "SELECT c.excluded_reason, COUNT(*) AS exposures, COUNT(c.dataset) AS members FROM composite_member c "
        "GROUP BY c.excluded_reason ORDER BY c.excluded_reason",
    ),
    Question(
        "counts a target, top 30",
        AGGREGATE_MS,
        f"SELECT m.targname, SUM(s.total) AS counts FROM {_CURVES} GROUP BY m.targname ORDER BY counts DESC LIMIT 30",
    ),
    Question(
        "mean of the statistics",
        AGGREGATE_MS,
        "SELECT COUNT(*), AVG(poisson_factor), AVG(reduced_chi2) FROM stats",
    ),
    Question(
        "varying curves a grating",
        AGGREGATE_MS,
        f"SELECT m.opt_elem, COUNT(*), AVG(s.poisson_factor) FROM {_CURVES} GROUP BY m.opt_elem",
    ),
)


def ask(engine: Engine, question: Question, times: int = 7) -> tuple[float, int]:
    """Return the median time of an answer in milliseconds, of which the first does not count, and its rows."""
    taken, rows = [], 0
    for _ in range(times + 1):
        with reading(engine) as connection:
            started = time.perf_counter()
            rows = len(connection.execute(text(question.sql)).all())
            taken.append(1000 * (time.perf_counter() - started))
    return median(taken[1:]), rows
