"""The section ``web`` of the configuration: pages and interfaces."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from hstlc.units import Bytes, Seconds

__all__ = ["WebSection"]


class WebSection(BaseModel):
    """The section ``web``."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=False)

    host: str = Field("127.0.0.1", description="address to listen at; 127.0.0.1: this machine alone can ask")
    port: int = Field(8000, ge=0, le=65535, description="port to listen at; 0: any that is free")
    workers: int = Field(1, ge=1, le=64, description="processes that answer")
    base_url: str = Field(
        "",
        pattern=r"^(https?://\S+[^/])?$",
        description="address under which others reach it, such as https://curves.example.org; '': as they asked",
    )
    rows: int = Field(50, ge=1, le=1000, description="rows of a page of a table")
    most_rows: int = Field(100_000, ge=1, description="most rows of one answer for programs")
    query_timeout_s: Seconds = Field(10.0, alias="query_timeout", description="longest time of a query of a page")
    rebin_workers: int = Field(1, ge=1, le=64, description="processes that make light curves in other bins")
    rebin_timeout_s: Seconds = Field(60.0, alias="rebin_timeout", description="longest time that making one may take")
    rebin_cache_bytes: Bytes = Field(
        150 * 10**6, alias="rebin_cache", description="events that each of these processes keeps in memory"
    )
    most_bins: int = Field(200_000, ge=10, description="most bins of a light curve that is shown")
    sql_rows: int = Field(100_000, ge=1, description="most rows of an answer to SQL of a user's own")
    sql_timeout_s: Seconds = Field(30.0, alias="sql_timeout", description="longest time that such a statement may take")
    sql_bytes: Bytes = Field(50 * 10**6, alias="sql_size", description="largest answer to such a statement")
    sql_at_once: int = Field(4, ge=1, le=64, description="such statements that a process runs at the same time")
    sql_of_user: int = Field(2, ge=1, le=64, description="of these, of one user")
    requests_queued: int = Field(20, ge=1, description="pieces of work that a user may have asked for and that wait")
    requests_per_second: float = Field(
        50.0, ge=0, description="requests that one client may send in the long run; 0: any number"
    )
    requests_at_once: int = Field(200, ge=1, description="requests that one client may send at once")
    largest_request_bytes: Bytes = Field(100_000, alias="largest_request", description="longest body of a request")
    largest_head_bytes: Bytes = Field(
        32_000, alias="largest_head", description="longest head of a request: its address and headers"
    )
    connections: int = Field(1000, ge=1, description="connections that each process serves at the same time")
    proxies: str = Field(
        "",
        max_length=2000,
        description="addresses of servers before this one, with commas, whose X-Forwarded-For is believed; '': none",
    )
    longest_address: int = Field(8000, ge=100, description="most characters of an address with its parameters")
    idle_s: Seconds = Field(15.0, alias="idle", description="a client that sends nothing for so long is cut off")
    session_s: Seconds = Field(12 * 3600.0, alias="session", description="how long a browser stays signed in")
