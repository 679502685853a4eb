"""``hstlc demo``: everything once, offline, with simulated exposures."""

from __future__ import annotations

from pathlib import Path

import click

from hstlc.cli.options import report_errors

__all__ = ["QUESTIONS", "demo"]

QUESTIONS = {
    "Which targets vary?": """
SELECT m.targname, s.reduced_chi2, s.chi2_p, s.peak_period_s, s.false_alarm_probability
FROM stats s JOIN outputs o ON s.product_id = o.individual_product_id JOIN metadata m ON o.metadata_id = m.id
WHERE s.interesting ORDER BY s.chi2_p""",
    "Which have a period by the documented rule?": """
SELECT m.targname, s.poisson_factor
FROM stats s JOIN outputs o ON s.lightcurve_filename = o.individual_filename JOIN metadata m ON o.metadata_id = m.id
WHERE s.periodogram""",
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
@click.argument("folder", default="hstlc-demo", type=click.Path(path_type=Path, file_okay=False))
@report_errors
def demo(folder: Path) -> None:
    """Simulate exposures, ingest them and ask five questions, all below FOLDER (default: hstlc-demo).

    Needs no network and less than two minutes. FOLDER is a data tree of its own afterwards; a second run adds nothing.
    """
    from hstlc.cli.progress import make_progress
    from hstlc.cli.summary import print_summary, print_table
    from hstlc.config import load
    from hstlc.db.readonly import select
    from hstlc.pipeline import ingest as pipeline
    from hstlc.pipeline.context import open_store
    from hstlc.pipeline.results import Summary
    from hstlc.pipeline.run import recorded_run
    from hstlc.pipeline.statistics import build_statistics
    from hstlc.testing.cos import bad_files, demo_exposures, write_exposure

    folder = folder.resolve()
    source = folder / "archive"
    source.mkdir(parents=True, exist_ok=True)
    click.echo(f"Simulating exposures in {source}")
    for exposure, scene, _ in demo_exposures():
        write_exposure(source, exposure, scene)
    bad_files(source, seed=1)
    settings = load(None, {"HSTLC_HOME_DIR": str(folder)})
    summary = Summary()
    with (
        open_store(settings) as context,
        recorded_run(context, "demo", summary),
        make_progress(quiet=False, verbose=True) as progress,
    ):
        pipeline.ingest(context, pipeline.Options((source,), settings.num_cores), summary, progress)
        build_statistics(context, summary, workers=settings.num_cores, progress=progress)
    print_summary(summary)
    for question, sql in QUESTIONS.items():
        click.echo(f"\n{question}\n{sql}\n")
        result = select(settings.db_connection_string, sql)
        print_table(result.columns, result.rows)
    click.echo(f"\nThe data tree is {folder}: light curves in outputs/, rejected files in bad_data/.")
    click.echo(f'Ask more with: HSTLC_HOME_DIR={folder} hstlc db sql "SELECT ..."')
    summary.raise_for_failures()
