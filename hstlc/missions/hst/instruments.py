"""Which instrument an exposure is of, and who reads and extracts it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hstlc.errors import UnreadableError
from hstlc.formats.fits_units import read_units
from hstlc.missions.base import Extraction, FileIdentity, Role
from hstlc.missions.hst import cos_extract, cos_read
from hstlc.missions.hst.cos_read import CosExposure
from hstlc.missions.hst.settings import HstSettings
from hstlc.missions.hst.stis_extract import extract_stis
from hstlc.missions.hst.stis_read import StisExposure, load_stis, read_stis_events
from hstlc.missions.hst.wavelengths import Bands
from hstlc.model import EventList

__all__ = ["HstExposure", "extract", "load", "read_events"]

HstExposure = CosExposure | StisExposure


def load(files: Sequence[FileIdentity]) -> HstExposure:
    """Read the files of one exposure; what cannot be read is recorded, not raised.

    Raises
    ------
    InconsistentError
        ``data.vanished``: a file went away.
    """
    return load_stis(files) if any(_is_stis(file) for file in files) else cos_read.load(files)


def read_events(path: Path) -> EventList:
    """Read a COS corrtag, or a STIS tag or corrtag.

    Returns
    -------
    EventList
        ``time_s`` is the middle of the clock tick; rows in file order. See
        :func:`hstlc.missions.hst.cos_read.read_events`. A STIS list has ``x`` and ``y`` (AXIS1, AXIS2), ``raw_x``
        (DETAXIS1) and ``imset`` (EXTVER), a corrtag ``wavelength_aa``, ``epsilon`` and ``dq`` as well; it counts from
        TEXPSTRT.

    Raises
    ------
    UnreadableError
        The file is not whole.
    UnsupportedModeError
        ``data.not-corrtag`` or ``data.not-tag``.
    """
    if _instrument(path) == "STIS":
        return read_stis_events(path).event_list()
    return cos_read.read_events(path)


def extract(exposure: HstExposure, settings: HstSettings, bands: Bands | None = None) -> Extraction:
    """Make the light curve of an exposure; see the modules of the instruments."""
    if isinstance(exposure, StisExposure):
        return extract_stis(exposure, settings, bands)
    return cos_extract.extract(exposure, settings, bands)


def _is_stis(file: FileIdentity) -> bool:
    """Tell whether a file is of STIS; the names of those that cannot be read begin with the instrument's letter."""
    if file.kind == "tag":
        return True
    if file.problem or file.role is not Role.EVENTS:
        return file.rootname.startswith("o") and file.kind != "corrtag_a" and file.kind != "corrtag_b"
    return file.kind == "corrtag" and _instrument(file.path) == "STIS"


def _instrument(path: Path) -> str:
    try:
        return str(read_units(path)[0].header.get("INSTRUME") or "").strip().upper()
    except UnreadableError:
        return ""  # said better by the one who reads it whole
