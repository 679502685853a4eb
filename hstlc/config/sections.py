"""The sections of the configuration that belong to no mission."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer

from hstlc.archives.limits import DownloadSettings, NetworkSettings
from hstlc.config.daemon import DaemonSection
from hstlc.config.web import WebSection
from hstlc.formats.hlsp.project import IDENTIFIER, VERSION, Profile, Project
from hstlc.units import format_quantity, parse_quantity

__all__ = ["SECTIONS", "HlspSection", "StatsSection", "TargetsSection", "described"]


def _radius(value: object) -> float:
    radius = parse_quantity(value, "arcsec")
    if not 0 <= radius <= 60:
        raise ValueError("a distance from '0 arcsec' to '60 arcsec' is wanted")
    return radius


#: A small distance on the sky in arcseconds.
Radius = Annotated[float, BeforeValidator(_radius), PlainSerializer(lambda radius: format_quantity(radius, "arcsec"))]


def described(description: str, default: Any = ..., *, kind: str = "", shown: str = "", **options: Any) -> Any:
    """Return a field; ``kind`` and ``shown`` say type and default where they cannot be read off the field."""
    factory = {"default_factory": default} if callable(default) else {"default": default}
    return Field(**factory, description=description, json_schema_extra={"kind": kind, "shown": shown}, **options)


class StatsSection(BaseModel):
    """The section ``stats``; its keys are the fields of :class:`hstlc.stats.StatsSettings`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    interesting_p: float = described("chance probability below which a curve is interesting", 1e-3, gt=0, lt=1)
    rule: Literal["sound", "hstlc-2016"] = described(
        "what makes a curve interesting: chi2 and periodogram (sound), or poisson_factor", "sound"
    )
    oversampling: int = described("periodogram frequencies in each 1 / duration", 5, ge=1)
    candidate_p: float = described(
        "chance probability, all trials counted, below which a stretch of bins is a flare or dip", 1e-3, gt=0, lt=1
    )


_DOCUMENTED = Project()


class HlspSection(BaseModel):
    """The section ``hlsp``; its keys are the fields of :class:`hstlc.formats.hlsp.project.Project`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    profile: Profile = described(
        "names and headers: as the original project documented them, or by MAST's rules of today",
        Profile.LEGACY,
        kind="legacy or mast",
    )
    identifier: str = described(
        "project in file names", _DOCUMENTED.identifier, pattern=f"^(?:{IDENTIFIER.pattern})$", kind="text"
    )
    name: str = described("title of the project", _DOCUMENTED.name)
    acronym: str = described("its short form", _DOCUMENTED.acronym)
    lead: str = described("who leads the delivery", _DOCUMENTED.lead)
    pi_last: str = described("last name of the principal investigator", _DOCUMENTED.pi_last)
    pi_first: str = described("first name", _DOCUMENTED.pi_first)
    pi_middle: str = described("middle name", _DOCUMENTED.pi_middle)
    proposal: int = described("number of the proposal", _DOCUMENTED.proposal)
    version: str = described(
        "version of the products, in quotes", _DOCUMENTED.version, pattern=f"^(?:{VERSION.pattern})$", kind="text"
    )
    doi: str = described("identifier of the collection, once the archive has assigned one", "")
    reference: str = described("paper that describes the products", "")

    @property
    def project(self) -> Project:
        """The section in the form that :mod:`hstlc.formats.hlsp` takes."""
        return Project(**self.model_dump())


class TargetsSection(BaseModel):
    """The section ``targets``: how names of targets are resolved."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=False)

    overrides: str = described(
        "file of lines 'NAME: TARGET' that come before every rule; relative to home_dir", "", kind="path"
    )
    radius_arcsec: Radius = described(
        "names at one place mean one target up to this distance; '0 arcsec': names alone count", 2.5, alias="radius"
    )
    resolver: Literal["none", "sesame"] = described("service that is asked for names that no rule knows", "none")
    resolver_url: str = described(
        "its address up to the name",
        "https://cds.unistra.fr/cgi-bin/nph-sesame/-oxpI?",
        pattern="^https?://",
        kind="URL",
    )


#: Section name to its model.
SECTIONS: dict[str, type[BaseModel]] = {
    "stats": StatsSection,
    "hlsp": HlspSection,
    "targets": TargetsSection,
    "network": NetworkSettings,
    "downloads": DownloadSettings,
    "daemon": DaemonSection,
    "web": WebSection,
}
