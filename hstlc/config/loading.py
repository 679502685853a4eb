"""From file and environment to checked settings, or an error that names key, place and cure."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Mapping, Set
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from hstlc.config.sections import SECTIONS
from hstlc.config.settings import DIRECTORIES, Settings, is_secret
from hstlc.config.sources import KeyPath, Source, environment_name, from_environment, from_file
from hstlc.errors import UsageError
from hstlc.logs import redact

__all__ = ["SectionModels", "installed_sections", "key_names", "load"]

SectionModels = Mapping[str, type[BaseModel]]

AnyModel = TypeVar("AnyModel", bound=BaseModel)

FILE_NAME = "hstlc_config.yaml"


def load(
    path: Path | None = None,
    environ: Mapping[str, str] | None = None,
    *,
    missions: SectionModels | None = None,
    archives: SectionModels | None = None,
) -> Settings:
    """Return the settings: of the environment first, then of the file, then the defaults.

    Parameters
    ----------
    path : Path, optional
        The file; by default the one that ``HSTLC_CONFIG`` names, or ``$HOME/hstlc_config.yaml`` if there is one.
    environ : mapping, optional
        The environment, by default that of the process.
    missions : mapping of str to type of pydantic.BaseModel, optional
        The model of each mission's section, by default those of the installed missions.
    archives : mapping of str to type of pydantic.BaseModel, optional
        Likewise of each archive's section.

    Raises
    ------
    UsageError
        ``usage.no-config``, ``usage.bad-yaml``, ``usage.unknown-key``, ``usage.bad-value``, ``usage.no-home`` or
        ``usage.missing-directory``.
    """
    environ = os.environ if environ is None else environ
    given = {"archives": archives, "missions": missions}
    file = _file(path, environ)
    sources = [from_file(file, environ) if file else Source(), from_environment(environ)]
    values: dict[str, Any] = {}
    places: dict[KeyPath, str] = {}
    for source in sources:
        values = _merged(values, source.values)
        places |= source.places
    if unknown := sorted(values.keys() - Settings.model_fields.keys()):
        raise _unknown_key((unknown[0],), places, Settings.model_fields)
    if "home_dir" not in values:
        raise UsageError(
            "usage.no-home",
            f"expected the folder of the data tree, found home_dir neither in {file or 'a configuration file'} "
            "nor in the environment",
            "set HSTLC_HOME_DIR=/path/of/a/folder, or home_dir in the configuration file",
        )
    for kind, models in given.items():
        models = installed_sections(kind) if models is None else models
        values[kind] = _sections(kind, values.get(kind, {}), models, places)
    settings = _validated(Settings, values, (), places)
    _check_directories(settings, values.keys(), places)
    return settings


def installed_sections(kind: str) -> SectionModels:
    """Return the model of the section of every installed mission, or of every archive."""
    from hstlc.archives.registry import archives
    from hstlc.missions.registry import missions

    installed: Mapping[str, Any] = archives() if kind == "archives" else missions()
    return {name: one.settings_model for name, one in installed.items()}


def key_names(model: type[BaseModel]) -> dict[str, str]:
    """Return the field of each key of a model: a field may have another name, with its unit in it."""
    return {field.alias or name: name for name, field in model.model_fields.items()}


def _file(path: Path | None, environ: Mapping[str, str]) -> Path | None:
    named = path or (Path(environ["HSTLC_CONFIG"]) if environ.get("HSTLC_CONFIG") else None)
    if named is not None:
        return named.expanduser()
    usual = Path(environ["HOME"]) / FILE_NAME if environ.get("HOME") else None
    return usual if usual and usual.is_file() else None


def _merged(low: Mapping[str, Any], high: Mapping[str, Any]) -> dict[str, Any]:
    result = dict(low)
    for key, value in high.items():
        both = isinstance(value, Mapping) and isinstance(low.get(key), Mapping)
        result[key] = _merged(low[key], value) if both else value
    return result


def _sections(kind: str, given: Any, models: SectionModels, places: Mapping[KeyPath, str]) -> dict[str, BaseModel]:
    if not isinstance(given, Mapping):
        raise _bad_value((kind,), given, f"sections named after {kind} are wanted", "", places)
    if unknown := sorted(str(name) for name in given if name not in models):
        raise _unknown_key((kind, unknown[0]), places, models)
    return {name: _validated(model, given.get(name, {}), (kind, name), places) for name, model in models.items()}


def _validated(model: type[AnyModel], values: Any, above: KeyPath, places: Mapping[KeyPath, str]) -> AnyModel:
    try:
        return model.model_validate(values)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_context=False)[0]
    where = tuple(str(part) for part in problem["loc"])
    inner: type[BaseModel] = SECTIONS.get(where[0], model) if where else model
    names = key_names(inner)
    if problem["type"] == "extra_forbidden":
        raise _unknown_key(above + where, places, names)
    depth = next((i for i in reversed(range(len(where))) if where[i] in names), None)  # the item of a list is no key
    if depth is None:
        raise _bad_value(above + where, problem["input"], "keys with values are wanted", "", places)
    doc = inner.model_fields[names[where[depth]]].description or ""
    wanted = problem["msg"].removeprefix("Value error, ").replace("Input should", "it should")
    wanted = "the path of a folder is wanted" if problem["type"] == "path_type" else wanted
    raise _bad_value(above + where[: depth + 1], problem["input"], wanted, doc, places)


def _place(path: KeyPath, places: Mapping[KeyPath, str]) -> str:
    """Return where a key stands: its own place, or that of the nearest section around it."""
    found = (places[path[:length]] for length in range(len(path), 0, -1) if path[:length] in places)
    return next(found, "configuration")


def _unknown_key(path: KeyPath, places: Mapping[KeyPath, str], known: Iterable[str]) -> UsageError:
    known = sorted(known)
    near = difflib.get_close_matches(path[-1], known, 1, 0.5)
    section = f" of {'.'.join(path[:-1])}" if path[1:] else ""
    return UsageError(
        "usage.unknown-key",
        f"{_place(path, places)}: expected a key{section} that exists, found {'.'.join(path)}",
        f"did you mean {near[0]}?" if near else f"known are: {', '.join(known) or 'none'}",
        key=".".join(path),
        nearest=near[0] if near else None,
    )


def _bad_value(path: KeyPath, value: Any, wanted: str, doc: str, places: Mapping[KeyPath, str]) -> UsageError:
    key = ".".join(path)
    shown = "***" if is_secret(path[-1]) else redact(repr(value))
    return UsageError(
        "usage.bad-value",
        f"{_place(path, places)}: {key} = {shown}: {wanted}",
        f"{key}: {doc}; correct it there or set {environment_name(path)}" if doc else f"correct {key} there",
        key=key,
        value=shown,
    )


def _check_directories(settings: Settings, given: Set[str], places: Mapping[KeyPath, str]) -> None:
    folders = {key: Path(getattr(settings, key)) for key in ("home_dir", *DIRECTORIES)}
    for key in (key for key in folders if key in given):
        folder = folders[key]
        if folder.is_dir() or (not folder.exists() and (folder.parent.is_dir() or folder.parent in folders.values())):
            continue
        missing = folder.parent if not folder.exists() else folder
        raise UsageError(
            "usage.missing-directory",
            f"{_place((key,), places)}: {key} = {folder}: expected a folder {missing}, "
            f"found {'a file' if missing.exists() else 'nothing'}",
            f"make {missing}, mount its disk, or correct {key}",
            key=key,
            path=str(missing),
        )
    ingest = settings.ingest_dir
    for key, folder in folders.items():
        inside = folder.is_relative_to(ingest)
        around = ingest.is_relative_to(folder) and key != "home_dir"
        if key != "ingest_dir" and (inside or around):
            raise _bad_value(
                ("ingest_dir",),
                str(ingest),
                f"new files must not be mixed with those of {key} = {folder}",
                "a folder that neither holds nor lies in another one of the data tree",
                places,
            )
