"""How patient and how polite a client is: the sections ``network`` and ``downloads`` of the configuration."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from hstlc.logs import redact
from hstlc.units import Bytes, Rate, Seconds

__all__ = ["ArchiveSettings", "DownloadSettings", "NetworkSettings"]


class NetworkSettings(BaseModel):
    """The section ``network``: time-outs, retries and pauses of every request to an archive."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=False)

    contact: str = Field("", description="mail address or page that archives see in the user agent")
    connect_timeout_s: Seconds = Field(10.0, alias="connect_timeout", description="longest wait for a connection")
    answer_timeout_s: Seconds = Field(300.0, alias="answer_timeout", description="longest wait for the first byte")
    read_timeout_s: Seconds = Field(60.0, alias="read_timeout", description="longest silence within an answer")
    query_deadline_s: Seconds = Field(600.0, alias="query_deadline", description="longest time of one try of a query")
    longest_answer: Bytes = Field(200_000_000, description="a query with a longer answer is refused")
    tries: int = Field(6, ge=1, le=20, description="how often something is asked for in one run")
    backoff_s: Seconds = Field(
        5.0, alias="backoff", description="the wait before the n-th try is random, up to 2^(n-2) times this"
    )
    longest_backoff_s: Seconds = Field(900.0, alias="longest_backoff", description="upper limit of that wait")
    longest_retry_after_s: Seconds = Field(
        21600.0, alias="longest_retry_after", description="upper limit of the pause that a host may ask for"
    )
    failures_to_pause: int = Field(5, ge=1, description="failures of a host in a row after which it is left alone")
    pause_s: Seconds = Field(900.0, alias="pause", description="for how long; then one request may try")


class DownloadSettings(BaseModel):
    """The section ``downloads``: limits of single files and of a day, and what is kept."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=False)

    deadline_s: Seconds = Field(600.0, alias="deadline", description="longest time of one file, whatever its size")
    deadline_rate: Rate = Field(100_000, description="to which is added its size over this")
    minimum_rate: Rate = Field(1000, description="a slower download is ended and taken up again")
    minimum_rate_time_s: Seconds = Field(60.0, alias="minimum_rate_time", description="time the rate is measured over")
    unknown_size: Bytes = Field(2 * 10**9, description="room to keep free for a file of unknown size")
    daily_bytes: Bytes = Field(0, description="most that is fetched in 24 hours, '0 B' for no limit")
    give_up_after_s: Seconds = Field(
        14 * 86400.0, alias="give_up_after", description="how long a product that fails is asked for again"
    )
    retry_after_s: Seconds = Field(
        3600.0, alias="retry_after", description="wait before it is, doubled each time up to three days"
    )
    keep_replies_s: Seconds = Field(30 * 86400.0, alias="keep_replies", description="how long answers are kept")


class ArchiveSettings(BaseModel):
    """What the section of every archive has, ``archives.<name>``."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=False)

    enabled: bool = Field(False, description="asked by the daemon, and by commands that name no source")
    concurrency: int = Field(2, ge=1, le=8, description="requests at once")
    spacing_s: Seconds = Field(0.5, alias="spacing", description="least time from the start of a request to the next")
    redirect_hosts: tuple[str, ...] = Field(
        (), description="further hosts to which its answers may lead; '.example.org' stands for all below it"
    )

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        """Yield what ``repr`` shows, addresses without passwords."""
        for name, value in super().__repr_args__():
            yield name, redact(value) if isinstance(value, str) else value
