"""The quality checks of Chandra exposures, in the order in which their reasons count."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hstlc.checks import Check
from hstlc.missions.chandra.checks import files, rejections, sources
from hstlc.missions.chandra.mission_settings import ChandraSettings
from hstlc.model import Severity

__all__ = ["CHECKS"]

Question = Callable[[Any, ChandraSettings], rejections.Found]


def _reject(name: str, reason: str, function: Question, explanation: str) -> Check:
    return Check(name, reason, Severity.REJECT, explanation, function)


def _flag(name: str, reason: str, function: Question, explanation: str) -> Check:
    return Check(name, reason, Severity.FLAG, explanation, function)


CHECKS: tuple[Check, ...] = (
    _reject("unreadable", "Unreadable file", rejections.unreadable, "The event list is whole and can be read."),
    _reject("no_time", "No time column", rejections.no_time, "The event list has times."),
    _reject("no_events", "No events", rejections.no_events, "The event list has rows."),
    _reject("bad_times", "Bad times", rejections.bad_times, "Times are numbers."),
    _reject("no_good_time", "No good time", rejections.no_good_time, "The good times of the chips are not all empty."),
    _reject("no_live_time", "No live time", rejections.no_live_time, "LIVETIME, EXPOSURE and DTCOR are above 0."),
    _reject(
        "lying_header",
        "Lying header",
        rejections.lying_header,
        "At least nine in ten events are within TSTART and TSTOP.",
    ),
    _reject("nothing_left", "No good events", rejections.nothing_left, "Some events are good and in good time."),
    _flag("other_unreadable", "Unreadable companion", files.other_unreadable, "The other files can be read."),
    _flag("missing_gti", "Missing GTI", files.missing_gti, "The event list has good times."),
    _flag("missing_reg3", "Missing reg3", files.missing_reg3, "The event list of a region comes with its reg3."),
    _flag("missing_block", "Missing ellipse", files.missing_block, "The reg3 has the ellipse of the band that is set."),
    _flag("missing_dtf", "Missing dtf1", files.missing_dtf, "HRC comes with its table of dead times."),
    _flag(
        "release_mismatch",
        "Release mismatch",
        files.release_mismatch,
        "Event list and regions are of the same release of the source catalog.",
    ),
    _flag("several_lists", "Several event lists", files.several_lists, "The exposure has one event list."),
    _flag("no_energies", "No energies", files.no_energies, "The event list of ACIS has energies."),
    _flag("no_positions", "No sky coordinates", files.no_positions, "Events have positions on the sky."),
    _flag(
        "header_mismatch",
        "Header mismatch",
        files.header_mismatch,
        "EXPOSURE is the live time of a chip, within one percent and two frames.",
    ),
    _flag("bad_time", "Events in bad time", files.bad_time, "All events lie in the good time of their chip."),
    _flag("grating", "Grating", files.grating, "No grating was in the light: it takes most of it away."),
    _flag("pointing", "Not pointed", files.pointing, "The telescope was pointed."),
    _flag("no_source_events", "No events in region", sources.no_events, "Each source region has events."),
    _flag("extended", "Extended source", sources.extended, "The source is a point: its name does not end in X."),
    _flag("several_chips", "Several CCDs", sources.several_chips, "Each source region lies on one CCD."),
    _flag(
        "near_edge",
        "Near chip edge",
        sources.near_edge,
        "The dither does not take the source region over an edge of its CCD.",
    ),
    _flag(
        "pile_up",
        "Pile-up",
        sources.pile_up,
        "Sources have at most `maximum_counts_per_frame` events a frame.",
    ),
    _flag(
        "dither",
        "Dither",
        sources.dither,
        "Arrivals do not gather at one phase of the dither with less than `dither_probability`.",
    ),
    _flag("no_background", "No background region", sources.no_background, "Each source has a background region."),
)
