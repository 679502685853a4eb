import json
import logging
import os
import pickle
import re
import subprocess
import sys
from dataclasses import asdict, fields
from pathlib import Path

import pytest
import yaml
from pydantic import BaseModel, ConfigDict, Field

from hstlc.config import HlspSection, Settings, StatsSection, describe, example, load
from hstlc.config.loading import key_names
from hstlc.config.sections import SECTIONS
from hstlc.errors import UsageError
from hstlc.formats.hlsp.project import Project
from hstlc.stats import StatsSettings
from hstlc.units import Seconds

PROJECT = Path(__file__).parents[2]
CANARY = "c4nary-p4ss"


class ToySettings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    bin_width_s: Seconds = Field(2.0, alias="bin_width", description="width of the time bins")
    flags: tuple[str, ...] = Field(("NORMAL",), description="accepted flags")
    api_token: str | None = Field(None, description="token of the archive", min_length=20)


TOYS = {"toy": ToySettings}


def from_text(folder, text, **environ):
    path = folder / "hstlc_config.yaml"
    path.write_text(text)
    return load(path, environ, missions=TOYS)


def refusal(folder, text, **environ):
    with pytest.raises(UsageError) as caught:
        from_text(folder, text, **environ)
    assert caught.value.hint
    return caught.value


# --- precedence and defaults


def test_home_dir_alone_places_everything_below_it(tmp_path):
    settings = load(environ={"HSTLC_HOME_DIR": str(tmp_path)}, missions=TOYS)
    expected = {
        "ingest_dir": "ingest",
        "filesystem_dir": "filesystem",
        "outputs_dir": "outputs",
        "composite_dir": "outputs/composite",
        "bad_data_dir": "bad_data",
        "plot_dir": "plots",
        "download_dir": "download",
        "log_dir": "logs",
    }
    assert {key: getattr(settings, key) for key in expected} == {k: tmp_path / v for k, v in expected.items()}
    assert settings.db_connection_string == f"sqlite:///{tmp_path}/hstlc.db"
    assert settings.permissions == 0o770
    assert settings.missions == {"toy": ToySettings()}
    assert list(tmp_path.iterdir()) == []  # reading a configuration makes nothing


def test_the_environment_comes_before_the_file_and_the_file_before_the_defaults(tmp_path):
    text = "home_dir: tree\nnum_cores: 3\ncommit_batch: 7\nstats: {rule: hstlc-2016, oversampling: 9}\n"
    settings = from_text(
        tmp_path,
        text + "missions:\n  toy:\n    bin_width: 5 s\n    flags: [A, B]\n",
        HSTLC_NUM_CORES="4",
        HSTLC_STATS__OVERSAMPLING="8",
        HSTLC_MISSIONS__TOY__BIN_WIDTH="1.5 min",
    )
    assert (settings.num_cores, settings.commit_batch, settings.log_level) == (4, 7, "INFO")
    assert settings.stats == StatsSection(rule="hstlc-2016", oversampling=8)
    assert settings.missions["toy"] == ToySettings(bin_width="90 s", flags=("A", "B"))


def test_lists_in_the_environment_are_json(tmp_path):
    settings = from_text(tmp_path, "home_dir: tree", HSTLC_MISSIONS__TOY__FLAGS='["X", "Y"]')
    assert settings.missions["toy"].flags == ("X", "Y")


def test_empty_variables_and_keys_without_value_count_as_not_set(tmp_path):
    settings = from_text(tmp_path, "home_dir: tree\ngroup:\nstats:\n  rule:\nmissions:\n", HSTLC_NUM_CORES="")
    assert settings == from_text(tmp_path, "home_dir: tree")


@pytest.mark.parametrize("how", ["argument", "HSTLC_CONFIG", "HOME"])
def test_the_file_is_found(tmp_path, how):
    path = tmp_path / "hstlc_config.yaml"
    path.write_text("home_dir: tree\ncommit_batch: 11\n")
    decoy = tmp_path / "decoy"
    decoy.mkdir()
    (decoy / "hstlc_config.yaml").write_text("home_dir: tree\ncommit_batch: 12\n")
    environ = {"HOME": str(tmp_path if how == "HOME" else decoy)}
    if how == "HSTLC_CONFIG":
        environ["HSTLC_CONFIG"] = str(path)
    settings = load(path if how == "argument" else None, environ, missions=TOYS)
    assert (settings.home_dir, settings.commit_batch) == (tmp_path / "tree", 11)


def test_paths_start_at_the_files_folder_and_know_home(tmp_path):
    (tmp_path / "user").mkdir()
    text = "home_dir: ./x/../tree\nplot_dir: ~/plots\ndb_connection_string: sqlite:///db/a.db?mode=rw\n"
    settings = from_text(tmp_path, text, HOME=str(tmp_path / "user"))
    assert settings.home_dir == tmp_path / "tree"
    assert settings.plot_dir == tmp_path / "user" / "plots"
    assert settings.db_connection_string == f"sqlite:///{tmp_path}/db/a.db?mode=rw"


def test_paths_of_the_environment_start_at_the_working_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert load(environ={"HSTLC_HOME_DIR": "tree"}, missions=TOYS).home_dir == tmp_path / "tree"


def test_the_documented_keys_work_as_they_are(tmp_path):
    keys = "ingest filesystem outputs composite log download plot bad_data".split()  # noqa: SIM905
    for key in keys:
        (tmp_path / key).mkdir()
    lines = [f"{key}_dir: {tmp_path / key}" for key in keys]
    url = f"postgresql://hstlc:{CANARY}@db.example/hstlc"
    settings = from_text(
        tmp_path, "\n".join([f"home_dir: {tmp_path}/home", *lines, f"db_connection_string: {url}", "num_cores: 30"])
    )
    assert [getattr(settings, f"{key}_dir") for key in keys] == [tmp_path / key for key in keys]
    assert settings.db_connection_string == url


def test_composites_follow_the_outputs(tmp_path):
    assert from_text(tmp_path, "home_dir: t\noutputs_dir: out\n").composite_dir == tmp_path / "out" / "composite"


def test_keys_of_the_old_archive_requests_are_ignored_with_a_warning_that_hides_their_values(tmp_path, caplog):
    with caplog.at_level(logging.WARNING, "hstlc"):
        settings = from_text(tmp_path, f"home_dir: t\nmast_password: {CANARY}\n", HSTLC_EMAIL=CANARY)
    assert "line 2: mast_password is no longer used" in caplog.text
    assert "HSTLC_EMAIL" in caplog.text
    assert CANARY not in caplog.text + repr(settings)


def test_settings_are_frozen_and_survive_pickling(tmp_path):
    settings = from_text(tmp_path, "home_dir: t\nmissions: {toy: {bin_width: 3 s}}")
    with pytest.raises(ValueError, match="frozen"):
        settings.num_cores = 1
    assert pickle.loads(pickle.dumps(settings)) == settings


def test_constructing_settings_does_not_read_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("HSTLC_COMMIT_BATCH", "77")
    assert Settings(home_dir=tmp_path).commit_batch == 50


def test_layout_has_the_folders_permissions_and_group(tmp_path):
    layout = from_text(tmp_path, "home_dir: t\npermissions: '0750'\ngroup: staff\nplot_dir: p\n").layout
    assert (layout.home, layout.plots, layout.composite) == (
        tmp_path / "t",
        tmp_path / "p",
        tmp_path / "t" / "outputs" / "composite",
    )
    assert (layout.permissions, layout.group) == (0o750, "staff")


@pytest.mark.parametrize(
    ("text", "size"), [("1 GB", 10**9), ("1.5kB", 1500), ("2 MiB", 2 * 1024**2), ("0 B", 0), ("12 B", 12)]
)
def test_sizes(tmp_path, text, size):
    settings = from_text(tmp_path, f"home_dir: t\nmin_free_space: {text}")
    assert settings.min_free_space == size
    shown = settings.redacted()["min_free_space"]
    assert from_text(tmp_path, f"home_dir: t\nmin_free_space: {shown}").min_free_space == size


def test_stats_section_is_what_the_statistics_take():
    assert StatsSection().model_dump() == asdict(StatsSettings())
    assert HlspSection().project == Project()
    assert HlspSection(profile="mast", version="1.2").project.version == "1.2"
    assert StatsSettings(**StatsSection(rule="hstlc-2016").model_dump()).rule == "hstlc-2016"


# --- refusals


@pytest.mark.parametrize(
    ("text", "environ", "place", "key", "nearest"),
    [
        ("home_dir: t\nigest_dir: x", {}, "line 2", "igest_dir", "ingest_dir"),
        ("home_dir: t\nstats:\n  ruel: x", {}, "line 3", "stats.ruel", "rule"),
        ("home_dir: t\nmissions:\n  toi: {}", {}, "line 3", "missions.toi", "toy"),
        ("home_dir: t\nmissions:\n  toy:\n    binwidth: 2 s", {}, "line 4", "missions.toy.binwidth", "bin_width"),
        ("home_dir: t\nmissions:\n  toy:\n    bin_width_s: 2 s", {}, "line 4", "missions.toy.bin_width_s", "bin_width"),
        ("home_dir: t", {"HSTLC_NUMCORES": "3"}, "HSTLC_NUMCORES in the environment", "numcores", "num_cores"),
        ("home_dir: t", {"HSTLC_STATS__RLE": "x"}, "HSTLC_STATS__RLE in the environment", "stats.rle", "rule"),
        ("home_dir: t", {"HSTLC_MISSIONS__TOY__FLAG": "x"}, "HSTLC_MISSIONS__TOY__FLAG", "missions.toy.flag", "flags"),
    ],
)
def test_unknown_keys(tmp_path, text, environ, place, key, nearest):
    error = refusal(tmp_path, text, **environ)
    assert error.code == "usage.unknown-key"
    assert error.context["key"] == key
    assert key in error.message
    assert place in error.message
    assert error.hint == f"did you mean {nearest}?"
    if "line" in place:
        assert str(tmp_path / "hstlc_config.yaml") in error.message


def test_an_unknown_key_like_no_other_lists_the_known_ones(tmp_path):
    error = refusal(tmp_path, "home_dir: t\nstats: {zzz: 1}")
    assert error.hint == "known are: candidate_p, interesting_p, oversampling, rule"


@pytest.mark.parametrize(
    ("line", "key", "value", "wanted"),
    [
        ("num_cores: many", "num_cores", "many", "integer"),
        ("num_cores: 0", "num_cores", "0", "greater than or equal to 1"),
        ("log_level: loud", "log_level", "loud", "'DEBUG'"),
        ("min_free_space: 5", "min_free_space", "5", "1 GB"),
        ("min_free_space: 5 s", "min_free_space", "5 s", "1 GB"),
        ("permissions: 0770", "permissions", "504", "'0770'"),
        ("permissions: '0670'", "permissions", "0670", "'0770'"),
        ("plot_dir: 3", "plot_dir", "3", "path of a folder"),
        ("plot_dir: ''", "plot_dir", "''", "path of a folder"),
        ("db_connection_string: mysql://h/d", "db_connection_string", "mysql", "sqlite:///PATH or postgresql://"),
        ("stats: 3", "stats", "3", "keys with values"),
        ("stats: {rule: loud}", "stats.rule", "loud", "'sound' or 'hstlc-2016'"),
        ("stats: {interesting_p: 2}", "stats.interesting_p", "2", "less than 1"),
        ("missions: 3", "missions", "3", "named after missions"),
        ("missions: {toy: 3}", "missions.toy", "3", "keys with values"),
        ("missions: {toy: {bin_width: 2}}", "missions.toy.bin_width", "2", "'2 s'"),
        ("missions: {toy: {bin_width: 2 m}}", "missions.toy.bin_width", "2 m", "'2 s'"),
        ("missions: {toy: {flags: [A, 3]}}", "missions.toy.flags", "3", "string"),
    ],
)
def test_bad_values(tmp_path, line, key, value, wanted):
    error = refusal(tmp_path, f"home_dir: t\n{line}")
    assert error.code == "usage.bad-value"
    assert error.context["key"] == key
    assert f"{tmp_path / 'hstlc_config.yaml'}, line 2: {key} = " in error.message
    assert value in error.message
    assert wanted in error.message
    assert key in error.hint


def test_a_bad_value_of_the_environment_names_the_variable(tmp_path):
    error = refusal(tmp_path, "home_dir: t\nnum_cores: 3\n", HSTLC_NUM_CORES="x")
    assert error.code == "usage.bad-value"
    assert "HSTLC_NUM_CORES in the environment: num_cores = 'x'" in error.message


@pytest.mark.parametrize("text", ["{", "3", "[]"])
def test_a_section_in_the_environment_must_be_json_with_keys(tmp_path, text):
    error = refusal(tmp_path, "home_dir: t", HSTLC_STATS=text)
    assert error.code == "usage.bad-value"
    assert "HSTLC_STATS in the environment" in error.message


def test_without_home_dir_there_is_a_cure(tmp_path):
    error = refusal(tmp_path, "num_cores: 3")
    assert error.code == "usage.no-home"
    assert "HSTLC_HOME_DIR" in error.hint
    with pytest.raises(UsageError) as caught:
        load(environ={"HOME": str(tmp_path / "nobody")}, missions=TOYS)
    assert caught.value.code == "usage.no-home"


@pytest.mark.parametrize(
    ("text", "key", "missing"),
    [
        ("home_dir: a/b", "home_dir", "a"),
        ("home_dir: t\nplot_dir: a/b", "plot_dir", "a"),
        ("home_dir: t\ncomposite_dir: a/b/c", "composite_dir", "a/b"),
        ("home_dir: t\nlog_dir: hstlc_config.yaml", "log_dir", "hstlc_config.yaml"),
    ],
)
def test_missing_directories(tmp_path, text, key, missing):
    error = refusal(tmp_path, text)
    assert error.code == "usage.missing-directory"
    assert error.context == {"key": key, "path": str(tmp_path / missing)}
    assert str(tmp_path / missing) in error.hint


def test_a_folder_may_lie_in_one_that_will_be_made(tmp_path):
    settings = from_text(tmp_path, "home_dir: t\noutputs_dir: t/o\ncomposite_dir: t/o/c")
    assert settings.composite_dir == tmp_path / "t" / "o" / "c"


@pytest.mark.parametrize("ingest", ["t", ".", "t/filesystem", "t/outputs/new"])
def test_new_files_are_not_mixed_with_others(tmp_path, ingest):
    (tmp_path / "t" / "outputs").mkdir(parents=True)
    error = refusal(tmp_path, f"home_dir: t\ningest_dir: {ingest}")
    assert error.code == "usage.bad-value"
    assert error.context["key"] == "ingest_dir"
    assert "must not be mixed" in error.message


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("home_dir: [\n", 2),
        ("home_dir: t\n\tnum_cores: 3\n", 2),
        ("home_dir: t\nstats:\n  rule: sound\n  rule: sound\n", 4),
        ("- home_dir\n", 1),
        ("!!python/object/apply:os.system ['true']", 1),
        ("home_dir: t\n? [a, b]\n: c\n", 2),
    ],
)
def test_bad_yaml(tmp_path, text, line):
    error = refusal(tmp_path, text)
    assert error.code == "usage.bad-yaml"
    assert error.context == {"path": str(tmp_path / "hstlc_config.yaml"), "line": line}
    assert f"line {line}" in error.message


@pytest.mark.parametrize("data", [b"home_dir: \xff", b"home_dir: \x00"])
def test_bytes_that_are_no_text(tmp_path, data):
    path = tmp_path / "c.yaml"
    path.write_bytes(data)
    with pytest.raises(UsageError) as caught:
        load(path, {}, missions=TOYS)
    assert caught.value.code == "usage.bad-yaml"
    assert str(path) in caught.value.message


def test_a_file_that_is_named_must_exist(tmp_path):
    for path, environ in [(tmp_path / "no.yaml", {}), (None, {"HSTLC_CONFIG": str(tmp_path / "no.yaml")})]:
        with pytest.raises(UsageError) as caught:
            load(path, environ, missions=TOYS)
        assert caught.value.code == "usage.no-config"
        assert caught.value.context["path"] == str(tmp_path / "no.yaml")


# --- secrets


def test_no_secret_is_ever_shown(tmp_path):
    url = f"postgresql://writer:{CANARY}@db.example/hstlc"
    settings = from_text(
        tmp_path,
        f"home_dir: t\ndb_connection_string: {url}\ndb_readonly_connection_string: {url}\n"
        f"missions: {{toy: {{api_token: {CANARY}-{CANARY}}}}}",
    )
    shown = settings.redacted()
    assert shown["db_connection_string"] == "postgresql://writer:***@db.example/hstlc"
    assert shown["db_readonly_connection_string"] == "postgresql://writer:***@db.example/hstlc"
    assert shown["missions"]["toy"]["api_token"] == "***"
    assert CANARY not in str(shown)
    assert "db.example" not in repr(settings)
    assert settings.db_connection_string == url


@pytest.mark.parametrize(
    "line", [f"db_connection_string: oracle://u:{CANARY}@h/d", f"missions: {{toy: {{api_token: {CANARY}}}}}"]
)
def test_an_error_about_a_secret_does_not_tell_it(tmp_path, line):
    error = refusal(tmp_path, f"home_dir: t\n{line}")
    assert error.code == "usage.bad-value"
    assert CANARY not in f"{error}{error.context}"


# --- the description and the example


def test_every_key_is_described():
    keys = {key.name: key for key in describe(TOYS, {})}
    top = set(Settings.model_fields) - {*SECTIONS, "archives", "missions"}
    services = ("network", "downloads", "daemon", "web")
    service = {f"{name}.{key}" for name in services for key in key_names(SECTIONS[name])}
    delivery = {f"hlsp.{field.name}" for field in fields(Project)}
    statistics = {f"stats.{field.name}" for field in fields(StatsSettings)}
    names = {f"targets.{name}" for name in ("overrides", "radius", "resolver", "resolver_url")}
    assert set(keys) == top | delivery | statistics | names | service | {
        "missions.toy.bin_width",
        "missions.toy.flags",
        "missions.toy.api_token",
    }
    assert all(key.doc and key.kind and key.kind != "value" for key in keys.values())
    assert keys["missions.toy.bin_width"].environment == "HSTLC_MISSIONS__TOY__BIN_WIDTH"
    assert keys["missions.toy.bin_width"].default == "2 s"
    assert keys["missions.toy.flags"].kind == "list of text"
    assert keys["composite_dir"].default == "<home_dir>/outputs/composite"
    assert keys["stats.rule"].kind == "sound | hstlc-2016"


def test_every_described_variable_works(tmp_path):
    environ = {"HSTLC_HOME_DIR": str(tmp_path)}
    for key in describe(TOYS):
        if key.default and key.name not in {"home_dir", "num_cores"}:
            value = key.default.replace("<home_dir>", str(tmp_path)).strip("'")
            environ[key.environment] = json.dumps(yaml.safe_load(value)) if value.startswith("[") else value
    environ["HSTLC_NUM_CORES"] = str(len(os.sched_getaffinity(0)))
    for folder in ("outputs",):
        (tmp_path / folder).mkdir()
    assert load(environ=environ, missions=TOYS) == load(environ={"HSTLC_HOME_DIR": str(tmp_path)}, missions=TOYS)


REGENERATE = "python -c 'from hstlc.config import example; print(example(), end=\"\")' > config.example.yaml"


def test_the_example_file_is_complete():
    assert (PROJECT / "config.example.yaml").read_text() == example(), f"run: {REGENERATE}"


def test_the_example_file_loads_as_it_is_and_with_every_line_switched_on(tmp_path):
    text = (PROJECT / "config.example.yaml").read_text()
    environ = {"HOME": str(tmp_path)}
    (tmp_path / "a.yaml").write_text(text)
    plain = load(tmp_path / "a.yaml", environ)
    assert plain.home_dir == tmp_path / "hstlc"
    full = re.sub(r"(?m)^#(?=[a-z]| {2})", "", text)
    assert full.count("\n#") < text.count("\n#")
    (tmp_path / "b.yaml").write_text(full.replace("num_cores: 4", f"num_cores: {plain.num_cores}"))
    assert load(tmp_path / "b.yaml", environ) == plain
    for key in describe():
        assert re.search(rf"(?m)^ *{key.name.split('.')[-1]}:", full), key.name


def test_importing_the_configuration_is_light():
    code = (
        "import sys, hstlc.config; print(sorted({'numpy','astropy','pandas','sqlalchemy','scipy'} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
