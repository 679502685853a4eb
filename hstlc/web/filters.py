"""Filters of the logbook, as parameters of pages and of programs alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from fastapi import Depends, Query
from pydantic import BeforeValidator, Field

__all__ = ["BadDataChoice", "CandidateChoice", "Choice", "FindingChoice", "NoticeChoice", "Place", "RunChoice"]

#: A place in the order of the rows, of an earlier answer.
Place = Annotated[str, Query(max_length=200, description="place in the order, of `next` or `previous` of an answer")]

# An empty field of a form is a parameter with nothing in it.
_Probability = Annotated[
    Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] | None,
    BeforeValidator(lambda value: None if value == "" else value),
    Query(description="chance at most, 0 to 1"),
]


def _doc(text: str, **limits: Any) -> Any:
    return Query(max_length=255, pattern=r"^[^\x00]*$", description=text, **limits)


_Mission = Annotated[str, _doc("name of a mission, such as /api/v1/missions lists")]


@dataclass(frozen=True, slots=True)
class Choice:
    """What was chosen: values by name of filter, and the order.

    Attributes
    ----------
    filters : mapping
        '' and None: not filtered.
    sort : str
        '': the usual order.
    """

    filters: Mapping[str, Any]
    sort: str = ""

    @property
    def chosen(self) -> dict[str, str]:
        """The parameters of an address that chooses the same."""
        named = {name: str(value) for name, value in self.filters.items() if value not in ("", None)}
        return named | ({"sort": self.sort} if self.sort else {})


def _candidates(
    mission: _Mission = "",
    kind: Annotated[Literal["", "flare", "dip"], Query(description="flare or dip")] = "",
    probability: _Probability = None,
    target: Annotated[str, _doc("part of the name of a target or source")] = "",
    sort: Annotated[
        Literal["", "newest", "probability", "start"],
        Query(description="newest: found last; probability: least probable by chance; start: latest on the sky"),
    ] = "",
) -> Choice:
    return Choice({"mission": mission, "kind": kind, "probability": probability, "target": target}, sort)


def _findings(
    mission: _Mission = "",
    severity: Annotated[Literal["", "reject", "flag"], Query(description="reject or flag")] = "",
    reason: Annotated[str, _doc("registered reason")] = "",
    check: Annotated[str, _doc("name of the check")] = "",
    text: Annotated[str, _doc("part of exposure, file name or message")] = "",
) -> Choice:
    return Choice({"mission": mission, "severity": severity, "reason": reason, "check": check, "text": text})


def _bad_data(
    mission: _Mission = "",
    reason: Annotated[str, _doc("registered reason")] = "",
    text: Annotated[str, _doc("part of exposure, file name or message")] = "",
) -> Choice:
    return Choice({"mission": mission, "reason": reason, "text": text})


def _runs(
    command: Annotated[str, _doc("name of the command")] = "",
    status: Annotated[Literal["", "running", "done", "failed"], Query(description="how it ended")] = "",
) -> Choice:
    return Choice({"command": command, "status": status})


def _notices(
    state: Annotated[Literal["", "open", "over"], Query(description="open: it lasts")] = "",
    severity: Annotated[Literal["", "info", "warning", "error"], Query(description="how bad it is")] = "",
) -> Choice:
    return Choice({"state": state, "severity": severity})


CandidateChoice = Annotated[Choice, Depends(_candidates)]
FindingChoice = Annotated[Choice, Depends(_findings)]
BadDataChoice = Annotated[Choice, Depends(_bad_data)]
RunChoice = Annotated[Choice, Depends(_runs)]
NoticeChoice = Annotated[Choice, Depends(_notices)]
