"""What the pages are made with: stylesheet, table script and templates, all files of this package."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

__all__ = ["SUMMARY_VERSION", "asset_files", "embedded_json", "fill_template", "report_files"]

#: Version of tables, summaries, index page and their assets; raised whenever the same rows give other bytes.
SUMMARY_VERSION = 2

_ASSETS = ("hstlc.css", "table.js")
_REPORT = "report.css"


def asset_files() -> dict[str, bytes]:
    """Return the files that pages refer to below their ``static`` folder, content by name.

    Examples
    --------
    >>> sorted(asset_files())
    ['hstlc.css', 'table.js']
    """
    folder = files("hstlc.plots") / "assets"
    return {name: (folder / name).read_bytes() for name in _ASSETS}


def report_files() -> dict[str, bytes]:
    """Return the files that a report refers to below its ``static`` folder, content by name."""
    return asset_files() | {_REPORT: (files("hstlc.plots") / "assets" / _REPORT).read_bytes()}


def fill_template(name: str, **values: Any) -> bytes:
    """Return the page that a template and values make; every text among the values is escaped.

    Parameters
    ----------
    name : str
        A file of ``hstlc/plots/templates``.
    **values : object
        What the template uses; one that is missing is an error.

    Returns
    -------
    bytes
        UTF-8.
    """
    return _environment().get_template(name).render(values).encode("utf-8", "xmlcharrefreplace")


def embedded_json(value: Any) -> Markup:
    r"""Return ``value`` as compact JSON that may stand inside ``<script type="application/json">``.

    Examples
    --------
    >>> print(embedded_json({"target": "</script>"}))
    {"target":"\u003c/script>"}
    """
    from markupsafe import Markup

    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    return Markup(text.replace("<", "\\u003c"))


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("hstlc.plots"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
        keep_trailing_newline=True,
    )
