"""``hstlc demo``: everything once, offline, with simulated exposures."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hstlc.cli.options import report_errors

if TYPE_CHECKING:
    from hstlc.config import Settings

__all__ = ["QUESTIONS", "demo"]

_FOUND = """
SELECT m.rootname, m.targname, s.exposure_s, s.total / s.exposure_s, s.interesting, s.peak_period_s
FROM stats s JOIN outputs o ON s.product_id = o.individual_product_id JOIN metadata m ON o.metadata_id = m.id
UNION SELECT '', m.targname, s.exposure_s, s.total / s.exposure_s, s.interesting, s.peak_period_s
FROM stats s JOIN outputs o ON s.product_id = o.composite_product_id JOIN metadata m ON o.metadata_id = m.id"""

QUESTIONS = {
    "Which targets vary?": """
SELECT m.targname, s.reduced_chi2, s.chi2_p, s.peak_period_s, s.false_alarm_probability
FROM stats s JOIN outputs o ON s.product_id = o.individual_product_id JOIN metadata m ON o.metadata_id = m.id
WHERE s.interesting ORDER BY s.chi2_p""",
    "Which vary only when their exposures are put together?": """
SELECT DISTINCT m.targname, s.datasets, s.peak_period_s, s.false_alarm_probability, s.between_chi2_p
FROM stats s JOIN outputs o ON s.product_id = o.composite_product_id JOIN metadata m ON o.metadata_id = m.id
JOIN stats i ON i.product_id = o.individual_product_id
WHERE s.interesting AND NOT i.interesting""",
    "How long was each configuration observed?": """
SELECT instrume, detector, opt_elem, cenwave, COUNT(*) AS exposures, SUM(exptime_s) AS exptime_s
FROM metadata GROUP BY instrume, detector, opt_elem, cenwave ORDER BY exptime_s DESC""",
    "Why were files rejected?": """
SELECT reason, COUNT(*) AS files FROM bad_data GROUP BY reason ORDER BY reason""",
    "What should one know of the good exposures?": """
SELECT f.rootname, f.reason, f.message
FROM finding f JOIN metadata m ON f.mission = m.mission AND f.rootname = m.rootname
ORDER BY f.rootname, f.reason""",
}


@click.command()
@click.argument("folder", required=False, type=click.Path(path_type=Path, file_okay=False))
@click.option("--archive", "from_archive", is_flag=True, help="Poll and fetch them from a stand-in for archives.")
@report_errors
def demo(folder: Path | None, from_archive: bool) -> None:
    """Simulate exposures, ingest and plot them and ask five questions, all below FOLDER.

    FOLDER is by default hstlc-demo, with --archive hstlc-demo-archive. Needs no network and less than two minutes. It
    must be new or from an earlier demo; it is a data tree of its own afterwards. A second run changes nothing.
    """
    if from_archive:
        _demonstrate_archive((folder or Path("hstlc-demo-archive")).resolve())
    else:
        _demonstrate((folder or Path("hstlc-demo")).resolve())


def _demonstrate(folder: Path) -> None:
    """Ingest simulated files."""
    from hstlc.cli.progress import make_progress
    from hstlc.cli.summary import print_summary
    from hstlc.config import load
    from hstlc.pipeline import ingest as pipeline
    from hstlc.pipeline.compose import compose
    from hstlc.pipeline.context import open_store
    from hstlc.pipeline.executor import Workers
    from hstlc.pipeline.plots import make_plots
    from hstlc.pipeline.results import Summary
    from hstlc.pipeline.run import recorded_run
    from hstlc.pipeline.statistics import build_statistics
    from hstlc.testing.cos import bad_files, demo_exposures, write_exposure

    source = _archive(folder)
    click.echo(f"Simulating the files of an archive in {source}")
    for exposure, scene, _ in demo_exposures():
        write_exposure(source, exposure, scene)
    bad_files(source, seed=1)
    click.echo("Ingesting them")
    settings = load(None, {"HSTLC_HOME_DIR": str(folder)})
    summary = Summary()
    with (
        open_store(settings) as context,
        recorded_run(context, "demo", summary),
        make_progress(quiet=False, verbose=True) as progress,
        Workers(settings.num_cores) as workers,
    ):
        pipeline.ingest(context, pipeline.Options((source,), workers), summary, progress)
        compose(context, summary, workers=workers, progress=progress)
        build_statistics(context, summary, workers=workers, progress=progress)
        make_plots(context, summary, workers=workers, progress=progress)
    print_summary(summary)
    _print_comparison(settings)
    _ask(settings, QUESTIONS)
    _print_title("Where to go from here")
    click.echo(f"page to open:    {settings.plot_dir / 'index.html'}")
    click.echo(f"light curves:    {settings.outputs_dir}")
    click.echo(f"rejected files:  {settings.bad_data_dir}")
    click.echo(f'more questions:  HSTLC_HOME_DIR={folder} hstlc db sql "SELECT ..."')
    summary.raise_for_failures()


def _demonstrate_archive(folder: Path) -> None:
    """Poll, fetch and ingest what a stand-in for archives has."""
    from hstlc.cli import demo_archive
    from hstlc.config import load
    from hstlc.errors import UsageError
    from hstlc.store.faults import translated

    mark = folder / demo_archive.MARK
    with translated(folder):
        others = list(folder.iterdir()) if folder.exists() else []
        if others and mark not in others:
            problem = f"{folder} holds {others[0].name}, which is not of a demonstration"
            raise UsageError("usage.not-a-demo", problem, "name a folder that does not exist yet", path=str(folder))
        folder.mkdir(parents=True, exist_ok=True)
        mark.touch()
    summary = demo_archive.show_archive(folder)
    settings = load(None, {"HSTLC_HOME_DIR": str(folder)})
    _ask(settings, demo_archive.QUESTIONS)
    _print_title("Where to go from here")
    click.echo(f"page to open:         {settings.plot_dir / 'index.html'}")
    click.echo(f"replies of archives:  {settings.download_dir}")
    click.echo(f"how it is doing:      HSTLC_HOME_DIR={folder} hstlc status")
    click.echo("with internet:        HSTLC_HOME_DIR=~/hstlc hstlc get GJ436")
    summary.raise_for_failures()


def _ask(settings: Settings, questions: Mapping[str, str]) -> None:
    """Print questions with their answers."""
    from hstlc.cli.summary import print_table
    from hstlc.db.readonly import select

    for number, (question, sql) in enumerate(questions.items(), 1):
        _print_title(f"{number}. {question}")
        click.echo(f"{sql.strip()}\n")
        result = select(settings.db_connection_string, sql)
        print_table(result.columns, result.rows)


def _archive(folder: Path) -> Path:
    """Make the folder of the simulated files; a folder that holds something else is left alone.

    Raises
    ------
    UsageError
        ``usage.not-a-demo``.
    StoreError
    """
    from hstlc.errors import UsageError
    from hstlc.store.faults import translated
    from hstlc.testing.cos import DEMO_EXPECTED

    source = folder / "archive"
    with translated(source):
        others = [path for path in folder.iterdir() if path != source] if folder.exists() else []
        if others and not any(source.glob(f"{DEMO_EXPECTED[0].rootname}_*")):
            raise UsageError(
                "usage.not-a-demo",
                f"{folder} holds {others[0].name}, which is not of a demonstration",
                "name a folder that does not exist yet",
                path=str(folder),
            )
        source.mkdir(parents=True, exist_ok=True)
    return source


def _print_comparison(settings: Settings) -> None:
    """Print what was simulated beside what was found."""
    from hstlc.cli.summary import print_table
    from hstlc.db.readonly import select
    from hstlc.testing.cos import DEMO_COMPOSITE, DEMO_EXPECTED

    found = {row[:2]: row[2:] for row in select(settings.db_connection_string, _FOUND).rows}
    rows = []
    for expected in (*DEMO_EXPECTED, DEMO_COMPOSITE):
        live_s, rate, varies, period_s = found[expected.rootname, expected.targname]
        period = f"{period_s:.1f} s" if expected.period_s else ""
        simulated = f"{expected.period_s:.1f} s" if expected.period_s else ""
        varying = ("yes" if expected.interesting else "no", "yes" if varies else "no")
        rates = (f"{expected.net_rate_ct_s:.2f}", f"{rate:.2f}")
        curve = expected.rootname or "composite"
        rows.append((expected.targname, curve, f"{live_s:.0f} s", *rates, *varying, simulated, period))
    _print_title("What was simulated, and what was found (rates in counts per second)")
    print_table(("target", "light curve", "live time", "rate", "found", "varies", "found", "period", "found"), rows)


def _print_title(text: str) -> None:
    click.echo(f"\n{click.style(text, bold=True)}\n{'=' * len(text)}")
