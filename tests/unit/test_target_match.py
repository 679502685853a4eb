"""Which names are put together: by name, by place, by a list, by a resolver, in any order."""

from __future__ import annotations

from itertools import permutations

import pytest
from astropy.coordinates import SkyCoord
from astropy.time import Time
from astropy.units import Unit
from hypothesis import given, settings
from hypothesis import strategies as st

from hstlc.model.same_target import Answer, Known, at_epoch_2000, match, separation_arcsec
from hstlc.model.target import Seen, normal

# Names that observers gave to one position, right ascension and declination in degrees.
PAIRS = [
    ("NGC3516", "NGC-3516", 166.69788, 72.56858),
    ("MRK-509", "MARK509", 311.04058, -10.72348),
    ("NGC4395", "NGC-4395", 186.45359, 33.54693),
    ("AV75", "AZV75", 12.63496, -72.87681),
    ("IRAS-F04250-5718", "RBS542", 66.50302, -57.20027),
    ("HD39801", "BETELGEUSE", 88.79293899, 7.407064),
    ("V822CEN", "CENX-4", 224.59141, -31.66858),
    ("MRK421", "MRK-0421", 166.11381, 38.20883),
    ("Q2128-123", "PHL1598", 322.89692, -12.118),
]
BY_NAME = [PAIRS[number] for number in (0, 1, 2, 3, 7)]
HOSTILE = [
    *(
        "4C-06.41",
        "4C+06.41",
        "",
        "..",
        "../../etc/passwd",
        "a/b",
        "a" * 128,
        "\u00dc\u00f1\u00ef",
        "%s{0}",
        "-COPY",
        "---",
    ),
    *("'; DROP TABLE target --", "MARS-1", "MARS-2", "COMET-ISON", "\U0001f320", "NULL", "SK-67-5", "SK-675"),
]
EVERYTHING = [
    *(Seen(name, ra, dec) for one, other, ra, dec in PAIRS for name in (one, other)),
    *(Seen(name) for name in HOSTILE),
]


def together(seen, known=(), radius=2.5, **options):
    """Return the names of each target."""
    groups: dict[str, set[str]] = {}
    for alias, decision in match(seen, known, radius_arcsec=radius, **options).items():
        groups.setdefault(decision.target, set()).add(alias)
    return groups


@pytest.mark.parametrize(("one", "other", "ra", "dec"), PAIRS)
def test_each_pair_is_one_target(one, other, ra, dec):
    assert len(together([Seen(one, ra, dec), Seen(other, ra + 1e-4, dec)])) == 1


@pytest.mark.parametrize(("one", "other", "ra", "dec"), BY_NAME)
def test_a_rule_of_names_needs_no_place(one, other, ra, dec):
    assert len(together([Seen(one), Seen(other)], radius=0)) == 1
    assert len(together([Seen(one, ra, dec), Seen(other)])) == 1


def test_all_pairs_and_hostile_names_at_once():
    groups = together(EVERYTHING)
    assert {frozenset(names) for names in groups.values() if len(names) > 1} == {
        *(frozenset(pair[:2]) for pair in PAIRS),
        frozenset({"MARS-1", "MARS-2"}),
    }


@settings(max_examples=40)
@given(st.permutations(EVERYTHING))
def test_the_order_changes_neither_groups_nor_names_nor_notes(seen):
    assert match(seen, [], radius_arcsec=2.5) == match(EVERYTHING, [], radius_arcsec=2.5)


@settings(max_examples=40)
@given(st.permutations(EVERYTHING), st.integers(1, 36))
def test_runs_one_after_the_other_make_the_same_groups(seen, cut):
    known: dict[str, Known] = {}
    decided = {}
    for run in (seen[:cut], seen[cut:]):
        for alias, decision in match(run, known.values(), radius_arcsec=2.5).items():
            decided[alias] = decision.target
            before = known.get(
                decision.target, Known(decision.target, frozenset({normal(decision.target)}), decision.place)
            )
            known[decision.target] = Known(before.name, before.normals | {normal(alias)}, before.place)
    groups = {frozenset(a for a, t in decided.items() if t == target) for target in known}
    assert groups == {frozenset(names) for names in together(EVERYTHING).values()}


def test_places_farther_apart_than_the_radius_are_two_targets():
    near, far = 2.4 / 3600, 2.6 / 3600
    assert len(together([Seen("A", 10.0, 0.0), Seen("B", 10.0, near)])) == 1
    assert len(together([Seen("A", 10.0, 0.0), Seen("B", 10.0, far)])) == 2
    assert len(together([Seen("A", 10.0, 0.0), Seen("B", 10.0, 0.0)], radius=0.0)) == 2
    assert len(together([Seen("A", 359.9999, 0.0), Seen("B", 0.0001, 0.0)])) == 1
    assert len(together([Seen("A", 0.0, 89.9999), Seen("B", 180.0, 89.9999)])) == 1


@pytest.mark.parametrize(
    "mover", [Seen("B", 10.0, 5.0, moving=True), Seen("MARS", 10.0, 5.0), Seen("COMET-X", 10.0, 5.0)]
)
def test_what_moves_has_no_place(mover):
    assert len(together([Seen("A", 10.0, 5.0), mover])) == 2
    assert len(together([mover], [Known("A", frozenset({"A"}), (10.0, 5.0))])) == 1
    assert all(decision.place is None for decision in match([mover], [], radius_arcsec=2.5).values())


def test_a_name_that_was_pointed_at_many_places_has_none():
    fields = [Seen("FIELD", 10.0, 0.0), Seen("FIELD", 20.0, 0.0)]
    groups = together([*fields, Seen("A", 10.0, 0.0), Seen("B", 20.0, 0.0)])
    assert sorted(map(sorted, groups.values())) == [["A"], ["B"], ["FIELD"]]


def test_a_known_target_takes_what_is_its_by_name_before_what_is_near():
    known = [Known("NGC-1", frozenset({"NGC1"}), (10.0, 0.0)), Known("NGC-2", frozenset({"NGC2"}), (20.0, 0.0))]
    found = match([Seen("NGC 1", 20.0, 0.0), Seen("X", 20.0, 1 / 3600)], known, radius_arcsec=2.5)
    assert (found["NGC 1"].target, found["NGC 1"].method) == ("NGC-1", "name")
    assert (found["X"].target, found["X"].method, found["X"].note) == ("NGC-2", "position", "1.00 arcsec from NGC-2")


def test_two_known_targets_are_never_put_together():
    known = [Known("A", frozenset({"A"}), (10.0, 0.0)), Known("B", frozenset({"B"}), (10.0, 2 / 3600))]
    for order in permutations(known):
        assert together([Seen("C", 10.0, 1.2 / 3600)], order) == {"B": {"C"}}


def test_an_override_comes_before_names_and_places():
    known = [Known("A", frozenset({"A"}), (10.0, 0.0))]
    found = match(
        [Seen("a", 10.0, 0.0), Seen("X", 10.0, 0.0)], known, radius_arcsec=2.5, overrides={"A": "Y", "X": "Y"}
    )
    assert {(one.target, one.method) for one in found.values()} == {("Y", "override")}
    assert together([Seen("a"), Seen("B")], overrides={"A": "B"}) == {"B": {"a", "B"}}


def test_an_override_takes_a_name_to_the_target_of_that_name_or_to_itself():
    known = [Known("STAR", frozenset({"STAR"})), Known("NGC-1", frozenset({"NGC1"}))]
    assert together([Seen("STAR-COPY")], known, overrides={"STAR-COPY": "STAR-COPY"}) == {"STAR-COPY": {"STAR-COPY"}}
    assert together([Seen("X")], known, overrides={"X": "NGC 1"}) == {"NGC-1": {"X"}}
    assert together([Seen("X"), Seen("NGC1")], known, overrides={"X": "NGC1"}) == {"NGC-1": {"X", "NGC1"}}
    assert together([Seen("STAR")], known, overrides={"STAR": "NGC-1"}) == {"NGC-1": {"STAR"}}


def test_what_a_resolver_says():
    answers = {
        "HD39801": Answer(("* alf Ori", "HD 39801"), (88.8, 7.4)),
        "BETELGEUSE": Answer(("* alf Ori",), (88.8, 7.4)),
    }
    found = match([Seen("HD39801"), Seen("BETELGEUSE"), Seen("RIGEL")], [], radius_arcsec=2.5, answers=answers)
    assert {alias: (one.target, one.method) for alias, one in found.items()} == {
        "BETELGEUSE": ("BETELGEUSE", "first"), "HD39801": ("BETELGEUSE", "resolver"), "RIGEL": ("RIGEL", "first"),
    }  # fmt: skip
    assert found["BETELGEUSE"].place == (88.8, 7.4)
    known = [Known("T", frozenset({"*ALFORI"}))]
    assert together([Seen("HD39801")], known, answers=answers) == {"T": {"HD39801"}}


@settings(max_examples=30)
@given(*(st.floats(low, high) for low, high in ((0, 360), (-90, 90), (0, 360), (-90, 90))))
def test_distances_are_those_of_astropy(ra1, dec1, ra2, dec2):
    there = SkyCoord(ra1, dec1, unit="deg").separation(SkyCoord(ra2, dec2, unit="deg"))
    assert separation_arcsec((ra1, dec1), (ra2, dec2)) == pytest.approx(there.arcsec, abs=1e-2)


@settings(max_examples=20)
@given(st.floats(0, 360), st.floats(-80, 80), st.floats(-5, 5), st.floats(-5, 5), st.floats(49000, 61000))
def test_places_at_another_epoch_are_those_of_astropy(ra, dec, mu_ra, mu_dec, mjd):
    motion = {"pm_ra_cosdec": mu_ra * Unit("arcsec/yr"), "pm_dec": mu_dec * Unit("arcsec/yr")}
    place = {"ra": ra * Unit("deg"), "dec": dec * Unit("deg"), "distance": 100 * Unit("pc")}
    star = SkyCoord(**place, obstime=Time("J2000"), **motion)
    moved = star.apply_space_motion(Time(mjd, format="mjd"))
    back = at_epoch_2000((moved.ra.deg, moved.dec.deg), (mu_ra, mu_dec), mjd)
    assert separation_arcsec(back, (ra, dec)) < 0.3
