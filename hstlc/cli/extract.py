"""``hstlc extract``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hstlc.cli.options import as_json, command_options, load_settings, print_json, talkative

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hstlc.pipeline.extraction import ExposureCurves
    from hstlc.pipeline.results import Failure

__all__ = ["extract"]

_TITLES = ("exposure", "source", "band", "counts", "background", "live time (s)", "net rate (ct/s)", "G-L index")


def _value(_: click.Context, __: click.Parameter, value: Any) -> Any:
    """Return plain numbers as such; texts with a unit are for the mission."""
    if isinstance(value, tuple):
        return tuple(map(_number, value)) or None
    return None if value is None else _number(value)


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def _angle(_: click.Context, parameter: click.Parameter, value: str | None) -> float | None:
    """Return degrees; numbers with colons or letters are sexagesimal, of right ascension in hours."""
    if value is None or isinstance(_number(value), float):
        return None if value is None else float(value)
    from astropy import units as u
    from astropy.coordinates import Angle

    try:
        unit = u.hourangle if ":" in value and parameter.name == "ra" else u.deg
        return float(Angle(value, unit=unit).to_value("deg"))
    except (ValueError, TypeError) as error:
        raise click.BadParameter(f"degrees are wanted, or a text such as 12:30:45 or 12h30m45s: {error}") from None


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--ra", callback=_angle, help="Right ascension of the source, ICRS: degrees, 12:30:45 or 12h30m45s.")
@click.option("--dec", callback=_angle, help="Its declination: degrees or -12:30:45.")
@click.option("--radius", callback=_value, help="Radius of its region: arcsec, or a text such as '0.5 arcmin'.")
@click.option("--region", help="Its region instead: DS9 text, or a DS9 or FITS file of regions.")
@click.option("--background", help="Region of its background, in the same way  [default: by the mission's rule]")
@click.option("--source", help="Only this one of the sources in the field.")
@click.option("--band", help="Only this band: a name, or limits such as 'mine = 1 keV .. 3 keV'.")
@click.option("--energy", nargs=2, metavar="LOW HIGH", callback=_value, help="Only these energies, keV.")
@click.option("--wavelength", nargs=2, metavar="LOW HIGH", callback=_value, help="Only these wavelengths, Angstrom.")
@click.option("--bin-width", callback=_value, help="Width of the bins: seconds, or a text such as '5 min'.")
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(),
    show_default="current folder",
    help="Folder for the light curves.",
)
@click.option("--overwrite", is_flag=True, help="Let light curves take the place of others of their name.")
@as_json
@talkative
@command_options
def extract(
    paths: tuple[Path, ...],
    source: str | None,
    output: Path,
    overwrite: bool,
    json_output: bool,
    config: Path | None,
    verbose: bool,
    quiet: bool,
    **options: Any,
) -> None:
    """Make light curves of files without a store: FITS files in a folder, and a table of their totals.

    PATHS are event lists or folders; the other files of their exposures are taken from the same folder. Of missions
    with several sources in a field, those of the source list are taken, or the one that is asked for by --ra, --dec and
    --radius or by --region. Exit code 3: an exposure was rejected; 4: one failed.
    """
    from hstlc.errors import HstlcError, UsageError
    from hstlc.pipeline.extraction import ExposureCurves, extract_files, totals_row, write_curve
    from hstlc.pipeline.results import failure_of

    if (options["ra"] is None) != (options["dec"] is None):
        raise click.UsageError("--ra and --dec belong together")
    if options["ra"] is not None and options["region"] is not None:
        raise click.UsageError("--ra and --dec, or --region: both say where the source is")
    if options["radius"] is not None and options["ra"] is None:
        raise click.UsageError("--radius goes with --ra and --dec")
    try:
        settings: Mapping[str, Any] = load_settings(config).missions
    except UsageError as error:
        if error.code != "usage.no-home":
            raise
        settings = {}  # without a data tree the defaults are good enough
    rows: list[dict[str, Any]] = []
    failures: list[Failure] = []
    exposures: list[ExposureCurves] = []
    given = {name: value for name, value in options.items() if value is not None}
    for made in extract_files(paths, settings, given, source=source):
        if not isinstance(made, ExposureCurves):
            failures.append(made)
            continue
        exposures.append(replace(made, curves=()))
        for one in made.curves:
            try:
                path = write_curve(one, output, overwrite=overwrite)
            except HstlcError as error:
                failures.append(failure_of(error, what=one.filename))
            else:
                rows.append(totals_row(made.rootname, one, path))
    if json_output:
        print_json({"curves": rows, "exposures": _told(exposures), "failed": [_plain(one) for one in failures]})
    else:
        _print(rows, exposures, failures, verbose=verbose, quiet=quiet)
    _raise(exposures, failures)


def _plain(failure: Failure) -> dict[str, str]:
    return {"what": failure.what, "code": failure.code, "message": failure.message, "hint": failure.hint}


def _told(exposures: Sequence[ExposureCurves]) -> list[dict[str, Any]]:
    return [
        {
            "mission": made.mission,
            "rootname": made.rootname,
            "rejected": made.rejection.reason if made.rejection else None,
            "findings": [
                {"severity": f.severity.value, "reason": f.reason, "message": f.message} for f in made.findings
            ],
        }
        for made in exposures
    ]


def _print(
    rows: Sequence[Mapping[str, Any]],
    exposures: Sequence[ExposureCurves],
    failures: Sequence[Failure],
    *,
    verbose: bool,
    quiet: bool,
) -> None:
    if rows and not quiet:
        cells = [_TITLES, *map(_cells, rows)]
        widths = [max(len(row[i]) for row in cells) for i in range(len(_TITLES))]
        for row in cells:
            aligned = [c.ljust(w) if i < 3 else c.rjust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True))]
            click.echo("  ".join(aligned).rstrip())
        if verbose:
            for one in rows:
                click.echo(f"wrote {one['file']}")
        else:
            click.echo(f"{len(rows)} light curve{'' if len(rows) == 1 else 's'} in {Path(rows[0]['file']).parent}")
    for made in exposures:
        if made.rejection is not None:
            click.echo(f"{made.rootname}: rejected, {made.rejection.reason}: {made.rejection.message}", err=True)
        for finding in made.findings if verbose else ():
            click.echo(f"{made.rootname}: {finding.severity.value} {finding.reason}: {finding.message}")
    for failure in failures:
        click.echo(f"{failure.what}: failed: {failure.message}", err=True)


def _cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    rate = "-" if row["rate_ct_s"] is None else f"{row['rate_ct_s']:.5g} +- {row['rate_error_ct_s']:.2g}"
    return (
        row["exposure"],
        row["source"] or "(all)",
        row["band"] or "(all)",
        f"{row['counts']:.6g}",
        f"{row['background']:.6g}",
        f"{row['live_s']:.1f}",
        rate,
        "-" if row["gl_index"] is None else str(row["gl_index"]),
    )


def _raise(exposures: Sequence[ExposureCurves], failures: Sequence[Failure]) -> None:
    from hstlc.errors import DataError, StepError

    if failures:
        first = failures[0]
        raise StepError("step.failed", f"{len(failures)} failed, the first: {first.message}", first.hint)
    rejected = [made.rootname for made in exposures if made.rejection is not None]
    if rejected:
        raise DataError(
            "data.rejected",
            f"{len(rejected)} of {len(exposures)} are rejected: {', '.join(rejected[:5])}",
            "see the reasons above, and 'hstlc check'",
        )
