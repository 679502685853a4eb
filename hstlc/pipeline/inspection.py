"""What the checks find in files, without a store."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hstlc.checks import first_rejection, run_checks
from hstlc.errors import HstlcError
from hstlc.missions.base import FileIdentity, Role, is_event_kind
from hstlc.missions.registry import mission as find_mission
from hstlc.model import Finding, Severity
from hstlc.pipeline.inputs import fits_files, identify
from hstlc.pipeline.reasons import UNREADABLE

__all__ = ["Report", "check_files"]


@dataclass(frozen=True, slots=True)
class Report:
    """What was found in an exposure or a single file.

    Attributes
    ----------
    name : str
        Exposure, or the file's name.
    verdict : str
        ``good``, ``flagged``, ``rejected``, ``waiting``, ``refused`` or ``failed``.
    findings : tuple of Finding
    filenames : tuple of str
    """

    name: str
    verdict: str
    findings: tuple[Finding, ...]
    filenames: tuple[str, ...]

    @property
    def rejected(self) -> bool:
        """True when no light curve can be made of it."""
        return self.verdict in ("rejected", "refused", "failed")

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "name": self.name,
            "verdict": self.verdict,
            "findings": [asdict(finding) for finding in self.findings],
            "filenames": list(self.filenames),
        }


def check_files(paths: Sequence[Path], settings: Mapping[str, Any]) -> list[Report]:
    """Group files into exposures and check them.

    Parameters
    ----------
    paths : sequence of Path
        See :func:`hstlc.pipeline.inputs.fits_files`.
    settings : mapping
        Settings of each mission; the defaults of those that are absent.

    Raises
    ------
    UsageError
        ``usage.no-such-path``.
    """
    exposures: dict[tuple[str, str], list[FileIdentity]] = defaultdict(list)
    reports: list[Report] = []
    for path in fits_files(paths):
        try:
            identity = identify(path)
        except HstlcError as error:
            reports.append(_single(path, "failed", error.message, UNREADABLE))
            continue
        if identity.role is Role.WAITING:
            reports.append(_single(path, "waiting", identity.message, identity.reason, Severity.FLAG))
        elif identity.role is Role.REFUSED:
            reports.append(_single(path, "refused", identity.message, identity.reason))
        else:
            exposures[identity.mission, identity.rootname].append(identity)
    for (name, rootname), files in sorted(exposures.items()):
        reports.append(_exposure(name, rootname, files, settings))
    return reports


def _single(path: Path, verdict: str, message: str, reason: str, severity: Severity = Severity.REJECT) -> Report:
    return Report(path.name, verdict, (Finding("identify", severity, reason, message),), (path.name,))


def _exposure(name: str, rootname: str, files: Sequence[FileIdentity], settings: Mapping[str, Any]) -> Report:
    mission = find_mission(name)
    filenames = tuple(file.path.name for file in files)
    if not any(is_event_kind(file.kind, mission.event_kinds) for file in files):
        message = f"waits for the event list of exposure {rootname}"
        return Report(rootname, "waiting", (Finding("identify", Severity.FLAG, "Waiting", message),), filenames)
    latest = {file.kind: file for file in sorted(files, key=lambda f: (f.kind, f.version))}
    exposure = mission.load(list(latest.values()))
    findings = run_checks(mission.checks, exposure, settings.get(name) or mission.settings_model())
    verdict = "rejected" if first_rejection(findings) else "flagged" if findings else "good"
    return Report(rootname, verdict, findings, filenames)
