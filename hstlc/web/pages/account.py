"""Pages of users: the token, what was asked for, SQL."""

from __future__ import annotations

from fastapi import APIRouter

__all__ = ["router"]

router = APIRouter()
