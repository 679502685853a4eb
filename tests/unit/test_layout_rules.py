"""Rules of the source tree that no tool checks."""

import ast
import importlib
import re
from pathlib import Path

import pytest

from hstlc.missions.registry import missions

PROJECT = Path(__file__).parents[2]
MODULES = sorted((PROJECT / "hstlc").rglob("*.py"))
LONGEST = 400
SAYS_NOTHING = {"utils", "util", "misc", "common", "manager", "helpers", "helper", "tools", "stuff"}

#: Words that only a mission's own folder and its examples may know.
MISSION_WORDS = {
    *missions(),
    *(name.lower() for mission in missions().values() for name in mission.instruments),
    "stis",
}


def _name(path: Path) -> str:
    return str(path.relative_to(PROJECT))


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_a_module_is_short_and_its_name_says_something(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= LONGEST
    assert not SAYS_NOTHING & set(path.stem.split("_"))
    assert not SAYS_NOTHING & set(path.parent.name.split("_"))


EXAMPLE = re.compile(r"\b(such as|for example|e\.g\.) ")


def _literals(tree: ast.Module) -> list[ast.Constant]:
    """Return the texts that a program acts on: not docstrings, help, or sentences that give an example."""
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    free = set()
    for node in ast.walk(tree):
        if isinstance(node, documented) and node.body and isinstance(node.body[0], ast.Expr):
            free.add(node.body[0].value)
        if isinstance(node, ast.keyword) and node.arg == "help":
            free.add(node.value)
    texts = (node for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str))
    return [node for node in texts if node not in free and not EXAMPLE.search(str(node.value))]


def _mission_words(path: Path) -> list[str]:
    found = []
    for node in _literals(ast.parse(path.read_text())):
        words = set(re.findall(r"[a-z]+", str(node.value).lower()))
        found += [f"{_name(path)}:{node.lineno}: {word}" for word in sorted(MISSION_WORDS & words)]
    return found


def test_missions_are_known_in_their_own_folders_only() -> None:
    own = [PROJECT / "hstlc" / "missions", PROJECT / "hstlc" / "testing"]
    elsewhere = [path for path in MODULES if not any(path.is_relative_to(folder) for folder in own)]
    assert [word for path in elsewhere for word in _mission_words(path)] == []
    assert [word for path in MODULES for word in _mission_words(path)]  # the search finds what there is


def test_nothing_is_done_at_import() -> None:
    """Settings, environment and engines are read when a function is called."""
    for path in MODULES:
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                continue
            done = ast.unparse(node)
            for word in ("os.environ", "getenv", "create_engine(", "make_engine(", "basicConfig", ".mkdir("):
                assert word not in done, f"{_name(path)}:{node.lineno}: {word}"


DOTTED = re.compile(r"`(hstlc(?:\.\w+)+)(?:\(\))?`")


def _resolve(name: str) -> object:
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        try:
            value: object = importlib.import_module(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        for part in parts[length:]:
            value = getattr(value, part)
        return value
    raise ModuleNotFoundError(name)


def test_names_in_the_architecture_exist() -> None:
    names = sorted(set(DOTTED.findall((PROJECT / "ARCHITECTURE.md").read_text())))
    assert len(names) >= 15
    for name in names:
        try:
            _resolve(name)
        except (AttributeError, ModuleNotFoundError) as error:
            pytest.fail(f"ARCHITECTURE.md: {name} does not exist: {error}")


def test_the_architecture_follows_the_path_of_a_file() -> None:
    text = (PROJECT / "ARCHITECTURE.md").read_text()
    for step in ("find_inputs", "plan_exposure", "process", "run_checks", "publish_batch", "build_statistics"):
        assert re.search(rf"`hstlc\.[\w.]*\b{step}(\(\))?`", text), step
