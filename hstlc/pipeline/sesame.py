"""What the name resolver of the CDS says of a name."""

from __future__ import annotations

import logging
import urllib.error
import urllib.request
from collections.abc import Callable
from urllib.parse import quote
from xml.etree import ElementTree

from hstlc.model.same_target import Answer

__all__ = ["read_answer", "sesame"]

logger = logging.getLogger(__name__)

_LONGEST_ANSWER = 1_000_000


def sesame(address: str, timeout_s: float = 10.0) -> Callable[[str], Answer | None]:
    """Return a function that asks a Sesame service for a name.

    It returns None for a name that the service does not know and when there is no answer; after a first failure it
    asks no more, so that a service that is down costs one time-out a run.

    Parameters
    ----------
    address : str
        All of the address up to the name.
    timeout_s : float, seconds
    """
    down = False

    def ask(name: str) -> Answer | None:
        nonlocal down
        if down:
            return None
        try:
            with urllib.request.urlopen(address + quote(name, safe=""), timeout=timeout_s) as reply:
                return read_answer(reply.read(_LONGEST_ANSWER))
        except (OSError, ValueError) as error:  # no network, a time-out, another status, no XML
            down = True
            logger.warning("%s does not answer, names are compared without it: %s", address, error)
            return None

    return ask


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
    for found in root.iter("Resolver"):
        names = [one.text.strip() for tag in ("oname", "alias") for one in found.iter(tag) if one.text]
        ra, dec = found.findtext("jradeg"), found.findtext("jdedeg")
        if names:
            return Answer(tuple(dict.fromkeys(names)), (float(ra), float(dec)) if ra and dec else None)
    return None
