"""Pages from templates: every value is escaped, nothing comes from elsewhere."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from fastapi import Request
from markupsafe import Markup
from starlette.responses import HTMLResponse

from hstlc.version import VERSION

if TYPE_CHECKING:
    from jinja2 import Environment

__all__ = ["fragment", "render"]

#: Address and name of the subjects in the head of every page.
SUBJECTS = (
    ("/curves", "Light curves"),
    ("/targets", "Targets"),
    ("/candidates", "Flares and dips"),
    ("/findings", "Findings"),
    ("/bad-data", "Rejected files"),
    ("/runs", "Runs"),
    ("/notices", "Notices"),
    ("/api", "Interfaces"),
)


_METHODS = frozenset(dir(dict))


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    class Mappings(Environment):
        """Templates whose ``row.name`` looks into a mapping first; as an attribute each is missed with an exception."""

        def getattr(self, obj: Any, attribute: str) -> Any:
            if type(obj) is dict and attribute not in _METHODS and attribute in obj:
                return obj[attribute]
            return super().getattr(obj, attribute)

    environment = Mappings(
        loader=PackageLoader("hstlc.web", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.globals |= {"version": VERSION, "subjects": SUBJECTS}
    return environment


def fragment(name: str, **values: Any) -> Markup:
    """Return a part of a page that a template and values make.

    Parameters
    ----------
    name : str
        A file of ``hstlc/web/templates``.
    **values : object
        What the template uses; one that is missing is an error.
    """
    return Markup(_environment().get_template(name).render(**values))


def render(request: Request, name: str, *, status: int = 200, **values: Any) -> HTMLResponse:
    """Return the page that a template and values make.

    Parameters
    ----------
    request : Request
        Its path tells which subject is open.
    name : str
        A file of ``hstlc/web/templates``; it extends ``base.html``.
    status : int
        HTTP status.
    **values : object
        What the template uses; one that is missing is an error.
    """
    page = _environment().get_template(name).render(path=request.url.path, status=status, **values)
    return HTMLResponse(page.encode("utf-8", "xmlcharrefreplace"), status)
