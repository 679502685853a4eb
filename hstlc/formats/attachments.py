"""Arrivals and stamps of a light curve as further HDUs of its file: ``EVENTS``, ``SKY``, ``DETECTOR``."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np

from hstlc.model import Arrivals, LightCurve, Stamp

if TYPE_CHECKING:
    from astropy.io import fits

__all__ = ["EVENTS", "STAMPS", "attachment_bytes", "read_attachments"]

EVENTS = "EVENTS"
STAMPS = ("SKY", "DETECTOR")

_COLUMNS = (
    ("TIME", "D", "s", "time.epoch", "arrival, after MJDREF"),
    ("LIVE", "D", "s", "time.duration;obs.exposure", "live time before it"),
    ("ENERGY", "E", "keV", "em.energy", "energy; NaN: not measured"),
)


def attachment_bytes(curve: LightCurve) -> bytes:
    """Return the HDUs of what a light curve carries beside its bins, with checksums; nothing where it carries nothing.

    The outline of a stamp's region is a table of its own, ``SKY_OUTLINE``.
    """
    hdus = []
    if curve.arrivals is not None:
        hdus.append(_events(curve))
    for stamp in curve.stamps:
        hdus += _stamp(stamp)
    if not hdus:
        return b""
    from astropy.io import fits

    for hdu in hdus:
        hdu.add_checksum(when="")
        for keyword in ("CHECKSUM", "DATASUM"):
            hdu.header.comments[keyword] = ""
    buffer = io.BytesIO()
    primary = fits.PrimaryHDU()
    fits.HDUList([primary, *hdus]).writeto(buffer)
    return buffer.getvalue()[len(primary.header.tostring()) :]


def _events(curve: LightCurve) -> fits.BinTableHDU:
    from astropy.io import fits

    arrivals = curve.arrivals
    assert arrivals is not None
    values = (arrivals.time_s, arrivals.live_s, arrivals.energy_kev)
    columns = [
        fits.Column(name, form, unit, array=array)
        for (name, form, unit, _, _), array in zip(_COLUMNS, values, strict=True)
    ]
    hdu = fits.BinTableHDU.from_columns(columns, name=EVENTS)
    for number, (_, _, _, ucd, doc) in enumerate(_COLUMNS, 1):
        hdu.header[f"TUCD{number}"] = ucd
        hdu.header[f"TCOMM{number}"] = doc
    hdu.header["MJDREF"] = (curve.reference.mjd, "second zero")
    hdu.header["TIMESYS"] = curve.reference.scale
    hdu.header["TOTLIVE"] = (arrivals.total_live_s, "[s] live time of the whole light curve")
    hdu.header["FRAMETIM"] = (arrivals.frame_s, "[s] length of a readout frame; 0: continuous")
    return hdu


def _stamp(stamp: Stamp) -> list[Any]:
    from astropy.io import fits

    image = fits.ImageHDU(stamp.counts.astype(np.int32), name=stamp.name)
    header = image.header
    header["BUNIT"] = "ct"
    for axis, start in ((1, stamp.x), (2, stamp.y)):
        header[f"CRPIX{axis}P"] = 0.5
        header[f"CRVAL{axis}P"] = (start, "[pixel] lower edge, in pixels of the event list")
        header[f"CDELT{axis}P"] = stamp.step
    header["PIXSCALE"] = (stamp.scale_arcsec, "[arcsec] pixel of the event list; 0: unknown")
    if not len(stamp.outline_x):
        return [image]
    outline = fits.BinTableHDU.from_columns(
        [fits.Column("X", "D", "pixel", array=stamp.outline_x), fits.Column("Y", "D", "pixel", array=stamp.outline_y)],
        name=f"{stamp.name}_OUTLINE",
    )
    return [image, outline]


def read_attachments(hdus: fits.HDUList) -> tuple[Arrivals | None, tuple[Stamp, ...]]:
    """Return what :func:`attachment_bytes` wrote."""
    names = {hdu.name for hdu in hdus}
    arrivals = None
    if EVENTS in names:
        rows, header = hdus[EVENTS].data, hdus[EVENTS].header
        arrivals = Arrivals(
            np.array(rows["TIME"], dtype=np.float64),
            np.array(rows["LIVE"], dtype=np.float64),
            np.array(rows["ENERGY"], dtype=np.float32),
            float(header["TOTLIVE"]),
            float(header["FRAMETIM"]),
        )
    return arrivals, tuple(_read_stamp(hdus, name, names) for name in STAMPS if name in names)


def _read_stamp(hdus: fits.HDUList, name: str, names: set[str]) -> Stamp:
    header = hdus[name].header
    outline = hdus[f"{name}_OUTLINE"].data if f"{name}_OUTLINE" in names else {"X": [], "Y": []}
    return Stamp(
        name,
        np.array(hdus[name].data, dtype=np.int32),
        float(header["CRVAL1P"]),
        float(header["CRVAL2P"]),
        float(header["CDELT1P"]),
        float(header["PIXSCALE"]),
        np.array(outline["X"], dtype=np.float64),
        np.array(outline["Y"], dtype=np.float64),
    )
