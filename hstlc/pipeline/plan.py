"""What is to be done with an exposure: a pure function of the files that are known and those that came."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from hstlc.missions.base import is_event_kind
from hstlc.store.publish import Seal

__all__ = ["Candidate", "Plan", "State", "plan_exposure"]


class State(StrEnum):
    """What a file is to the store; all but INCOMING are stored in ``exposure_file.state``."""

    INCOMING = "incoming"  # was found by this run
    CURRENT = "current"  # the light curve is made of it
    SUPERSEDED = "superseded"  # a later version took its place
    REJECTED = "rejected"  # in bad_data


@dataclass(frozen=True, slots=True)
class Candidate:
    """One version of one file of an exposure.

    Attributes
    ----------
    kind : str
        Part of the exposure, such as ``corrtag_a``.
    path : Path
        Where it is now.
    sha256 : str
    size : int, bytes
    cal_ver, version : str
        See :class:`hstlc.missions.base.FileIdentity`.
    state : State
    inside : bool
        It lies in the ingest folder.
    seal : Seal or None
        Its marks when it was hashed.
    archive_name : str
        See :class:`hstlc.missions.base.FileIdentity`.
    """

    kind: str
    path: Path
    sha256: str
    size: int
    cal_ver: str
    version: str
    state: State
    inside: bool = False
    seal: Seal | None = None
    archive_name: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """The files of an exposure sorted out.

    Attributes
    ----------
    chosen : tuple of Candidate
        The latest version of each kind; empty when there is no event list among them.
    history : tuple of Candidate
        Earlier versions.
    redundant : tuple of (Candidate, Candidate)
        Incoming files that are known already, each with the stored one.
    changed : bool
        Something came that the store does not have.
    """

    chosen: tuple[Candidate, ...]
    history: tuple[Candidate, ...]
    redundant: tuple[tuple[Candidate, Candidate], ...]
    changed: bool


def plan_exposure(known: Iterable[Candidate], incoming: Iterable[Candidate], event_kinds: frozenset[str]) -> Plan:
    """Sort out the files of one exposure.

    The result depends on the set of versions, not on the order in which they came: of each kind the one whose
    (version, digest) sorts last is chosen. A file that cannot be read has an empty version and never takes the place
    of one that can.

    Parameters
    ----------
    known : iterable of Candidate
        What the store has. One whose file is gone is replaced by an incoming one with the same content.
    incoming : iterable of Candidate
        What was found.
    event_kinds : frozenset of str
        First words of the kinds that a curve is made of; an exposure without any waits.
    """
    versions: dict[tuple[str, str], Candidate] = {(c.kind, c.sha256): c for c in known}
    redundant: list[tuple[Candidate, Candidate]] = []
    changed = False
    for candidate in sorted(incoming, key=lambda c: (c.kind, c.sha256, not c.inside, str(c.path))):
        stored = versions.get((candidate.kind, candidate.sha256))
        if stored is None:
            versions[candidate.kind, candidate.sha256] = candidate
            changed = True
        elif stored.state is not State.INCOMING and not stored.path.is_file():
            versions[candidate.kind, candidate.sha256] = replace(
                stored, path=candidate.path, state=State.INCOMING, inside=candidate.inside, seal=candidate.seal
            )
            changed = True
        else:
            redundant.append((candidate, stored))
    latest: dict[str, Candidate] = {}
    for candidate in versions.values():
        best = latest.get(candidate.kind)
        if best is None or (candidate.version, candidate.sha256) > (best.version, best.sha256):
            latest[candidate.kind] = candidate
    chosen = (
        tuple(latest[kind] for kind in sorted(latest))
        if any(is_event_kind(kind, event_kinds) for kind in latest)
        else ()
    )
    history = tuple(c for _, c in sorted(versions.items()) if c not in latest.values())
    return Plan(chosen, history, tuple(redundant), changed)
