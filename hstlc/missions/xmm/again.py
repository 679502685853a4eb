"""One light curve of an EPIC observation in other bins and other energies, without reading the events again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from hstlc.errors import UsageError
from hstlc.events.sky_index import SkyIndex
from hstlc.lightcurves.aperture import with_limits
from hstlc.missions.energy_bands import parse_bands
from hstlc.missions.xmm.aperture import Aperture, RegionEvents
from hstlc.missions.xmm.extract import field_edges, shared_field, whole_field
from hstlc.missions.xmm.field import FieldList
from hstlc.missions.xmm.read import EpicExposure
from hstlc.missions.xmm.settings import XmmSettings
from hstlc.missions.xmm.shared_field import SharedField
from hstlc.missions.xmm.source_curves import SeenSource, camera_curve, seen_sources, stamps_of
from hstlc.model import LightCurve

__all__ = ["prepare"]

Again = Callable[[XmmSettings], LightCurve]


def prepare(exposure: EpicExposure, settings: XmmSettings, source: str, band: str) -> Again:
    """Return a function of changed settings that makes one light curve of an observation again.

    Parameters
    ----------
    exposure : EpicExposure
    settings : XmmSettings
        Those of the stored light curve.
    source : str
        Name of the source; '' for the whole field.
    band : str
        Of the light curve, such as ``pn_broad``; '' for the whole field.

    Returns
    -------
    callable
        From settings with another bin width or one other band to the light curve. It keeps the events of that light
        curve and no others.

    Raises
    ------
    UsageError
        ``usage.bad-option``: no camera sees such a source.
    """
    field, _ = shared_field(exposure, settings)
    exposure = replace(exposure, lists={})  # the columns that told the good events are given back
    if not source:
        return _of_field(field)
    camera, _, name = band.partition("_")
    found = next(seen_sources(field, exposure, [], source), None)
    if found is None or camera not in ("ep", *found.apertures):
        raise UsageError("usage.bad-option", f"no camera sees a source {source!r}", "run 'hstlc ingest --stale'")
    if camera == "ep" and not found.inside:
        raise UsageError("usage.bad-option", f"{source}: no cameras can be added", "take the curve of one camera")
    stamps = stamps_of(found.leading) if (camera, name) == (found.lead_camera, field.lead) else ()
    field = replace(field, lists=[_without_events(ready) for ready in field.lists])
    seen = _thinned(found)

    def again(changed: XmmSettings) -> LightCurve:
        bands = parse_bands(changed.bands)
        wanted = name if name in bands else next(iter(bands))
        part = _changed(field, changed, wanted)
        curve = with_limits({"": camera_curve(part, seen, camera, wanted)})[""]
        return replace(curve, stamps=stamps) if (changed.bands == settings.bands) else curve

    return again


def _of_field(field: SharedField) -> Again:
    keep = {"pi", "ccd"}
    lists = []
    for ready in field.lists:
        columns = {name: values for name, values in ready.events.columns.items() if name in keep}
        lists.append(replace(ready, events=replace(ready.events, columns=columns), index=_no_index()))
    kept = replace(field, lists=lists)

    def again(changed: XmmSettings) -> LightCurve:
        bands = parse_bands(changed.bands)
        return whole_field(_changed(kept, changed, field.lead if field.lead in bands else next(iter(bands))))

    return again


def _changed(field: SharedField, settings: XmmSettings, band: str) -> SharedField:
    return replace(
        field,
        edges_s=field_edges(field.lists, settings.bin_width_s),
        bands={band: parse_bands(settings.bands)[band]},
        lead=band,
        settings=settings,
        keywords={**field.keywords, "STEPSIZE": settings.bin_width_s},
    )


def _no_index() -> SkyIndex:
    nothing = np.zeros(0, dtype=np.float32)
    return SkyIndex(nothing, nothing)


def _without_events(ready: FieldList) -> FieldList:
    events = replace(ready.events, time_s=np.zeros(0), columns={})
    return replace(ready, events=events, good=np.zeros(0, dtype=bool), index=_no_index())


def _thinned(seen: SeenSource) -> SeenSource:
    """Return a source that holds the events of its regions, but none of the lists that they are of."""
    lists: dict[int, FieldList] = {}

    def events(some: RegionEvents) -> RegionEvents:
        rows: Any = np.broadcast_to(np.int64(0), some.rows.shape)
        return RegionEvents(rows, some.time_s, some.pi)

    def thin(one: Aperture) -> Aperture:
        ready = lists.setdefault(id(one.ready), _without_events(one.ready))
        return replace(one, ready=ready, source=events(one.source), beside=events(one.beside))

    return replace(
        seen,
        apertures={camera: [thin(one) for one in some] for camera, some in seen.apertures.items()},
        inside={camera: [thin(one) for one in some] for camera, some in seen.inside.items()},
    )
