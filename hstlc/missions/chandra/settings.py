"""The sections ``archives.csc`` and ``archives.cda`` of the configuration."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from hstlc.archives.limits import ArchiveSettings
from hstlc.archives.renaming import Renamed
from hstlc.units import Degrees, Seconds

__all__ = ["CdaSettings", "CscSettings"]

_PAGE = "rows in one answer"
_COUNT = "count before a walk, to notice answers that are cut without a word"


class CdaSettings(ArchiveSettings):
    """Addresses, table and columns of the Chandra Data Archive, and what is wanted of it."""

    tap_url: str = Field(
        "https://cda.cfa.harvard.edu/cxctap", pattern="^https?://", description="where observations are searched"
    )
    files_url: str = Field(
        "https://cxc.cfa.harvard.edu/cdaftp/byobsid",
        pattern="^https?://",
        description="folder of a folder for each last digit of the numbers of observations",
    )
    folder: str = Field("primary", description="folder of an observation in which files are looked for")
    table: str = Field("cxc.observation", description="table of observations")
    renamed_columns: Renamed = Field(
        (), description="columns that have another name now, such as 'target_name = target'"
    )
    status: str = Field("archived", min_length=1, description="status of observations that have files")
    instruments: tuple[str, ...] = Field(("ACIS", "HRC"), min_length=1, description="instruments that are wanted")
    products: tuple[str, ...] = Field(("evt2",), min_length=1, description="files that are wanted, by their ending")
    ask_sizes: bool = Field(True, description="ask for the size of each file, which the index rounds")
    page_size: int = Field(5000, ge=1, le=100_000, description=_PAGE)
    count_rows: bool = Field(True, description=_COUNT)
    overlap_s: Seconds = Field(
        7 * 86400.0, alias="overlap", description="a search begins so long before the latest date that is known"
    )
    relist_s: Seconds = Field(
        30 * 86400.0, alias="relist", description="files are listed again, as new versions come without notice"
    )
    radius_deg: Degrees = Field(
        0.25, alias="radius", description="half the width of the field that is seen around a pointing"
    )


class CscSettings(ArchiveSettings):
    """Addresses, tables and columns of the Chandra Source Catalog, and what is wanted of it."""

    tap_url: str = Field(
        "https://cda.cfa.harvard.edu/csc21tap", pattern="^https?://", description="where sources are searched"
    )
    cone_url: str = Field(
        "https://cda.cfa.harvard.edu/csc21scs/coneSearch",
        pattern="^https?://",
        description="where sources around a place are searched, with search 'cone'",
    )
    browse_url: str = Field(
        "https://cda.cfa.harvard.edu/csccli/browse", pattern="^https?://", description="where names of files are asked"
    )
    files_url: str = Field(
        "https://cda.cfa.harvard.edu/csccli/retrieveFile", pattern="^https?://", description="where files are had from"
    )
    search: Literal["tap", "cone"] = Field("tap", description="how sources around a place are searched")
    release: str = Field("rel2.1", min_length=1, description="release of the catalog")
    table_schema: str = Field("csc21", min_length=1, description="schema of its tables")
    next_schema: str = Field(
        "csc22", description="schema that tells that there is a newer release; '' to look for none"
    )
    renamed_columns: Renamed = Field((), description="columns that have another name now, such as 'region_id = region'")
    products: tuple[str, ...] = Field(
        ("regevt3", "srcreg"),
        min_length=1,
        description="files that are wanted: regevt3, srcreg, lightcurve, evt3, fov3, aspsol3, badpix3",
    )
    minimum_significance: float = Field(
        0.0, ge=0, description="least significance of sources, where a selection says none"
    )
    name_prefix: str = Field("2CXO", min_length=1, description="begin of the names of sources")
    page_size: int = Field(5000, ge=1, le=100_000, description=_PAGE)
    names_at_once: int = Field(200, ge=1, le=200, description="sources in one question for their observations")
    count_rows: bool = Field(True, description=_COUNT)
