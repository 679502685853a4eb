"""The section ``missions.hst`` of the configuration."""

from pathlib import Path
from typing import Any

import pytest

from hstlc.config import load
from hstlc.errors import UsageError
from hstlc.missions.hst.settings import HstSettings


def _section(home: Path, **environ: str) -> Any:
    named = {f"HSTLC_MISSIONS__HST__{key.upper()}": value for key, value in environ.items()}
    return load(None, {"HSTLC_HOME_DIR": str(home), **named}).missions["hst"]


def test_defaults() -> None:
    settings = HstSettings()
    assert settings.bin_width_s == 2.0
    assert settings.airglow == "hstlc"
    assert settings.accepted_expflags == ("NORMAL",)
    assert settings.bad_proposals == (13635,)
    assert settings.minimum_exptime_s == 1.0
    assert not settings.strict_time


def test_units_are_converted(tmp_path: Path) -> None:
    settings = _section(tmp_path, bin_width="0.5 min", minimum_exptime="5000 ms", fuv_wavelength="130 nm .. 0.15 um")
    assert settings.bin_width_s == 30.0
    assert settings.minimum_exptime_s == 5.0
    assert settings.fuv_wavelength_aa == pytest.approx((1300.0, 1500.0))


def test_lists_are_json_in_the_environment(tmp_path: Path) -> None:
    settings = _section(tmp_path, accepted_expflags='["NORMAL", "INTERRUPTED"]', bad_proposals="[1, 2]")
    assert settings.accepted_expflags == ("NORMAL", "INTERRUPTED")
    assert settings.bad_proposals == (1, 2)


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("bin_width", "2", "2 s"),
        ("bin_width", "2 m", "'s'"),
        ("bin_width", "0 s", "positive"),
        ("bin_width", "-1 s", "positive"),
        ("bin_width", "inf s", "'2 s'"),
        ("fuv_wavelength", "1300 Angstrom", "range"),
        ("fuv_wavelength", "1400 Angstrom .. 1300 Angstrom", "empty"),
        ("fuv_wavelength", "1 s .. 2 s", "Angstrom"),
        ("airglow", "much", "hstlc"),
        ("minimum_fraction", "1.1", "1"),
        ("maximum_disorder", "-0.1", "0"),
        ("bad_proposals", '["A"]', "integer"),
        ("strict_time", "perhaps", "boolean"),
        ("maximum_rate_fuv", "0", "greater than 0"),
    ],
)
def test_wrong_values_name_key_and_cure(tmp_path: Path, key: str, value: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        _section(tmp_path, **{key: value})
    error = caught.value
    assert error.code == "usage.bad-value"
    assert f"missions.hst.{key}" in error.message
    assert f"HSTLC_MISSIONS__HST__{key.upper()}" in error.message + error.hint
    assert said in error.message


@pytest.mark.parametrize(("wrong", "right"), [("bin_widht", "bin_width"), ("bin_width_s", "bin_width")])
def test_unknown_keys_have_a_suggestion(tmp_path: Path, wrong: str, right: str) -> None:
    with pytest.raises(UsageError) as caught:
        _section(tmp_path, **{wrong: "2 s"})
    assert caught.value.code == "usage.unknown-key"
    assert caught.value.hint == f"did you mean {right}?"
