"""The configuration explained: every key with type, default, meaning and variable, read off the models."""

from __future__ import annotations

import types
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, BeforeValidator
from pydantic.fields import FieldInfo

from hstlc.config.loading import SectionModels, installed_sections
from hstlc.config.sections import SECTIONS
from hstlc.config.settings import Settings
from hstlc.config.sources import KeyPath, environment_name

__all__ = ["Key", "describe", "example"]

HOME = Path("/home_dir")  # stands for the folder of the data tree while defaults are worked out

# What the example shows where the default is not a fixed text.
_SHOWN = {"home_dir": "~/hstlc", "num_cores": "4"}

_SIMPLE = {bool: "true or false", int: "integer", float: "number", str: "text", Path: "path"}

_HEAD = """\
# Configuration of hstlc. Copy it to $HOME/hstlc_config.yaml, or name it with --config or HSTLC_CONFIG.
#
# A line that starts with '#' and a key shows the default; delete the '#' to change it. home_dir alone is needed.
# Relative paths start at the folder of this file. Every key can also be set by the variable that stands beside it,
# which comes first; lists are written as JSON there. Check the result with: hstlc config check
"""


@dataclass(frozen=True, slots=True)
class Key:
    """One key of the configuration.

    Attributes
    ----------
    name : str
        With its section, such as ``stats.rule``.
    kind : str
        Type, unit or choices.
    default : str
        As it is written in the file; '' for none.
    doc : str
        What it means.
    environment : str
        Variable that sets it.
    """

    name: str
    kind: str
    default: str
    doc: str
    environment: str


def describe(missions: SectionModels | None = None, archives: SectionModels | None = None) -> tuple[Key, ...]:
    """Return every key, those of the archives' and missions' sections last.

    Parameters
    ----------
    missions : mapping of str to type of pydantic.BaseModel, optional
        The model of each mission's section, by default those of the installed missions.
    archives : mapping of str to type of pydantic.BaseModel, optional
        Likewise of each archive's section.
    """
    keys = _keys(Settings(home_dir=HOME), ())
    for name, section in SECTIONS.items():
        keys += _keys(section(), (name,))
    for kind, given in (("archives", archives), ("missions", missions)):
        models = installed_sections(kind) if given is None else given
        for name, model in models.items():
            keys += _keys(model(), (kind, name))
    return tuple(keys)


def example(missions: SectionModels | None = None, archives: SectionModels | None = None) -> str:
    """Return the text of ``config.example.yaml``."""
    lines = [_HEAD]
    section: KeyPath = ()
    for key in describe(missions, archives):
        *above, name = key.name.split(".")
        indent = "  " * len(above)
        if tuple(above) != section:
            section = tuple(above)
            lines += _section_lines(section, lines)
        lines.append(f"{indent}# {key.doc[0].upper()}{key.doc[1:]}.")
        lines.append(f"{indent}# {key.kind}; {key.environment}")
        mark = "" if key.name == "home_dir" else "#"
        value = _SHOWN.get(key.name, key.default.replace("<home_dir>", _SHOWN["home_dir"]))
        lines.append(f"{mark}{indent}{name}: {value}".rstrip() + "\n")
    return "\n".join(lines).rstrip("\n") + "\n"


def _section_lines(section: KeyPath, before: list[str]) -> list[str]:
    """Return the headings of a section, without those that stand already."""
    headings = [f"#{'  ' * depth}{name}:" for depth, name in enumerate(section)]
    return [heading for heading in headings if heading not in before]


def _keys(model: BaseModel, above: KeyPath) -> list[Key]:
    values = model.model_dump(mode="json", by_alias=True)
    keys = []
    for name, field in type(model).model_fields.items():
        key = field.alias or name
        if isinstance(field.default, BaseModel | dict):
            continue  # a section
        extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
        default = str(extra.get("shown") or "") or _text(values[key])
        path = (*above, key)
        kind = str(extra.get("kind") or "") or _kind(field)
        keys.append(Key(".".join(path), kind, default, field.description or "", environment_name(path)))
    return keys


def _text(value: Any) -> str:
    if value is None:
        return ""
    text = yaml.safe_dump([value], default_flow_style=True, width=10**6).strip()[1:-1]
    return "" if value == str(HOME) else text.replace(str(HOME), "<home_dir>")


def _kind(field: FieldInfo) -> str:
    if any(isinstance(item, BeforeValidator) for item in field.metadata):
        return "range of numbers with unit" if get_origin(field.annotation) is tuple else "number with unit"
    return _annotation(field.annotation)


def _annotation(annotation: Any) -> str:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return " | ".join(str(choice) for choice in arguments)
    if origin in {Union, types.UnionType}:
        return " | ".join(_annotation(item) for item in arguments if item is not types.NoneType)
    if origin in {tuple, list, set, frozenset}:
        return f"list of {_annotation(arguments[0])}"
    return _SIMPLE.get(annotation, "value")
