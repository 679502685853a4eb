"""Wavelengths at which the Earth's atmosphere shines through the aperture of COS."""

from __future__ import annotations

__all__ = ["TABLES", "windows"]

Window = tuple[float, float]

#: Geocoronal lines in Angstrom, as listed by calcos: Lyman alpha and the others.
LYMAN_ALPHA = 1215.67
OTHER_LINES = (
    *(1134.165, 1134.415, 1134.980),  # N I
    *(1199.550, 1200.223, 1200.710),  # N I
    *(1302.168, 1304.858, 1306.029),  # O I
    *(1355.598, 1358.512),  # O I
)

#: Half widths in Angstrom for a filled aperture, (Lyman alpha, other lines): calcos' 250 and 100 pixels times the
#: dispersion of the grating.
HALF_WIDTH = {"G130M": (2.5, 1.0), "G160M": (3.1, 1.2), "G140L": (20.0, 8.0)}

#: The windows of the original hstlc since October 2015.
ORIGINAL: tuple[Window, ...] = ((1208.0, 1225.0), (1298.0, 1312.0))

#: Generous windows used for faint sources with background modelling, per grating, beside 7 A around each line.
GENEROUS: dict[str, tuple[Window, ...]] = {
    "G130M": ((1195.0, 1235.0), (1295.0, 1312.0)),
    "G140L": ((1175.0, 1240.0), (1285.0, 1325.0)),
}
WIDE_LINES = (989.0, 1026.0, 1200.0, 1216.0, 1302.0, 1356.0)
WIDE_HALF_WIDTH = 7.0

TABLES = ("hstlc", "calcos", "wide", "none")


def windows(table: str, grating: str) -> tuple[Window, ...]:
    """Return the wavelength windows to leave out, sorted and joined.

    Parameters
    ----------
    table : {'hstlc', 'calcos', 'wide', 'none'}
        ``hstlc``: the original's windows, and for G140L, whose lines are eight times wider, the union with calcos'
        pixel windows. ``calcos``: its line list with half widths in pixels times dispersion. ``wide``: 7 A around the
        six strongest lines and the generous windows of the grating. ``none``.
    grating : str
        ``G130M``, ``G160M``, ``G140L``; no other grating has a window, as its spectra do not reach the lines.

    Returns
    -------
    tuple of (float, float), Angstrom

    Examples
    --------
    >>> windows("hstlc", "G130M")
    ((1208.0, 1225.0), (1298.0, 1312.0))
    """
    if table not in TABLES:
        raise ValueError(f"{table!r} is none of the airglow tables {TABLES}")
    if grating not in HALF_WIDTH:
        return ()
    by_pixel = _by_pixel(grating)
    if table == "hstlc":
        return _joined(ORIGINAL + by_pixel if grating == "G140L" else ORIGINAL)
    if table == "calcos":
        return _joined(by_pixel)
    if table == "wide":
        around = tuple((line - WIDE_HALF_WIDTH, line + WIDE_HALF_WIDTH) for line in WIDE_LINES)
        return _joined(around + GENEROUS.get(grating, ()))
    return ()


def _by_pixel(grating: str) -> tuple[Window, ...]:
    lyman, other = HALF_WIDTH[grating]
    return ((LYMAN_ALPHA - lyman, LYMAN_ALPHA + lyman), *((line - other, line + other) for line in OTHER_LINES))


def _joined(several: tuple[Window, ...]) -> tuple[Window, ...]:
    result: list[Window] = []
    for low, high in sorted(several):
        if result and low <= result[-1][1]:
            result[-1] = (result[-1][0], max(high, result[-1][1]))
        else:
            result.append((low, high))
    return tuple(result)
