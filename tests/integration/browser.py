"""A real browser, pages whose errors and requests are watched, and a server on the loopback address."""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Dialog, Page, Request

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
DESKTOP, PHONE = (1280, 800), (390, 844)

WatchedPage = Callable[..., AbstractContextManager["Page"]]
Serve = Callable[[Path], str]


@dataclass
class Watch:
    """What a page did that it must not do.

    Attributes
    ----------
    allowed : tuple of str
        Beginnings of the URLs that the page may ask for.
    requests : list of str
        Every URL that it asked for.
    problems : list of str
        Errors and warnings of the console, errors of scripts, requests that failed or went elsewhere.
    """

    allowed: tuple[str, ...]
    requests: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def follow(self, page: Page) -> None:
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.problems.append(f"script error: {error}"))
        page.on("request", lambda request: self._request(request.url))
        page.on("requestfailed", self._failure)
        page.on("dialog", self._dialog)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.problems.append(f"console {message.type}: {message.text}")

    def _request(self, url: str) -> None:
        self.requests.append(url)
        inside = url.startswith(("data:", "blob:"))  # these do not leave the page
        if not inside and not url.startswith(self.allowed):
            self.problems.append(f"outside: {url}")

    def _failure(self, request: Request) -> None:
        if request.failure != "net::ERR_ABORTED":  # what a page still waits for when it is left
            self.problems.append(f"failed: {request.url}: {request.failure}")

    def _dialog(self, dialog: Dialog) -> None:
        self.problems.append(f"dialog: {dialog.message}")
        dialog.dismiss()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A headless Chromium; without one the test is skipped, or fails with HSTLC_REQUIRE_CHROMIUM=1."""
    if not CHROMIUM.exists():
        missing = f"no browser: there is no {CHROMIUM}"
        if os.environ.get("HSTLC_REQUIRE_CHROMIUM") == "1":
            pytest.fail(missing)
        pytest.skip(missing)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=str(CHROMIUM), args=list(ARGUMENTS))
        yield chromium
        chromium.close()


@pytest.fixture
def watched_page(browser: Browser) -> WatchedPage:
    """A function that opens a page: ``with watched_page(folder_or_url, size=DESKTOP) as page``.

    At the end of the block the page must have had no error or warning, and must have asked for nothing but what is
    below the folder or the address. ``page.watch`` has what it asked for.
    """

    @contextmanager
    def open_page(*places: Path | str, size: tuple[int, int] = DESKTOP, **settings: Any) -> Iterator[Page]:
        allowed = [place.resolve().as_uri() if isinstance(place, Path) else place for place in places]
        watch = Watch(tuple(place.rstrip("/") + "/" for place in allowed))
        viewport = {"width": size[0], "height": size[1]}
        context = browser.new_context(viewport=viewport, **settings)
        try:
            page = context.new_page()
            page.watch = watch
            watch.follow(page)
            yield page
            page.wait_for_load_state("networkidle")
        finally:
            context.close()
        assert not watch.problems, "\n".join(watch.problems)

    return open_page


@pytest.fixture
def loopback() -> Iterator[Serve]:
    """A function that serves a folder on the loopback address and returns its URL, without a slash at the end."""
    with ExitStack() as stack:

        def serve(folder: Path) -> str:
            server = stack.enter_context(ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Quiet, folder)))
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
            thread.start()
            stack.callback(thread.join)
            stack.callback(server.shutdown)
            return f"http://127.0.0.1:{server.server_port}"

        yield serve


class _Quiet(SimpleHTTPRequestHandler):
    """Serves files of one folder and writes no log."""

    protocol_version = "HTTP/1.0"  # no connection stays open behind the test

    def __init__(self, folder: Path, *arguments: Any) -> None:
        super().__init__(*arguments, directory=str(folder))

    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002
        pass
