"""The quality checks of HST exposures, in the order in which their reasons count."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hstlc.checks import Check
from hstlc.missions.hst.checks import conditions, files, rejections, timing
from hstlc.missions.hst.settings import HstSettings
from hstlc.model import Severity

__all__ = ["CHECKS"]

Question = Callable[[Any, HstSettings], rejections.Found]


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
        "missing_segment",
        "Missing segment",
        files.missing_segment,
        "Both FUV segments are here when both were on and have events.",
    ),
    _flag(
        "missing_x1d", "Missing x1d", files.missing_x1d, "The extracted spectrum is here, which calibrates the flux."
    ),
    _flag("unreadable_x1d", "Unreadable x1d", files.unreadable_x1d, "The x1d can be read."),
    _flag(
        "missing_reference",
        "Missing reference file",
        files.missing_reference,
        "The archive had a reference file for every step of its calibration.",
    ),
    _flag("no_background", "No background region", files.no_background, "The header has background boxes."),
    _flag(
        "second_order",
        "Second order",
        files.second_order,
        "No stripe has light of the second order (stripe C of G230L).",
    ),
    _flag("missing_gti", "Missing GTI", files.missing_gti, "The file has a GTI extension."),
    _flag("missing_timeline", "Missing TIMELINE", files.missing_timeline, "A COS event list has a TIMELINE extension."),
    _flag("slight_disorder", "Slight disorder", timing.slight_disorder, "Times never run back."),
    _flag(
        "header_mismatch",
        "Header mismatch",
        files.header_mismatch,
        "EXPTIME (within `maximum_gti_mismatch`), NEVENTS and ROOTNAME fit the content.",
    ),
    _flag("outside_good_time", "Events in bad time", timing.outside_good_time, "All events lie in good time."),
    _flag(
        "outside_exposure",
        "Events outside exposure",
        timing.outside_exposure,
        "All events lie between EXPSTART and EXPEND, within 1 s.",
    ),
    _flag(
        "interrupted_time",
        "Gaps in good time",
        timing.interrupted_time,
        "At least `minimum_live_fraction` of the time from the start to the end of good time is good.",
    ),
    _flag(
        "silence",
        "Silence",
        timing.silence,
        "Good time without events is not longer than `maximum_silence` and chance allow.",
    ),
    _flag(
        "interrupted",
        "Interrupted",
        conditions.interrupted,
        "EXPFLAG is NORMAL, whatever else `accepted_expflags` has.",
    ),
    _flag(
        "shortened", "Shortened", conditions.shortened, "EXPTIME is at least `minimum_planned_fraction` of PLANTIME."
    ),
    _flag("guiding", "No fine lock", conditions.guiding, "FGSLOCK is FINE."),
    _flag(
        "offset_pointing",
        "Offset pointing",
        conditions.offset_pointing,
        "The target was in the middle of the aperture.",
    ),
    _flag("prism", "Prism", conditions.prism, "The dispersing element is no prism."),
    _flag("moving_target", "Moving target", conditions.moving_target, "The target does not move."),
    _flag(
        "count_rate",
        "Count rate",
        conditions.count_rate,
        "Rates are positive and at most `maximum_rate_fuv` (a segment), `maximum_rate_nuv`,"
        " `maximum_rate_stripe` or `maximum_rate_stis`.",
    ),
    _flag("overflow", "Buffer overflow", conditions.overflow, "The on-board buffer did not overflow."),
    _flag(
        "saa_passage", "SAA passage", conditions.saa_passage, "The telescope was outside the South Atlantic Anomaly."
    ),
    _flag("occulted", "Occulted target", conditions.occulted, "The target was above the Earth's limb all the time."),
    _flag(
        "daylight",
        "Daylight left out",
        conditions.daylight,
        "The Sun was never above `maximum_sun_altitude`, where that is set.",
    ),
    _flag(
        "burst",
        "Burst",
        conditions.burst,
        "No bin of the FUV background has `burst_factor` times the mean without chance, and the"
        " header tells of no burst.",
    ),
    _flag("clock_error", "Clock error", conditions.clock_error, "The file was not processed while the clock was off."),
    _flag("reader_note", "Reader note", files.reader_note, "The FITS library had nothing to remark."),
)
