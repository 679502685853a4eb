"""Folders of web servers: the names in their index pages, and the sizes of files."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import TYPE_CHECKING
from urllib.parse import unquote

if TYPE_CHECKING:
    from hstlc.archives.http import Http

__all__ = ["listed", "size_of"]


class _Links(HTMLParser):
    """Collects links whose text is their address: those of files and folders, not those that sort or lead up."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.names: list[str] = []
        self._address: str | None = None
        self._text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self._address, self._text = dict(attrs).get("href"), ""

    def handle_data(self, data: str) -> None:
        if self._address is not None:
            self._text += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "a" and self._address is not None:
            name, text = unquote(self._address), self._text.strip()
            shortened = text.endswith("..>") and len(text) > 3 and name.startswith(text[:-3])
            # a slash within, or dots alone, would lead elsewhere
            if (text in (name, self._address) or shortened) and "/" not in name.removesuffix("/") and name.strip("./"):
                self.names.append(name)
            self._address = None


def listed(page: str) -> tuple[str, ...]:
    """Return the names of the files and folders of an index page, in its order; those of folders end in a slash.

    Examples
    --------
    >>> listed('<a href="?C=N">Name</a> <a href="/up/">Parent Directory</a> <a href="b.fits">b.fits</a> 12M')
    ('b.fits',)
    """
    links = _Links()
    links.feed(page)
    links.close()
    return tuple(dict.fromkeys(links.names))


def size_of(http: Http, url: str) -> int | None:
    """Return the size of a file in bytes, None where the server does not say.

    Raises
    ------
    ArchiveError
    """
    length = http.head(url).headers.get("Content-Length", "")
    return int(length) if length.isdecimal() else None
