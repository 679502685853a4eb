"""What the name resolver of the CDS says of a name."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import quote
from xml.etree import ElementTree

from hstlc.archives.limits import NetworkSettings
from hstlc.errors import ArchiveError, RejectedError, TransientError
from hstlc.model.same_target import Answer

if TYPE_CHECKING:
    from hstlc.archives.http import Http

__all__ = ["impatient", "place_of", "read_answer", "sesame"]

logger = logging.getLogger(__name__)

_LONGEST_ANSWER = 1_000_000
_LONGEST_WAIT_S = 10.0


def impatient(settings: NetworkSettings) -> NetworkSettings:
    """Return the same settings for a question that work can go on without: one short try."""
    names = ("connect_timeout_s", "answer_timeout_s", "read_timeout_s", "query_deadline_s")
    shorter = {name: min(getattr(settings, name), _LONGEST_WAIT_S) for name in names}
    return settings.model_copy(update={**shorter, "tries": 1, "longest_answer": _LONGEST_ANSWER})


def sesame(http: Http, address: str) -> Callable[[str], Answer | None]:
    """Return a function that asks a Sesame service for a name.

    It returns None for a name that the service does not know and when there is no answer; after a first failure it
    asks no more, so that a service that is down costs one failure a run.

    Parameters
    ----------
    http : Http
        Best with settings of :func:`impatient`.
    address : str
        All of the address up to the name.
    """
    down = False

    def ask(name: str) -> Answer | None:
        nonlocal down
        if down:
            return None
        try:
            return _asked(http, address, name)
        except ArchiveError as error:
            down = True
            logger.warning("%s does not answer, names are compared without it: %s", address, error)
            return None

    return ask


def place_of(http: Http, address: str, name: str) -> tuple[float, float]:
    """Return where a target is: right ascension and declination, ICRS, degrees.

    Parameters
    ----------
    http : Http
    address : str
        All of the address up to the name.
    name : str

    Raises
    ------
    RejectedError
        ``archive.unknown-name``: the service does not know the name, or no place for it.
    ArchiveError
        ``archive.wrong-answer`` for what is no answer of such a service, and those of
        :class:`hstlc.archives.http.Http`.
    """
    answer = _asked(http, address, name)
    if answer is None or answer.place is None:
        found = "nothing" if answer is None else f"{answer.names[0]} without a place"
        raise RejectedError(
            "archive.unknown-name",
            f"{address}: expected the place of {name!r}, found {found}",
            "correct the name, or give right ascension and declination",
            name=name,
        )
    return answer.place


def _asked(http: Http, address: str, name: str) -> Answer | None:
    content = http.get(address + quote(name, safe="")).content
    try:
        return read_answer(content)
    except ValueError as error:
        raise TransientError(
            "archive.wrong-answer", f"{address}: expected what is known of {name!r}, found {error}", "try later"
        ) from None


def read_answer(content: bytes) -> Answer | None:
    """Return what an answer in XML says of the name; None where no data base knows it.

    Raises
    ------
    ValueError
        It is no such answer.

    Examples
    --------
    >>> read_answer(b"<Sesame><Target><Resolver><jradeg>10.5</jradeg><jdedeg>-2</jdedeg><oname>HD 1</oname>"
    ...             b"</Resolver></Target></Sesame>")
    Answer(names=('HD 1',), place=(10.5, -2.0))
    """
    if b"<!ENTITY" in content:
        raise ValueError("an answer with definitions of its own")
    try:
        root = ElementTree.fromstring(content)
    except ElementTree.ParseError as error:
        raise ValueError(f"an answer that is no XML: {error}") from error
    if root.tag.rpartition("}")[2] != "Sesame":
        raise ValueError(f"an answer that begins with {root.tag}")
    for found in root.iter("Resolver"):
        names = [one.text.strip() for tag in ("oname", "alias") for one in found.iter(tag) if one.text]
        ra, dec = found.findtext("jradeg"), found.findtext("jdedeg")
        if names:
            return Answer(tuple(dict.fromkeys(names)), (float(ra), float(dec)) if ra and dec else None)
    return None
