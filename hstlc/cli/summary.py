"""The summary at the end of a run, and tables, as text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from hstlc.pipeline.results import Summary

__all__ = ["print_summary", "print_table"]


def print_summary(summary: Summary) -> None:
    """Print how a run ended."""
    for text in summary.waiting:
        click.echo(f"waiting: {text}")
    for failure in summary.failures:
        click.echo(f"failed: [{failure.code}] {failure.message}")
        if failure.hint:
            click.echo(f"        {failure.hint}")
    exposures = [
        ("ingested", summary.ingested),
        ("updated", summary.updated),
        ("unchanged", summary.unchanged),
        ("rejected", sum(summary.rejected.values())),
        *((f"  {reason}", number) for reason, number in sorted(summary.rejected.items())),
        ("waiting", len(summary.waiting)),
    ]
    products = [
        ("moved", summary.moved),
        ("composites", summary.composites),
        ("statistics", summary.statistics),
        ("plots", summary.plots),
        ("pages", summary.pages),
    ]
    archives = [
        ("datasets", summary.datasets),
        ("products", summary.products),
        ("fetched", summary.fetched),
        ("bytes fetched", summary.bytes_fetched),
    ]
    rows = [
        *(row for row in archives if row[1]),
        *(exposures if summary.files else ()),
        *(row for row in products if row[1] or (summary.files and row[0] != "moved")),
    ]
    rows.append(("failed", len(summary.failures)))
    click.echo(f"{'dry run, nothing written' if summary.dry_run else 'done'}:")
    for name, number in rows:
        click.echo(f"  {name:<24} {number:>7}")
    if summary.files:
        rate = summary.files / max(summary.seconds, 1e-3)
        click.echo(f"  {summary.files} files in {summary.seconds:.1f} s, {rate:.1f} files/s")


def print_table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Print rows in columns wide enough for them; numbers to the right."""
    texts = [[_text(value) for value in row] for row in rows]
    widths = [max([len(name), *(len(row[i]) for row in texts)]) for i, name in enumerate(columns)]
    click.echo("  ".join(name.ljust(width) for name, width in zip(columns, widths, strict=True)).rstrip())
    click.echo("  ".join("-" * width for width in widths))
    for row, source in zip(texts, rows, strict=True):
        cells = (
            text.rjust(width) if isinstance(value, (int, float)) and not isinstance(value, bool) else text.ljust(width)
            for text, width, value in zip(row, widths, source, strict=True)
        )
        click.echo("  ".join(cells).rstrip())


def _text(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.6g}"
    return " ".join(str(value).split())
