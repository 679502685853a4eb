"""The first page: what is new, how much there is of what, how the jobs are, where the targets are."""

from __future__ import annotations

from fastapi import APIRouter

__all__ = ["router"]

router = APIRouter()
