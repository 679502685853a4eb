"""When something was observed, as a picture: a line for each instrument, a mark for each exposure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from markupsafe import Markup, escape

__all__ = ["Observed", "timeline"]

_MJD_ZERO = datetime(1858, 11, 17, tzinfo=UTC)
_WIDTH, _LEFT, _RIGHT, _LINE, _TOP, _BOTTOM = 1000.0, 170.0, 20.0, 26.0, 8.0, 26.0
_THINNEST = 3.0
_TICKS = 7


@dataclass(frozen=True, slots=True)
class Observed:
    """An exposure.

    Attributes
    ----------
    line : str
        What it is shown with, such as its instrument.
    name : str
    start_mjd, end_mjd : float, d
    """

    line: str
    name: str
    start_mjd: float
    end_mjd: float


def timeline(exposures: Sequence[Observed]) -> Markup:
    """Return the SVG of exposures over time, '' for none.

    Parameters
    ----------
    exposures : sequence of Observed

    Examples
    --------
    >>> timeline([Observed("COS", "ld9m10ujq", 57861.3, 57861.4)])[:21]
    Markup('<svg class="timeline"')
    """
    if not exposures:
        return Markup()
    first, last = min(one.start_mjd for one in exposures), max(one.end_mjd for one in exposures)
    margin = max(0.02 * (last - first), 0.02)
    first, last = first - margin, last + margin
    lines = sorted({one.line for one in exposures})
    height = _TOP + _LINE * len(lines) + _BOTTOM
    scale = (_WIDTH - _LEFT - _RIGHT) / (last - first)
    text = f"{len(exposures)} exposures from {_day(first + margin)} to {_day(last - margin)}: {', '.join(lines)}"
    parts = [
        f'<svg class="timeline" viewBox="0 0 {_WIDTH:g} {height:g}" role="img" aria-label="{escape(text)}">',
        *(_tick(_LEFT + scale * (mjd - first), label, height) for mjd, label in _ticks(first, last)),
    ]
    for i, line in enumerate(lines):
        y = _TOP + _LINE * i
        parts.append(f'<text class="line" x="{_LEFT - 12:g}" y="{y + 17:g}" text-anchor="end">{escape(line)}</text>')
        parts.append(f'<path class="rule" d="M{_LEFT:g} {y + _LINE:g}H{_WIDTH - _RIGHT:g}"/>')
        marks = [one for one in exposures if one.line == line]
        parts += [_mark(one, _LEFT + scale * (one.start_mjd - first), scale, y) for one in marks]
    return Markup("".join([*parts, "</svg>"]))


def _mark(one: Observed, x: float, scale: float, y: float) -> str:
    width = max(_THINNEST, scale * (one.end_mjd - one.start_mjd))
    title = escape(f"{one.name}, {_moment(one.start_mjd)} UTC")
    return f'<rect x="{x:.1f}" y="{y + 5:g}" width="{width:.1f}" height="16"><title>{title}</title></rect>'


def _tick(x: float, label: str, height: float) -> str:
    base = height - _BOTTOM
    return (
        f'<path class="tick" d="M{x:.1f} {_TOP:g}V{base + 4:g}"/>'
        f'<text x="{x:.1f}" y="{base + 19:g}" text-anchor="middle">{label}</text>'
    )


def _ticks(first: float, last: float) -> Iterator[tuple[float, str]]:
    """Yield at most seven round moments in a range, in modified Julian dates: years, months, days, hours or minutes."""
    span = last - first
    start, end = _date(first), _date(last)
    for years in (1, 2, 5, 10, 20, 50):
        if 365.25 * years * (_TICKS - 1) >= span >= 500.0:
            for year in range(-(-start.year // years) * years, end.year + 1, years):
                if first <= (mjd := _mjd(datetime(year, 1, 1, tzinfo=UTC))) <= last:
                    yield mjd, str(year)
            return
    steps = ((1, "min"), (5, "min"), (15, "min"), (60, "min"), (180, "min"), (720, "min"), (1, "d"), (2, "d"), (7, "d"))
    for number, unit in (*steps, (14, "d"), (30, "d"), (90, "d")):
        step = timedelta(minutes=number) if unit == "min" else timedelta(days=number)
        length = step / timedelta(days=1)
        if length * (_TICKS - 1) < span:
            continue
        mjd = -(-first // length) * length
        while mjd <= last:
            at = _date(mjd + 1e-6)
            yield mjd, at.strftime("%m-%d %H:%M" if unit == "min" else "%Y-%m-%d")
            mjd += length
        return


def _date(mjd: float) -> datetime:
    return _MJD_ZERO + timedelta(days=mjd)


def _mjd(at: datetime) -> float:
    return (at - _MJD_ZERO) / timedelta(days=1)


def _day(mjd: float) -> str:
    return _date(mjd).strftime("%Y-%m-%d")


def _moment(mjd: float) -> str:
    return _date(mjd).isoformat(" ", "minutes")[:16]
