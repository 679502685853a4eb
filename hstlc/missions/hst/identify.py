"""What an HST file is, by its content; by its name only when the content cannot be read."""

from __future__ import annotations

import re
from math import isfinite
from pathlib import Path

from hstlc.errors import HstlcError, UnreadableError
from hstlc.formats.fits_file import Value
from hstlc.formats.fits_units import read_units
from hstlc.formats.gz_columns import read_columns
from hstlc.missions.base import FileIdentity, Role
from hstlc.model.same_target import at_epoch_2000
from hstlc.model.target import is_solar_system

__all__ = [
    *("CORRTAG_COLUMNS", "NAME", "REFUSALS", "STIS_CORRTAG_COLUMNS", "STIS_TAG_COLUMNS", "companions", "identify"),
]

CORRTAG_COLUMNS = frozenset(
    "TIME RAWX RAWY XCORR YCORR XDOPP XFULL YFULL WAVELENGTH EPSILON DQ PHA".split()  # noqa: SIM905
)
X1D_COLUMNS = frozenset({"SEGMENT", "WAVELENGTH", "FLUX", "NET"})
STIS_TAG_COLUMNS = frozenset({"TIME", "AXIS1", "AXIS2", "DETAXIS1"})
STIS_CORRTAG_COLUMNS = frozenset({"TIME", "RAWX", "RAWY", "XCORR", "YCORR", "EPSILON", "WAVELENGTH", "DQ"})
STIS_X1D_COLUMNS = frozenset({"SPORDER", "WAVELENGTH", "FLUX", "NET", "EXTRLOCY", "EXTRSIZE"})

#: Why a file of the observatory is refused.
REFUSALS = {
    "Wrong instrument": "A file of the observatory, but not of COS or STIS.",
    "Wrong mode": "Not taken in TIME-TAG mode: there are no photons with times.",
    "Unsupported product": "A TIME-TAG product that is neither a calibrated event list nor its x1d.",
}

#: Archive file names: nine-character rootname and product.
NAME = re.compile(r"^(?P<root>[a-z0-9]{9})_(?P<product>[a-z0-9_]+)\.fits?(?:\.gz)?$", re.IGNORECASE)

_KINDS = ("corrtag_a", "corrtag_b", "corrtag", "tag", "x1d")


def identify(path: Path) -> FileIdentity | None:
    """Return what an HST file is, None when it is not of HST.

    Raises
    ------
    InconsistentError
        ``data.vanished``.
    UnreadableError
        Not readable, and the name is not that of an exposure we know how to place.
    """
    name = NAME.match(path.name)
    if _of_another(path):
        return None
    try:
        units = read_units(path)[:2]
    except UnreadableError as error:
        if name is None or name["product"].lower() not in _KINDS:
            raise
        kind = name["product"].lower()
        role = Role.COMPANION if kind == "x1d" else Role.EVENTS
        return FileIdentity(path, "hst", name["root"].lower(), kind, role, problem=str(error))
    header = {key: value for unit in units for key, value in unit.header.items()}
    columns = frozenset(name.upper() for unit in units[1:] for name in unit.columns)
    if str(header.get("TELESCOP") or "").upper() != "HST":
        return None
    rootname = str(header.get("ROOTNAME") or (name["root"] if name else path.name.split("_")[0])).lower()
    kind, role, reason, message = _classify(path, header, columns)
    ra_deg, dec_deg = _position(header)
    return FileIdentity(
        path=path,
        mission="hst",
        rootname=rootname,
        kind=kind,
        role=role,
        target=_target(str(header.get("TARGNAME") or "")),
        cal_ver=str(header.get("CAL_VER") or ""),
        version=_version(header),
        reason=reason,
        message=message,
        ra_deg=ra_deg,
        dec_deg=dec_deg,
        moving=header.get("MTFLAG") is True or str(header.get("MTFLAG") or "").strip().upper() in ("T", "TRUE"),
    )


def _of_another(path: Path) -> bool:
    """Tell whether the first header of a compressed file names another telescope, without unpacking all of it."""
    if not path.name.lower().endswith((".gz", ".ftz")):
        return False
    try:
        header = read_columns(path, lambda name, header: (), most=1)[0].header  # noqa: ARG005
    except HstlcError:
        return False
    return str(header.get("TELESCOP") or "HST").strip().upper() != "HST"


def _position(header: dict[str, Value]) -> tuple[float | None, float | None]:
    """Return the position of the target, which the header gives for the day of the exposure, at epoch 2000."""
    ra_deg, dec_deg = _real(header.get("RA_TARG")), _real(header.get("DEC_TARG"))
    motion = _real(header.get("MU_RA")), _real(header.get("MU_DEC"))  # arcsec/yr, whatever the comments say
    mjd = _real(header.get("EXPSTART", header.get("TEXPSTRT")))
    if ra_deg is not None and dec_deg is not None and mjd is not None and None not in motion:
        ra_deg, dec_deg = at_epoch_2000((ra_deg, dec_deg), (motion[0] or 0.0, motion[1] or 0.0), mjd)
    return ra_deg, dec_deg


def _target(name: str) -> str:
    """Return what an observer called a target, without the instrument that the names of some planets end in."""
    return re.sub(r"[-_ ](?:COS|STIS)$", "", name, flags=re.IGNORECASE) if is_solar_system(name) else name


def _real(value: object) -> float | None:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) and isfinite(value) else None


def _classify(path: Path, header: dict[str, Value], columns: frozenset[str]) -> tuple[str, Role, str, str]:
    instrument = str(header.get("INSTRUME") or "").upper()
    mode = str(header.get("OBSMODE") or header.get("IMAGETYP") or "").upper()
    named = NAME.match(str(header.get("FILENAME") or "")) or NAME.match(path.name)
    product = named["product"].lower() if named else "file"

    def refuse(reason: str, message: str) -> tuple[str, Role, str, str]:
        return product, Role.REFUSED, reason, f"{path.name}: {message}"

    if instrument not in ("COS", "STIS"):
        return refuse("Wrong instrument", f"a product of {instrument or 'no instrument'}, not of COS or STIS")
    if mode != "TIME-TAG":
        return refuse("Wrong mode", f"a {instrument} {product} taken in mode {mode or 'unknown'}, not TIME-TAG")
    if instrument == "STIS":
        if columns >= STIS_TAG_COLUMNS or columns >= STIS_CORRTAG_COLUMNS:
            return "tag" if columns >= STIS_TAG_COLUMNS else "corrtag", Role.EVENTS, "", ""
        if columns >= STIS_X1D_COLUMNS and product in ("x1d", "file"):
            return "x1d", Role.COMPANION, "", ""
        return refuse("Unsupported product", f"a STIS {product} file, not an event list or its x1d")
    if columns == CORRTAG_COLUMNS:
        segment = str(header.get("SEGMENT") or "").upper()
        kind = {"FUVA": "corrtag_a", "FUVB": "corrtag_b"}.get(segment, "corrtag")
        return kind, Role.EVENTS, "", ""
    if columns >= X1D_COLUMNS and product in ("x1d", "file"):
        return "x1d", Role.COMPANION, "", ""
    if columns == frozenset({"TIME", "RAWX", "RAWY", "PHA"}) or columns == frozenset({"TIME", "RAWX", "RAWY"}):
        return refuse("Unsupported product", "a raw event list without calibration; ingest its corrtag instead")
    return refuse("Unsupported product", f"a COS {product} file, not a corrtag or an x1d")


def _version(header: dict[str, Value]) -> str:
    """Return a text that sorts by calibration version, then processing time, then file date.

    The blank between them sorts before points and digits: 3.2 before 3.2.1, and no version before any.
    """
    numbers = re.match(r"\D*(\d+(?:\.\d+)*)", str(header.get("CAL_VER") or ""))
    version = ".".join(f"{int(part):05d}" for part in numbers[1].split(".")) if numbers else ""
    time = header.get("PROCTIME")
    processed = f"{time:016.8f}" if isinstance(time, (int, float)) else ""
    return f"{version} {processed} {header.get('DATE') or ''}"


def companions(path: Path) -> list[Path]:
    """Return the other files of an exposure that lie in the same folder, by name."""
    name = NAME.match(path.name)
    if name is None:
        return []
    same = (NAME.match(other.name) for other in sorted(path.parent.iterdir()) if other != path)
    return [
        path.parent / match.string
        for match in same
        if match is not None and match["root"].lower() == name["root"].lower() and match["product"].lower() in _KINDS
    ]
