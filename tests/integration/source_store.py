"""A store with light curves of sources that were put into it by hand."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
from store_state import Store

from hstlc.db.engine import writing
from hstlc.db.exposures import ExposureRows, save_exposures
from hstlc.db.keys import configuration_key
from hstlc.formats.curve_fits import write_light_curve
from hstlc.model import LightCurve
from hstlc.pipeline.context import Context
from hstlc.pipeline.placement import curve_name
from hstlc.store.layout import slug
from hstlc.store.publish import publish, stage_bytes

NOW = datetime(2024, 5, 6, tzinfo=UTC)
MADE = {"input_digest": "0" * 64, "step_version": 1, "settings_digest": "0" * 64, "made_at": NOW}


def give_sources(
    store: Store,
    rootname: str,
    sources: Mapping[str, Mapping[str, LightCurve]],
    *,
    lead: str = "broad",
    target: str = "SIM-FIELD",
    start_mjd: float = 54621.25,
    mission: str = "hst",
    **columns: Any,
) -> None:
    """Record an exposure that sees sources, each a mapping of band to light curve; ``columns`` are of each source."""
    with store.open() as context:
        products, rows = [], []
        for place, (name, curves) in enumerate(sources.items()):
            products += [_product(context, rootname, target, name, band, curve, lead) for band, curve in curves.items()]
            rows.append(_source(name, curves[lead], place) | columns)
        setup = {"instrume": "CAMERA", "detector": "S", "opt_elem": "NONE", "cenwave": 0, "aperture": "FIELD"}
        metadata = {
            **setup, "telescop": "SIM", "targname": target, "cal_ver": "1", "obstype": "IMAGING", "fppos": 0,
            "ra_deg": 15.5, "dec_deg": 3.0667, "expstart_mjd": start_mjd, "expend_mjd": start_mjd + 0.22,
            "exptime_s": 18_000.0, "proposid": None, "extra": {}, "header_targname": target, "path": "filesystem",
            "configuration": configuration_key({"mission": mission, "targname": target, **setup}),
            "filename": f"{rootname}.fits", "ingest_date": date(2024, 5, 6), "updated_at": NOW,
        }  # fmt: skip
        one = ExposureRows(mission, rootname, metadata, (), products, (), (), rows, composes=False)
        with writing(context.engine) as connection:
            save_exposures(connection, [one])


def _product(
    context: Context, rootname: str, target: str, source: str, band: str, curve: LightCurve, lead: str
) -> dict[str, Any]:
    folder = context.layout.outputs / slug(target)
    data = write_light_curve(curve)
    staged = stage_bytes(data, folder, curve_name(rootname, band, source), context.run, access=context.layout.access)
    path = publish(staged, replace=True)
    return {
        **MADE, "kind": "individual", "source_name": source, "band": band, "instrume": "CAMERA", "lead": band == lead,
        "path": context.layout.relative(path.parent), "filename": path.name, "sha256": staged.sha256,
        "size_bytes": staged.size,
    }  # fmt: skip


def _source(name: str, curve: LightCurve, place: int) -> dict[str, Any]:
    return {
        "name": name, "ra_deg": 15.5 + 0.01 * place, "dec_deg": 3.0667, "catalogue": "made up",
        "number": f"r{place:04d}", "region": "", "background_region": "", "significance": 10.0 - place, "scale": 0.1,
        "counts": round(float(np.sum(curve["gross"]))), "background_counts": 5, "exposure_s": 18_000.0, "extra": {},
        "hardness": (), "offaxis_arcmin": 1.5,
    }  # fmt: skip
