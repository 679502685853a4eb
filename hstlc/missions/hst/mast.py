"""MAST: the archive of Hubble."""

from __future__ import annotations

from pydantic import Field

from hstlc.archives.base import Archive
from hstlc.archives.limits import ArchiveSettings

__all__ = ["Mast", "MastSettings"]


class MastSettings(ArchiveSettings):
    """The section ``archives.mast``."""

    enabled: bool = Field(True, description="asked by the daemon, and by commands that name no source")


class Mast(Archive[MastSettings]):
    """The mission search of MAST."""

    name = "mast"
    title = "Mikulski Archive for Space Telescopes"
    mission = "hst"
    settings_model = MastSettings
