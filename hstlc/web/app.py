"""The application: the routes of every subject over one store."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.resources import as_file, files
from pathlib import Path

from fastapi import APIRouter, FastAPI
from starlette.staticfiles import StaticFiles

from hstlc.config import Settings
from hstlc.version import VERSION
from hstlc.web import vo
from hstlc.web.api import bins as api_bins
from hstlc.web.api import curves as api_curves
from hstlc.web.api import logbook as api_logbook
from hstlc.web.api import requests as api_requests
from hstlc.web.api import targets as api_targets
from hstlc.web.curve_choices import keep_choices
from hstlc.web.errors import PROBLEMS, add_error_handlers
from hstlc.web.figures import Figures
from hstlc.web.openapi import DescribedApp
from hstlc.web.pages import account, curve, curves, interfaces, logbook, overview, targets, thumbnails
from hstlc.web.rebin.pool import Pool
from hstlc.web.security import add_guard
from hstlc.web.site import open_site
from hstlc.web.threads import limit_threads

__all__ = ["create_app"]

#: Routers of pages, which the description of the interfaces leaves out.
_PAGES: tuple[APIRouter, ...] = tuple(
    module.router for module in (overview, curves, thumbnails, curve, targets, logbook, account, interfaces)
)
_API: tuple[APIRouter, ...] = tuple(
    module.router for module in (api_curves, api_bins, api_targets, api_logbook, api_requests)
)


def create_app(settings: Settings, *, local: bool = False) -> FastAPI:
    """Return the application for a store.

    Parameters
    ----------
    settings : Settings
        The database must exist and be of this version.
    local : bool
        Answer only who asks for this machine by one of its own names, see :class:`hstlc.web.security.Guard`.

    Returns
    -------
    FastAPI
        ``app.state.site`` is the :class:`hstlc.web.site.Site`.
    """
    site = open_site(settings)

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        section = settings.web
        limit_threads()
        app.state.rebin = Pool(section.rebin_workers, section.rebin_timeout_s, section.rebin_cache_bytes)
        yield
        app.state.rebin.close()
        site.engine.dispose()

    app = DescribedApp(
        title="hstlc",
        version=VERSION,
        description="Light curves from the photon lists of space missions, with their statistics.",
        lifespan=life,
        docs_url=None,  # its page loads scripts from elsewhere; ours is /api
        redoc_url=None,
        openapi_url="/api/v1/openapi.json",
        responses=PROBLEMS,
    )
    app.state.site = site
    app.state.figures = Figures(site)
    app.state.curve_choices = keep_choices(site)
    add_error_handlers(app)
    add_guard(app, settings.web, local=local)
    for router in _PAGES:  # first: they are asked for most, and addresses are looked for in this order
        app.include_router(router, include_in_schema=False)
    for router in _API:
        app.include_router(router, prefix="/api/v1")
    app.include_router(api_bins.old_router)
    app.include_router(vo.router, prefix="/vo")
    for address, folder in (("/static/bokeh", _bokeh_scripts()), ("/static", _own_files())):
        app.mount(address, StaticFiles(directory=folder), name=address)
    return app


def _bokeh_scripts() -> Path:
    """Return the folder of the scripts that the package bokeh brings; nothing of it is imported."""
    from importlib.metadata import files as files_of

    found = next(path for path in files_of("bokeh") or () if path.name == "bokeh.min.js")
    return Path(str(found.locate())).parent


def _own_files() -> Path:
    with as_file(files("hstlc.web") / "static") as folder:
        return folder
