"""XMM-Newton Science Archive."""

from __future__ import annotations

from hstlc.archives.base import Archive
from hstlc.archives.limits import ArchiveSettings

__all__ = ["Xsa", "XsaSettings"]


class XsaSettings(ArchiveSettings):
    """The section ``archives.xsa``."""


class Xsa(Archive[XsaSettings]):
    """XMM-Newton Science Archive."""

    name = "xsa"
    title = "XMM-Newton Science Archive"
    mission = "xmm"
    settings_model = XsaSettings
