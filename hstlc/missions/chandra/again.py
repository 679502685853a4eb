"""One light curve of a Chandra exposure in other bins and other energies, without reading the events again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from hstlc.errors import UsageError
from hstlc.lightcurves.aperture import with_limits
from hstlc.missions.chandra.exposure import ChandraExposure
from hstlc.missions.chandra.extract import FieldFlares, field_edges, field_frames, field_task, whole_field
from hstlc.missions.chandra.field import Field, field_of
from hstlc.missions.chandra.mission_settings import ChandraSettings, bands_of
from hstlc.missions.chandra.source_curves import Task, band_curve, stamps_of
from hstlc.missions.chandra.sources import LocatedSource, located_sources
from hstlc.model import LightCurve

__all__ = ["prepare"]

Again = Callable[[ChandraSettings], LightCurve]


def prepare(exposure: ChandraExposure, settings: ChandraSettings, source: str, band: str) -> Again:
    """Return a function of changed settings that makes one light curve of an exposure again.

    Parameters
    ----------
    exposure : ChandraExposure
    settings : ChandraSettings
        Those of the stored light curve.
    source : str
        Name of the source; '' for the whole field.
    band : str
        Of the light curve; '' for the whole field.

    Returns
    -------
    callable
        From settings with another bin width or one other band to the light curve. It keeps the events of that light
        curve and no others.

    Raises
    ------
    UsageError
        ``usage.bad-option``: no such source is seen.
    """
    task = field_task(exposure, settings)
    located = located_sources(exposure, settings)
    flares = FieldFlares(task, located, exposure.kind)
    frames, instrument, number = field_frames(task.ready), exposure.instrument, len(task.ready.events)
    found = next((one for one in located if one.name == source), None)
    if source and found is None:
        raise UsageError("usage.bad-option", f"nothing is seen of a source {source!r}", "run 'hstlc ingest --stale'")
    found_flares = flares.on(found.weights if found is not None else task.ready.events.gti)
    stamps = stamps_of(task.ready, found) if found is not None and band == task.lead else ()
    kept, seen = _thinned(task, found)
    field_of.cache_clear()
    located_sources.cache_clear()

    def again(changed: ChandraSettings) -> LightCurve:
        bands = bands_of(changed.bands, instrument)
        stands = band or task_lead
        wanted = stands if stands in bands else next(iter(bands))
        part = replace(
            kept,
            settings=changed,
            edges_s=field_edges(kept.ready, changed.bin_width_s, frames),
            bands={wanted: bands[wanted]},
            lead=wanted,
            keywords={**kept.keywords, "STEPSIZE": changed.bin_width_s},
        )
        if seen is None:
            curve = whole_field(part, found_flares)
        else:
            curve = with_limits({"": band_curve(part, seen, found_flares, wanted)})[""]
        shown = stamps if changed.bands == settings.bands else ()
        return replace(curve, stamps=shown, meta={**curve.meta, "NEVENTS": number})

    task_lead = task.lead
    del exposure, task, located, flares, found
    return again


def _thinned(task: Task, source: LocatedSource | None) -> tuple[Task, LocatedSource | None]:
    """Return a field that holds the times and energies of the events of a source alone, or of all good ones."""
    ready = task.ready
    rows = ready.rows if source is None else np.unique(np.concatenate((source.rows, source.background_rows)))
    energy = ready.events.columns.get("energy_kev")
    events = replace(
        ready.events,
        time_s=ready.events.time_s[rows],
        columns={} if energy is None else {"energy_kev": energy[rows]},
        mask=None,
    )
    all_rows = np.arange(len(rows))
    field = Field(
        events=events,
        ccd=ready.ccd[rows],
        rows=all_rows,
        bad_time=ready.bad_time,
        bad_grade=ready.bad_grade,
        index=None,
        live=ready.live,
        dead_time=ready.dead_time,
    )
    if source is not None:
        source = replace(
            source,
            rows=np.searchsorted(rows, source.rows),
            background_rows=np.searchsorted(rows, source.background_rows),
        )
    return replace(task, ready=field), source
