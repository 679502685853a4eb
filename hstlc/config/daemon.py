"""The section ``daemon`` of the configuration: what is done how often."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from hstlc.units import Seconds

__all__ = ["DaemonSection"]

_HOUR, _DAY = 3600.0, 86400.0


class DaemonSection(BaseModel):
    """The section ``daemon``; times are in seconds."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=False)

    poll_s: Seconds = Field(_DAY, alias="poll", description="archives are asked for what is new, once in this time")
    reconcile_s: Seconds = Field(
        7 * _DAY, alias="reconcile", description="everything they have is compared with what is known"
    )
    fetch_s: Seconds = Field(600.0, alias="fetch", description="what is due is downloaded")
    ingest_s: Seconds = Field(600.0, alias="ingest", description="new files are taken in")
    compose_s: Seconds = Field(_HOUR, alias="compose", description="composites are made")
    build_stats_s: Seconds = Field(_HOUR, alias="build_stats", description="statistics are made")
    make_plots_s: Seconds = Field(_HOUR, alias="make_plots", description="plots and pages are made")
    sweep_s: Seconds = Field(
        _DAY, alias="sweep", description="files are compared with rows, old replies, logs and attempts deleted"
    )
    back_up_s: Seconds = Field(_DAY, alias="back_up", description="an SQLite database is copied")
    requests_s: Seconds = Field(5.0, alias="requests", description="the daemon looks for what users asked for")
    jitter: float = Field(0.1, ge=0, le=0.5, description="each of these times is longer or shorter by up to this part")
    quiet_hours: str = Field(
        "",
        pattern=r"^((([01]\d|2[0-3]):[0-5]\d)-(([01]\d|2[0-3]):[0-5]\d))?$",
        description="UTC, such as '07:00-09:30', without poll and fetch",
    )
    lease_s: Seconds = Field(
        60.0, alias="lease", description="a daemon that is silent for so long is taken for dead, and another takes over"
    )
    stop_within_s: Seconds = Field(
        25.0, alias="stop_within", description="time that work under way has to end after SIGTERM"
    )
    fetch_limit: int = Field(500, ge=1, description="most products in one run of the fetch job")
    back_ups: int = Field(7, ge=1, description="copies of the database that are kept")
    keep_logs_s: Seconds = Field(90 * _DAY, alias="keep_logs", description="how long log files are kept")
    keep_attempts_s: Seconds = Field(
        180 * _DAY, alias="keep_attempts", description="how long rows of downloads, walks and runs are kept"
    )
    keep_audit_s: Seconds = Field(
        400 * _DAY, alias="keep_audit", description="how long it is kept who signed in, asked for work or sent SQL"
    )
    notice_command: tuple[str, ...] = Field(
        (), description="command and arguments that get every new notice as JSON on standard input"
    )
