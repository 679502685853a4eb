"""Each quality check of COS speaks of the exposure made for it, and of no other."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hstlc.checks import first_rejection, run_checks
from hstlc.missions.hst import MISSION
from hstlc.missions.hst.checks import CHECKS
from hstlc.missions.hst.settings import HstSettings
from hstlc.model import Finding, Severity
from hstlc.testing.cos import CosExposure, Scene, edit_file, write_exposure

Edit = Callable[[Path], object]

ROOT = "lsim00aaq"
EVENTS, SPECTRUM = f"{ROOT}_corrtag_a.fits", f"{ROOT}_x1d.fits"

# What makes a light curve impossible or meaningless rejects; what one should know flags.
REJECTING = {
    "unreadable", "missing_keyword", "expflag", "no_events", "nonlinear_time", "singular_event", "bad_proposal",
    "short_exposure", "shutter", "not_science", "lying_header", "no_good_time", "no_region",
}  # fmt: skip
DOCUMENTED = {
    "expflag": "Bad EXPFLAG",
    "nonlinear_time": "Non-linear time",
    "no_events": "No events",
    "singular_event": "Singular event",
    "bad_proposal": "Bad Proposal",
    "short_exposure": "Short Exposure",
}


def _findings(paths: Sequence[Path], settings: Mapping[str, Any] | None = None) -> tuple[Finding, ...]:
    identities = [identity for path in paths if (identity := MISSION.identify(path)) is not None]
    assert len(identities) == len(paths)
    return run_checks(CHECKS, MISSION.load(identities), HstSettings(**(settings or {})))


def _write(folder: Path, *, x1d: bool = True, **changes: Any) -> list[Path]:
    exposure = CosExposure(**{"rootname": ROOT, "exptime_s": 60.0, "seed": 1, **changes})
    return list(write_exposure(folder, exposure, Scene(20.0, 1.0), x1d=x1d).paths)


def _reasons(folder: Path, settings: Mapping[str, Any] | None = None, **changes: Any) -> list[str]:
    return [finding.reason for finding in _findings(_write(folder, **changes), settings)]


def _rows(change: Callable[[Any], Any]) -> Edit:
    """Change the rows of the event list; its header goes on telling the truth about their number."""

    def edit(units: Any) -> None:
        events = units["EVENTS"]
        events.data = change(events.data)
        events.header["NEVENTS"] = events.header["NEVENTSA"] = len(events.data)

    return lambda path: edit_file(path, edit)


def _times(change: Callable[[np.ndarray], np.ndarray]) -> Edit:
    def edit(rows: Any) -> Any:
        rows["TIME"] = change(rows["TIME"])
        return rows

    return _rows(edit)


def _gti(start: float, stop: float) -> Edit:
    def edit(units: Any) -> None:
        units["GTI"].data["START"], units["GTI"].data["STOP"] = start, stop

    return lambda path: edit_file(path, edit)


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:20_000])


def _pad(path: Path) -> None:
    path.write_bytes(path.read_bytes() + bytes(2880))


def _without(extension: str) -> Edit:
    return lambda path: edit_file(path, lambda units: units.pop(extension))


def _silent(start_s: float, stop_s: float) -> Edit:
    """Take the events of a time away."""
    return _rows(lambda rows: rows[(rows["TIME"] <= start_s) | (rows["TIME"] > stop_s)])


def _step_back(by_s: float, every: int = 10**9) -> Edit:
    """Put an event ``by_s`` before the one before it, once or after every so many."""

    def change(time: np.ndarray) -> np.ndarray:
        time = time.copy()
        for i in range(len(time) // 2, len(time), every):
            time[i] = time[i - 1] - by_s
        return time

    return _times(change)


def _timeline(**values: float) -> Edit:
    def edit(units: Any) -> None:
        for name, value in values.items():
            units["TIMELINE"].data[name] = value

    return lambda path: edit_file(path, edit)


def _burst(start_s: float, events: int = 40) -> Edit:
    """Put background events into one second."""

    def change(rows: Any) -> Any:
        rows = rows[:-events].copy()
        late = np.searchsorted(rows["TIME"], start_s)
        more = np.repeat(rows[late : late + 1], events)
        more["YFULL"], more["DQ"] = 367.0, 0
        more["TIME"] = start_s + 0.032 * (1 + np.arange(events) % 30)
        both = np.concatenate([rows, more])
        return both[np.argsort(both["TIME"], kind="stable")]

    return _rows(change)


@dataclass(frozen=True)
class Case:
    """An exposure for one check: how it was taken, what is done to a file, what is left out, what is said."""

    said: str
    changes: Mapping[str, Any] = field(default_factory=dict)
    edit: Edit | None = None
    edited: str = EVENTS
    without: str = ""
    about: str = EVENTS  # the file that the finding names, '' for the exposure
    settings: Mapping[str, Any] = field(default_factory=dict)


G230L = {"detector": "NUV", "opt_elem": "G230L", "cenwave": 2950, "segments": ("A", "B")}


def _header(said: str, about: str = "", **values: object) -> Case:
    return Case(said, {"overrides": values}, about=about)


CASES: dict[str, list[Case]] = {
    "unreadable": [Case("cut short", edit=_cut)],
    "missing_keyword": [
        _header("EXPTIME is None", EVENTS, EXPTIME=None),
        _header("EXPSTART is 'now'", EVENTS, EXPSTART="now"),
    ],
    "expflag": [
        Case("EXPFLAG is 'INTERRUPTED', expected NORMAL", {"expflag": "INTERRUPTED"}),
        Case("EXPFLAG is 'NO DATA'", {"expflag": "NO DATA"}),
        _header("EXPFLAG is ''", EVENTS, EXPFLAG=None),
    ],
    "no_events": [Case("no rows", edit=_rows(lambda rows: rows[:0]))],
    "nonlinear_time": [
        Case("earlier than the one before", edit=_times(lambda time: time[::-1])),
        Case("by up to 1.5", edit=_step_back(1.5)),
        Case("by up to 0.03", edit=_step_back(0.032, every=50)),
        Case("1 of ", edit=_times(lambda time: np.where(np.arange(len(time)) == 7, np.nan, time))),
    ],
    "singular_event": [
        Case("all 1 events", edit=_rows(lambda rows: rows[:1])),
        Case("events have the time 9.9", edit=_times(lambda time: np.full_like(time, 10.0))),
    ],
    "bad_proposal": [Case("proposal 13635", {"proposid": 13635}, about="")],
    "short_exposure": [
        Case("EXPTIME is 0.512 s, at least 1 s", {"exptime_s": 0.5}),
        _header("EXPTIME is 0 s", EVENTS, EXPTIME=0.0),
    ],
    "shutter": [Case("SHUTTER is 'CLOSED'", {"shutter": "Closed "}, about="")],
    "not_science": [
        _header("EXPTYPE is 'WAVECAL'", EXPTYPE="WAVECAL"),
        _header("TARGNAME is 'DARK'", TARGNAME="DARK"),
        _header("ASN_MTYP is 'EXP-GWAVE'", ASN_MTYP="EXP-GWAVE"),
        _header("ASN_MTYP is 'PROD-FP'", ASN_MTYP="PROD-FP"),
    ],
    "lying_header": [
        _header("is before EXPSTART", EVENTS, EXPEND=58000.0),
        _header("outside the 8.6 s", EVENTS, EXPEND=58300.2501),
    ],
    "no_good_time": [Case("are empty", edit=_gti(10.0, 10.0))],
    "no_region": [_header("SP_LOC_A", EVENTS, SP_LOC_A=-999.0)],
    "missing_segment": [Case("segment B is missing", {"segments": ("A", "B")}, without="corrtag_b", about="")],
    "missing_x1d": [Case("the flux is NaN", without="x1d", about="")],
    "missing_reference": [
        _header("FLATCORR is 'OMIT', FLATFILE N/A: events", FLATCORR="OMIT", FLATFILE="N/A"),
        _header("FLUXCORR is 'SKIPPED', FLUXTAB LREF$SIM_PHOT.FITS: the flux", SPECTRUM, FLUXCORR="SKIPPED"),
        _header("FLUXTAB is 'N/A'", SPECTRUM, FLUXTAB="N/A"),
        _header("TDSCORR is 'OMIT'", SPECTRUM, TDSCORR="OMIT"),
    ],
    "missing_timeline": [Case("no TIMELINE", edit=_without("TIMELINE"))],
    "second_order": [Case("stripe C of G230L", G230L, about="")],
    "unreadable_x1d": [Case("the flux is NaN", edit=_cut, edited=SPECTRUM, about=SPECTRUM)],
    "no_background": [_header("nothing is subtracted", EVENTS, B_HGT1_A=0, B_HGT2_A=0)],
    "missing_gti": [Case("no GTI extension", edit=_without("GTI"))],
    "slight_disorder": [
        Case("1 of ", edit=_step_back(0.032)),
        Case("by up to 0.896", edit=_step_back(0.9)),
    ],
    "header_mismatch": [
        _header("NEVENTSA is 5", EVENTS, NEVENTSA=5),
        _header("EXPTIME is 90 s, the good time intervals add to 60.000 s", EVENTS, EXPTIME=90.0),
    ],
    "outside_good_time": [Case("lie outside the good time", edit=_gti(0.032, 59.0))],
    "outside_exposure": [_header("outside the 57.0 s", EVENTS, EXPEND=58300.25 + 57.0 / 86400.0)],
    "interrupted_time": [
        Case(
            "2 good time intervals with 40.0 of 90.0 s; the longest gap is 50.0 s",
            {"gti": ((0.0, 20.0), (70.016, 90.016))},
        ),
    ],
    "silence": [
        Case("no event for 10.0 s of good time from 20.0 s on", edit=_silent(20.0, 30.0)),
        Case("no event for 10.0 s of good time from 0.0 s on", edit=_silent(0.0, 10.0)),
        Case("no event for 10.0 s of good time from 50.0 s on", edit=_silent(50.0, 61.0)),
    ],
    "interrupted": [
        Case("is 'INTERRUPTED', accepted", {"expflag": "INTERRUPTED"}, settings={"accepted_expflags": ("Interrupted",)})
    ],
    "shortened": [_header("EXPTIME is 60 s of 100 s planned", PLANTIME=100.0)],
    "guiding": [Case("FGSLOCK is 'GYROS'", {"fgslock": "GYROS"}, about="")],
    "offset_pointing": [
        _header("POSTARG1 is 0.5 arcsec", POSTARG1=0.5),
        _header("POSTARG2 is -3 arcsec", POSTARG2=-3.0),
        _header("P1_PURPS is 'MOSAIC'", P1_PURPS="MOSAIC"),
        _header("in the frame of POS-TARG", PATTERN1="STIS-PERP-TO-SLIT", P1_FRAME="POS-TARG"),
        Case("APERTURE is 'BOA'", {"aperture": "BOA"}, about=""),
    ],
    "prism": [_header("OPT_ELEM is 'PRISM'", OPT_ELEM="PRISM")],
    "moving_target": [_header("a moving target", MTFLAG="T"), _header("a moving target", MTFLAG=True)],
    "count_rate": [
        _header("GLOBRT_A is 15001 counts/s, expected 0 to 15000", GLOBRT_A=15001.0),
        _header("GLOBRT_A is 0 counts/s", GLOBRT_A=0.0),
        Case("stripe A has ", G230L, about="", settings={"maximum_rate_stripe": 10.0}),
    ],
    "overflow": [_header("OVERFLOW is 3", OVERFLOW=3)],
    "saa_passage": [Case("61 s in the South Atlantic Anomaly", edit=_timeline(LATITUDE=-20.0, LONGITUDE=320.0))],
    "occulted": [Case("behind the Earth's limb", edit=_timeline(TARGET_ALT=-1.0))],
    "daylight": [
        Case(
            "60.0 of 60.0 s of good",
            edit=_timeline(SUN_ALT=50.0),
            about="",
            settings={"maximum_sun_altitude": "20 deg"},
        )
    ],
    "burst": [
        Case("background events from 30 s on", edit=_burst(30.0)),
        _header("TBRST_A is 3.5 s, NBRST_A 120 events", TBRST_A=3.5, NBRST_A=120),
    ],
    "clock_error": [
        Case("MJD 58109.0", {"expstart_mjd": 58108.0, "proctime_mjd": 58109.0}, about=""),
        Case("MJD 58109.0", {"expstart_mjd": 58108.0, "overrides": {"PROCTIME": None, "DATE": "2017-12-22"}}, about=""),
    ],
    "reader_note": [Case("padding", edit=_pad)],
}


@pytest.mark.parametrize(
    ("name", "case"), [pytest.param(name, case, id=f"{name}-{case.said}") for name in CASES for case in CASES[name]]
)
def test_a_check_speaks_of_the_exposure_made_for_it(tmp_path: Path, name: str, case: Case) -> None:
    paths = [path for path in _write(tmp_path, **case.changes) if not case.without or case.without not in path.name]
    if case.edit is not None:
        case.edit(tmp_path / case.edited)
    findings = [finding for finding in _findings(paths, case.settings) if finding.check == name]
    assert findings
    assert case.said in findings[0].message
    assert findings[0].filename == case.about
    assert findings[0].severity is (Severity.REJECT if name in REJECTING else Severity.FLAG)


def test_every_check_has_such_an_exposure() -> None:
    assert CASES.keys() == {check.name for check in CHECKS}


@pytest.mark.parametrize("segments", [("A",), ("A", "B")])
def test_all_are_silent_of_a_good_one(tmp_path: Path, segments: tuple[str, ...]) -> None:
    assert _reasons(tmp_path, segments=segments) == []


def test_the_six_documented_reasons_are_what_they_were() -> None:
    reasons = {check.name: check.reason for check in CHECKS}
    assert {name: reasons[name] for name in DOCUMENTED} == DOCUMENTED


def test_rejecting_checks_come_first_so_that_their_reason_does() -> None:
    severities = [check.severity for check in CHECKS]
    assert severities == sorted(severities, key=lambda severity: severity is Severity.FLAG)


def test_reasons_keep_the_order_of_the_checks(tmp_path: Path) -> None:
    findings = _findings(_write(tmp_path, proposid=13635, expflag="FAILED", shutter="Closed", fgslock="COARSE"))
    assert [finding.check for finding in findings] == ["expflag", "bad_proposal", "shutter", "guiding"]
    first = first_rejection(findings)
    assert first is not None
    assert first.reason == "Bad EXPFLAG"


def test_a_bad_segment_is_named(tmp_path: Path) -> None:
    paths = _write(tmp_path, segments=("A", "B"))
    _rows(lambda rows: rows[:0])(paths[1])
    rejections = [finding for finding in _findings(paths) if finding.severity is Severity.REJECT]
    assert [(finding.reason, finding.filename) for finding in rejections] == [("No events", paths[1].name)]


# --- thresholds


def test_other_flags_can_be_accepted(tmp_path: Path) -> None:
    accepted = {"accepted_expflags": ("NORMAL", "interrupted")}
    assert _reasons(tmp_path, accepted, expflag="INTERRUPTED") == ["Interrupted"]
    assert _reasons(tmp_path, accepted, expflag="FAILED") == ["Bad EXPFLAG"]


def test_the_list_of_proposals_is_a_setting(tmp_path: Path) -> None:
    assert _reasons(tmp_path, {"bad_proposals": ()}, proposid=13635) == []
    assert _reasons(tmp_path, {"bad_proposals": (1, 99999)}) == ["Bad Proposal"]


@pytest.mark.parametrize(
    ("minimum", "reasons"), [("60 s", []), ("1 min", []), ("60.1 s", ["Short Exposure"]), ("2 min", ["Short Exposure"])]
)
def test_the_shortest_exposure_is_a_setting(tmp_path: Path, minimum: str, reasons: list[str]) -> None:
    assert _reasons(tmp_path, {"minimum_exptime": minimum}) == reasons


def test_an_exposure_of_exactly_one_second_is_long_enough(tmp_path: Path) -> None:
    overrides = {"EXPTIME": 1.0}
    assert "Short Exposure" not in _reasons(tmp_path, overrides=overrides)


@pytest.mark.parametrize(
    ("by_s", "settings", "reason"),
    [
        (0.032, {}, "Slight disorder"),
        (0.032, {"strict_time": True}, "Non-linear time"),
        (0.032, {"maximum_step_back": "0.01 s"}, "Non-linear time"),
        (1.1, {}, "Non-linear time"),
        (1.1, {"maximum_step_back": "2 s"}, "Slight disorder"),
    ],
)
def test_how_far_time_may_run_back(tmp_path: Path, by_s: float, settings: dict[str, Any], reason: str) -> None:
    paths = _write(tmp_path)
    _step_back(by_s)(paths[0])
    assert _findings(paths, settings)[0].reason == reason


def test_one_small_step_is_harmless_in_a_short_list_too(tmp_path: Path) -> None:
    paths = _write(tmp_path, exptime_s=2.0)
    _step_back(0.032)(paths[0])
    assert [finding.reason for finding in _findings(paths)] == ["Slight disorder"]


@pytest.mark.parametrize(("part", "reason"), [(1e-3, "Non-linear time"), (0.1, "Slight disorder")])
def test_how_many_events_may_be_out_of_order(tmp_path: Path, part: float, reason: str) -> None:
    paths = _write(tmp_path)
    _step_back(0.032, every=30)(paths[0])
    assert _findings(paths, {"maximum_disorder": part})[0].reason == reason


def test_events_of_one_clock_tick_have_no_order(tmp_path: Path) -> None:
    """The telemetry stamps a few events 125 microseconds early: far below the tick, which holds them all."""
    paths = _write(tmp_path)
    _step_back(0.000125)(paths[0])
    assert _findings(paths) == ()


@pytest.mark.parametrize(("part", "reasons"), [(0.8, ["Shortened"]), (0.6, [])])
def test_how_much_shorter_than_planned_is_a_setting(tmp_path: Path, part: float, reasons: list[str]) -> None:
    assert _reasons(tmp_path, {"minimum_planned_fraction": part}, overrides={"PLANTIME": 100.0}) == reasons


def test_count_rate_limits_are_settings_of_each_detector(tmp_path: Path) -> None:
    nuv = {"detector": "NUV", "opt_elem": "G185M", "cenwave": 1786, "segments": ("A", "B", "C")}
    assert _reasons(tmp_path, {"maximum_rate_fuv": 10.0}) == ["Count rate"]
    assert _reasons(tmp_path, {"maximum_rate_fuv": 10.0}, **nuv) == []
    assert _reasons(tmp_path, {"maximum_rate_nuv": 10.0}, **nuv) == ["Count rate"]


def test_what_a_burst_is_are_settings(tmp_path: Path) -> None:
    paths = _write(tmp_path)
    _burst(30.0)(paths[0])
    assert [finding.reason for finding in _findings(paths)] == ["Burst"]
    assert _findings(paths, {"burst_factor": 100.0}) == ()
    assert _findings(paths, {"burst_probability": 1e-300}) == ()


def test_a_place_that_only_the_spectrum_knows_is_good_enough(tmp_path: Path) -> None:
    paths = _write(tmp_path)
    edit_file(paths[0], lambda units: units["EVENTS"].header.set("SP_LOC_A", -999.0))
    assert _findings(paths) == ()


def test_a_segment_without_events_is_not_missed(tmp_path: Path) -> None:
    assert _reasons(tmp_path, overrides={"NEVENTSB": 0}) == []
    assert _reasons(tmp_path, overrides={"NEVENTSB": 12}) == ["Missing segment"]
