"""What the rules of High Level Science Products look at in a file, read once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hstlc.formats.fits_file import header_values, open_fits
from hstlc.formats.hlsp.keywords import Hdu
from hstlc.formats.hlsp.project import Profile
from hstlc.times import SECONDS_PER_DAY

if TYPE_CHECKING:
    from astropy.io import fits

__all__ = ["TABLE", "Product", "Value", "read_product"]

#: EXTNAME of the light curve.
TABLE = "LIGHTCURVE"

Value = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Product:
    """A file, its headers and what only its bytes tell.

    Attributes
    ----------
    path : Path
    profile : Profile
        Whose rules it is held against.
    primary : mapping of str to value
        Keywords of the primary header.
    table : mapping of str to value, or None
        Keywords of the extension LIGHTCURVE; None where there is no such table.
    unitless : tuple of str
        Numeric columns of the table without a unit.
    bins_mjd : tuple of float, or None, days
        Start of the first bin and end of the last; None where the table does not tell.
    structure : str
        What astropy finds against the FITS standard, '' for nothing.
    unprintable : tuple of str
        HDUs whose header has bytes other than printable ASCII.
    sums : tuple of str
        Checksums that are absent or wrong, such as ``CHECKSUM of GTI``.
    """

    path: Path
    profile: Profile
    primary: Mapping[str, Value]
    table: Mapping[str, Value] | None
    unitless: tuple[str, ...]
    bins_mjd: tuple[float, float] | None
    structure: str
    unprintable: tuple[str, ...]
    sums: tuple[str, ...]

    def value(self, keyword: str, hdu: Hdu = Hdu.EITHER) -> Value:
        """Return a value, None where it is absent; either header means the primary one first."""
        table = self.table or {}
        if hdu is Hdu.PRIMARY:
            return self.primary.get(keyword)
        if hdu is Hdu.TABLE:
            return table.get(keyword)
        found = self.primary.get(keyword)
        return table.get(keyword) if found is None else found

    def number(self, keyword: str) -> float | None:
        """Return a number of either header, None where there is none."""
        found = self.value(keyword)
        return float(found) if isinstance(found, (int, float)) and not isinstance(found, bool) else None

    def text(self, keyword: str) -> str | None:
        """Return a text of either header, None where there is none."""
        found = self.value(keyword)
        return found if isinstance(found, str) else None


def read_product(path: Path, profile: Profile | None = None) -> tuple[Product, Profile | None]:
    """Read a file, and return with it the profile that its headers name.

    Parameters
    ----------
    path : Path
    profile : Profile, optional
        Whose rules to hold it against; by default the one that the headers name, else ``legacy``.

    Raises
    ------
    UnreadableError, InconsistentError
        See :func:`hstlc.formats.fits_file.open_fits`.
    """
    with open_fits(path) as hdus:
        table = next((hdu for hdu in hdus[1:] if hdu.name == TABLE and hasattr(hdu, "columns")), None)
        primary = header_values(hdus[0].header)
        named = _named(primary)
        raw = [(hdu, hdu.name or f"HDU {number}", *_raw(hdu)) for number, hdu in enumerate(hdus)]
        product = Product(
            path=path,
            profile=profile or named or Profile.LEGACY,
            primary=primary,
            table=None if table is None else header_values(table.header),
            unitless=() if table is None else _unitless(table),
            bins_mjd=None if table is None else _bins_mjd(table),
            structure=_structure(hdus),
            unprintable=tuple(name for _, name, header, _ in raw if not _is_printable(header)),
            sums=tuple(
                f"{keyword} of {name}"
                for hdu, name, header, data in raw
                for keyword, right in _sums(hdu, header, data).items()
                if not right
            ),
        )
    return product, named


def _named(primary: Mapping[str, Value]) -> Profile | None:
    if any(keyword in primary for keyword in ("HLSPID", "HLSPTARG", "HLSPVER")):
        return Profile.MAST
    if any(keyword in primary for keyword in ("HLSPACRN", "PR_INV_L")):
        return Profile.LEGACY
    return None


def _unitless(table: fits.BinTableHDU) -> tuple[str, ...]:
    return tuple(c.name for c in table.columns if c.dtype.base.kind in "iufc" and not c.unit)


def _bins_mjd(table: fits.BinTableHDU) -> tuple[float, float] | None:
    reference = table.header.get("MJDREF")
    names = {name.lower() for name in table.columns.names}
    if not isinstance(reference, (int, float)) or not {"times", "bins"} <= names or not len(table.data):
        return None
    start = np.asarray(table.data["times"], dtype=float)
    end = start + np.asarray(table.data["bins"], dtype=float)
    if not (np.isfinite(start).all() and np.isfinite(end).all()):
        return None
    return reference + float(start.min()) / SECONDS_PER_DAY, reference + float(end.max()) / SECONDS_PER_DAY


def _structure(hdus: fits.HDUList) -> str:
    from astropy.io.fits import VerifyError

    try:
        hdus.verify("exception")
    except VerifyError as error:
        return " ".join(str(error).split())
    return ""


def _raw(hdu: Any) -> tuple[bytes, bytes]:
    info = hdu.fileinfo()
    info["file"].seek(info["hdrLoc"])
    header = info["file"].read(info["datLoc"] - info["hdrLoc"])
    return header, info["file"].read(info["datSpan"]) if info["datSpan"] else b""


def _is_printable(header: bytes) -> bool:
    return all(32 <= byte < 127 for byte in set(header))


def _sums(hdu: Any, header: bytes, data: bytes) -> dict[str, bool]:
    """Return whether CHECKSUM and DATASUM are there and right (FITS standard 4.0, section 4.4.2.7 and appendix J)."""
    datasum = str(hdu.header.get("DATASUM", "")).strip()
    return {
        "CHECKSUM": "CHECKSUM" in hdu.header and _sum32(header + data) == 0xFFFFFFFF,
        "DATASUM": datasum.isdigit() and int(datasum) % 0xFFFFFFFF == _sum32(data) % 0xFFFFFFFF,
    }


def _sum32(content: bytes) -> int:
    """Return the ones'-complement sum of the 32-bit words."""
    total = int(np.frombuffer(content, dtype=">u4").sum(dtype=np.uint64))
    while total > 0xFFFFFFFF:
        total = (total & 0xFFFFFFFF) + (total >> 32)
    return total
