"""Region files: text of DS9 and its kin, and FITS tables."""

from __future__ import annotations

import gzip
import re
import warnings
import zlib
from collections.abc import Iterator, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from hstlc.errors import InconsistentError, UnreadableError, UsageError
from hstlc.regions.kinds import FORMS, ShapeRow, shape_of
from hstlc.regions.region import Component, Region
from hstlc.regions.shapes import Shape
from hstlc.regions.sky import SkyPixels
from hstlc.regions.text import Statements, is_frame, shapes, statements

__all__ = ["read_regions"]

_NAME = re.compile(r"\b(?:text|tag)\s*=\s*(?:\{([^}]*)\}|\"([^\"]*)\"|'([^']*)')")
_COLUMNS = ("SHAPE", "X", "Y")
_HINT = "give a DS9 region file, or a FITS file that has a table with SHAPE, X, Y, R and ROTANG"


def read_regions(path: str | Path, sky: SkyPixels | None) -> dict[str, Region]:
    r"""Return the regions of a file, by name.

    In text (see :func:`hstlc.regions.parse_region` for the language) each shape is a region, called by its ``text`` or
    ``tag`` or, without, by its number from 1 on; shapes of one name are one region, as are those that have the property
    ``background``, which is called so. Shapes with a minus are cut from all.

    In FITS each table that has columns SHAPE, X and Y is a region, called by its ``EXTNAME``. A row is a shape; rows of
    one COMPONENT limit each other, components are joined; a name that begins with ``!`` is cut from its component, or
    from all where its component has nothing else. A table with a tangent plane of its own, such as that of a stack of
    observations, is moved to that of ``sky``.

    Parameters
    ----------
    path : str or Path
        May be compressed by gzip.
    sky : SkyPixels or None
        Plane of the event list; None: it is not known, and positions must be pixels.

    Raises
    ------
    UsageError
        ``usage.no-such-path``.
    UnreadableError
        ``data.region``: neither text with regions nor FITS with a table of them; of text, the line.
    InconsistentError
        ``data.region``: a row of a table whose numbers make no shape.

    Examples
    --------
    >>> folder = Path(getfixture("tmp_path"))
    >>> _ = (folder / "star.reg").write_text("circle(100, 100, 10) # text={star}\ncircle(200, 200, 50) # background")
    >>> read_regions(folder / "star.reg", None)["star"].bounds
    (90.0, 90.0, 110.0, 110.0)
    """
    path = Path(path)
    if not path.is_file():
        raise UsageError("usage.no-such-path", f"there is no file {path}", "give a region file that exists")
    try:
        content = path.read_bytes()
        if content[:2] == b"\x1f\x8b":
            content = gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise UnreadableError("data.region", f"{path} cannot be read: {error}", _HINT, path=str(path)) from error
    return _of_tables(content, path, sky) if content[:6] == b"SIMPLE" else _of_text(content, path, sky)


def _of_text(content: bytes, path: Path, sky: SkyPixels | None) -> dict[str, Region]:
    try:
        lines = content.decode().splitlines()
    except UnicodeDecodeError as error:
        raise UnreadableError("data.region", f"{path} is neither text nor FITS", _HINT, path=str(path)) from error
    frame, number = "physical", 0
    found: dict[str, Statements] = {}
    without: list[Shape] = []
    at = 0
    try:
        for line in lines:
            at += 1
            code, _, comment = line.partition("#")
            if code.split()[:1] == ["global"]:
                continue
            for statement in statements(code):
                if is_frame(statement):
                    frame = statement.lower()
                    continue
                name = ""
                for operators, shape in shapes(statement, frame, sky):
                    if not name:
                        number += 1
                        name = _name(comment) or str(number)
                    found.setdefault(name, Statements()).add(operators, shape)
        for name in [name for name, read in found.items() if not read.components]:
            without += found.pop(name).without
        at = 0
        if not found:
            raise UsageError("usage.region", "nothing is included", _HINT)
        for name, read in found.items():
            if name != "background":
                without += read.without
        return {name: read.region(*without) for name, read in found.items()}
    except UsageError as error:
        where = f"{path}, line {at}" if at else str(path)
        raise UnreadableError("data.region", f"{where}: {error.message}", error.hint, path=str(path)) from error


def _name(comment: str) -> str:
    match = _NAME.search(comment)
    if re.search(r"\bbackground\b", _NAME.sub("", comment)):
        return "background"
    return next((text.strip() for text in match.groups() if text), "") if match else ""


def _of_tables(content: bytes, path: Path, sky: SkyPixels | None) -> dict[str, Region]:
    from astropy.io import fits
    from astropy.utils.exceptions import AstropyWarning

    found: dict[str, Region] = {}
    seen = []
    try:
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always", AstropyWarning)
            tables = list(_tables(content))
    except (OSError, EOFError, LookupError, TypeError, ValueError, AttributeError, fits.VerifyError) as error:
        raise UnreadableError("data.region", f"{path} cannot be read: {error}", _HINT, path=str(path)) from error
    cut = [str(warning.message) for warning in told if "truncated" in str(warning.message)]
    if cut:
        raise UnreadableError("data.region", f"{path} is cut short: {cut[0]}", "get it again", path=str(path))
    for name, version, header, data in tables:
        seen.append(f"{name} with {', '.join(data)}")
        if all(column in data for column in _COLUMNS):
            key = name if name not in found else f"{name},{version}"
            found[key] = _table(data, _plane(header), f"{path}, table {key}", sky)
    if not found:
        text = (
            f"{path} has no table of regions: expected columns {', '.join(_COLUMNS)}, found {'; '.join(seen) or 'none'}"
        )
        raise UnreadableError("data.region", text, _HINT, path=str(path))
    return found


def _tables(content: bytes) -> Iterator[tuple[str, int, dict[str, Any], dict[str, Any]]]:
    """Yield name, version, keywords and columns of each table."""
    from astropy.io import fits

    with fits.open(BytesIO(content), memmap=False) as hdus:
        for hdu in hdus:
            if isinstance(hdu, fits.BinTableHDU | fits.TableHDU):
                columns = {name.upper(): hdu.data[name] for name in hdu.columns.names}
                yield hdu.name or "REGION", hdu.ver, dict(hdu.header), columns


def _plane(header: Mapping[str, Any]) -> SkyPixels | None:
    try:
        return SkyPixels.of_columns(header)
    except InconsistentError:
        return None


def _table(data: Mapping[str, Any], own: SkyPixels | None, where: str, sky: SkyPixels | None) -> Region:
    number = len(data["SHAPE"])
    if number == 0:
        raise InconsistentError("data.region", f"{where} has no rows", "give a file that has regions")
    numbers = data.get("COMPONENT", np.arange(number))
    included: dict[int, list[Shape]] = {}
    excluded: dict[int, list[Shape]] = {}
    for row in range(number):
        text = str(data["SHAPE"][row]).strip()
        try:
            shape = shape_of(_moved(_row(text, data, row), own, sky))
        except UsageError as error:
            message = f"{where}, row {row + 1}: {error.message}"
            raise InconsistentError("data.region", message, "get the file again, or correct the row") from error
        side = excluded if text[0] in "!-" else included
        side.setdefault(int(numbers[row]), []).append(shape)
    if not included:
        raise InconsistentError("data.region", f"{where} only excludes", "give a file that includes something")
    parts = tuple(Component(tuple(shapes), tuple(excluded.pop(key, ()))) for key, shapes in included.items())
    return Region(parts).excluding(*(Region.of(shape) for shapes in excluded.values() for shape in shapes))


def _row(text: str, data: Mapping[str, Any], row: int) -> ShapeRow:
    kind = text.lstrip("!-+ ").lower()
    if kind not in FORMS or kind == "panda":
        known = ", ".join(name for name in FORMS if name != "panda")
        raise UsageError("usage.region", f"'{text}' is no shape with an area, expected one of {known}")
    form = FORMS[kind][0]
    points = tuple(_corners(data, row))
    if form != "p*":
        points = points[: form.count("p")]
    lengths = tuple(_values(data, "R", row))[: form.count("r")]
    angles = tuple(value for value in _values(data, "ROTANG", row))[: form.count("a")]
    if len(points) < max(form.count("p"), 1) or len(lengths) < form.count("r"):
        found = f"{len(points)} positions and {len(lengths)} values of R"
        raise UsageError("usage.region", f"{kind} has {found}, expected {form.count('p')} and {form.count('r')}")
    if kind == "pie" and len(angles) < 2:
        raise UsageError("usage.region", f"pie has {len(angles)} values of ROTANG, expected 2")
    if kind == "rectangle":
        angles = ()
    return ShapeRow(kind, points, lengths, angles or (0.0,) * form.count("a"))


def _values(data: Mapping[str, Any], name: str, row: int) -> Iterator[float]:
    for value in np.atleast_1d(data[name][row]) if name in data else ():
        if np.isfinite(value):
            yield float(value)


def _corners(data: Mapping[str, Any], row: int) -> Iterator[tuple[float, float]]:
    """Yield the positions of a row, without those that only fill up a vector: NaN, (0, 0), or the last once more."""
    x, y = (np.atleast_1d(data[name][row]).astype(np.float64) for name in ("X", "Y"))
    good = np.isfinite(x) & np.isfinite(y)
    x, y = x[good], y[good]
    last = len(x)
    while last > 1 and ((x[last - 1] == y[last - 1] == 0) or (x[last - 1], y[last - 1]) == (x[last - 2], y[last - 2])):
        last -= 1
    yield from zip(x[:last].tolist(), y[:last].tolist(), strict=True)


def _moved(row: ShapeRow, own: SkyPixels | None, sky: SkyPixels | None) -> ShapeRow:
    """Return a row in the pixels of another tangent plane."""
    if own is None or sky is None:
        return row
    x, y = np.array(row.points).T
    ra, dec = own.sky(x, y)
    new_x, new_y = sky.pixel(ra, dec)
    scale = own.scale_arcsec / sky.scale_arcsec
    turn = sky.north_deg(float(ra[0]), float(dec[0])) - own.north_deg(float(ra[0]), float(dec[0]))
    if abs(scale - 1) < 1e-6 and np.hypot(new_x - x, new_y - y).max() < 1e-3:
        return row  # the same plane
    lengths, angles = (tuple(value * scale for value in row.lengths), tuple(value + turn for value in row.angles))
    return ShapeRow(row.kind, tuple(zip(new_x.tolist(), new_y.tolist(), strict=True)), lengths, angles)
