"""Bad observations, one of each kind, with the reason that must come first."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from astropy.io import fits

from hstlc.testing.epic.files import write_observation
from hstlc.testing.epic.scene import EpicCamera, EpicObservation, EpicSource

__all__ = ["bad_observations", "edit_list"]

Edit = Callable[[Any], None]


def edit_list(path: Path, edit: Edit) -> None:
    """Change the units of a compressed file in place."""
    with fits.open(path) as units:
        whole = fits.HDUList([unit.copy() for unit in units])
    edit(whole)
    plain = path.with_suffix(".tmp")
    whole.writeto(plain, output_verify="silentfix")
    path.write_bytes(gzip.compress(plain.read_bytes(), compresslevel=6, mtime=0))
    plain.unlink()


def _rows(number: int) -> Edit:
    def edit(units: Any) -> None:
        units["EVENTS"].data = units["EVENTS"].data[:number]

    return edit


def _rename(name: str) -> Edit:
    def edit(units: Any) -> None:
        units["EVENTS"].name = name

    return edit


def _other_time(units: Any) -> None:
    for unit in units:
        if unit.name.startswith("STDGTI"):
            for name in ("START", "STOP"):
                unit.data[name][:] += 1e5


def _no_live_frame(units: Any) -> None:
    for unit in units:
        if unit.name.startswith("EXPOSU"):
            unit.data["FRACEXP"][:] = 0.0


def bad_observations(folder: Path) -> Mapping[str, tuple[tuple[Path, ...], str]]:
    """Write observations that must be rejected or refused; files and reason by a telling name."""
    camera = EpicCamera("m1", "S001", background_ct_s=0.5)
    base = EpicObservation(length_s=400.0, cameras=(camera,), sources=(EpicSource(rate_ct_s=0.3),), source_list=False)
    headers: dict[str, tuple[dict[str, Any], str]] = {
        "timing": ({"DATAMODE": "TIMING", "SUBMODE": "FastUncompressed"}, "Timing mode"),
        "submode": ({"SUBMODE": "FastCompressed"}, "Unsupported submode"),
        "closed": ({"FILTER": "Closed"}, "Closed filter"),
        "lamp": ({"FILTER": "CalClosed"}, "Closed filter"),
        "slew": ({"OBS_MODE": "SLEW"}, "Slew"),
        "grating": ({"INSTRUME": "RGS1"}, "Wrong instrument"),
    }
    edits: dict[str, tuple[Edit, str]] = {
        "other_good_time": (_other_time, "No good time"),
        "no_live_frame": (_no_live_frame, "No exposure time"),
        "no_events": (_rows(0), "No events"),
        "spectrum": (_rename("SPECTRUM"), "Unsupported product"),
    }
    cameras: dict[str, tuple[EpicCamera, str]] = {
        "no_positions": (replace(camera, without=("X", "Y")), "Missing column"),
        "no_good_time": (replace(camera, gti=((100.0, 100.0),), background_ct_s=0.0), "No events"),
    }
    found: dict[str, tuple[tuple[Path, ...], str]] = {}
    number = 0

    def write(name: str, reason: str, one: EpicCamera) -> Path:
        nonlocal number
        number += 1
        made = write_observation(folder, replace(base, obs_id=f"09998{number:02d}101", cameras=(one,), seed=number))
        found[name] = (made.paths, reason)
        return made.paths[0]

    for name, (keywords, reason) in headers.items():
        write(name, reason, replace(camera, keywords=keywords))
    for name, (edit, reason) in edits.items():
        edit_list(write(name, reason, camera), edit)
    for name, (one, reason) in cameras.items():
        write(name, reason, one)
    path = write("truncated", "Unreadable file", camera)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    write("empty", "Unreadable file", camera).write_bytes(b"")
    return found
