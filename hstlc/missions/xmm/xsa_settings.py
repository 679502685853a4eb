"""The section ``archives.xsa`` of the configuration."""

from __future__ import annotations

import re

from pydantic import Field, field_validator

from hstlc.archives.limits import ArchiveSettings
from hstlc.archives.renaming import Renamed
from hstlc.units import Degrees, Seconds

__all__ = ["XsaSettings"]


class XsaSettings(ArchiveSettings):
    """Addresses, tables and columns of XSA, and what is wanted of it."""

    tap_url: str = Field(
        "https://nxsa.esac.esa.int/tap-server/tap", pattern="^https?://", description="where observations are searched"
    )
    files_url: str = Field(
        "https://nxsa.esac.esa.int/nxsa-sl/servlet/data-action-aio",
        pattern="^https?://",
        description="where files are had from",
    )
    table: str = Field("xsa.v_public_observations", description="table of observations")
    exposure_table: str = Field(
        "xsa.v_exposure", description="table of exposures, which says what was switched on; '' to ask for every list"
    )
    renamed_columns: Renamed = Field(
        (), description="columns that have another name now, such as 'pps_version = pps_vers'"
    )
    instrument_names: Renamed = Field(
        ("PN = EPN", "M1 = EMOS1", "M2 = EMOS2"), description="names of instruments in the table of exposures"
    )
    timing_modes: str = Field(
        "timing|burst|fast", description="part of the names of modes without image; a regular expression"
    )
    products: tuple[str, ...] = Field(
        ("PN PIEVLI", "M1 MIEVLI", "M2 MIEVLI", "EP OBSMLI"),
        description="files that are wanted, by instrument and type; 'PN TIEVLI' are events of timing modes",
    )
    extension: str = Field("FTZ", description="ending of their names")
    refusal_text: str = Field(
        "proprietary rights", min_length=1, description="part of the text that comes instead of a file"
    )
    page_size: int = Field(5000, ge=1, le=100_000, description="observations in one answer")
    count_rows: bool = Field(True, description="count before a walk, to notice answers that are cut without a word")
    overlap_s: Seconds = Field(
        7 * 86400.0, alias="overlap", description="a search begins so long before the latest date that is known"
    )
    radius_deg: Degrees = Field(
        0.25, alias="radius", description="half the width of the field that is seen around a pointing"
    )
    user: str = Field("", repr=False, description="for data that only their owner may have")
    password: str = Field("", repr=False, description="the same")

    @field_validator("products")
    @classmethod
    def _instrument_and_type(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for text in value:
            if not re.fullmatch(r"[A-Z][A-Z0-9] [A-Z0-9_]{6}", text):
                raise ValueError(f"{text!r}: an instrument and a type are wanted, such as 'PN PIEVLI'")
        return value

    @field_validator("timing_modes")
    @classmethod
    def _expression(cls, value: str) -> str:
        try:
            re.compile(value)
        except re.error as error:
            raise ValueError(f"{value!r} is no regular expression: {error}") from None
        return value
