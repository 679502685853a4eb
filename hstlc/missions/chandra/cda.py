"""Chandra Data Archive."""

from __future__ import annotations

from hstlc.archives.base import Archive
from hstlc.archives.limits import ArchiveSettings

__all__ = ["Cda", "CdaSettings"]


class CdaSettings(ArchiveSettings):
    """The section ``archives.cda``."""


class Cda(Archive[CdaSettings]):
    """Chandra Data Archive."""

    name = "cda"
    title = "Chandra Data Archive"
    mission = "chandra"
    settings_model = CdaSettings
