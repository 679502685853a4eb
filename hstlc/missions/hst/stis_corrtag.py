"""The calibrated event list (corrtag) of a STIS tag, as the archive makes it of COS exposures.

RAWX and RAWY are where the detector saw an event (DETAXIS1, AXIS2), XCORR and YCORR the same after the correction of
the Doppler shift (AXIS1, AXIS2), all in pixels of the high-resolution frame. WAVELENGTH is that of the order whose
trace is nearest, 0 without an x1d and of images; EPSILON is the weight (one over the flat field), DQ the data quality.
Good times and all other keywords are those of the tag. There is neither a clock nor a name of a place in the file: the
same tag, x1d and reference files give the same bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hstlc.formats.checksum import encode_checksum, word_sum
from hstlc.formats.fits_file import open_fits
from hstlc.missions.hst.stis_clock import NO_TIME, TICK_S
from hstlc.missions.hst.stis_events import StisBlock, StisEvents
from hstlc.missions.hst.stis_flats import PixelResponse
from hstlc.missions.hst.stis_regions import SIZE, PlaceMap, Region, nearest, on_detector

__all__ = ["COLUMNS", "CorrtagFile", "calibrated_rows", "corrtag_bytes"]

#: Name, FITS format, unit and type of each column.
COLUMNS: tuple[tuple[str, str, str | None, str], ...] = (
    ("TIME", "1D", "s", ">f8"),
    ("RAWX", "1I", "pixel", ">i2"),
    ("RAWY", "1I", "pixel", ">i2"),
    ("XCORR", "1I", "pixel", ">i2"),
    ("YCORR", "1I", "pixel", ">i2"),
    ("EPSILON", "1E", None, ">f4"),
    ("WAVELENGTH", "1D", "angstrom", ">f8"),
    ("DQ", "1I", None, ">i2"),
)
ROW = np.dtype([(name, kind) for name, _, _, kind in COLUMNS])

_BLOCK = 2880
_STRUCTURE = re.compile(
    r"XTENSION|BITPIX|NAXIS\d*|[PG]COUNT|TFIELDS|THEAP|T(TYPE|FORM|UNIT|SCAL|ZERO|NULL|DISP|DIM|CTYP|CUNI|CRPX|CRVL|CDLT"
    r"|ALEN)\d+|TC\d+_\d+|CHECKSUM|DATASUM|HISTORY"
)


@dataclass(frozen=True, eq=False)
class CorrtagFile(Mapping[str, Any]):
    """The further file of an extraction by its kind ``corrtag``, made when it is asked for: it may be large.

    Attributes
    ----------
    filename : str
        Name of the tag.
    events : StisEvents
    orders : sequence of tuple of Region
        Of each EVENTS extension; empty without an x1d.
    pixels : PixelResponse
    """

    filename: str
    events: StisEvents
    orders: Sequence[tuple[Region, ...]]
    pixels: PixelResponse

    def __getitem__(self, kind: str) -> memoryview:
        if kind != "corrtag":
            raise KeyError(kind)
        return corrtag_bytes(self.filename, self.events, self.orders, self.pixels)

    def __iter__(self) -> Iterator[str]:
        return iter(("corrtag",))

    def __len__(self) -> int:
        return 1


def calibrated_rows(
    block: StisBlock, found: Sequence[Region], owner: PlaceMap | None, pixels: PixelResponse
) -> NDArray[Any]:
    """Return the rows of a corrtag that some events of a tag become.

    Parameters
    ----------
    block : StisBlock
    found : sequence of Region
        Orders; empty where wavelengths are not known.
    owner : ndarray of int16, shape (2049, 2049), or None
        The index of the order whose trace is nearest to each pixel.
    pixels : PixelResponse
    """
    rows = np.zeros(len(block.ticks), dtype=ROW)
    rows["TIME"] = np.where(block.ticks == NO_TIME, np.nan, block.ticks * TICK_S)
    rows["RAWX"], rows["RAWY"], rows["XCORR"], rows["YCORR"] = block.raw_x, block.y, block.x, block.y
    rows["EPSILON"], rows["DQ"] = pixels.at(block.raw_x, block.y)
    if owner is not None:
        inside = on_detector(block.x, block.y)
        column, row = np.clip(block.x, 0, SIZE), np.clip(block.y, 0, SIZE)
        table = np.stack([region.wavelength_aa for region in found])
        rows["WAVELENGTH"] = np.where(inside, table[owner[row, column], column], 0.0)
    return rows


def corrtag_bytes(
    filename: str, events: StisEvents, orders: Sequence[tuple[Region, ...]], pixels: PixelResponse
) -> memoryview:
    """Return the FITS file of the calibrated events of a tag; its headers are read from the tag again."""
    headers = _headers(filename, events, pixels, wavelengths=bool(orders))
    lengths = [0, *(table.rows * ROW.itemsize for table in events.tables), *(len(data) for _, data in headers[1])]
    whole = [*headers[0], *(header for header, _ in headers[1])]
    sizes = [ceil(length / _BLOCK) * _BLOCK for length in lengths]
    heads = [len(header.tostring()) for header in whole]
    content = np.zeros(sum(sizes) + sum(heads), dtype=np.uint8)
    start = 0
    for i, (header, size, head) in enumerate(zip(whole, sizes, heads, strict=True)):
        data = content[start + head : start + head + size]
        imset = i - 1
        if 0 <= imset < len(events.tables):
            _fill(data[: lengths[i]].view(ROW), events, imset, orders[imset] if orders else (), pixels)
        elif imset >= 0:
            data[: lengths[i]] = np.frombuffer(headers[1][imset - len(events.tables)][1], dtype=np.uint8)
        content[start : start + head] = np.frombuffer(_checked(header, data), dtype=np.uint8)
        start += head + size
    return content.data


def _fill(rows: NDArray[Any], events: StisEvents, imset: int, found: tuple[Region, ...], pixels: PixelResponse) -> None:
    owner, done = nearest(found) if found else None, 0
    for block in events.imset_blocks(imset):
        made = calibrated_rows(block, found, owner, pixels)
        rows[done : done + len(made)] = made
        done += len(made)


def _headers(filename: str, events: StisEvents, pixels: PixelResponse, *, wavelengths: bool) -> Any:
    """Return the headers of primary and EVENTS, and header and data of what follows, with places for checksums."""
    path = events.tables[0].path
    with open_fits(path) as hdus:
        primary = hdus[0].header.copy()
        primary["FILENAME"] = re.sub(r"_tag\.fits?(\.gz)?$", "_corrtag.fits", filename, flags=re.IGNORECASE)
        primary["NEXTEND"] = len(hdus) - 1
        tables = {hdu.ver: _events_header(hdu, pixels, wavelengths) for hdu in hdus if hdu.name == "EVENTS"}
        heads = [_without(primary, re.compile("HISTORY|CHECKSUM|DATASUM")), *(tables[t.ver] for t in events.tables)]
        others = []
        for hdu in hdus[1:]:
            if hdu.name == "GTI":
                place = hdu.fileinfo()
                place["file"].seek(place["datLoc"])
                data = place["file"].read(hdu.header["NAXIS1"] * hdu.header["NAXIS2"])
                others.append((_without(hdu.header, re.compile("HISTORY|CHECKSUM|DATASUM")), data))
    for header in (*heads, *(header for header, _ in others)):
        header["CHECKSUM"], header["DATASUM"] = "0" * 16, "0"
    return heads, others


def _events_header(hdu: Any, pixels: PixelResponse, wavelengths: bool) -> Any:
    from astropy.io import fits

    header = fits.Header()
    structure = {"XTENSION": "BINTABLE", "BITPIX": 8, "NAXIS": 2, "NAXIS1": ROW.itemsize}
    structure |= {"NAXIS2": hdu.header["NAXIS2"], "PCOUNT": 0, "GCOUNT": 1, "TFIELDS": len(COLUMNS)}
    for key, value in structure.items():
        header[key] = value
    for place, (name, form, unit, _) in enumerate(COLUMNS, 1):
        header[f"TTYPE{place}"], header[f"TFORM{place}"] = name, form
        if unit is not None:
            header[f"TUNIT{place}"] = unit
    header.extend(_without(hdu.header, _STRUCTURE).cards, end=True)
    header["WAVEDONE"] = (wavelengths, "WAVELENGTH is that of the x1d")
    header["FLATDONE"] = (pixels.epsilon is not None, "EPSILON is one over the flat field")
    header["DQIDONE"] = (pixels.quality is not None, "DQ has the bad pixels of the detector")
    return header


def _without(header: Any, keywords: re.Pattern[str]) -> Any:
    kept = header.copy()
    for key in {card.keyword for card in header.cards if keywords.fullmatch(card.keyword)}:
        kept.remove(key, remove_all=True)
    return kept


def _checked(header: Any, data: NDArray[np.uint8]) -> bytes:
    """Return a header with the checksums of itself and of its data."""
    datasum = word_sum(data.data)
    header["DATASUM"] = str(datasum)
    blank = header.tostring().encode("ascii")
    header["CHECKSUM"] = encode_checksum(word_sum(blank, datasum))
    return bytes(header.tostring().encode("ascii"))
