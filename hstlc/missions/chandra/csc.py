"""Chandra Source Catalog."""

from __future__ import annotations

from hstlc.archives.base import Archive
from hstlc.archives.limits import ArchiveSettings

__all__ = ["Csc", "CscSettings"]


class CscSettings(ArchiveSettings):
    """The section ``archives.csc``."""


class Csc(Archive[CscSettings]):
    """Chandra Source Catalog."""

    name = "csc"
    title = "Chandra Source Catalog"
    mission = "chandra"
    settings_model = CscSettings
