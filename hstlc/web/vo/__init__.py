"""Virtual observatory: cone search, DataLink, and what describes them.

Simple Cone Search 1.03 with its errata 1 to 3, DataLink 1.1, DALI 1.1, VOSI 1.1.
"""

from __future__ import annotations

from fastapi import APIRouter

from hstlc.web.vo import bins, cone_search, datalink, description

__all__ = ["router"]

router = APIRouter(tags=["virtual observatory"])
for _module in (cone_search, datalink, bins, description):
    router.include_router(_module.router)
