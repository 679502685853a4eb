"""Names of Chandra's files: ``acisf02798N004_evt2.fits.gz``, ``acisf00617_000N021_r0091_regevt3.fits``."""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["ChandraName", "chandra_name", "newest"]

_NAME = re.compile(
    r"(?P<instrument>acis|hrc)f(?P<obsid>\d{5,6})(?:_(?P<obi>\d{3}))?N(?P<version>\d{3})"
    r"_(?:r(?P<region>\d{4})(?P<band>[busmhw])?_)?(?P<ending>[a-z]+\d?)\.fits(?:\.gz)?"
)


@dataclass(frozen=True, slots=True)
class ChandraName:
    """What a file name says.

    Attributes
    ----------
    filename : str
    instrument : str
    obsid : int
    obi, region : int or None
        Interval of the observation, region of the catalog; None where the name has none.
    version : str
        ``N`` and three digits: higher for every processing.
    ending : str
        Such as ``evt2``.
    """

    filename: str
    instrument: str
    obsid: int
    obi: int | None
    region: int | None
    version: str
    ending: str

    @property
    def stem(self) -> str:
        """The name without version and ``.gz``, the same for every processing."""
        return self.filename.removesuffix(".gz").replace(self.version, "", 1)


def chandra_name(filename: str) -> ChandraName | None:
    """Return what a file name says, None when it is not of this form.

    Examples
    --------
    >>> name = chandra_name("acisf00617_000N021_r0091_regevt3.fits")
    >>> name.stem, name.version, name.region
    ('acisf00617_000_r0091_regevt3.fits', 'N021', 91)
    """
    match = _NAME.fullmatch(filename)
    if match is None:
        return None
    obi, region = match["obi"], match["region"]
    return ChandraName(
        filename=filename,
        instrument=match["instrument"],
        obsid=int(match["obsid"]),
        obi=int(obi) if obi else None,
        region=int(region) if region else None,
        version=f"N{match['version']}",
        ending=match["ending"],
    )


def newest(names: list[ChandraName]) -> list[ChandraName]:
    """Return the newest version of each file, in order of name."""
    latest: dict[str, ChandraName] = {}
    for name in sorted(names, key=lambda name: name.version):
        latest[name.stem] = name
    return [latest[stem] for stem in sorted(latest)]
