"""Rules about keywords: each by itself, then those that must fit each other."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable

from hstlc.formats.hlsp.headers import LICENSE, LICENSE_URL
from hstlc.formats.hlsp.keywords import HLSP_KEYWORDS, Hdu, Keyword, Kind, Need
from hstlc.formats.hlsp.product import TABLE, Product, Value
from hstlc.formats.hlsp.project import IDENTIFIER, VERSION, Profile
from hstlc.formats.hlsp.rule import Answer, Rule, broken, ok, unchecked
from hstlc.times import SECONDS_PER_DAY

__all__ = ["HEADER_RULES"]

#: Dates are written to a millisecond.
_TOLERANCE_S = 1.5e-3

_ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?")
_SCALES = ("UTC", "TT", "TAI", "TDB", "TCB", "TCG", "UT1")

_LOOKS_RIGHT: dict[str, Callable[[Value], bool]] = {
    "DOI": lambda value: bool(re.fullmatch(r"10\.\d{4,9}/\S+", str(value))),
    "HLSPID": lambda value: bool(IDENTIFIER.fullmatch(str(value).lower())) and str(value) == str(value).upper(),
    "HLSPVER": lambda value: bool(VERSION.fullmatch(str(value))),
    "LICENSE": lambda value: value == LICENSE,
    "LICENURL": lambda value: value == LICENSE_URL,
    "RA_TARG": lambda value: 0 <= _float(value) < 360,
    "DEC_TARG": lambda value: -90 <= _float(value) <= 90,
    "RADESYS": lambda value: value in ("ICRS", "FK5", "FK4"),
    "EQUINOX": lambda value: value == 2000,
    "EXPTIME": lambda value: _float(value) > 0,
    "XPOSURE": lambda value: _float(value) > 0,
    "TIMESYS": lambda value: value in _SCALES,
}


def _keyword(keyword: Keyword, profile: Profile) -> Rule:
    need, name = keyword.need(profile), keyword.keyword

    def look(product: Product) -> Answer:
        if keyword.hdu is Hdu.TABLE and product.table is None:
            return unchecked(f"there is no table {TABLE} to look for {name} in")
        value = product.value(name, keyword.hdu)
        if value is None or value == "":
            if keyword.unknown:
                return unchecked(f"{name} is absent or empty, which is right where {keyword.unknown}")
            if need is Need.REQUIRED:
                return broken(f"{name} is absent or empty")
            return unchecked(f"{name} is recommended, and absent") if need else ok()
        if not _is_kind(value, keyword.kind):
            return broken(f"{name} is {value!r}, not {keyword.kind}")
        if name in _LOOKS_RIGHT and not _LOOKS_RIGHT[name](value):
            return broken(f"{name} is {value!r}, expected: {keyword.rule}")
        return ok()

    where = "the primary or the LIGHTCURVE header" if keyword.hdu is Hdu.EITHER else f"the {keyword.hdu} header"
    words = f"{name} stands in {where}" if need else f"{name} may stand in {where}"
    return Rule(f"keyword {name}", f"{words}: {keyword.rule or keyword.kind}.", (profile,), look)


def _is_kind(value: Value, kind: Kind) -> bool:
    is_text = isinstance(value, str)
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if kind is Kind.NAME:
        return is_text or (is_number and isinstance(value, int))
    if kind is Kind.TIME:
        return is_text and _mjd(str(value), "UTC") is not None
    return is_number if kind is Kind.NUMBER else is_text


def _float(value: Value) -> float:
    return float(value) if isinstance(value, (int, float)) else float("nan")


def _mjd(date: str, scale: str) -> float | None:
    from astropy.time import Time

    if not _ISO.fullmatch(date):
        return None
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*dubious year")
        try:
            return float(Time(date, format="isot", scale=scale.lower()).mjd)
        except ValueError:
            return None


def _span_keywords(product: Product) -> tuple[str, str]:
    return ("MJD-BEG", "MJD-END") if product.profile is Profile.MAST else ("EXPSTART", "EXPEND")


def _span(product: Product) -> tuple[float, float] | None:
    begin, end = (product.number(keyword) for keyword in _span_keywords(product))
    return None if begin is None or end is None else (begin, end)


def _in_order(product: Product) -> Answer:
    span, (begin, end) = _span(product), _span_keywords(product)
    if span is None:
        return unchecked(f"{begin} or {end} is absent or no number")
    return ok() if span[0] < span[1] else broken(f"{end} {span[1]} is not after {begin} {span[0]}")


def _dates(product: Product) -> Answer:
    pairs = {"DATE-BEG": "MJD-BEG", "DATE-END": "MJD-END"}
    if product.profile is Profile.LEGACY:
        pairs = {"DATE-OBS": "EXPSTART"}
    scale = product.text("TIMESYS")
    if scale not in _SCALES:
        return unchecked("TIMESYS names no time scale")
    for date, number in pairs.items():
        text, mjd = product.text(date), product.number(number)
        found = None if text is None else _mjd(text, scale)
        if found is None or mjd is None:
            return unchecked(f"{date} or {number} is absent or unreadable")
        if abs(found - mjd) * SECONDS_PER_DAY > _TOLERANCE_S:
            return broken(f"{date} {text} is {(found - mjd) * SECONDS_PER_DAY:+.3f} s from {number} {mjd}")
    return ok()


def _bins(product: Product) -> Answer:
    span = _span(product)
    if span is None or product.bins_mjd is None or not span[0] < span[1]:
        return unchecked("the headers or the table do not tell when the curve starts and ends")
    for keyword, header, table in zip(_span_keywords(product), span, product.bins_mjd, strict=True):
        if abs(header - table) * SECONDS_PER_DAY > _TOLERANCE_S:
            return broken(f"{keyword} is {header}, the bins say {table}")
    return ok()


def _elapsed(product: Product) -> Answer:
    span, middle, elapsed = _span(product), product.number("MJD-MID"), product.number("TELAPSE")
    if span is None or not span[0] < span[1] or middle is None or elapsed is None:
        return unchecked("MJD-BEG, MJD-END, MJD-MID or TELAPSE is absent or no number")
    if abs(middle - sum(span) / 2) * SECONDS_PER_DAY > _TOLERANCE_S:
        return broken(f"MJD-MID {middle} is not the middle, {sum(span) / 2}")
    if abs(elapsed - (span[1] - span[0]) * SECONDS_PER_DAY) > _TOLERANCE_S:
        return broken(f"TELAPSE {elapsed} s is not the span, {(span[1] - span[0]) * SECONDS_PER_DAY} s")
    return ok()


def _exposure(product: Product) -> Answer:
    keyword = "XPOSURE" if product.profile is Profile.MAST else "EXPTIME"
    exposure_s, span = product.number(keyword), _span(product)
    if exposure_s is None or span is None or not span[0] < span[1]:
        return unchecked(f"{keyword} or the span is absent or no number")
    span_s = (span[1] - span[0]) * SECONDS_PER_DAY
    if exposure_s > span_s + _TOLERANCE_S:
        return broken(f"{keyword} {exposure_s} s is longer than the span, {span_s} s")
    return ok()


def _coordinates(product: Product) -> Answer:
    absent = [keyword for keyword in ("RA_TARG", "DEC_TARG") if product.value(keyword) is None]
    return broken(f"{absent[0]} is absent, the other coordinate is not") if len(absent) == 1 else ok()


def _reference_system(product: Product) -> Answer:
    system, equinox = product.value("RADESYS"), product.value("EQUINOX")
    equinox = equinox if equinox is not None else product.value("EQUINOX", Hdu.TABLE)
    if system == "ICRS" and equinox is not None:
        return broken("EQUINOX must not stand beside RADESYS ICRS")
    if product.profile is Profile.MAST and system is None and product.value("RA_TARG") is not None:
        return broken("coordinates without RADESYS")
    return ok()


def _multiple(product: Product) -> Answer:
    for keyword, numbered in {"FILTER": "FILTER", "INSTRUME": "INSTRU", "DETECTOR": "DETECT"}.items():
        if product.value(keyword) != "MULTI":
            continue
        absent = [f"{numbered}{n:02d}" for n in (1, 2) if not product.text(f"{numbered}{n:02d}")]
        if absent:
            return broken(f"{keyword} is MULTI, and {', '.join(absent)} absent")
    return ok()


def _simulated(product: Product) -> Answer:
    table = (product.table or {}).get("SIMULATD")
    primary = product.primary.get("SIMULATD")
    if primary is None and table is not None:
        return broken("SIMULATD stands in the table's header, not in the primary one")
    if primary not in (None, "T", "F", True, False):
        return broken(f"SIMULATD is {primary!r}, neither T nor F")
    return ok()


_BOTH, _MAST = (Profile.LEGACY, Profile.MAST), (Profile.MAST,)
_SEPARATE = {"SIMULATD"}  # has a rule of its own: archives write a text or a logical value

#: Sources: MAST's pages "Common Metadata" and "Light-curve Metadata", and on simulated data "HLSP Metadata".
HEADER_RULES: tuple[Rule, ...] = (
    *(
        _keyword(keyword, profile)
        for profile in _BOTH
        for keyword in HLSP_KEYWORDS
        if keyword.keyword not in _SEPARATE and (keyword.need(profile) or not (keyword.legacy or keyword.mast))
    ),
    Rule("order of times", "The end comes after the start.", _BOTH, _in_order),
    Rule("dates", "Dates agree with the modified Julian dates beside them.", _BOTH, _dates),
    Rule("bins", "Start and end are those of the first and the last bin.", _BOTH, _bins),
    Rule("elapsed time", "MJD-MID and TELAPSE agree with MJD-BEG and MJD-END.", _MAST, _elapsed),
    Rule("exposure", "The exposure is not longer than the time from start to end.", _BOTH, _exposure),
    Rule("coordinates", "RA_TARG and DEC_TARG are both there or both absent.", _BOTH, _coordinates),
    Rule("reference system", "Coordinates have RADESYS; ICRS has no EQUINOX.", _BOTH, _reference_system),
    Rule("MULTI", "Where FILTER, INSTRUME or DETECTOR is MULTI, numbered ones name them.", _BOTH, _multiple),
    Rule("SIMULATD", "SIMULATD is T or F and stands in the primary header.", _BOTH, _simulated),
)
