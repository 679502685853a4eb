"""Pages of what was found and done: candidates, findings, rejected files, runs, notices."""

from __future__ import annotations

from fastapi import APIRouter

__all__ = ["router"]

router = APIRouter()
