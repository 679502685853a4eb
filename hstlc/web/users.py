"""Who asks: a program by its token in a header, a browser by the cookie that it got for the token."""

from __future__ import annotations

import hmac
import threading
import time
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import Depends, HTTPException, Request, Response

from hstlc.db import users
from hstlc.web.auditing import audit
from hstlc.web.forms import Form, refuse_foreign
from hstlc.web.security import RateLimit
from hstlc.web.session import form_token, read_session, server_key, session_of
from hstlc.web.site import HereSite, Site

__all__ = [
    "COOKIE",
    "FORM_TOKEN",
    "FormUser",
    "HereUser",
    "MaybeUser",
    "PageUser",
    "User",
    "sign_in",
    "sign_out",
]

COOKIE = "hstlc_session"

#: Field of forms, and header of scripts, with what :func:`hstlc.web.session.form_token` returns.
FORM_TOKEN, FORM_HEADER = "form_token", "x-form-token"

_LONGEST_TOKEN = 200
_WRONG_PER_S, _WRONG_AT_ONCE = 0.2, 10
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})

_making = threading.Lock()


@dataclass(frozen=True, slots=True)
class User:
    """A user who is known.

    Attributes
    ----------
    id : int
    name : str
    form_token : str
        What forms of this browser carry; '' for a program that sends its token.
    until : int, seconds
        Unix time at which the browser is signed out; 0 for a program.
    """

    id: int
    name: str
    form_token: str = ""
    until: int = 0

    def row(self) -> dict[str, Any]:
        """Return number and name as :func:`hstlc.db.requests.add_request` takes them."""
        return {"id": self.id, "name": self.name}


def _maybe_user(request: Request, site: HereSite) -> User | None:
    """Return who asks; None: nobody who is known.

    Raises
    ------
    HTTPException
        401 with WWW-Authenticate: the token of the header is not good; 429: so many were not.
    """
    header = request.headers.get("authorization")
    if header is not None:
        scheme, _, token = header.strip().partition(" ")
        row = _row_of(site, token.strip()) if scheme.lower() == "bearer" else None
        if row is None:
            raise _wrong(request, "token")
        return User(row["id"], row["name"])
    return _user_of_cookie(request, site)


#: Parameter of a route: who asks, or None.
MaybeUser = Annotated[User | None, Depends(_maybe_user)]


def known_user(request: Request, site: HereSite, user: MaybeUser) -> User:
    """Return who asks, for programs and scripts of our pages.

    Raises
    ------
    HTTPException
        401: a token is needed; 403: a page from elsewhere sent this.
    """
    if user is None:
        raise _unauthorized("this needs a token", "Bearer")
    if user.form_token and request.method not in _SAFE:
        refuse_foreign(request, site.settings.web.base_url)
        _check_form_token(user, request.headers.get(FORM_HEADER, ""))
    return user


#: Parameter of a route for programs: a user who is known, or the answer is 401.
HereUser = Annotated[User, Depends(known_user)]


def _page_user(request: Request, user: MaybeUser) -> User:
    if user is None:
        query = f"?{request.url.query}" if request.url.query else ""
        there = f"/account?next={quote(request.url.path + query, safe='')}"
        raise HTTPException(303, "sign in first", headers={"Location": there})
    return user


#: Parameter of a page: a user who is known; others are sent to the page where one signs in.
PageUser = Annotated[User, Depends(_page_user)]


def _form_user(request: Request, site: HereSite, user: MaybeUser, form: Form) -> User:
    if user is None:
        raise _unauthorized("you are not signed in any more: go to /account", "Bearer")
    if user.form_token:
        refuse_foreign(request, site.settings.web.base_url)
        _check_form_token(user, form.get(FORM_TOKEN, ""))
    return user


#: Parameter of a page that takes a form: a user who sent it from a page of ours.
FormUser = Annotated[User, Depends(_form_user)]


def sign_in(request: Request, site: Site, token: str, answer: Response) -> str:
    """Give a browser its cookie for the token of a user, and return the user's name.

    Raises
    ------
    HTTPException
        401: nobody has this token, or its user is disabled; 403, 429.
    StoreError
        ``store.web-key``.
    """
    refuse_foreign(request, site.settings.web.base_url)
    row = _row_of(site, token.strip())
    if row is None:
        raise _wrong(request, "sign-in")
    section = site.settings.web
    until = int(time.time() + section.session_s)
    key = server_key(site.layout.home, make=True)
    assert key is not None
    value = session_of(key, row["id"], row["token_sha256"], until)
    secure = request.url.scheme == "https" or section.base_url.startswith("https:")
    answer.set_cookie(
        COOKIE, value, max_age=round(section.session_s), path="/", secure=secure, httponly=True, samesite="strict"
    )
    audit(request, "sign-in", "", 303, user=row["name"])
    return str(row["name"])


def sign_out(answer: Response) -> None:
    """Take the cookie from a browser."""
    answer.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")


def _user_of_cookie(request: Request, site: Site) -> User | None:
    value = request.cookies.get(COOKIE, "")
    stated = read_session(value)
    if stated is None or stated[1] <= time.time():
        return None
    with site.reading() as connection:
        row = users.user_by_id(connection, stated[0])
    if row is None or row["disabled_at"] is not None or (key := server_key(site.layout.home)) is None:
        return None
    due = session_of(key, row["id"], row["token_sha256"], stated[1])
    if not hmac.compare_digest(due.encode(), value.encode("utf-8", "surrogatepass")):
        return None
    return User(row["id"], row["name"], form_token(key, value), stated[1])


def _row_of(site: Site, token: str) -> dict[str, Any] | None:
    """Return the row of the user whose token this is and who may use it."""
    if not 0 < len(token) <= _LONGEST_TOKEN:
        return None
    with site.reading() as connection:
        row = users.user_of_token(connection, token)
    return row if row is not None and row["disabled_at"] is None else None


def _check_form_token(user: User, given: str) -> None:
    if not hmac.compare_digest(user.form_token.encode(), given.encode("utf-8", "surrogatepass")):
        raise HTTPException(403, "the form is of another session: load the page again")


def _wrong(request: Request, action: str) -> HTTPException:
    """Return the answer to a token that is not good: after some of them from an address, to come again later."""
    address = request.client.host if request.client else ""
    with _making:
        if not hasattr(request.app.state, "wrong_tokens"):
            request.app.state.wrong_tokens = RateLimit(_WRONG_PER_S, _WRONG_AT_ONCE)
        wait = request.app.state.wrong_tokens.wait_s(address, time.monotonic())
    if wait:
        return HTTPException(429, "too many wrong tokens", headers={"Retry-After": str(int(wait) + 1)})
    audit(request, action, "a wrong token", 401)
    return _unauthorized("this token is not known, or its user is disabled", 'Bearer error="invalid_token"')


def _unauthorized(message: str, challenge: str) -> HTTPException:
    scheme, _, rest = challenge.partition(" ")
    parts = ", ".join(filter(None, ('realm="hstlc"', rest)))
    return HTTPException(401, message, headers={"WWW-Authenticate": f"{scheme} {parts}"})
