"""One light curve in bins of any kind, and the call of the old server."""

from __future__ import annotations

from fastapi import APIRouter

__all__ = ["old_router", "router"]

router = APIRouter()

#: The call of the old server, at its old address.
old_router = APIRouter()
