"""Where values come from: the file and the environment, with the place of every key for messages."""

from __future__ import annotations

import json
import logging
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from pydantic_settings import EnvSettingsSource, SettingsError

from hstlc.config.sections import SECTIONS
from hstlc.config.settings import DIRECTORIES, ENVIRONMENT_PREFIX, RETIRED, Settings
from hstlc.errors import UsageError

__all__ = ["NOT_KEYS", "Source", "environment_name", "from_environment", "from_file"]

logger = logging.getLogger(__name__)

KeyPath = tuple[str, ...]

# Variables with our prefix that are no keys: the place of the file, and what the tests are told.
NOT_KEYS = frozenset(
    {"HSTLC_CONFIG", "HSTLC_REAL_DATA", "HSTLC_TEST_WORKERS"}
    | {f"HSTLC_REQUIRE_{need}" for need in ("CHROMIUM", "POSTGRES", "REAL_DATA", "STILTS")}
)

_PATHS = frozenset({"home_dir", *DIRECTORIES})
_URLS = frozenset({"db_connection_string", "db_readonly_connection_string"})
_SQLITE = re.compile(r"(sqlite(?:\+\w+)?:///)(?!/|:memory:)([^?]+)(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Source:
    """Values of one source, and what to call the place of each key."""

    values: dict[str, Any] = field(default_factory=dict)
    places: Mapping[KeyPath, str] = field(default_factory=dict)


def environment_name(path: KeyPath) -> str:
    """Return the variable of a key.

    Examples
    --------
    >>> environment_name(("missions", "hst", "bin_width"))
    'HSTLC_MISSIONS__HST__BIN_WIDTH'
    """
    return ENVIRONMENT_PREFIX + "__".join(path).upper()


def from_environment(environ: Mapping[str, str]) -> Source:
    """Read the variables that start with ``HSTLC_``; empty ones count as not set, lists are written as JSON.

    Raises
    ------
    UsageError
        ``usage.bad-value``: a section or list that is not JSON.
    """
    ours = {
        name: text for name, text in environ.items() if name.startswith(ENVIRONMENT_PREFIX) and name not in NOT_KEYS
    }
    places = {tuple(name[len(ENVIRONMENT_PREFIX) :].lower().split("__")): name for name, text in ours.items() if text}
    reader = EnvSettingsSource(Settings, env_prefix=ENVIRONMENT_PREFIX, env_nested_delimiter="__")
    reader.env_vars = {name.lower(): text for name, text in ours.items() if text}
    try:
        values = reader()
    except SettingsError as error:
        broken = next(
            (places[path] for path in places if len(path) == 1 and not _is_json(path, ours, places)), "HSTLC_"
        )
        raise UsageError(
            "usage.bad-value",
            f"{broken} in the environment: expected a section written as JSON, found something else",
            "set the keys of the section one by one, such as HSTLC_STATS__RULE=sound",
            key=broken,
        ) from error
    known = set(Settings.model_fields)
    values |= {path[0]: ours[place] for path, place in places.items() if path[0] not in known}  # refused with a name
    return _finish(values, {path: f"{name} in the environment" for path, name in places.items()}, Path.cwd(), environ)


def _is_json(path: KeyPath, ours: Mapping[str, str], places: Mapping[KeyPath, str]) -> bool:
    if path[0] not in {*SECTIONS, "archives", "missions"}:
        return True
    try:
        return isinstance(json.loads(ours[places[path]]), dict)
    except ValueError:
        return False


def from_file(path: Path, environ: Mapping[str, str]) -> Source:
    """Read a YAML file; keys without a value count as not set.

    Raises
    ------
    UsageError
        ``usage.no-config``: there is no such file, or it cannot be read; ``usage.bad-yaml``: it is not YAML, has a key
        twice, or is not made of keys and values.
    """
    try:
        text = path.read_bytes().decode("utf-8")
    except OSError as error:
        raise UsageError(
            "usage.no-config",
            f"{path}: expected the configuration file, found: {error.strerror}",
            "give its path with --config or HSTLC_CONFIG, or set HSTLC_HOME_DIR and use none",
            path=str(path),
        ) from error
    except UnicodeDecodeError as error:
        raise _bad_yaml(path, 0, f"byte {error.start} is not UTF-8") from error
    lines: dict[KeyPath, int] = {}
    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        if node is not None and not isinstance(node, yaml.MappingNode):
            raise _bad_yaml(path, 1, "expected lines such as 'home_dir: /data/hstlc', found something else")
        _note_lines(node, (), lines, path)
        values = loader.construct_document(node) if node is not None else {}
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        raise _bad_yaml(path, line, error.problem or error.context or "not YAML") from error
    except yaml.YAMLError as error:
        raise _bad_yaml(path, 0, " ".join(str(error).split())) from error
    places = {key: f"{path}, line {line}" for key, line in lines.items()}
    return _finish({str(key): value for key, value in values.items()}, places, path.parent, environ)


def _note_lines(node: yaml.Node | None, above: KeyPath, lines: dict[KeyPath, int], path: Path) -> None:
    if not isinstance(node, yaml.MappingNode):
        return
    for key, value in node.value:
        here = (*above, str(key.value))
        line = key.start_mark.line + 1
        if here in lines:
            raise _bad_yaml(path, line, f"{'.'.join(here)} stands there already in line {lines[here]}")
        lines[here] = line
        _note_lines(value, here, lines, path)


def _bad_yaml(path: Path, line: int, problem: str) -> UsageError:
    return UsageError(
        "usage.bad-yaml",
        f"{path}{f', line {line}' if line else ''}: expected YAML, found: {problem}",
        "compare the line and the one before it with config.example.yaml",
        path=str(path),
        line=line,
    )


def _finish(values: dict[str, Any], places: Mapping[KeyPath, str], folder: Path, environ: Mapping[str, str]) -> Source:
    """Leave out what is not set or retired, and make paths absolute against ``folder``."""
    values = _set_only(values)
    for key in sorted(RETIRED & values.keys()):
        del values[key]
        logger.warning("%s: %s is no longer used and can be deleted", places.get((key,), "configuration"), key)
    for key, value in values.items():
        if isinstance(value, str) and value.strip():
            if key in _PATHS:
                values[key] = _absolute(value, folder, environ)
            elif key in _URLS and (match := _SQLITE.fullmatch(value)):
                values[key] = f"{match[1]}{_absolute(match[2], folder, environ)}{match[3]}"
    return Source(values, places)


def _set_only(values: Mapping[str, Any]) -> dict[str, Any]:
    result = {key: _set_only(value) if isinstance(value, Mapping) else value for key, value in values.items()}
    return {key: value for key, value in result.items() if value is not None}


def _absolute(text: str, folder: Path, environ: Mapping[str, str]) -> str:
    if text == "~" or text.startswith("~/"):
        home = environ.get("HOME") or str(Path.home())
        text = f"{home}{text[1:]}"
    return os.path.normpath(folder.absolute() / text)
