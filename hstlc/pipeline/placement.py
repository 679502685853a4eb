"""Where each file of an exposure belongs in the data tree, and staging it there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hstlc.pipeline.inputs import changed
from hstlc.pipeline.plan import Candidate, Plan, State
from hstlc.store.digest import sha256_file
from hstlc.store.layout import Layout, slug
from hstlc.store.publish import Seal, Staged, discard, stage

__all__ = ["Placement", "bad_data_path", "curve_name", "place_files", "safe_name", "stage_verified"]

_SAFE_NAME = re.compile(r"[A-Za-z0-9_+-][A-Za-z0-9._+-]{0,149}")


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


def curve_name(rootname: str, band: str = "", source: str = "") -> str:
    """Return the file name of the light curve of an exposure, of one of its sources, or of one of its bands.

    Examples
    --------
    >>> curve_name("lsim01aaq"), curve_name("0123", "broad", "J0102+03")
    ('lsim01aaq_curve.fits', '0123_J0102+03_broad_curve.fits')
    """
    return "_".join([*(slug(part) for part in (rootname, source, band) if part), "curve.fits"])


def safe_name(path: Path, kind: str, sha256: str) -> str:
    """Return the file's own name, or one made of its kind and digest where its own is unsafe or too long."""
    if _SAFE_NAME.fullmatch(path.name):
        return path.name
    return f"{slug(kind or 'file')}_{sha256[:16]}{_ending(path)}"


def _stored_name(rootname: str, candidate: Candidate) -> str:
    """Return the name of a file of an exposure: its own where that is its archive's or ``<rootname>_<kind>``.

    Else one is made of these. It depends on the file alone, and no other part of any exposure of a target can have it.
    """
    stem = f"{slug(rootname)}_{candidate.kind}"
    name, ending = candidate.path.name, _ending(candidate.path)
    if name == candidate.archive_name and _SAFE_NAME.fullmatch(name):
        return name
    if name.lower() in (f"{stem}{ending}".lower(), f"{stem}_{candidate.sha256[:16]}{ending}".lower()):
        return name
    return f"{stem}_{candidate.sha256[:16]}{ending}"


def _ending(path: Path) -> str:
    return ".fits.gz" if path.name.lower().endswith((".gz", ".ftz")) else ".fits"


def bad_data_path(layout: Layout, name: str, sha256: str, leaving: frozenset[Path] = frozenset()) -> Path:
    """Return the place of a rejected file: its name, or a folder of its digest where another file has the name.

    Parameters
    ----------
    layout : Layout
    name, sha256 : str
    leaving : frozenset of Path
        Files that make room.
    """
    path = layout.bad_data / name
    if path not in leaving and path.exists() and sha256_file(path) != sha256:
        path = layout.bad_data / sha256[:8] / name
    return path


def place_files(
    plan: Plan, layout: Layout, rootname: str, target: str, run: str, *, rejected: bool
) -> Iterator[Placement]:
    """Stage every file that is not in its place, earlier versions first, and yield where each goes.

    A version takes the place of an earlier one only when that one is in its own new place by then.

    Raises
    ------
    InconsistentError
        ``data.changed``: a file is not the one that was looked at.
    StoreError
        See :func:`hstlc.store.publish.stage`.
    """
    folder = layout.filesystem / slug(target)
    leaving: frozenset[Path] = frozenset()
    for candidate in plan.history:
        where = folder / "superseded" / candidate.sha256[:8] / _stored_name(rootname, candidate)
        if candidate.state is not State.INCOMING and not candidate.path.exists():
            # lost: 'hstlc files verify' misses it there, and there it goes when it is given again
            yield Placement(candidate, None, state=State.SUPERSEDED, where=where)
            continue
        placement = _place(candidate, where, State.SUPERSEDED, run, layout, leaving)
        if placement.staged is not None and candidate.state is not State.INCOMING:
            leaving |= {candidate.path}
        yield placement
    for candidate in plan.chosen:
        name = _stored_name(rootname, candidate)
        if rejected:
            where = bad_data_path(layout, name, candidate.sha256, leaving)
            yield _place(candidate, where, State.REJECTED, run, layout, leaving)
        else:
            yield _place(candidate, folder / name, State.CURRENT, run, layout, leaving)


def _place(
    candidate: Candidate, where: Path, state: State, run: str, layout: Layout, leaving: frozenset[Path]
) -> Placement:
    if candidate.path == where:
        return Placement(candidate, None, state=state, where=where)
    own = candidate.inside or candidate.state is not State.INCOMING
    staged = stage_verified(candidate.path, where, candidate.sha256, run, layout, link=own, known=candidate.seal)
    return Placement(candidate, staged, replace=where in leaving, state=state)


def stage_verified(
    source: Path, where: Path, sha256: str, run: str, layout: Layout, *, link: bool, known: Seal | None = None
) -> Staged:
    """Stage a file that has the content it had when it was looked at.

    Raises
    ------
    InconsistentError
        ``data.changed``: it is not the one that was looked at.
    StoreError
        See :func:`hstlc.store.publish.stage`.
    """
    staged = stage(source, where.parent, where.name, run, link=link, access=layout.access, known=known)
    if staged.sha256 != sha256:
        discard(staged)
        raise changed(source, "the content that was looked at a moment ago")
    return staged
