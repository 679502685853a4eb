"""The tables of what light curves say: their statistics, and their flares and dips."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Index, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped

from hstlc.db.columns import Base, column, composites_only, key_column, number_column, only_where, reference_column
from hstlc.db.types import PathText, UtcDateTime

__all__ = ["Candidate", "Stats"]


#: What lists of light curves are sorted by.
_SORTED = (
    *("total", "mean", "stdev", "pearson_p", "excess_factor", "reduced_chi2", "chi2_p", "peak_period_s"),
    *("false_alarm_probability", "fractional_variability", "exposure_s", "datasets", "candidates"),
    *("poisson_factor", "gl_index"),
)


class Stats(Base):
    """Statistics of a light curve. An undefined number is NULL."""

    __tablename__ = "stats"
    __table_args__ = (
        only_where("interesting", "product_id"),
        only_where("periodogram", "pearson_p"),
        composites_only("stats", "product_id", "datasets > 1"),
        *(Index(None, "setup_id", name, "product_id") for name in _SORTED),
    )

    id: Mapped[int] = key_column()
    product_id: Mapped[int] = reference_column("product.id", "CASCADE", "the light curve's product row", unique=True)
    lightcurve_path: Mapped[str] = column(PathText, "folder of the light curve")
    lightcurve_filename: Mapped[str] = column(
        String(255), "name of the light curve", ucd="meta.id;meta.file", index=True
    )
    total: Mapped[int] = column(BigInteger, "counts of all bins, whole", unit="ct", ucd="phot.count")
    mean: Mapped[float | None] = number_column("mean counts of a bin", "ct", "phot.count;stat.mean")
    mu: Mapped[float | None] = number_column("square root of mean: what counting alone scatters", "ct", "stat.stdev")
    stdev: Mapped[float | None] = number_column(
        "population standard deviation of counts", "ct", "phot.count;stat.stdev"
    )
    poisson_factor: Mapped[float | None] = number_column("stdev / mu", "", "stat.value;arith.ratio", index=True)
    pearson_r: Mapped[float | None] = number_column("Pearson correlation of counts and time", "", "stat.correlation")
    pearson_p: Mapped[float | None] = number_column("probability of that correlation by chance", "", "stat.probability")
    periodogram: Mapped[bool] = column(Boolean, "whether a period stands out", ucd="meta.code", default=False)
    deliver: Mapped[bool] = column(Boolean, "whether to deliver the curve", ucd="meta.code", default=False)
    excess_factor: Mapped[float | None] = number_column(
        "stdev / root mean square of the errors", "", "stat.value;arith.ratio"
    )
    reduced_chi2: Mapped[float | None] = number_column(
        "reduced chi square of a constant rate", "", "stat.fit.chi2;arith.ratio"
    )
    chi2_p: Mapped[float | None] = number_column("probability of that chi square by chance", "", "stat.probability")
    within_reduced_chi2: Mapped[float | None] = number_column(
        "reduced chi square of a constant rate in each dataset", "", "stat.fit.chi2;arith.ratio"
    )
    within_chi2_p: Mapped[float | None] = number_column(
        "probability of that chi square by chance", "", "stat.probability"
    )
    between_reduced_chi2: Mapped[float | None] = number_column(
        "reduced chi square of equal rates of the datasets", "", "stat.fit.chi2;arith.ratio"
    )
    between_chi2_p: Mapped[float | None] = number_column(
        "probability of that chi square by chance", "", "stat.probability"
    )
    peak_period_s: Mapped[float | None] = number_column("period of the highest peak", "s", "time.period")
    peak_power: Mapped[float | None] = number_column("normalized Lomb-Scargle power there, 0 to 1", "", "stat.fourier")
    false_alarm_probability: Mapped[float | None] = number_column(
        "probability of that peak by chance", "", "stat.probability"
    )
    shortest_period_s: Mapped[float | None] = number_column(
        "shortest period that was looked for", "s", "time.period;stat.min"
    )
    datasets: Mapped[int] = column(Integer, "exposures with bins that were not flagged", ucd="meta.number", default=1)
    bins_used: Mapped[int] = column(Integer, "bins that were not flagged", ucd="meta.number")
    exposure_s: Mapped[float] = number_column("live time of all bins", "s", "time.duration;obs.exposure")
    interesting: Mapped[bool | None] = column(Boolean, "whether it varies; NULL: cannot be told", ucd="meta.code")
    curve_sha256: Mapped[str] = column(String(64), "SHA-256 of the light curve used", ucd="meta.code")
    step_version: Mapped[int] = column(Integer, "version of the step that made it", ucd="meta.version;meta.software")
    settings_digest: Mapped[str] = column(String(64), "digest of the settings the step read", ucd="meta.code")
    computed_at: Mapped[datetime] = column(UtcDateTime, "when it was computed, UTC", ucd="time.processing")
    fractional_variability: Mapped[float | None] = number_column(
        "root of the excess variance over the mean; NULL: no excess", "", "stat.variance;arith.ratio"
    )
    fractional_variability_error: Mapped[float | None] = number_column("its error", "", "stat.error;arith.ratio")
    blocks: Mapped[int | None] = column(
        Integer, "Bayesian blocks: stretches of one rate; NULL: not looked for", ucd="meta.number"
    )
    candidates: Mapped[int] = column(Integer, "flares and dips in the table candidate", ucd="meta.number", default=0)
    peak_note: Mapped[str] = column(
        String(64), "what makes such a period without the source; '': nothing known", ucd="meta.note", default=""
    )
    excess_variance: Mapped[float | None] = number_column(
        "variance of the rates beyond their errors over the mean rate squared; it can be negative",
        "",
        "stat.variance;arith.ratio",
    )
    excess_variance_error: Mapped[float | None] = number_column("its error", "", "stat.error;arith.ratio")
    fractional_variability_limit: Mapped[float | None] = number_column(
        "upper limit, 95 %, of fractional_variability where there is no excess",
        "",
        "stat.variance;stat.max;arith.ratio",
    )
    arrivals: Mapped[int | None] = column(
        Integer, "events that the columns below are of; NULL: the curve has none", ucd="meta.number"
    )
    gl_log10_odds: Mapped[float | None] = number_column(
        "decimal logarithm of the Gregory-Loredo odds of a variable source", "", "stat.likelihood"
    )
    gl_probability: Mapped[float | None] = number_column(
        "Gregory-Loredo probability that the source varies", "", "stat.probability"
    )
    gl_index: Mapped[int | None] = column(
        Integer, "variability index, 0 to 10; from 6 definitely variable", ucd="meta.code", index=True
    )
    gl_bins: Mapped[int | None] = column(Integer, "number of bins with the highest odds", ucd="meta.number")
    gl_timescale_s: Mapped[float | None] = number_column(
        "live time over the mean number of bins, weighted by odds", "s", "time.scale"
    )
    gl_within_3_sigma: Mapped[float | None] = number_column(
        "part of the Gregory-Loredo curve within 3 sigma of its mean", "", "stat.value;arith.ratio"
    )
    gl_within_5_sigma: Mapped[float | None] = number_column(
        "part of the Gregory-Loredo curve within 5 sigma of its mean", "", "stat.value;arith.ratio"
    )
    gl_rate_mean: Mapped[float | None] = number_column(
        "mean of the Gregory-Loredo curve over time", "ct/s", "arith.rate;phot.count;stat.mean"
    )
    gl_rate_sigma: Mapped[float | None] = number_column(
        "its standard deviation", "ct/s", "arith.rate;phot.count;stat.stdev"
    )
    gl_rate_min: Mapped[float | None] = number_column("its minimum", "ct/s", "arith.rate;phot.count;stat.min")
    gl_rate_max: Mapped[float | None] = number_column("its maximum", "ct/s", "arith.rate;phot.count;stat.max")
    ks_p: Mapped[float | None] = number_column(
        "Kolmogorov-Smirnov probability of the arrivals for a constant source", "", "stat.probability"
    )
    kuiper_p: Mapped[float | None] = number_column(
        "Kuiper probability of the arrivals for a constant source", "", "stat.probability"
    )
    blocks_p05: Mapped[int | None] = column(
        Integer, "Bayesian blocks of the arrivals, one too many with a chance of 5 %", ucd="meta.number"
    )
    blocks_p01: Mapped[int | None] = column(
        Integer, "Bayesian blocks of the arrivals, one too many with a chance of 1 %", ucd="meta.number"
    )
    setup_id: Mapped[int | None] = reference_column(
        "setup.id", "SET NULL", "mission, instrument, kind and lead, and whether it varies, as one, as in light_curve"
    )
    em_min_m: Mapped[float | None] = number_column(
        "shortest wavelength that was chosen, of a band its own; NULL: not known", "m", "em.wl;stat.min"
    )
    em_max_m: Mapped[float | None] = number_column(
        "longest wavelength that was chosen, likewise", "m", "em.wl;stat.max"
    )


class Candidate(Base):
    """One row a flare or dip of a light curve that chance hardly explains."""

    __tablename__ = "candidate"
    __table_args__ = (
        UniqueConstraint("product_id", "kind", "dataset", "start_mjd"),
        CheckConstraint("kind IN ('flare', 'dip')", name="kind"),
    )

    id: Mapped[int] = key_column()
    product_id: Mapped[int] = reference_column("product.id", "CASCADE", "the light curve's product row")
    kind: Mapped[str] = column(String(8), "flare or dip", ucd="meta.code.class", index=True)
    dataset: Mapped[int] = column(Integer, "number of the exposure in the light curve", ucd="meta.number")
    start_mjd: Mapped[float] = number_column("start, modified Julian date, UTC", "d", "time.start")
    peak_mjd: Mapped[float] = number_column("highest or lowest bin, modified Julian date, UTC", "d", "time.epoch")
    end_mjd: Mapped[float] = number_column("end, modified Julian date, UTC", "d", "time.end")
    duration_s: Mapped[float] = number_column("from start to end", "s", "time.duration")
    counts: Mapped[float] = number_column("counts from start to end", "ct", "phot.count")
    expected_counts: Mapped[float] = number_column("what the quiet rate gives there", "ct", "phot.count;stat.mean")
    peak_ratio: Mapped[float | None] = number_column(
        "rate of the peak over the quiet rate", "", "phot.count;arith.ratio"
    )
    probability: Mapped[float] = number_column(
        "chance of one like it anywhere in the light curve, all trials counted", "", "stat.probability", index=True
    )
    trials: Mapped[int] = column(BigInteger, "stretches of bins that were looked at", ucd="meta.number")
