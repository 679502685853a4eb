"""The description of the interfaces: what the parameter ``format`` of a route adds to its answers."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

from hstlc.web.formats import MEDIA_TYPES

__all__ = ["DescribedApp"]

_BYTES = {"type": "string", "format": "binary"}


class DescribedApp(FastAPI):
    """An application that describes the formats of its answers, and what may go wrong."""

    def openapi(self) -> dict[str, Any]:
        """Return the description, made at the first call."""
        if self.openapi_schema is None:
            described = super().openapi()
            for path in described["paths"].values():
                for operation in path.values():
                    _add_formats(operation)
        found: dict[str, Any] = super().openapi()
        return found


def _add_formats(operation: dict[str, Any]) -> None:
    """Give the good answer of an operation the media types that its parameter ``format`` may ask for."""
    for parameter in operation.get("parameters", ()):
        if parameter["name"] == "format":
            content = operation["responses"].get("200", {}).setdefault("content", {})
            for name in parameter.get("schema", {}).get("enum", ()):
                media, _, _ = MEDIA_TYPES.get(name, ("", ""))[0].partition(";")
                if media:
                    content.setdefault(media, {"schema": {} if name == "json" else _BYTES})
