"""The checks of STIS exposures: those that COS has too, and those that ask about its own keywords."""

from pathlib import Path
from typing import Any

import pytest

from hstlc.checks import first_rejection, run_checks
from hstlc.missions.hst.checks import CHECKS
from hstlc.missions.hst.identify import identify
from hstlc.missions.hst.settings import HstSettings
from hstlc.missions.hst.stis_read import load_stis
from hstlc.model import Finding
from hstlc.testing.stis import Scene, StisExposure, write_exposure

SCENE = Scene(rate_ct_s=100.0, background_ct_s=10.0)


def _write(folder: Path, **changes: Any) -> list[Path]:
    return list(write_exposure(folder, StisExposure(**{"exptime_s": 30.0, **changes}), SCENE).paths)


def _found(paths: list[Path], **settings: Any) -> tuple[Finding, ...]:
    files = [identity for path in paths if (identity := identify(path)) is not None]
    assert len(files) == len(paths)
    return run_checks(CHECKS, load_stis(files), HstSettings(**settings))


@pytest.mark.parametrize(
    "changes",
    [{}, {"opt_elem": "E140M"}, {"imsets": 2}, {"gti": ((0.0, 10.0), (14.0, 30.0))}],
    ids=["first order", "echelle", "two imsets", "gap"],
)
def test_all_are_silent_of_a_good_one(tmp_path: Path, changes: dict[str, Any]) -> None:
    if changes.get("opt_elem") == "E140M":
        changes = {**changes, "cenwave": 1425}
    assert _found(_write(tmp_path, **changes)) == ()


def test_nothing_of_cos_alone_is_asked(tmp_path: Path) -> None:
    """No segment, TIMELINE, box or burst is missed where the instrument has none."""
    (tag, _) = _write(tmp_path)
    findings = _found([tag], maximum_sun_altitude="-90 deg")
    assert [finding.check for finding in findings] == ["missing_x1d"]
    assert "the whole detector is summed" in findings[0].message


def test_an_event_that_is_a_little_early_is_flagged(tmp_path: Path) -> None:
    findings = _found(_write(tmp_path, steps_back=1))
    assert [finding.reason for finding in findings] == ["Slight disorder"]
    assert "by up to 0.000125 s" in findings[0].message
    assert first_rejection(findings) is None


def test_strict_order_rejects_them_as_hstlc_did_in_2016(tmp_path: Path) -> None:
    findings = _found(_write(tmp_path, steps_back=1), strict_time=True)
    assert findings[0].reason == "Non-linear time"


@pytest.mark.parametrize(
    ("changes", "reasons"),
    [
        ({"GLOBRATE": 30001.0}, ["Count rate"]),
        ({"GLOBRATE": 29999.0}, []),
        ({"GLOBRATE": 0.0}, ["Count rate"]),
        ({"POSTARG2": 0.5}, ["Offset pointing"]),
        ({"POSTARG2": 0.5, "P1_PURPS": "DITHER"}, []),
        ({"POSTARG1": 0.5, "P1_PURPS": "DITHER"}, ["Offset pointing"]),
        ({"P1_PURPS": "MOSAIC"}, ["Offset pointing"]),
        ({"PATTERN1": "STIS-PERP-TO-SLIT", "P1_FRAME": "POS-TARG"}, ["Offset pointing"]),
        ({"PATTERN1": "STIS-PERP-TO-SLIT", "P1_FRAME": "CELESTIAL"}, []),
        ({"PATTERN1": "STIS-ALONG-SLIT", "P1_FRAME": "POS-TARG"}, []),
        ({"OPT_ELEM": "PRISM"}, ["Prism"]),
        ({"MTFLAG": "T"}, ["Moving target"]),
        ({"FLUXCORR": "OMIT", "PHOTTAB": "N/A"}, ["Missing reference file"]),
        ({"SCLAMP": "LINE"}, ["Not science"]),
        ({"ASN_MTYP": "AUTO-WAVECAL"}, ["Not science"]),
        ({"OVERFLOW": 2}, ["Buffer overflow"]),
        ({"EXPEND": 58300.25 + 28.0 / 86400.0}, ["Events outside exposure"]),
        ({"EXPTIME": 33.0, "TEXPTIME": 33.0}, ["Header mismatch"]),
    ],
)
def test_what_the_header_of_one_says(tmp_path: Path, changes: dict[str, Any], reasons: list[str]) -> None:
    assert [finding.reason for finding in _found(_write(tmp_path, overrides=changes))] == reasons


def test_the_limit_of_the_count_rate_is_a_setting_of_its_own(tmp_path: Path) -> None:
    paths = _write(tmp_path)
    assert [f.reason for f in _found(paths, maximum_rate_stis=10.0)] == ["Count rate"]
    assert _found(paths, maximum_rate_fuv=10.0, maximum_rate_nuv=10.0, maximum_rate_stripe=10.0) == ()


def test_an_exposure_without_exposure_time_is_rejected_with_all_its_events(real_data: Path) -> None:
    findings = _found([real_data / "hst" / "odlm18040_tag.fits.gz"])
    first = first_rejection(findings)
    assert first is not None
    assert first.reason == "Short Exposure"
    assert [f.message for f in findings if f.check == "outside_good_time"] == [
        "162916 of 162916 events lie outside the good time intervals and are left out"
    ]
