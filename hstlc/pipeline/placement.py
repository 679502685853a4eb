"""Where each file of an exposure belongs in the data tree, and staging it there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hstlc.errors import InconsistentError
from hstlc.pipeline.plan import Candidate, Plan, State
from hstlc.store.digest import sha256_file
from hstlc.store.layout import Layout, slug
from hstlc.store.publish import Staged, discard, stage

__all__ = ["Placement", "bad_data_path", "curve_name", "place_files", "safe_name"]

_SAFE_NAME = re.compile(r"^[A-Za-z0-9_+-][A-Za-z0-9._+-]{0,149}$")


@dataclass(frozen=True, slots=True)
class Placement:
    """A file and where it goes.

    Attributes
    ----------
    candidate : Candidate or None
        The file; None for a product of ours.
    staged : Staged or None
        Waits to be published; None when the file is in its place already.
    replace : bool
        Take the place of what has the name: of a product, or of a version that is kept elsewhere.
    state : State
        What the file is from now on.
    where : Path or None
        Its place, when it is there already.
    """

    candidate: Candidate | None
    staged: Staged | None
    replace: bool = False
    state: State = State.CURRENT
    where: Path | None = None

    @property
    def target(self) -> Path:
        """The path of the file once it is published."""
        path = self.staged.target if self.staged is not None else self.where
        assert path is not None
        return path


def curve_name(rootname: str) -> str:
    """Return the file name of an individual light curve."""
    return f"{slug(rootname)}_curve.fits"


def safe_name(candidate: Candidate) -> str:
    """Return the file's own name, or one made of its kind and digest where its own is unsafe or too long."""
    name = candidate.path.name
    if _SAFE_NAME.match(name):
        return name
    ending = ".fits.gz" if name.lower().endswith(".gz") else ".fits"
    return f"{slug(candidate.kind or 'file')}_{candidate.sha256[:16]}{ending}"


def bad_data_path(layout: Layout, name: str, sha256: str) -> Path:
    """Return the place of a rejected file: its name, or a folder of its digest where another file has the name."""
    path = layout.bad_data / name
    if path.exists() and sha256_file(path) != sha256:
        path = layout.bad_data / sha256[:8] / name
    return path


def place_files(plan: Plan, layout: Layout, target: str, run: str, *, rejected: bool) -> Iterator[Placement]:
    """Stage every file that is not in its place, earlier versions first, and yield where each goes.

    Raises
    ------
    InconsistentError
        ``data.changed``: a file is not the one that was looked at.
    StoreError
        See :func:`hstlc.store.publish.stage`.
    """
    folder = layout.filesystem / slug(target)
    occupied = {c.path for c in (*plan.history, *plan.chosen) if c.state is not State.INCOMING}
    for candidate in plan.history:
        where = folder / "superseded" / candidate.sha256[:8] / safe_name(candidate)
        if candidate.state is not State.INCOMING and not candidate.path.exists():
            where = candidate.path  # lost: its row stays where it is for 'hstlc files verify' to report
        yield _place(candidate, where, State.SUPERSEDED, run, layout, occupied)
    for candidate in plan.chosen:
        if rejected:
            where = bad_data_path(layout, safe_name(candidate), candidate.sha256)
            yield _place(candidate, where, State.REJECTED, run, layout, occupied)
        else:
            yield _place(candidate, folder / safe_name(candidate), State.CURRENT, run, layout, occupied)


def _place(candidate: Candidate, where: Path, state: State, run: str, layout: Layout, occupied: set[Path]) -> Placement:
    if candidate.path == where:
        return Placement(candidate, None, state=state, where=where)
    own = candidate.inside or candidate.state is not State.INCOMING
    staged = stage(candidate.path, where.parent, where.name, run, link=own, access=layout.access)
    if staged.sha256 != candidate.sha256:
        discard(staged)
        raise InconsistentError(
            "data.changed",
            f"{candidate.path}: expected the content that was looked at a moment ago, found another",
            "something is writing to the file; run again when it is complete",
            path=str(candidate.path),
        )
    return Placement(candidate, staged, replace=where in occupied, state=state)
