"""What users ask for: work for the daemon, and SQL."""

from __future__ import annotations

from fastapi import APIRouter

__all__ = ["router"]

router = APIRouter()
