"""Flags of what belongs to an exposure: files, extensions and keywords that are absent or contradict each other."""

from __future__ import annotations

from hstlc.missions.base import Role
from hstlc.missions.hst.checks.rejections import Found, HstExposure
from hstlc.missions.hst.cos_read import CosExposure, number
from hstlc.missions.hst.cos_regions import extraction_box, stripes
from hstlc.missions.hst.settings import HstSettings

#: Settings in which the high voltage of a segment is always down, as light of order zero would fall on it.
SWITCHED_OFF = {("G140L", 1105.0): "B"}

#: By instrument, of the event list and of the x1d: step of the calibration, its reference file, what is wrong without.
STEPS = {
    "COS": (
        (
            ("FLATCORR", "FLATFILE", "events have no weight for the flat field"),
            ("DEADCORR", "DEADTAB", "events have no weight for the dead time"),
            ("DQICORR", "BPIXTAB", "events in bad regions of the detector count"),
        ),
        (
            ("FLUXCORR", "FLUXTAB", "the flux is not calibrated"),
            ("TDSCORR", "TDSTAB", "the flux is not corrected for the change of the sensitivity"),
        ),
    ),
    "STIS": (
        (),
        (
            ("FLATCORR", "PFLTFILE", "the x1d has no flat field"),
            ("FLUXCORR", "PHOTTAB", "the flux is not calibrated"),
        ),
    ),
}


def unreadable_x1d(exposure: HstExposure, _: HstSettings) -> Found:
    """Find an x1d that cannot be read."""
    for file, why in exposure.unreadable:
        if file.role is not Role.EVENTS:
            yield file.path.name, f"{why}; the flux is NaN"


def missing_x1d(exposure: HstExposure, _: HstSettings) -> Found:
    """Spectroscopic exposures without an x1d."""
    if not exposure.imaging and not any(file.kind == "x1d" for file in exposure.files):
        what = "" if exposure.instrument == "COS" else "; it tells where the spectrum is, the whole detector is summed"
        yield "", f"{exposure.files[0].rootname}_x1d.fits was not given; the flux is NaN{what}"


def missing_segment(exposure: HstExposure, _: HstSettings) -> Found:
    """FUV exposures of which one segment is not here, though it was on and the header or the x1d knows of it."""
    if not isinstance(exposure, CosExposure) or "corrtag" in exposure.events or not exposure.events:
        return
    present = set(exposure.events) | {file.kind for file, _ in exposure.unreadable}
    both = str(exposure.x1d_header.get("SEGMENT") or "").strip().upper() == "BOTH"
    for kind, letter in (("corrtag_a", "A"), ("corrtag_b", "B")):
        if kind in present or letter in _switched_off(exposure):
            continue
        if both or exposure.number(f"NEVENTS{letter}") > 0 or letter in exposure.spectra:
            yield "", f"segment {letter} is missing: {exposure.files[0].rootname}_{kind}.fits was not given"


def _switched_off(exposure: CosExposure) -> str:
    """Return the letters of the FUV segments whose high voltage was down: what their events count is noise."""
    state = exposure.text("DETECTHV")
    if state.endswith(("NOMA", "NOMB")):
        return "B" if state.endswith("A") else "A"
    return SWITCHED_OFF.get((exposure.text("OPT_ELEM"), exposure.number("CENWAVE")), "")


def missing_reference(exposure: HstExposure, _: HstSettings) -> Found:
    """Calibrations that were left out because a reference file was not there."""
    events, spectrum = STEPS.get(exposure.instrument, ((), ()))
    x1d = next((file.path.name for file in exposure.files if file.kind == "x1d"), "")
    for name, header, steps in (("", exposure.header, events), (x1d, exposure.x1d_header, spectrum)):
        for step, reference, lacking in steps:
            done, file = (str(header.get(key) or "").strip().upper() for key in (step, reference))
            if done and done != "COMPLETE":
                yield name, f"{step} is {done!r}, {reference} {file or 'absent'}: {lacking}"
            elif done and file in ("N/A", "NONE"):
                yield name, f"{reference} is {file!r}: {lacking}"


def missing_gti(exposure: HstExposure, _: HstSettings) -> Found:
    """Event lists without a GTI extension."""
    for name, events in exposure.lists:
        if events.header.get("HSTLCGTI") == "MISSING":
            yield name, "no GTI extension; the time from 0 to EXPTIME is taken as good"


def missing_timeline(exposure: HstExposure, _: HstSettings) -> Found:
    """COS event lists that do not say where telescope, Earth and Sun were."""
    for kind in sorted(exposure.events) if isinstance(exposure, CosExposure) else ():
        if not len(exposure.timelines.get(kind, {}).get("TIME", ())):
            what = "the South Atlantic Anomaly, the Earth's limb and the day"
            yield exposure.filename(kind), f"no TIMELINE: {what} cannot be told, nothing is left out for them"


def no_background(exposure: HstExposure, _: HstSettings) -> Found:
    """Regions without background boxes."""
    if exposure.imaging or not isinstance(exposure, CosExposure):
        return
    for letter, kind in stripes(exposure).items():
        box = extraction_box(exposure, letter)
        if box is not None and not box.backgrounds:
            yield exposure.filename(kind), f"no background box for segment {letter}: nothing is subtracted"


def second_order(exposure: HstExposure, _: HstSettings) -> Found:
    """Stripe C of the low-resolution NUV grating, which has light of the second order."""
    if isinstance(exposure, CosExposure) and exposure.text("OPT_ELEM") == "G230L":
        yield "", "stripe C of G230L has light of the second order and is left out"


def header_mismatch(exposure: HstExposure, settings: HstSettings) -> Found:
    """Numbers in the header that the content does not confirm."""
    for kind in sorted(exposure.events):
        name, events = exposure.filename(kind), exposure.events[kind]
        exptime = number(events.header, "EXPTIME")
        if abs(events.gti.total - exptime) > settings.maximum_gti_mismatch_s:
            yield name, f"EXPTIME is {exptime:g} s, the good time intervals add to {events.gti.total:.3f} s"
        key = "NEVENTS" + kind[-1].upper() if kind.startswith("corrtag_") else "NEVENTS"
        rows = events.header.get(key)
        if isinstance(rows, int) and rows >= 0 and rows != len(events):
            yield name, f"{key} is {rows}, the event list has {len(events)} rows"
        if name and not name.lower().startswith(str(events.header.get("ROOTNAME") or name).lower()):
            yield name, f"ROOTNAME is {events.header.get('ROOTNAME')!r}, the file has another name"


def reader_note(exposure: HstExposure, _: HstSettings) -> Found:
    """Warnings of the library that read the file."""
    yield from exposure.notes
