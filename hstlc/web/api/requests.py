"""What users ask for: work for the daemon, and SQL."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, FastAPI, HTTPException, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from hstlc.db import requests
from hstlc.db.engine import writing
from hstlc.errors import LockHeldError
from hstlc.web.asked import Work, ask, request_values
from hstlc.web.auditing import audit, close_audit
from hstlc.web.errors import NotFoundError
from hstlc.web.formats import answer_rows, fields_of_values
from hstlc.web.site import Database, HereSite, Site
from hstlc.web.sql import Answer, run_sql
from hstlc.web.users import HereUser, User

__all__ = ["RequestNumber", "answer_sql", "cancel", "router"]


@asynccontextmanager
async def _life(app: FastAPI) -> AsyncIterator[None]:
    yield
    close_audit(app)


router = APIRouter(tags=["work and SQL"], lifespan=_life)

#: Number of a request in an address.
RequestNumber = Annotated[int, Path(ge=1, lt=2**31, description="number of the request")]

_ERRORS: dict[int | str, dict[str, Any]] = {
    400: {"description": "the arguments make no sense, or name what is not there"},
    401: {"description": "a token is needed: Authorization: Bearer TOKEN"},
    403: {"description": "this user may not do that"},
    404: {"description": "there is no such thing"},
    429: {"description": "too many at once; Retry-After says when to come again"},
    503: {"description": "the database is busy or away; Retry-After says when to come again"},
}


class Statement(BaseModel):
    """One statement of SQL that returns rows."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sql: Annotated[str, Field(min_length=1, max_length=50_000, description="one SELECT statement")]
    format: Annotated[Literal["json", "csv", "fits", "votable"], Field(description="of the answer")] = "json"
    limit: Annotated[int | None, Field(ge=1, le=10**9, description="most rows; never more than the server allows")] = (
        None
    )


@router.post("/requests", status_code=202, responses={200: {"description": "the same is queued already"}, **_ERRORS})
def add(request: Request, site: HereSite, user: HereUser, work: Work) -> Response:
    """Ask for work that the daemon does: `reprocess` what the store has, or `get` what archives have.

    202: it is queued, and is not lost whatever ends; Location says where it is to be seen how it goes.
    """
    row, new = ask(site, user, work)
    status = 202 if new else 200
    detail = f"{row['kind']} {orjson.dumps(row['arguments']).decode()} -> {row['id']}"
    audit(request, "request", detail, status, user=user.name)
    return _json(request_values(row), status, {"Location": f"/api/v1/requests/{row['id']}"})


@router.get("/requests", responses=_ERRORS)
def index(
    user: HereUser,
    connection: Database,
    own: Annotated[bool, Query(description="only those of this user")] = False,
    state: Annotated[Literal["", "queued", "running", "done", "failed", "cancelled"], Query()] = "",
    kind: Annotated[Literal["", "reprocess", "get"], Query()] = "",
    before: Annotated[int | None, Query(ge=1, lt=2**31, description="only those with a smaller number")] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 50,
) -> Response:
    """List what users asked for, the newest first."""
    rows = requests.list_requests(
        connection, user=user.name if own else "", state=state, kind=kind, before=before, limit=limit
    )
    return _json({"requests": [request_values(row) for row in rows]})


@router.get("/requests/{number}", responses=_ERRORS)
def show(user: HereUser, connection: Database, number: RequestNumber) -> Response:  # noqa: ARG001
    """Tell how a request goes; `before` is how many are to be done first."""
    row = requests.find_request(connection, number)
    if row is None:
        raise NotFoundError(f"there is no request {number}")
    return _json(request_values(row))


@router.delete("/requests/{number}", responses={409: {"description": "it is not queued any more"}, **_ERRORS})
def remove(request: Request, site: HereSite, user: HereUser, number: RequestNumber) -> Response:
    """Cancel a request of this user's own that is still queued."""
    return _json(request_values(cancel(request, site, user, number)))


def cancel(request: Request, site: Site, user: User, number: int) -> dict[str, Any]:
    """Leave a queued request of a user undone, and return its row.

    Raises
    ------
    NotFoundError
    HTTPException
        403: it is another user's.
    LockHeldError
        ``web.not-queued``, 409: it has begun, or ended.
    """
    with writing(site.engine) as connection:
        row = requests.find_request(connection, number)
        if row is None:
            raise NotFoundError(f"there is no request {number}")
        if row["user_id"] != user.id:
            raise HTTPException(403, f"request {number} is {row['user_name']}'s")
        if not requests.cancel_request(connection, number, datetime.now(UTC)):
            raise LockHeldError("web.not-queued", f"request {number} is {row['state']}", "only queued ones can be left")
        found = requests.find_request(connection, number)
    assert found is not None
    audit(request, "cancel", str(number), 200, user=user.name)
    return found


@router.post("/sql", responses={400: {"description": "the database refuses the statement"}, **_ERRORS})
def sql(request: Request, site: HereSite, user: HereUser, statement: Statement) -> Response:
    """Run one read-only SQL statement; the tables are those of the database, documented at /sql."""
    return answer_sql(request, run_sql(request, site, user, statement.sql, statement.limit), statement.format)


def answer_sql(request: Request, answer: Answer, form: str) -> Response:
    """Return the rows of a statement in a format."""
    result = answer.result
    rows = [tuple(value.hex() if isinstance(value, bytes) else value for value in row) for row in result.rows]
    extra = {"truncated": result.truncated, "seconds": round(answer.seconds, 4)}
    return answer_rows(request, fields_of_values(result.columns, rows), rows, form, "query", extra=extra)


def _json(values: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    head = {"Cache-Control": "no-store", **(headers or {})}
    return Response(orjson.dumps(values), status, head, media_type="application/json")
