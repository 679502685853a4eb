"""Targets of a store: resolved once, kept, shown, and changed by a person."""

from __future__ import annotations

import http.server
import json
import threading
from itertools import permutations
from types import SimpleNamespace

import pytest
from composite_runs import COMPOSITE, composites, ingest, members, visit
from sqlalchemy import select, text
from store_state import Store, recalibrated

from hstlc.db import targets
from hstlc.db.engine import reading, writing
from hstlc.errors import UsageError
from hstlc.model.target import Seen
from hstlc.pipeline import rename
from hstlc.pipeline.plots import make_plots
from hstlc.pipeline.results import Summary
from hstlc.pipeline.run import recorded_run
from hstlc.pipeline.targets import Rules, read_overrides, resolve, rules_of
from hstlc.testing.databases import sqlite_url

PLACE = {"ra_deg": 88.79293899, "dec_deg": 7.407064}


@pytest.fixture(scope="session")
def stars(tmp_path_factory):
    """Exposures of one star under four names, and of another star; nobody writes to them."""
    folder = tmp_path_factory.mktemp("stars")
    names = ("HD39801", "HD-39801", "BETELGEUSE", "hd_39801-COPY")
    same = [visit(folder, number, targname=name, **PLACE)[0] for number, name in enumerate(names, 1)]
    return SimpleNamespace(same=same, other=visit(folder, 9, targname="RIGEL")[0], names=names)


@pytest.fixture
def sqlite_store(tmp_path):
    """A new store on SQLite."""
    (tmp_path / "database").mkdir()
    return Store(tmp_path / "home", sqlite_url(tmp_path / "database"))


def change(store: Store, plan, **options):
    """Do what 'hstlc targets merge', split and rename do."""
    summary = Summary()
    with store.open() as context, recorded_run(context, "targets", summary):
        rename.change(context, plan, summary, **options)
    return summary


def renaming(old, new):
    return lambda connection: rename.plan_rename(connection, old, new)


def merging(names, into):
    return lambda connection: rename.plan_merge(connection, names, into)


def splitting(name, exposures, new):
    return lambda connection: rename.plan_split(connection, name, exposures, new)


def known_as(store: Store) -> dict[str, str]:
    """Return header name to target of every exposure."""
    return dict(store.state().of("metadata", "header_targname", "targname"))


# --- ingest


def test_names_of_one_star_are_one_target_with_one_composite(store, stars):
    assert ingest(store, *stars.same, stars.other).failures == []
    assert known_as(store) == {**dict.fromkeys(stars.names, "BETELGEUSE"), "RIGEL": "RIGEL"}
    state = store.state()
    assert state.of("metadata", "target_id") == [("BETELGEUSE",)] * 4 + [("RIGEL",)]
    assert {path.split("/")[0] for path in state.below("filesystem")} == {"BETELGEUSE", "RIGEL"}
    assert len([row for row in members(store) if row[1] is not None]) == 5
    assert len(composites(store)) == 2
    assert state.of("target_alias", "alias", "method") == [
        ("BETELGEUSE", "first"), ("HD-39801", "position"), ("HD39801", "position"), ("RIGEL", "first"),
        ("hd_39801-COPY", "position"),
    ]  # fmt: skip
    assert store.verify().clean
    assert ingest(store, *stars.same, stars.other).unchanged == 5
    assert store.state().rows == state.rows


def test_each_exposure_in_a_run_of_its_own_in_any_order_makes_the_same_groups(tmp_path, stars):
    for number, order in enumerate([(0, 1, 2, 3), (3, 2, 1, 0), (2, 0, 3, 1)]):
        (tmp_path / f"{number}").mkdir()
        store = Store(tmp_path / f"home{number}", sqlite_url(tmp_path / f"{number}"))
        for one in order:
            store.ingest(stars.same[one])
        first = {0: "HD39801", 1: "HD-39801", 2: "BETELGEUSE", 3: "HD-39801"}[order[0]]
        assert set(known_as(store).values()) == {first}
        assert store.state().of("target", "name") == [(first,)]


def test_an_exposure_keeps_its_target_until_its_header_calls_it_otherwise(store, stars, tmp_path):
    store.ingest(stars.same[0])
    store.ingest(stars.same[2])
    store.ingest(recalibrated(tmp_path / "1", stars.same[2], "4.0"))
    assert set(known_as(store).values()) == {"HD39801"}
    store.ingest(recalibrated(tmp_path / "2", stars.same[2], "5.0", TARGNAME="Somewhere Else"))
    assert known_as(store) == {"HD39801": "HD39801", "Somewhere Else": "SOMEWHERE-ELSE"}
    assert store.state().of("target_alias", "alias") == [("HD39801",), ("Somewhere Else",)]
    assert store.verify().clean


def test_a_rejected_exposure_leaves_no_target(store, archive):
    store.ingest(*archive.bad)
    assert store.state().rows["target"] == store.state().rows["target_alias"] == []


def test_moving_targets_at_one_place_stay_two(sqlite_store, tmp_path):
    given = [
        *visit(tmp_path / "given", 1, targname="HD39801", **PLACE),
        *visit(tmp_path / "given", 2, targname="2020-XY", overrides={"MTFLAG": "T"}, **PLACE),
        *visit(tmp_path / "given", 3, targname="JUPITER-NORTH-1", **PLACE),
        *visit(tmp_path / "given", 4, targname="JUPITER-NORTH-2", ra_deg=1.0, dec_deg=2.0),
    ]
    sqlite_store.ingest(*given)
    assert sqlite_store.state().of("target", "name", "moving") == [
        ("2020-XY", True), ("HD39801", False), ("JUPITER-NORTH", True),
    ]  # fmt: skip


def test_a_star_that_moved_in_ten_years_is_at_one_place(sqlite_store, tmp_path):
    motion = {"MU_RA": 0.89607, "MU_DEC": -0.81354}
    years = (58108.51215764, 54466.0)
    places = ((175.5512325935, 26.70250783734), (175.54845, 26.70476))  # of the catalog, moved on to both days
    for number, (mjd, (ra, dec), name) in enumerate(zip(years, places, ("GJ-436", "LHS-310"), strict=True), 1):
        at = {"ra_deg": ra, "dec_deg": dec, "expstart_mjd": mjd, "overrides": motion}
        sqlite_store.ingest(*visit(tmp_path / "given", number, targname=name, **at))
    assert known_as(sqlite_store) == {"GJ-436": "GJ-436", "LHS-310": "GJ-436"}


def test_names_that_no_database_keeps_are_left_to_the_checks(store, stars):
    with store.open() as context, writing(context.engine) as connection:
        names = ["a" * 200, "n\0ul", "half \ud800", "", " ", "\u00fc" * 128]
        assert resolve(connection, *map(Seen, names))[:4] == names[:4]
        assert [row["name"] for row in targets.list_targets(connection)] == ["", "\u00dc" * 128]


# --- rules


def test_overrides_come_first(sqlite_store, stars, tmp_path):
    store = sqlite_store.configured(targets__overrides=str(tmp_path / "names.yaml"), targets__radius="0 arcsec")
    (tmp_path / "names.yaml").write_text("betelgeuse: alf ori\nHD-39801: Alf Ori\nno: yes\n")
    store.ingest(*stars.same)
    assert known_as(store) == {
        "BETELGEUSE": "ALF-ORI", "HD-39801": "ALF-ORI", "HD39801": "HD-39801", "hd_39801-COPY": "HD-39801",
    }  # fmt: skip


@pytest.mark.parametrize(
    "content", ["- a\n- b", "a: [b]", "a: {b: c}", "a: ''", "a: " + "b" * 200, "a: b: c", None, b"\xff"]
)
def test_a_list_of_overrides_that_is_none(tmp_path, content):
    path = tmp_path / "names.yaml"
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(UsageError) as caught:
        read_overrides(path)
    assert caught.value.code == "usage.overrides"
    assert str(path) in caught.value.message


def test_names_alone_count_without_a_radius(sqlite_store, stars):
    store = sqlite_store.configured(targets__radius="0 arcsec")
    store.ingest(*stars.same)
    assert set(known_as(store).values()) == {"BETELGEUSE", "HD-39801"}


@pytest.fixture
def resolver():
    """A service that knows one star, until it is down; gives its address, and what it was asked."""
    service = SimpleNamespace(asked=[], down=False)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            service.asked.append(self.path)
            known = "NGC" in self.path
            answer = b"<oname>NGC 3516</oname><alias>PGC 33623</alias><jradeg>166.7</jradeg><jdedeg>72.57</jdedeg>"
            body = b"<Sesame><Target><Resolver>" + (answer if known else b"") + b"</Resolver></Target></Sesame>"
            self.send_response(503 if service.down else 200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    service.address = f"http://127.0.0.1:{server.server_port}/-oxpI?"
    yield service
    server.shutdown()
    server.server_close()


def test_a_resolver_is_asked_once_for_a_name_and_its_answer_is_kept(store, resolver):
    rules = rules_of(store.configured(targets__resolver="sesame", targets__resolver_url=resolver.address).settings)
    with store.open() as context:
        for _ in range(2):
            with writing(context.engine) as connection:
                seen = [Seen("PGC-33623"), Seen("NGC 3516"), Seen("A & B"), Seen("MARS"), Seen("")]
                assert resolve(connection, *seen, rules=rules) == ["NGC-3516", "NGC-3516", "A-&-B", "MARS", ""]
        # 'PGC-33623' alone is unknown to the service: 'NGC 3516' brings its other name
        assert sorted(resolver.asked) == ["/-oxpI?A%20%26%20B", "/-oxpI?NGC%203516", "/-oxpI?PGC-33623"]
    notes = dict(store.state().of("target_alias", "alias", "note"))
    assert notes["NGC 3516"] == "NGC 3516, PGC 33623"
    assert notes["A & B"] == "the resolver does not tell"


def test_a_resolver_that_is_down_changes_nothing_that_is_known(store, resolver):
    rules = rules_of(store.configured(targets__resolver="sesame", targets__resolver_url=resolver.address).settings)
    with store.open() as context, writing(context.engine) as connection:
        resolve(connection, Seen("NGC 3516"), rules=rules)
    resolver.down = True
    asked = len(resolver.asked)
    with store.open() as context, writing(context.engine) as connection:
        rules = Rules(
            ask=rules_of(
                store.configured(targets__resolver="sesame", targets__resolver_url=resolver.address).settings
            ).ask
        )
        assert resolve(connection, Seen("ngc-3516"), Seen("X"), Seen("Y"), rules=rules) == ["NGC-3516", "X", "Y"]
    assert len(resolver.asked) == asked + 1  # and not for the second name


def test_nobody_is_asked_unless_that_is_configured(sqlite_store):
    assert rules_of(sqlite_store.settings).ask is None


def test_exposures_of_an_earlier_version_keep_the_target_they_have(store, stars):
    store.ingest(stars.same[0])
    with store.open() as context, context.engine.begin() as connection:
        connection.execute(text("DELETE FROM target_alias"))
        connection.execute(text("UPDATE metadata SET target_id = NULL, header_targname = targname"))
        connection.execute(text("DELETE FROM target"))
    store.ingest(stars.same[2])
    assert set(known_as(store).values()) == {"HD39801"}
    assert store.state().of("metadata", "target_id") == [("HD39801",)] * 2


# --- changes by a person


def assert_in_order(store: Store) -> None:
    """Hold that files fit rows, that nothing is left over, and that making everything again finds nothing to do."""
    assert store.verify().clean
    assert store.state().rows["pending_removal"] == []
    assert not list(store.home.rglob("*.part"))
    again = ingest(store)
    assert (again.composites, again.statistics, again.failures) == (0, 0, [])
    folders = [path for name in ("filesystem", "outputs", "plots") for path in (store.home / name).glob("*/")]
    empty = [path for path in folders if not any(path.iterdir())]
    assert [path for path in empty if path.name != "composite"] == []


def test_a_renamed_target_takes_everything_along(store, stars, tmp_path):
    ingest(store, *stars.same, stars.other)
    ingest(store, recalibrated(tmp_path, stars.same[1], "9.0"))
    with store.open() as context:
        make_plots(context, Summary())
    before = store.state()
    summary = change(store, renaming("BETELGEUSE", "alf Ori"))
    assert (summary.moved, summary.composites, summary.failures) == (4, 1, [])
    after = store.state()
    kept = {d for path, d in before.files.items() if not path.startswith(COMPOSITE)}
    assert kept <= set(after.files.values())
    assert {path.split("/")[0] for path in after.below("filesystem")} == {"ALF-ORI", "RIGEL"}
    assert len([path for path in after.below("filesystem") if path.startswith("ALF-ORI/superseded/")]) == 1
    assert {path.split("/")[0] for path in after.below("outputs")} == {"ALF-ORI", "RIGEL", "composite"}
    assert {path.name for path in store.settings.plot_dir.iterdir() if path.is_dir()} == {
        "ALF-ORI",
        "RIGEL",
        "composite",
        "static",
    }
    assert all("alf-ori" in path.name or "rigel" in path.name for path in composites(store))
    assert {row["configuration"].split("/")[3] for row in after.rows["metadata"]} == {"ALF-ORI", "RIGEL"}
    assert {row["individual_path"] for row in after.rows["outputs"]} == {"outputs/ALF-ORI", "outputs/RIGEL"}
    assert {row["lightcurve_path"] for row in after.rows["stats"]} == {
        "outputs/ALF-ORI",
        "outputs/RIGEL",
        "outputs/composite",
    }
    assert_in_order(store)
    assert change(store, renaming("BETELGEUSE", "alf Ori")).moved == 0
    assert change(store, renaming("hd 39801", "BETELGEUSE")).moved == 4
    assert set(known_as(store).values()) == {"BETELGEUSE", "RIGEL"}


def test_targets_are_merged_and_what_comes_later_follows(store, stars, tmp_path):
    ingest(store, stars.other, *stars.same[:2])
    summary = change(store, merging(["RIGEL", "HD-39801"], "HD-39801"))
    assert (summary.moved, summary.composites) == (1, 1)
    assert set(known_as(store).values()) == {"HD-39801"}
    assert len(composites(store)) == 1
    ingest(store, *visit(tmp_path / "given", 5, targname="rigel"), recalibrated(tmp_path, stars.other, "9.0"))
    assert set(known_as(store).values()) == {"HD-39801"}
    assert store.state().of("target", "name") == [("HD-39801",)]
    assert_in_order(store)


def test_a_split_target_stays_split(store, stars, tmp_path):
    ingest(store, *stars.same)
    summary = change(store, splitting("HD39801", ["lsim01aaq", "hst/LSIM03AAQ"], "Another One"))
    assert (summary.moved, summary.composites) == (2, 2)
    expected = {
        "HD39801": "ANOTHER-ONE",
        "BETELGEUSE": "ANOTHER-ONE",
        "HD-39801": "BETELGEUSE",
        "hd_39801-COPY": "BETELGEUSE",
    }
    assert known_as(store) == expected
    assert len(composites(store)) == 2
    ingest(store, recalibrated(tmp_path, stars.same[0], "9.0"), stale=True)
    assert known_as(store) == expected
    assert_in_order(store)
    assert change(store, splitting("HD-39801", ["lsim01aaq"], "ANOTHER-ONE")).moved == 0


def test_a_name_that_was_taken_for_another_becomes_a_target_of_its_own(store, stars, tmp_path):
    ingest(store, *stars.same[::2])
    assert change(store, splitting("BETELGEUSE", ["lsim01aaq"], "HD39801")).moved == 1
    ingest(store, *visit(tmp_path / "given", 5, targname="HD39801", **PLACE))
    assert store.state().of("metadata", "rootname", "targname") == [
        ("lsim01aaq", "HD39801"), ("lsim03aaq", "BETELGEUSE"), ("lsim05aaq", "HD39801"),
    ]  # fmt: skip
    assert_in_order(store)


def test_files_of_exposures_that_are_rejected_now_move_too(store, archive, tmp_path):
    store.ingest(*archive.pair)
    store.ingest(recalibrated(tmp_path, archive.pair[1], "9.0", EXPFLAG="INTERRUPTED"))
    store.ingest(*visit(tmp_path / "given", 5))
    change(store, renaming("SIM-STAR", "NEW"))
    assert {path.split("/")[0] for path in store.state().below("filesystem")} == {"NEW"}
    assert store.verify().clean


def test_a_lost_and_a_damaged_file_stop_no_change(store, stars):
    ingest(store, *stars.same)
    folder = store.home / "filesystem" / "BETELGEUSE"
    (folder / stars.same[0].name).unlink()
    (folder / stars.same[1].name).write_bytes(b"damaged")
    assert change(store, renaming("BETELGEUSE", "NEW")).moved == 4
    report = store.verify()
    assert [path.name for path in report.missing] == [stars.same[0].name]
    assert [path.parent.name for path in report.damaged] == ["NEW"]
    assert report.unknown == ()
    assert not folder.exists()


def test_a_file_in_the_way_is_not_overwritten(store, stars):
    ingest(store, *stars.same[:2])
    way = store.home / "filesystem" / "NEW" / stars.same[1].name
    way.parent.mkdir()
    way.write_bytes(b"somebody's")
    before = store.state()
    summary = change(store, renaming("HD-39801", "NEW"))
    assert [failure.code for failure in summary.failures] == ["store.exists"]
    assert summary.moved == 0
    assert way.read_bytes() == b"somebody's"
    assert store.state().rows == before.rows
    assert store.verify().unknown == (way,)
    way.unlink()
    assert change(store, renaming("HD-39801", "NEW")).moved == 2
    assert_in_order(store)


TWO, ALL = ["lsim01aaq", "lsim99aaq"], [f"lsim0{number}aaq" for number in (1, 2, 3, 4)]
WRONG = [
    ("usage.unknown-target", renaming("NOBODY", "X")),
    ("usage.unknown-target", merging(["NOBODY"], "RIGEL")),
    ("usage.unknown-target", merging(["RIGEL"], "NOBODY")),
    ("usage.unknown-target", splitting("NOBODY", ["x"], "Y")),
    ("usage.target-exists", renaming("RIGEL", "BETELGEUSE")),
    ("usage.target-exists", renaming("RIGEL", "HD39801")),
    ("usage.target-name", renaming("RIGEL", "")),
    ("usage.target-name", renaming("RIGEL", "x" * 129)),
    ("usage.target-name", renaming("RIGEL", "n\0ul")),
    ("usage.target-name", splitting("RIGEL", ["lsim09aaq"], " ")),
    ("usage.same-target", splitting("BETELGEUSE", ["lsim01aaq"], "betelgeuse")),
    ("usage.unknown-exposure", splitting("BETELGEUSE", ["lsim09aaq"], "X")),
    ("usage.unknown-exposure", splitting("BETELGEUSE", TWO, "X")),
    ("usage.all-exposures", splitting("RIGEL", ["lsim09aaq"], "X")),
    ("usage.all-exposures", splitting("BETELGEUSE", ALL, "X")),
]


def test_what_cannot_be_meant_changes_nothing(store, stars):
    ingest(store, *stars.same, stars.other)
    before = store.state()
    for code, plan in WRONG:
        with pytest.raises(UsageError) as caught:
            change(store, plan)
        assert caught.value.code == code
        assert caught.value.hint
    assert store.state().rows == before.rows
    assert store.state().files == before.files


def test_a_target_with_every_kind_of_name(store, tmp_path):
    names = ["../x", "..", "composite", "superseded", "\u00fcber", "'; DROP TABLE target --", "%_", "Q" * 128]
    ingest(store, *visit(tmp_path / "given", 1, targname="START"))
    for old, new in zip(["START", *names], names, strict=False):
        assert change(store, renaming(old, new)).failures == []
    assert_in_order(store)
    assert len({path.split("/")[0] for path in store.state().below("filesystem")}) == 1


@pytest.mark.parametrize("order", list(permutations(range(3)))[::2])
def test_changes_in_a_row_end_in_order(sqlite_store, stars, order):
    store = sqlite_store
    ingest(store, *stars.same, stars.other)
    steps = [merging(["RIGEL"], "HD39801"), splitting("HD39801", ["lsim02aaq"], "B"), renaming("HD39801", "C")]
    for number in order:
        change(store, steps[number])
    assert known_as(store) == {"HD39801": "C", "BETELGEUSE": "C", "hd_39801-COPY": "C", "RIGEL": "C", "HD-39801": "B"}
    assert_in_order(store)


# --- commands


def test_the_commands(hstlc, home, stars):
    assert hstlc("ingest", "-q", *stars.same, stars.other).exit_code == 0
    listed = json.loads(hstlc("targets", "list", "--json").output)
    assert [(row["name"], row["exposures"]) for row in listed] == [("BETELGEUSE", 4), ("RIGEL", 1)]
    assert [row["name"] for row in json.loads(hstlc("targets", "list", "--like", "hd*", "--json").output)] == [
        "BETELGEUSE"
    ]
    assert hstlc("targets", "list", "--like", "nothing").output.count("\n") == 2
    shown = json.loads(hstlc("targets", "show", "hd 39801", "--json").output)
    assert (shown["name"], len(shown["names"]), len(shown["exposures"])) == ("BETELGEUSE", 4, 4)
    assert "88.792939 +7.407064 deg" in hstlc("targets", "show", "BETELGEUSE").output
    dry = hstlc("targets", "rename", "BETELGEUSE", "alf Ori", "--dry-run", "--json")
    assert (dry.exit_code, json.loads(dry.output)["moved"], json.loads(dry.output)["dry_run"]) == (0, 4, True)
    assert (home / "filesystem" / "BETELGEUSE").is_dir()
    done = hstlc("targets", "rename", "BETELGEUSE", "alf Ori")
    assert "lsim01aaq: BETELGEUSE -> ALF-ORI" in done.output
    assert json.loads(hstlc("targets", "split", "ALF-ORI", "lsim02aaq", "--as", "X", "--json").output)["moved"] == 1
    assert json.loads(hstlc("targets", "merge", "X", "RIGEL", "--into", "alf-ori", "--json").output)["moved"] == 2
    assert hstlc("files", "verify").exit_code == 0
    wrong = hstlc("targets", "show", "ALF-OR")
    assert (wrong.exit_code, "did you mean ALF-ORI?" in wrong.output) == (2, True)


@pytest.mark.parametrize("words", [["list"], ["show", "X"], ["rename", "X", "Y"], ["merge", "X", "--into", "Y"]])
def test_a_store_that_is_not_there(hstlc, home, words):
    result = hstlc("targets", *words)
    assert (result.exit_code, "usage.no-database" in result.output) == (2, True)
    assert list(home.iterdir()) == []


def test_a_dry_run_of_an_ingest_tells_and_keeps_nothing(store, stars):
    store.ingest(stars.same[0])
    before = store.state()
    with store.open(write=False) as context, reading(context.engine) as connection:
        assert resolve(connection, Seen("HD 39801"), Seen("NEW"), record=False) == ["HD39801", "NEW"]
        assert connection.execute(select(targets.TARGETS.c.name)).all() == [("HD39801",)]
    assert store.state().rows == before.rows
