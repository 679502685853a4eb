"""``hstlc status``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from hstlc.cli.options import as_json, command_options, load_settings, print_json

__all__ = ["status"]

_WIDTH = 100


@click.command()
@click.option("--check", is_flag=True, help="Exit code 4 when the daemon is not alive or an error is open.")
@as_json
@command_options
def status(check: bool, json_output: bool, config: Path | None) -> None:
    """Show how the daemon is doing: its jobs, what waits, what failed and why, disks, notices.

    Times are UTC. Works without a running daemon, and says what it can without a database.
    """
    from hstlc.scheduler.status import gather, raise_for_trouble

    found = gather(load_settings(config), datetime.now(UTC))
    if json_output:
        print_json(found)
    else:
        for line in lines(found):
            click.echo(line)
    if check:
        raise_for_trouble(found)


def lines(found: Mapping[str, Any]) -> list[str]:
    """Return the status as lines of at most 100 characters, but for names that are longer."""
    now = found["at"]
    return [
        _cut(f"database  {found['database']}"),
        *([f"          {found['database_error']}"] if found["database_error"] else []),
        f"daemon    {_daemon(found['daemon'], now)}",
        *_section("jobs", ("job", "last run", "result", "next run", "says"), [_job(job, now) for job in found["jobs"]]),
        *_waiting(found),
        *_section(
            "not fetched",
            ("source", "state", "files", "why"),
            [
                (
                    row["source"],
                    row["state"],
                    row["products"],
                    f"[{row['code'] or '-'}] {row['message'] or row['name']}",
                )
                for row in found["failed_products"]
            ],
        ),
        *_section(
            "runs that failed",
            ("command", "began", "why"),
            [(run["command"], _ago(run["started_at"], now), run["message"]) for run in found["failed_runs"]],
        ),
        *_section(
            "notices",
            ("severity", "since", "times", "message"),
            [(n["severity"], _ago(n["first_at"], now), n["count"], n["message"]) for n in found["notices"]],
        ),
        *_section(
            "disks",
            ("free", "of", "enough", "folders"),
            [
                (
                    _size(disk["free_bytes"]),
                    _size(disk["total_bytes"]),
                    "yes" if disk["enough"] else f"NO, below {_size(disk['min_free_space'])}",
                    ", ".join(_outermost(disk["folders"])),
                )
                for disk in found["disks"]
            ],
        ),
    ]


def _daemon(daemon: Mapping[str, Any], now: datetime) -> str:
    state = daemon["state"]
    if state in ("alive", "silent"):
        beat = f"heard of {_ago(daemon['heartbeat'], now)}, leads since {_time(daemon['since'])}"
        return f"{state}: {daemon['owner']}, {beat} (epoch {daemon['epoch']})"
    if state == "unknown":
        return f"unknown: process {daemon.get('pid')} on {daemon.get('host')} wrote at {daemon.get('heartbeat')}"
    return f"none; the last one ended {_ago(daemon['ended_at'], now)}" if "ended_at" in daemon else "none"


def _job(job: Mapping[str, Any], now: datetime) -> tuple[Any, ...]:
    result = "running" if job["running"] else job["status"] or "-"
    if job["failures"] > 1:
        result = f"{result} x{job['failures']}"
    due = "-" if job["next_at"] is None else _ago(job["next_at"], now)
    last = "never" if job["started_at"] is None else _ago(job["started_at"], now)
    return job["name"], last, result, "-" if job["running"] else due, job["message"]


def _waiting(found: Mapping[str, Any]) -> list[str]:
    rows = [(row["source"], row["state"], row["products"], _size(row["bytes"])) for row in found["products"]]
    number = found["ingest_files"]
    files = f"{number} file{' waits' if number == 1 else 's wait'} in the ingest folder"
    return ["", files, *_section("products of archives", ("source", "state", "files", "size"), rows)]


def _section(title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[str]:
    """Return a table below its title, the last column cut to the width; nothing where there are no rows."""
    if not rows:
        return []
    texts = [[" ".join(str(value).split()) for value in row] for row in rows]
    widths = [max(len(name), *(len(row[i]) for row in texts)) for i, name in enumerate(columns[:-1])]
    table = [columns, *texts]
    aligned = ("  ".join([*(cell.ljust(w) for cell, w in zip(row, widths, strict=False)), row[-1]]) for row in table)
    return ["", f"{title}:", *(_cut(f"  {line}".rstrip()) for line in aligned)]


def _outermost(folders: Sequence[str]) -> list[str]:
    """Return the folders that are inside no other one."""
    return [one for one in folders if not any(Path(one).is_relative_to(o) for o in folders if o != one)]


def _cut(line: str) -> str:
    return line if len(line) <= _WIDTH else f"{line[: _WIDTH - 3]}..."


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M")


def _ago(moment: datetime, now: datetime) -> str:
    """Return how far a moment is, in the largest unit that fits.

    Examples
    --------
    >>> _ago(datetime(2026, 1, 1, 11, 57, tzinfo=UTC), datetime(2026, 1, 1, 12, tzinfo=UTC))
    '3 min ago'
    """
    seconds = (moment - now).total_seconds()
    number, unit = abs(seconds), "s"
    for longer, length in (("min", 60.0), ("h", 60.0), ("d", 24.0)):
        if number < 2 * length:
            break
        number, unit = number / length, longer
    return f"{number:.0f} {unit} ago" if seconds < 0 else f"in {number:.0f} {unit}"


def _size(number: int) -> str:
    value = float(number)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.0f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"
