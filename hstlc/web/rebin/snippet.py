"""Python that makes what is seen from the files."""

from __future__ import annotations

from pathlib import Path

from hstlc.missions.base import is_event_kind
from hstlc.missions.registry import missions
from hstlc.web.rebin.engine import FINEST_BINS, Seen, span_s
from hstlc.web.rebin.subject import Part, Selection, Subject

__all__ = ["snippet"]


def snippet(subject: Subject, selection: Selection, seen: Seen) -> str:
    """Return a program that makes a light curve as it is seen; it ends with a value ``curve``.

    It reads the event list, with the other files of the exposure beside it in one folder, or the stored light curve
    where that is what is seen, or where several exposures are one: files of these names in the working directory.

    Parameters
    ----------
    subject : Subject
    selection : Selection
    seen : Seen
    """
    lines = ["import hstlc"]
    grouped = any(value is not None for value in (selection.counts, selection.blocks, selection.fold_s))
    changed = selection.bin_s is not None or grouped or selection.other_band
    further: list[str] = []
    if not changed or not seen.of_events:
        lines += ["", f"curve = hstlc.read_light_curve({subject.name!r})"]
    elif subject.kind == "composite":
        lines += ["", "# several exposures: the FITS file of what is seen (format=fits)"]
        name = f"{Path(subject.name).stem}_shown.fits"
        return "\n".join([*lines, f"curve = hstlc.read_light_curve({name!r})"]) + "\n"
    else:
        width_s = selection.bin_s
        if grouped:
            width_s = max(span_s(seen.stored) / FINEST_BINS, seen.finest_s)
        lines += ["", *_made(subject, selection, subject.parts[0], width_s)]
    if selection.start_s is not None or selection.stop_s is not None:
        low, high = selection.start_s, selection.stop_s
        start = "float('-inf')" if low is None else repr(low)
        stop = "float('inf')" if high is None else repr(high)
        further.append(f"curve = between(curve, {start}, {stop})")
        lines.insert(1, "from hstlc.lightcurves.grouping import between")
    if selection.counts is not None:
        lines[1:1] = ["from hstlc.lightcurves.grouping import by_counts", "from hstlc.lightcurves.rebin import merge"]
        further.append(f"curve = merge(curve, by_counts(curve, {selection.counts}))")
    if selection.blocks is not None:
        lines[1:1] = ["from hstlc.lightcurves.grouping import by_blocks", "from hstlc.lightcurves.rebin import merge"]
        further.append(f"curve = merge(curve, by_blocks(curve, {selection.blocks!r}))")
    if selection.fold_s is not None:
        lines.insert(1, "from hstlc.lightcurves.grouping import fold")
        dates = 'curve["bjd_tdb"] - 2400000.5' if selection.barycentric else 'curve["mjd"]'
        if seen.zero_s is not None:
            further.append(f'phase = (curve["time"] - {seen.zero_s!r}) / {selection.fold_s!r}')
        else:
            further.append(f"phase = ({dates} - {seen.epoch_mjd!r}) * 86400 / {selection.fold_s!r}")
        further.append(f"curve = fold(curve, phase, {selection.phase_bins})")
    return "\n".join([*lines, *further]) + "\n"


def _made(subject: Subject, selection: Selection, part: Part, width_s: float | None) -> list[str]:
    mission = missions()[subject.mission]
    lead = next(path.name for kind, path, _ in part.files if is_event_kind(kind, mission.event_kinds))
    options = [] if width_s is None else [f"bin_width={width_s!r}"]
    for name, limits in (("energy", selection.energy_kev), ("wavelength", selection.wavelength_aa)):
        if limits is not None:
            options.append(f"{name}={limits!r}")
    camera, _, band = part.band.rpartition("_")
    if not part.source:
        whole = ["source=''"] if mission.prepare is not None else []
        wanted = selection.band or ("" if selection.other_band else part.band)
        named = [f"band={wanted!r}"] if wanted else []
        return [f"curve = hstlc.light_curve({', '.join([repr(lead), *whole, *options, *named])})"]
    if selection.band:
        band = selection.band.rpartition("_")[2]
        options.append(f"band={band!r}")
    elif selection.energy_kev is not None:
        band = "energy"
    key = f"{camera}_{band}" if camera else band
    return [
        f"seen = {{one.source.name: one for one in hstlc.light_curves({', '.join([repr(lead), *options])})}}",
        f"curve = seen[{part.source!r}].curves[{key!r}]",
    ]
