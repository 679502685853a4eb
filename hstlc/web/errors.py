"""Errors as answers: problem details for programs (RFC 9457), a page for people; never a stack trace."""

from __future__ import annotations

import logging
from typing import Any

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from hstlc.errors import HstlcError
from hstlc.logs import printable, redact
from hstlc.web.rendering import render

__all__ = ["PROBLEM", "PROBLEMS", "NotFoundError", "add_error_handlers", "problem"]

logger = logging.getLogger(__name__)

_AWAY = "the database or a file of this server cannot be used now"
_PROGRAMS = ("/api/", "/vo/", "/recalculate")

#: Media type of errors, RFC 9457.
PROBLEM = "application/problem+json"

_PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "code", "hint"],
    "properties": {
        "type": {"type": "string", "description": "urn:hstlc: and the code"},
        "title": {"type": "string", "description": "what happened"},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "code": {"type": "string", "description": "stable name of the error"},
        "hint": {"type": "string", "description": "what to do about it"},
    },
}

#: What every operation may answer besides what it describes itself.
PROBLEMS: dict[int | str, dict[str, Any]] = {
    "default": {
        "description": "What went wrong (RFC 9457)",
        "content": {PROBLEM: {"schema": _PROBLEM}},
    }
}


class NotFoundError(HstlcError, LookupError):
    """What is asked for is not in the database, or its file is gone.

    The code is ``web.not-found``.
    """

    http_status = 404

    def __init__(self, what: str, hint: str = "") -> None:
        super().__init__("web.not-found", what, hint)

    def __reduce__(self) -> tuple[Any, ...]:
        return NotFoundError, (self.message, self.hint)


def problem(request: Request, status: int, code: str, message: str, hint: str = "") -> Response:
    """Return an error as an answer of the kind that the client can read.

    Parameters
    ----------
    request : Request
    status : int
        HTTP status.
    code : str
        Stable name of the error.
    message, hint : str
        What happened, and what to do; without passwords and tokens.
    """
    message, hint = redact(printable(message)), redact(printable(hint))
    if request.url.path.startswith(_PROGRAMS):
        body = {"type": f"urn:hstlc:{code}", "title": message, "status": status, "code": code, "hint": hint}
        return Response(orjson.dumps(body), status, media_type=PROBLEM)
    return render(request, "error.html", status=status, code=code, message=message, hint=hint)


def add_error_handlers(app: FastAPI) -> None:
    """Let every error become an answer."""

    async def expected(request: Request, error: Exception) -> Response:
        assert isinstance(error, HstlcError)
        if error.code.startswith("store."):  # its message names files of this machine
            logger.error("%s %s: [%s] %s", request.method, request.url.path, error.code, error)
            answer = problem(request, error.http_status, error.code, _AWAY, "try again soon")
            answer.headers["retry-after"] = "10"
            return answer
        return problem(request, error.http_status, error.code, error.message, error.hint)

    async def invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        found = "; ".join(f"{'.'.join(map(str, one['loc'][1:]))}: {one['msg']}" for one in error.errors()[:5])
        return problem(request, 422, "web.bad-parameter", found, "see the list of parameters at /api")

    async def refused(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        codes = {404: "web.not-found", 405: "web.method", 401: "web.token", 413: "web.too-large", 429: "web.too-many"}
        answer = problem(request, error.status_code, codes.get(error.status_code, "web.refused"), str(error.detail))
        answer.headers.update(error.headers or {})
        return answer

    async def unexpected(request: Request, error: Exception) -> Response:
        logger.error("%s %s failed", request.method, request.url.path, exc_info=error)
        return problem(request, 500, "web.internal", "the server failed", "the log of the server says why")

    app.add_exception_handler(HstlcError, expected)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, refused)
    app.add_exception_handler(Exception, unexpected)
