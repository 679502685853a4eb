"""Forms of pages: bodies read strictly, and taken only from pages of our own."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import parse_qsl, urlsplit

from fastapi import Depends, HTTPException, Request

from hstlc.errors import UsageError

__all__ = ["Form", "fields", "refuse_foreign"]

_MOST_FIELDS = 40
_KIND = "application/x-www-form-urlencoded"


async def _form(request: Request) -> dict[str, str]:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != _KIND:
        raise HTTPException(415, f"expected a form ({_KIND})")
    body = await request.body()
    try:
        pairs = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=bool(body),
            errors="strict",
            max_num_fields=_MOST_FIELDS,
        )
    except ValueError:
        raise _form_error("the form cannot be read") from None
    form = dict(pairs)
    if len(form) != len(pairs):
        raise _form_error("a field of the form is there twice")
    return form


#: Parameter of a route: the fields of a form, each there once.
Form = Annotated[dict[str, str], Depends(_form)]


def fields(form: dict[str, str], *names: str) -> list[str]:
    """Return the values of fields, '' for those that are missing.

    Raises
    ------
    UsageError
        ``usage.form``: there are others.
    """
    unknown = sorted(form.keys() - set(names))
    if unknown:
        raise _form_error(f"the form has fields that are not known: {', '.join(unknown)[:200]}")
    return [form.get(name, "") for name in names]


def _form_error(message: str) -> UsageError:
    return UsageError("usage.form", message, "load the page again and send its form as it is")


def refuse_foreign(request: Request, base_url: str = "") -> None:
    """Refuse what a page from elsewhere sent: browsers say where a request comes from.

    Parameters
    ----------
    request : Request
    base_url : str
        Under which others reach this server; '': as they asked.

    Raises
    ------
    HTTPException
        403.
    """
    said, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin", "")
    hosts = {request.headers.get("host", ""), urlsplit(base_url).netloc} - {""}
    own = said == "same-origin" if said is not None else urlsplit(origin).netloc in hosts
    if not own:
        raise HTTPException(403, "this was not sent by a page of this server")
