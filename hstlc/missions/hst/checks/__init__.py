"""The quality checks of COS exposures, in the order in which their reasons count."""

from __future__ import annotations

from collections.abc import Callable

from hstlc.checks import Check
from hstlc.missions.hst.checks import flags, rejections
from hstlc.missions.hst.cos_read import CosExposure
from hstlc.missions.hst.settings import HstSettings
from hstlc.model import Severity

__all__ = ["CHECKS"]

Question = Callable[[CosExposure, HstSettings], rejections.Found]


def _reject(name: str, reason: str, function: Question, explanation: str) -> Check:
    return Check(name, reason, Severity.REJECT, explanation, function)


def _flag(name: str, reason: str, function: Question, explanation: str) -> Check:
    return Check(name, reason, Severity.FLAG, explanation, function)


CHECKS: tuple[Check, ...] = (
    _reject("unreadable", "Unreadable file", rejections.unreadable, "The event list is whole and can be read."),
    _reject("missing_keyword", "Missing keyword", rejections.missing_keyword, "EXPSTART and EXPTIME are numbers."),
    _reject("expflag", "Bad EXPFLAG", rejections.expflag, "EXPFLAG is one of `accepted_expflags`."),
    _reject("no_events", "No events", rejections.no_events, "The event list has rows."),
    _reject(
        "nonlinear_time",
        "Non-linear time",
        rejections.nonlinear_time,
        "Times are numbers and do not run back beyond `maximum_disorder` and `maximum_step_back`"
        " (never, with `strict_time`).",
    ),
    _reject("singular_event", "Singular event", rejections.singular_event, "There is more than one distinct time."),
    _reject("bad_proposal", "Bad Proposal", rejections.bad_proposal, "The proposal is not one of `bad_proposals`."),
    _reject("short_exposure", "Short Exposure", rejections.short_exposure, "EXPTIME is at least `minimum_exptime`."),
    _reject("shutter", "Shutter closed", rejections.shutter, "SHUTTER is OPEN."),
    _reject("not_science", "Not science", rejections.not_science, "The exposure is an external one of a source."),
    _reject(
        "lying_header",
        "Lying header",
        rejections.lying_header,
        "Events lie between EXPSTART and EXPEND, in that order.",
    ),
    _reject("no_good_time", "No good time", rejections.no_good_time, "The good time intervals are not empty."),
    _reject("no_region", "No extraction region", rejections.no_region, "The header or the x1d places the spectrum."),
    _flag(
        "missing_segment", "Missing segment", flags.missing_segment, "Both FUV segments are here when both have events."
    ),
    _flag(
        "missing_x1d", "Missing x1d", flags.missing_x1d, "The extracted spectrum is here, which calibrates the flux."
    ),
    _flag("unreadable_x1d", "Unreadable x1d", flags.unreadable_x1d, "The x1d can be read."),
    _flag("no_background", "No background region", flags.no_background, "The header has background boxes."),
    _flag("missing_gti", "Missing GTI", flags.missing_gti, "The file has a GTI extension."),
    _flag("slight_disorder", "Slight disorder", flags.slight_disorder, "Times never run back."),
    _flag(
        "header_mismatch", "Header mismatch", flags.header_mismatch, "EXPTIME, NEVENTS and ROOTNAME fit the content."
    ),
    _flag("outside_good_time", "Events in bad time", flags.outside_good_time, "All events lie in good time."),
    _flag("shortened", "Shortened", flags.shortened, "EXPTIME is at least `minimum_planned_fraction` of PLANTIME."),
    _flag("guiding", "No fine lock", flags.guiding, "FGSLOCK is FINE."),
    _flag("offset_pointing", "Offset pointing", flags.offset_pointing, "The target was in the middle of the aperture."),
    _flag("moving_target", "Moving target", flags.moving_target, "The target does not move."),
    _flag("count_rate", "Count rate", flags.count_rate, "Global rates are positive and below the screening limits."),
    _flag("overflow", "Buffer overflow", flags.overflow, "The on-board buffer did not overflow."),
    _flag("saa_passage", "SAA passage", flags.saa_passage, "The telescope was outside the South Atlantic Anomaly."),
    _flag("occulted", "Occulted target", flags.occulted, "The target was above the Earth's limb all the time."),
    _flag(
        "burst", "Burst", flags.burst, "No bin of the FUV background has `burst_factor` times the mean without chance."
    ),
    _flag("clock_error", "Clock error", flags.clock_error, "The file was not processed while the clock was off."),
    _flag("reader_note", "Reader note", flags.reader_note, "The FITS library had nothing to remark."),
)
