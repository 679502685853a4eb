"""What rows and questions cost: writing in batches beside the original's way, and answers from a million light curves.

``python -m scripts.benchmarks.database [--quick]`` prints the table.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from sqlalchemy import Engine

from hstlc.config import Settings
from hstlc.db import light_curves, records
from hstlc.db.engine import make_engine, reading, writing
from hstlc.db.exposures import save_exposures
from hstlc.db.migrate import ensure_schema
from hstlc.testing.databases import KINDS, fresh_database
from scripts.benchmarks.database_fill import fill
from scripts.benchmarks.database_peer import make_tables, write_exposure
from scripts.benchmarks.database_questions import QUESTIONS, ask
from scripts.benchmarks.database_rows import exposure_rows, statistics_row
from scripts.benchmarks.table import Row, markdown

__all__ = ["main", "rows"]

EXPOSURES, CURVES, PEER_EXPOSURES = 100_000, 1_000_000, 200
WANTED_RATIO = 60


def rows(*, quick: bool = False) -> list[Row]:
    """Return the figures of both databases; ``quick`` takes a twentieth of the rows."""
    share = 20 if quick else 1
    found: list[Row] = []
    for kind in KINDS:
        found.append(_writing(kind, EXPOSURES // share, PEER_EXPOSURES // (4 if quick else 1)))
        found += _asking(kind, CURVES // share)
    return found


@contextmanager
def _database(kind: str) -> Iterator[tuple[Engine, str, Path]]:
    with tempfile.TemporaryDirectory(prefix="hstlc-benchmark-") as name, fresh_database(kind, Path(name)) as url:
        engine = make_engine(url)
        ensure_schema(engine)
        yield engine, url, Path(name)
        engine.dispose()


def _writing(kind: str, exposures: int, peer_exposures: int) -> Row:
    """Time writing an exposure our way and the original's; the original's exposures lie between our batches."""
    batch: int = Settings.model_fields["commit_batch"].default
    step = max(exposures // batch // peer_exposures, 1)
    theirs: list[float] = []
    ours: list[float] = []
    with _database(kind) as (engine, _, folder), fresh_database(kind, _subfolder(folder)) as peer_url:
        make_tables(peer_url)
        for number in range(0, exposures, batch):
            ours.append(_write_batch(engine, range(number, min(number + batch, exposures))))
            if number // batch % step == 0 and len(theirs) < peer_exposures:
                started = time.perf_counter()
                write_exposure(peer_url, number)
                theirs.append(time.perf_counter() - started)
    each, total = median(ours) / batch, sum(ours)
    ratio = median(theirs) / each
    return Row(
        f"rows of an exposure, {kind}, {exposures:,} in batches of {batch}",
        f"{1e6 * each:.0f} us ({total:.1f} s for all)",
        f"{1e3 * median(theirs):.1f} ms",
        f"{ratio:.0f}",
        f"at least {WANTED_RATIO} times faster",
        ratio >= WANTED_RATIO,
        "SQLAlchemy's work for a statement, commits" if kind == "sqlite" else "values made into SQL, SQLAlchemy's work",
    )


def _subfolder(folder: Path) -> Path:
    (folder / "peer").mkdir()
    return folder / "peer"


def _write_batch(engine: Engine, numbers: range) -> float:
    """Return how long metadata, files, products, outputs, findings and then statistics of some exposures take."""
    exposures = [exposure_rows(number) for number in numbers]
    statistics = [statistics_row(number) for number in numbers]
    started = time.perf_counter()
    with writing(engine) as connection:
        save_exposures(connection, exposures)
    taken = time.perf_counter() - started
    with reading(engine) as connection:
        keys = [records.product_key(one.mission, one.rootname) for one in exposures]
        products = records.products_of(connection, keys)
    described = [{**row, "product_id": products[key]["id"]} for key, row in zip(keys, statistics, strict=True)]
    started = time.perf_counter()
    with writing(engine) as connection:
        light_curves.save_statistics(connection, described)
    return taken + time.perf_counter() - started


def _asking(kind: str, curves: int) -> list[Row]:
    found = []
    with _database(kind) as (engine, _, _):
        fill(engine, curves)
        for question in QUESTIONS:
            taken, number = ask(engine, question)
            found.append(
                Row(
                    f"{question.name}, {kind}, {curves:,} statistics",
                    f"{taken:.2f} ms ({number:,} rows)",
                    goal=f"at most {question.limit_ms:.0f} ms",
                    reached=taken <= question.limit_ms,
                )
            )
    return found


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="What rows and questions cost, on SQLite and PostgreSQL.")
    parser.add_argument("--quick", action="store_true", help="a twentieth of the rows")
    print(markdown(rows(quick=parser.parse_args().quick)))


if __name__ == "__main__":
    main()
