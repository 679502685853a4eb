"""What is delivered as a whole: light curves under the rules of an archive, their manifest and their README.

Contents of a collection: MAST's pages "Required Contents" and "File Naming Convention" (outerspace.stsci.edu,
MASTDOCS), which want a manifest and a README with the products and leave the name of the README free; extensions and
types of products as in ``fc_config.yaml`` of spacetelescope/mast_contributor_tools.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass, fields, replace
from importlib.resources import files
from string import Template
from typing import Any

from hstlc.formats.hlsp.headers import LICENSE, LICENSE_URL, hlsp_keywords
from hstlc.formats.hlsp.keywords import HLSP_KEYWORDS
from hstlc.formats.hlsp.names import Configuration
from hstlc.formats.hlsp.project import Project
from hstlc.model import COLUMNS, LightCurve

__all__ = ["README", "Entry", "delivered", "entry", "manifest", "manifest_name", "preview_name", "readme"]

README = "README.md"

#: Keywords of the table of HLSPs that the exposures give; all others say who delivers, or come from the bins.
_OF_EXPOSURES = frozenset(
    (
        *("TELESCOP", "INSTRUME", "DETECTOR", "APERTURE", "TARGNAME", "TARDESCR", "TARDESC2", "RA_TARG", "DEC_TARG"),
        *("PROPOSID", "EXPSTART", "EXPEND", "EXPTIME", "SIMULATD"),
    )
)


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of a collection, as a row of the manifest; '' or None where there is nothing to say.

    Attributes
    ----------
    filename, type : str
        Type: lc, preview or readme.
    size_bytes : int
    sha256, md5 : str
    target : str
    ra_deg, dec_deg : float or None, degrees
    observatory, instrument, detector, filter, aperture : str
    cenwave_aa : int or None, Angstrom
    mjd_beg, mjd_end : float or None, days
        Start of the first bin and end of the last, UTC.
    xposure_s : float or None, seconds
        Live time of all bins.
    exposures : int or None
    proposals : str
        Numbers of the proposals, with blanks between.
    simulated : str
        T or F.
    date : str
        Of the newest input file.
    """

    filename: str
    type: str
    size_bytes: int
    sha256: str
    md5: str
    target: str = ""
    ra_deg: float | None = None
    dec_deg: float | None = None
    observatory: str = ""
    instrument: str = ""
    detector: str = ""
    filter: str = ""
    cenwave_aa: int | None = None
    aperture: str = ""
    mjd_beg: float | None = None
    mjd_end: float | None = None
    xposure_s: float | None = None
    exposures: int | None = None
    proposals: str = ""
    simulated: str = ""
    date: str = ""


def delivered(curve: LightCurve, configuration: Configuration, project: Project) -> LightCurve:
    """Return a composite with the headers of ``project``, whatever profile its own headers follow.

    What the exposures say stays. The profile ``legacy`` puts other values into PROPOSID, EXPSTART, EXPEND and EXPTIME;
    those of the exposures are taken from the provenance.
    """
    known = {keyword.keyword for keyword in HLSP_KEYWORDS} - _OF_EXPOSURES
    meta = {keyword: value for keyword, value in curve.meta.items() if keyword not in known}
    proposals = _proposals(curve)
    meta.pop("PROPOSID", None) if len(proposals) != 1 else meta.update(PROPOSID=proposals[0])
    if "HLSPACRN" in curve.meta:
        merged: dict[str, tuple[str, Callable[[Iterable[float]], float]]] = {
            "EXPSTART": ("expstart", min),
            "EXPEND": ("expend", max),
            "EXPTIME": ("exptime", sum),
        }
        for keyword, (name, together) in merged.items():
            values = [float(row[name]) for row in curve.provenance if name in row]
            if values and all(value == value for value in values):  # no NaN
                meta[keyword] = together(values)
    plain = replace(curve, meta=meta)
    return replace(plain, meta={**meta, **hlsp_keywords(plain, configuration, project)})


def entry(filename: str, kind: str, content: bytes, curve: LightCurve | None = None) -> Entry:
    """Return the row of a file; of a light curve or its picture with what the headers of the curve say.

    Examples
    --------
    >>> entry("README.md", "readme", b"").md5
    'd41d8cd98f00b204e9800998ecf8427e'
    """
    sums = (hashlib.sha256(content).hexdigest(), hashlib.md5(content, usedforsecurity=False).hexdigest())
    if curve is None:
        return Entry(filename, kind, len(content), *sums)
    meta: Mapping[str, Any] = curve.meta
    return Entry(
        filename,
        kind,
        len(content),
        *sums,
        target=meta["HLSPTARG"],
        ra_deg=meta.get("RA_TARG"),
        dec_deg=meta.get("DEC_TARG"),
        observatory=meta["OBSERVAT"],
        instrument=meta["INSTRUME"],
        detector=meta["DETECTOR"],
        filter=meta["FILTER"],
        cenwave_aa=meta["CENWAVE"],
        aperture=meta["APERTURE"],
        mjd_beg=meta["MJD-BEG"],
        mjd_end=meta["MJD-END"],
        xposure_s=meta["XPOSURE"],
        exposures=meta.get("NDATASET", len(curve.provenance)),
        proposals=" ".join(map(str, _proposals(curve))),
        simulated="T" if meta.get("SIMULATD") in ("T", True) else "F",
        date=str(meta.get("DATE") or ""),
    )


def manifest(entries: Sequence[Entry]) -> bytes:
    """Return the manifest: CSV in UTF-8 with a line of names, rows in the order of file names."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(field.name for field in fields(Entry))
    writer.writerows(map(astuple, sorted(entries, key=lambda one: one.filename)))
    return stream.getvalue().encode("utf-8")


def manifest_name(names: Iterable[str]) -> str:
    """Return the name of the manifest of some light curves: their common fields, ``multi`` where they differ.

    Examples
    --------
    >>> manifest_name(["hlsp_a_hst_cos-fuv_m-1_x-c1-psa_v1_lc.fits", "hlsp_a_hst_cos-fuv_m-2_x-c1-psa_v1_lc.fits"])
    'hlsp_a_hst_cos-fuv_multi_x-c1-psa_v1_manifest.csv'
    """
    parts = zip(*(name.split("_")[:-1] for name in names), strict=True)
    return "_".join([*(part[0] if len(set(part)) == 1 else "multi" for part in parts), "manifest.csv"])


def preview_name(name: str) -> str:
    """Return the name of the picture of a light curve.

    Examples
    --------
    >>> preview_name("hlsp_hstlc_hst_cos-fuv_gj-436_g130m-c1291-psa_v1_lc.fits")
    'hlsp_hstlc_hst_cos-fuv_gj-436_g130m-c1291-psa_v1_preview.png'
    """
    return f"{name.rpartition('_')[0]}_preview.png"


def readme(entries: Sequence[Entry], project: Project, manifest_file: str) -> bytes:
    """Return the README of a collection, Markdown in UTF-8.

    Parameters
    ----------
    entries : sequence of Entry
        At least one light curve.
    project : Project
        Who delivers.
    manifest_file : str
        Name of the manifest.
    """
    curves = [one for one in entries if one.type == "lc"]
    simulated = sum(one.simulated == "T" for one in curves)
    text = Template(files(__package__).joinpath("readme.md").read_text(encoding="utf-8")).substitute(
        name=project.name,
        collection=project.identifier,
        version=project.version,
        curves=len(curves),
        targets=len({one.target for one in curves}),
        exposures=sum(one.exposures or 0 for one in curves),
        hours=_hours(curves),
        first=f"MJD {min(one.mjd_beg or 0.0 for one in curves):.5f}",
        last=f"MJD {max(one.mjd_end or 0.0 for one in curves):.5f}",
        newest=max(one.date for one in curves) or "an unknown date",
        lead=project.lead,
        doi=project.doi or "not assigned yet",
        reference=project.reference or "none yet",
        license=LICENSE,
        license_url=LICENSE_URL,
        simulated=f"{simulated} of the light curves, SIMULATD in their headers" if simulated else "none",
        manifest=manifest_file,
        instruments="\n".join(_instruments(curves)),
        columns="\n".join(f"| `{c.name}` | {c.unit or ' '} | {c.doc} |".replace("|   |", "| |") for c in COLUMNS),
    )
    return text.encode("utf-8")


def _instruments(curves: Sequence[Entry]) -> list[str]:
    rows = []
    for name in sorted({f"{one.instrument} {one.detector}".strip() for one in curves}):
        those = [one for one in curves if f"{one.instrument} {one.detector}".strip() == name]
        rows.append(f"| {name} | {len(those)} | {sum(one.exposures or 0 for one in those)} | {_hours(those)} |")
    return rows


def _hours(curves: Sequence[Entry]) -> str:
    return f"{sum(one.xposure_s or 0.0 for one in curves) / 3600:.2f}"


def _proposals(curve: LightCurve) -> list[int]:
    """Return the known proposals of the exposures, sorted."""
    return sorted({int(row.get("proposid", -1)) for row in curve.provenance} - {-1})
