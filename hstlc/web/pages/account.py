"""Pages of users: the token, what was asked for, SQL."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, HTTPException, Query, Request, Response
from pydantic import TypeAdapter, ValidationError
from starlette.responses import RedirectResponse

from hstlc.db import requests
from hstlc.errors import HstlcError, UsageError
from hstlc.missions.registry import missions
from hstlc.web.api.requests import RequestNumber, answer_sql, cancel
from hstlc.web.asked import Get, Reprocess, Work, ask
from hstlc.web.auditing import audit
from hstlc.web.errors import NotFoundError
from hstlc.web.forms import Form, fields
from hstlc.web.rendering import render
from hstlc.web.site import Database, HereSite
from hstlc.web.sql import EXAMPLES, Answer, readable_tables, run_sql, units_of
from hstlc.web.users import FORM_TOKEN, FormUser, MaybeUser, PageUser, sign_in, sign_out

__all__ = ["router"]

router = APIRouter()

_PAGE = 50
_SHOWN_ROWS = 1000  # of SQL on the page; a download has all
_THERE = re.compile(r"/(requests|sql|account|curve|target)([/?][ -~]{0,1500})?\Z")
_WORK: TypeAdapter[Reprocess | Get] = TypeAdapter(Work)
_NUMBERS = ("ra_deg", "dec_deg", "radius_deg", "minimum_significance")
_REPROCESS = ("target", "mission", "rootname", "configuration")
_GET = ("target", "ra_deg", "dec_deg", "radius_deg", "minimum_significance")


def _there(text: str) -> str:
    """Return an address of ours to go to after the sign-in, '' for any other."""
    return text if _THERE.match(text) and "\\" not in text else ""


def _private(request: Request, name: str, **values: Any) -> Response:
    """Return a page that nobody keeps but the browser that asked."""
    page = render(request, name, **values)
    page.headers["cache-control"] = "no-store"
    return page


# --- the account


@router.get("/account")
def account(
    request: Request, user: MaybeUser, next_: Annotated[str, Query(alias="next", max_length=2000)] = ""
) -> Response:
    """Show the form to sign in with, or who is signed in."""
    until = datetime.fromtimestamp(user.until, UTC) if user is not None and user.until else None
    return _private(request, "account.html", user=user, until=until, next=_there(next_), wrong="")


@router.post("/account")
def enter(request: Request, site: HereSite, form: Form) -> Response:
    """Sign in: take the token, give a cookie."""
    token, then = fields(form, "token", "next")
    then = _there(then)
    answer = RedirectResponse(then or "/account", 303)
    try:
        sign_in(request, site, token, answer)
    except HTTPException as error:
        if error.status_code != 401:
            raise
        page = render(request, "account.html", status=401, user=None, until=None, next=then, wrong=error.detail)
        page.headers.update(error.headers or {})
        return page
    return answer


@router.post("/account/sign-out")
def leave(request: Request, user: FormUser, form: Form) -> Response:
    """Sign out."""
    fields(form, FORM_TOKEN)
    answer = RedirectResponse("/account", 303)
    sign_out(answer)
    audit(request, "sign-out", "", 303, user=user.name)
    return answer


# --- requests


@router.get("/requests")
def index(
    request: Request,
    user: PageUser,
    connection: Database,
    own: Annotated[bool, Query()] = False,
    state: Annotated[Literal["", "queued", "running", "done", "failed", "cancelled"], Query()] = "",
    before: Annotated[int | None, Query(ge=1, lt=2**31)] = None,
) -> Response:
    """List what users asked for."""
    rows = requests.list_requests(
        connection, user=user.name if own else "", state=state, before=before, limit=_PAGE + 1
    )
    older = rows[_PAGE - 1]["id"] if len(rows) > _PAGE else None
    return _private(
        request, "requests.html", user=user, rows=rows[:_PAGE], own=own, state=state, states=requests.STATES,
        older=older, before=before, about=_about,
    )  # fmt: skip


def _about(row: dict[str, Any]) -> str:
    """Return in words what a request is of."""
    given = row["arguments"]
    if "rootname" in given:
        return f"{given['rootname']} ({given['mission']})"
    name = given.get("target") or given.get("configuration") or ""
    if "ra_deg" in given:
        name = f"{name} {given['ra_deg']:.5f} {given['dec_deg']:+.5f} deg".strip()
    return str(name)


@router.get("/requests/new")
def form_of(
    request: Request,
    site: HereSite,
    user: PageUser,
    kind: Annotated[Literal["reprocess", "get"], Query()] = "get",
    target: Annotated[str, Query(max_length=128)] = "",
    mission: Annotated[str, Query(max_length=16)] = "",
    rootname: Annotated[str, Query(max_length=64)] = "",
    configuration: Annotated[str, Query(max_length=512)] = "",
) -> Response:
    """Show the form to ask for work with."""
    given = {"target": target, "mission": mission, "rootname": rootname, "configuration": configuration}
    return _form_page(request, site, user, kind, given)


def _form_page(
    request: Request, site: Any, user: Any, kind: str, given: dict[str, str], wrong: str = "", status: int = 200
) -> Response:
    sources = sorted(name for name, section in site.settings.archives.items() if section.enabled)
    return _private(
        request, "request_form.html", status=status, user=user, kind=kind, given=given, wrong=wrong, sources=sources,
        missions={name: mission.title for name, mission in missions().items()},
    )  # fmt: skip


@router.post("/requests")
def add(request: Request, site: HereSite, user: FormUser, form: Form) -> Response:
    """Queue what a form asks for; what is wrong with it is told beside the form."""
    fields(form, FORM_TOKEN, "kind", *_REPROCESS, *_GET)
    kind = form.get("kind", "")
    if kind not in ("reprocess", "get"):
        raise UsageError("usage.form", "the form does not say what is to be done", "load the page again")
    names = _REPROCESS if kind == "reprocess" else _GET
    given = {name: form[name].strip() for name in names if form.get(name, "").strip()}
    try:
        work = _WORK.validate_python({"kind": kind, **given})
        row, new = ask(site, user, work)
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc'][1:]))} {e['msg']}".strip() for e in error.errors()[:3])
        return _form_page(request, site, user, kind, given, wrong.replace("Value error, ", ""), 400)
    except HstlcError as error:
        if error.http_status >= 500:
            raise
        return _form_page(request, site, user, kind, given, error.message, error.http_status)
    detail = f"{kind} {orjson.dumps(row['arguments']).decode()} -> {row['id']}"
    audit(request, "request", detail, 202 if new else 200, user=user.name)
    return RedirectResponse(f"/requests/{row['id']}", 303)


@router.get("/requests/{number}")
def show(request: Request, user: PageUser, connection: Database, number: RequestNumber) -> Response:
    """Show how a request goes."""
    row = requests.find_request(connection, number)
    if row is None:
        raise NotFoundError(f"there is no request {number}", "all are at /requests")
    return _private(request, "request.html", user=user, row=row, about=_about(row))


@router.post("/requests/{number}/cancel")
def cancel_it(request: Request, site: HereSite, user: FormUser, form: Form, number: RequestNumber) -> Response:
    """Leave a queued request undone."""
    fields(form, FORM_TOKEN)
    cancel(request, site, user, number)
    return RedirectResponse(f"/requests/{number}", 303)


# --- SQL


@router.get("/sql")
def sql_page(request: Request, site: HereSite, user: PageUser) -> Response:
    """Show the form for SQL; nothing is run."""
    return _sql_page(request, site, user, EXAMPLES[0][1])


@router.post("/sql")
def sql(request: Request, site: HereSite, user: FormUser, form: Form) -> Response:
    """Run one statement, and show its rows or give them as a file."""
    _, statement, form_of_answer = fields(form, FORM_TOKEN, "sql", "format")
    statement = statement.replace("\r\n", "\n")
    if form_of_answer not in ("", "csv", "fits", "votable", "json"):
        raise UsageError("usage.form", "the form asks for a format that is not known", "load the page again")
    limit = None if form_of_answer else _SHOWN_ROWS
    begun = time.monotonic()
    try:
        answer = run_sql(request, site, user, statement, limit)
    except HstlcError as error:
        wrong = f"{error.message}. {error.hint}." if error.hint else error.message
        return _sql_page(request, site, user, statement, wrong=wrong, status=error.http_status)
    if form_of_answer:
        return answer_sql(request, answer, form_of_answer)
    return _sql_page(request, site, user, statement, answer=answer, seconds=time.monotonic() - begun)


def _sql_page(
    request: Request,
    site: Any,
    user: Any,
    statement: str,
    *,
    answer: Answer | None = None,
    seconds: float = 0.0,
    wrong: str = "",
    status: int = 200,
) -> Response:
    section = site.settings.web
    limits = {"rows": section.sql_rows, "seconds": section.sql_timeout_s, "shown": _SHOWN_ROWS}
    return _private(
        request, "sql.html", status=status, user=user, statement=statement, answer=answer, seconds=seconds,
        wrong=wrong, examples=EXAMPLES, tables=readable_tables(), limits=limits, cell=_cell,
        units=units_of(answer.result.columns) if answer is not None else {},
    )  # fmt: skip


def _cell(value: Any) -> str:
    """Return a value as the text of a cell of the page."""
    if value is None:
        return ""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, float):
        return f"{value:.10g}"
    text = str(value)
    return text if len(text) <= 500 else f"{text[:500]}..."
