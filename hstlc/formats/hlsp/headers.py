"""The keywords that make a composite light curve a High Level Science Product."""

from __future__ import annotations

from typing import Any

import numpy as np

from hstlc.formats.hlsp.keywords import to_card
from hstlc.formats.hlsp.names import Configuration
from hstlc.formats.hlsp.project import Profile, Project
from hstlc.formats.time_cards import span_keywords, span_s
from hstlc.model import LightCurve
from hstlc.times import SECONDS_PER_DAY

__all__ = ["LICENSE", "LICENSE_URL", "hlsp_keywords"]

#: The license of all products in MAST ("Common Metadata").
LICENSE = "CC BY 4.0"
LICENSE_URL = "https://creativecommons.org/licenses/by/4.0/"


def hlsp_keywords(curve: LightCurve, configuration: Configuration, project: Project) -> dict[str, Any]:
    """Return the keywords to add to or replace in the metadata of a composite, under ``project.profile``.

    What cannot be known (no DOI yet, no paper) is None, which the writer leaves out, as is EQUINOX under ``mast``: it
    must not stand beside RADESYS 'ICRS'. All keywords may stand in both headers; EXTNAME is not among them, as it
    differs from HDU to HDU. Dates come from the edges of the bins, in the time scale of the curve.

    Parameters
    ----------
    curve : LightCurve
        The composite, at least one bin. Coordinates and the description of the target stay as they are in its ``meta``;
        so do an EXPTIME that fits into the span and, under ``mast``, the PROPOSID that the exposures agree on.
    configuration : Configuration
        What the exposures have in common.
    project : Project
        Who delivers.

    Returns
    -------
    dict of str to str, int, float or None
        Comments of all of them are in :data:`hstlc.formats.hlsp.keywords.HLSP_KEYWORDS`.

    Raises
    ------
    ValueError
        A curve without bins.
    """
    begin_s, end_s = span_s(curve)
    span = span_keywords(curve)
    live_s = float(np.sum(curve["exposure"]))
    common = {
        "HLSPLEAD": project.lead,
        "HLSPNAME": project.name,
        "TELESCOP": to_card(configuration.telescop),
        "INSTRUME": to_card(configuration.instrume),
        "DETECTOR": to_card(configuration.detector),
        "TARGNAME": to_card(configuration.targname),
        "OPT_ELEM": to_card(configuration.opt_elem),
        "FILTER": to_card(configuration.opt_elem),
        "CENWAVE": configuration.cenwave,
        "APERTURE": to_card(configuration.aperture),
    }
    if project.profile is Profile.LEGACY:
        exposure_s = curve.meta.get("EXPTIME")
        known = isinstance(exposure_s, (int, float)) and 0 < exposure_s <= end_s - begin_s
        return common | {
            "PROPOSID": project.proposal,
            "PR_INV_L": project.pi_last,
            "PR_INV_F": project.pi_first,
            "PR_INV_M": project.pi_middle,
            "HLSPACRN": project.acronym,
            "CITATION": project.reference,
            "EQUINOX": 2000.0,
            "DATE-OBS": span["DATE-BEG"],
            "EXPSTART": span["MJD-BEG"],
            "EXPEND": span["MJD-END"],
            "EXPTIME": exposure_s if known else live_s,
        }
    placed = curve.meta.get("RA_TARG") is not None and curve.meta.get("DEC_TARG") is not None
    return common | {
        "DOI": project.doi or None,
        "HLSPID": project.identifier.upper(),
        "HLSPTARG": to_card(configuration.targname),
        "HLSPVER": project.version,
        "LICENSE": LICENSE,
        "LICENURL": LICENSE_URL,
        "OBSERVAT": to_card(configuration.telescop),
        "PROPOSID": curve.meta.get("PROPOSID") or project.proposal,
        "REFERENC": project.reference or None,
        "RADESYS": "ICRS" if placed else None,
        "EQUINOX": None,
        "TIMESYS": curve.reference.scale,
        **{keyword: span[keyword] for keyword in ("DATE-BEG", "DATE-END", "MJD-BEG", "MJD-END")},
        "MJD-MID": curve.reference.mjd + (begin_s + end_s) / 2 / SECONDS_PER_DAY,
        "TELAPSE": span["TELAPSE"],
        "XPOSURE": live_s,
    }
