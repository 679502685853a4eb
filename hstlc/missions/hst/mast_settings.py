"""The section ``archives.mast`` of the configuration."""

from __future__ import annotations

from pydantic import Field

from hstlc.archives.limits import ArchiveSettings
from hstlc.archives.renaming import Renamed
from hstlc.units import Seconds

__all__ = ["MastSettings"]


class MastSettings(ArchiveSettings):
    """Addresses and columns of the mission search, and what is wanted of it."""

    enabled: bool = Field(True, description="asked by the daemon, and by commands that name no source")
    redirect_hosts: tuple[str, ...] = Field(
        (".stsci.edu",),
        description="further hosts to which its answers may lead; '.example.org' stands for all below it",
    )
    url: str = Field("https://mast.stsci.edu", pattern="^https?://", description="address that the paths are added to")
    search_path: str = Field("search/hst/api/v0.1/search", description="where datasets are searched; or a whole URL")
    columns_path: str = Field(
        "search/util/api/v0.1/column_list?mission=hst", description="where the columns are listed; or a whole URL"
    )
    products_path: str = Field(
        "search/hst/api/v0.1/post_list_products", description="where files of datasets are listed; or a whole URL"
    )
    retrieve_path: str = Field(
        "search/hst/api/v0.1/retrieve_product", description="where files are had from; or a whole URL"
    )
    instruments: tuple[str, ...] = Field(("COS", "STIS"), min_length=1, description="instruments that are asked for")
    operating_mode: str = Field("TIME-TAG", min_length=1, description="mode of the exposures that are asked for")
    excluded_targets: tuple[str, ...] = Field(
        ("DARK", "BIAS", "DEUTERIUM", "WAVE", "ANY", "NONE"), description="targets that are none"
    )
    suffixes: tuple[str, ...] = Field(
        ("TAG", "CORRTAG", "CORRTAG_A", "CORRTAG_B", "X1D", "ASN"),
        description="files that are listed; those of ASN say what belongs together and are not kept",
    )
    member_types: tuple[str, ...] = Field(
        ("EXP-FP", "SCIENCE"), description="members of associations that are wanted, by MEMTYPE and ASN_MTYP"
    )
    page_size: int = Field(2000, ge=1, le=50_000, description="datasets in one answer")
    overlap_s: Seconds = Field(
        3 * 86400.0, alias="overlap", description="a search begins so long before the latest date that is known"
    )
    renamed_columns: Renamed = Field(
        (), description="columns that have another name now, such as 'sci_targname = sci_target'"
    )
    token: str = Field(
        "", repr=False, description="for data that only their owner may have; sent to the host of the search alone"
    )
