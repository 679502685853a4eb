"""``hstlc hlsp``: products for an archive."""

from __future__ import annotations

from pathlib import Path

import click

from hstlc.cli.options import as_json, print_json, report_errors, talkative

__all__ = ["hlsp"]

_PROFILES = ("legacy", "mast")


@click.group()
def hlsp() -> None:
    """Look after High Level Science Products."""


@hlsp.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--profile", type=click.Choice(_PROFILES), help="Whose rules  [default: what the file's headers name]")
@as_json
@talkative
@report_errors
def check(files: tuple[Path, ...], profile: str | None, json_output: bool, verbose: bool, quiet: bool) -> None:
    """Hold FILES against the rules for High Level Science Products; nothing is written.

    Exit code 0: no rule is broken; 3: one is, or a file cannot be read. Unchecked is what the files cannot tell.
    """
    from hstlc.errors import DataError
    from hstlc.formats.hlsp.check import Verdict, check_hlsp
    from hstlc.formats.hlsp.project import Profile

    reports: list[dict[str, object]] = []
    bad: list[str] = []
    for path in files:
        try:
            results = check_hlsp(path, Profile(profile) if profile else None)
        except DataError as error:
            bad.append(path.name)
            reports.append({"file": str(path), "error": error.code, "message": error.message, "hint": error.hint})
            if not json_output:
                click.echo(f"{path}: error [{error.code}]: {error.message}\n  hint: {error.hint}")
            continue
        count = {verdict: sum(result.verdict is verdict for result in results) for verdict in Verdict}
        if count[Verdict.BROKEN]:
            bad.append(path.name)
        rules = [{"rule": r.rule, "verdict": r.verdict.value, "message": r.message} for r in results]
        reports.append({"file": str(path), "rules": rules})
        if json_output or (quiet and not count[Verdict.BROKEN]):
            continue
        click.echo(f"{path}: " + ", ".join(f"{number} {verdict.value}" for verdict, number in count.items()))
        hidden = {Verdict.OK, Verdict.UNCHECKED} if quiet else set() if verbose else {Verdict.OK}
        for result in results:
            if result.verdict not in hidden:
                click.echo(f"  {result.verdict.value:<9} {result.rule}: {result.message}")
    if json_output:
        print_json(reports)
    if bad:
        raise DataError(
            "data.hlsp-broken",
            f"{len(bad)} of {len(files)} files are not in order: {', '.join(bad[:5])}",
            "see above",
            files=bad,
        )
