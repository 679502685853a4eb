"""Files of the archive of Hubble: which of a dataset are wanted, and whether a file is the one that was asked for."""

from __future__ import annotations

import io
import logging
import re
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hstlc.archives.base import Identity, RemoteDataset, RemoteProduct
from hstlc.archives.identity import require_keywords, require_tables, wrong_file
from hstlc.errors import DataError, RejectedError, TransientError
from hstlc.formats.fits_file import Value
from hstlc.formats.fits_units import read_units
from hstlc.missions.hst.mast_settings import MastSettings

__all__ = ["ASSOCIATION", "NOT_SCIENCE", "identify_file", "listed", "members", "require_all", "unwanted"]

logger = logging.getLogger(__name__)

#: Kind of the small file that says which exposures belong together.
ASSOCIATION = "asn"

#: Why a file is not taken in that is of no exposure of the target.
NOT_SCIENCE = "not science member"

_NAME = re.compile(r"(?P<root>[a-z0-9]{9})_(?P<kind>tag|corrtag(?:_[ab])?|x1d|asn)\.fits(?:\.gz)?", re.IGNORECASE)

# Tables that a file must have, by instrument ('': any other) and kind.
_EVENTS = ("EVENTS", "GTI")
_TABLES: Mapping[tuple[str, str], tuple[str, ...]] = {
    **{("COS", kind): (*_EVENTS, "TIMELINE") for kind in ("corrtag", "corrtag_a", "corrtag_b")},
    **{("", kind): _EVENTS for kind in ("tag", "corrtag", "corrtag_a", "corrtag_b")},
    ("", "x1d"): ("SCI",),
    ("", ASSOCIATION): ("ASN",),
}


def listed(rows: Sequence[Any], datasets: Sequence[RemoteDataset], settings: MastSettings) -> list[RemoteProduct]:
    """Return the wanted files of a list of products, those that say what belongs together among them, each once.

    The name decides what a file is; a file that is listed with several datasets counts with the first of them.
    """
    keys = {dataset.key.upper(): (place, dataset) for place, dataset in enumerate(datasets)}
    wanted = {suffix.upper() for suffix in settings.suffixes}
    found: dict[str, tuple[int, RemoteProduct]] = {}
    for row in rows:
        name = str(row.get("filename") or "").strip()
        match = _NAME.fullmatch(name)
        if match is None or match["kind"].upper() not in wanted:
            continue
        uri = str(row.get("uri") or "").strip()
        named = (str(row.get("dataset") or ""), uri.partition("/")[0], *(keys if len(keys) == 1 else ()))
        place, dataset = next((keys[key] for one in named if (key := one.strip().upper()) in keys), (0, None))
        if dataset is None:
            logger.warning("%s is listed with %s, which was not asked for: it is left out", name, named[0] or "nothing")
            continue
        size = row.get("size")
        product = RemoteProduct(
            dataset=dataset.key,
            name=name,
            version=dataset.version,
            kind=match["kind"].lower(),
            group=match["root"].lower(),
            locator={"uri": uri or f"{dataset.key}/{name}"},
            size=size if isinstance(size, int) and not isinstance(size, bool) and size > 0 else None,
        )
        if name.lower() not in found or place < found[name.lower()][0]:
            found[name.lower()] = place, product
    return [product for _, (_, product) in sorted(found.items())]


def require_all(rows: Sequence[Any], datasets: Sequence[RemoteDataset]) -> None:
    """Check that a list of products has something of every dataset that was asked for: one that was cut has not.

    Raises
    ------
    TransientError
        ``archive.incomplete``.
    RejectedError
        ``archive.no-product``: one alone was asked for, and it has nothing.
    """
    named = {str(row.get("dataset") or "").strip().upper() for row in rows}
    named |= {str(row.get("uri") or "").strip().partition("/")[0].upper() for row in rows}
    silent = [dataset.key for dataset in datasets if dataset.key.upper() not in named]
    if silent and len(datasets) == 1:
        raise RejectedError(
            "archive.no-product",
            f"the archive lists no product of {silent[0]}",
            "it is asked for again with the next poll",
        )
    if silent:
        raise TransientError(
            "archive.incomplete",
            f"the list of products has nothing of {len(silent)} of {len(datasets)} datasets, the first: {silent[0]}",
            "it is asked for again with the next poll",
            datasets=silent,
        )


def members(content: bytes, name: str) -> dict[str, str]:
    """Return the members of an association: root name to MEMTYPE, of the bytes of its file.

    Raises
    ------
    TransientError
        ``archive.wrong-answer``: they are no such file.
    """
    from astropy.io import fits

    try:
        if not content.startswith(b"SIMPLE  =") or len(content) % 2880:
            raise ValueError(f"{len(content)} bytes that begin with {content[:40]!r}")
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with fits.open(io.BytesIO(content), memmap=False) as hdus:
                rows = hdus[1].data
                pairs = zip(rows["MEMNAME"], rows["MEMTYPE"], strict=True)
                return {str(member).strip().lower(): str(kind).strip().upper() for member, kind in pairs}
    except (OSError, ValueError, TypeError, KeyError, IndexError, AttributeError, fits.VerifyError, Warning) as error:
        raise TransientError(
            "archive.wrong-answer",
            f"{name}: expected a FITS table with MEMNAME and MEMTYPE, found: {error}",
            "try later",
        ) from error


def unwanted(kinds: Mapping[str, str], association: str, settings: MastSettings) -> frozenset[str]:
    """Return the root names of the members of an association that are not wanted, such as lamp exposures.

    The association counts as one of its members; its files are wanted. What is not among the members tells what it
    is by its header.

    Examples
    --------
    >>> kinds = {"odlm18ftq": "SCIENCE", "odlm18fuq": "AUTO-WAVECAL", "odlm18040": "PRODUCT"}
    >>> sorted(unwanted(kinds, "odlm18040", MastSettings()))
    ['odlm18fuq']
    """
    wanted = {kind.upper() for kind in settings.member_types}
    return frozenset(member for member, kind in kinds.items() if kind not in wanted and member != association)


def identify_file(path: Path, product: RemoteProduct, settings: MastSettings) -> Identity:
    """Return what a file says of itself; see :meth:`hstlc.archives.base.Archive.identify`."""
    try:
        units = read_units(path)
    except DataError as error:
        raise wrong_file(path, product, "a whole FITS file", error.message) from error
    require_keywords(path, product, units, {"TELESCOP": ("HST",), "INSTRUME": settings.instruments})
    primary = units[0].header
    header = {**(units[1].header if units[1:] else {}), **primary}
    expected = {"FILENAME": product.name.lower().removesuffix(".gz"), "ROOTNAME": product.group}
    found = {keyword: _text(primary, keyword).lower().removesuffix(".gz") for keyword in expected}
    if not any(found.values()):
        raise wrong_file(path, product, "FILENAME or ROOTNAME", "neither")
    for keyword, name in found.items():
        if name and name != expected[keyword]:
            raise wrong_file(path, product, f"{keyword} {expected[keyword]}", name)
    instrument = _text(primary, "INSTRUME")
    require_tables(path, product, units, _TABLES.get((instrument, product.kind)) or _TABLES["", product.kind])
    member = _text(header, "ASN_MTYP")
    other = bool(member) and member not in {kind.upper() for kind in settings.member_types}
    lamp = "WAVE" in _text(header, "EXPTYPE")
    time = header.get("PROCTIME")
    epoch = f"{time:016.8f}" if isinstance(time, (int, float)) and not isinstance(time, bool) else ""
    return Identity(epoch, NOT_SCIENCE if lamp or other else "")


def _text(header: Mapping[str, Value], keyword: str) -> str:
    return str(header.get(keyword) or "").strip().upper()
