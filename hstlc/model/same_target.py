"""Which names mean one target: by a person's list, by name, by place, by a resolver; the same in any order."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from hstlc.model.target import Seen, canonical, is_solar_system, normal, plain_name

__all__ = ["Answer", "Decision", "Known", "at_epoch_2000", "match", "separation_arcsec"]

Place = tuple[float, float]
Thing = TypeVar("Thing", str, int)

_DAYS_A_YEAR = 365.25
_MJD_2000 = 51544.5


@dataclass(frozen=True, slots=True)
class Known:
    """A target that there is.

    Attributes
    ----------
    name : str
    normals : frozenset of str
        All its names, of :func:`hstlc.model.target.normal`.
    place : (float, float) or None, degrees
        Right ascension and declination; None: unknown, or it moves.
    """

    name: str
    normals: frozenset[str]
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What a resolver says of a name: all names that it has for it, and the place."""

    names: tuple[str, ...]
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """Which target a name means.

    Attributes
    ----------
    alias : str
        The name as the observer wrote it.
    target : str
        Name of the target.
    method : str
        ``override``, ``name``, ``position``, ``resolver``; ``first`` for the name that a new target has got.
    note : str
        What decided.
    place : (float, float) or None, degrees
        Of the target, if it is new.
    moving : bool
        The target moves, if it is new.
    """

    alias: str
    target: str
    method: str
    note: str = ""
    place: Place | None = None
    moving: bool = False


@dataclass(slots=True)
class _Unit:
    """Names that mean one target by themselves, with all places at which they were seen."""

    aliases: set[str]
    normals: set[str]
    places: list[Place] = field(default_factory=list)
    moving: bool = False
    forced: str = ""

    @property
    def name(self) -> str:
        """The name of a target made of it: the first in the alphabet, whatever came first."""
        return self.forced or min(map(plain_name, self.aliases))

    def fixed_place(self, radius_arcsec: float) -> Place | None:
        """Return its place; None where it moves, was pointed at in places that are apart, or places do not count."""
        if self.moving or not self.places or radius_arcsec <= 0.0:
            return None
        first, *others = sorted(self.places)
        return None if any(separation_arcsec(first, other) > radius_arcsec for other in others) else first


def match(
    seen: Iterable[Seen],
    known: Iterable[Known],
    *,
    radius_arcsec: float,
    overrides: Mapping[str, str] | None = None,
    answers: Mapping[str, Answer] | None = None,
) -> dict[str, Decision]:
    """Return which target each name means; the order of names and targets does not matter.

    Names with the same normal form are one target, then names at one place. A name that meets several known targets
    goes to the nearest, or to the first in the alphabet. Two known targets are never put together.

    Parameters
    ----------
    seen : iterable of Seen
        Names that are not known as they are; a name may be there several times.
    known : iterable of Known
    radius_arcsec : float, arcseconds
        Up to which distance two names mean one target; 0 for names alone.
    overrides : mapping of str to str, optional
        Canonical name to the name of the target, which comes before everything else.
    answers : mapping of str to Answer, optional
        What a resolver says of some of the names.

    Examples
    --------
    >>> seen = [Seen("MARK509"), Seen("MRK-509"), Seen("HD39801", 88.793, 7.407), Seen("BETELGEUSE", 88.793, 7.407)]
    >>> {alias: decision.target for alias, decision in match(seen, [], radius_arcsec=2.5).items()}
    {'BETELGEUSE': 'BETELGEUSE', 'HD39801': 'BETELGEUSE', 'MARK509': 'MARK509', 'MRK-509': 'MARK509'}
    """
    answers = answers or {}
    targets = sorted(known, key=lambda one: one.name)
    by_normal = {text: one.name for one in reversed(targets) for text in one.normals}
    names = {one.name for one in targets}
    sky = _Sky([(one.place, one.name) for one in targets if one.place is not None])
    decisions: dict[str, Decision] = {}
    new: list[_Unit] = []
    for unit in _units(seen, overrides or {}, answers):
        found = [by_normal[text] for text in sorted(unit.normals) if text in by_normal]
        found = [unit.forced] if unit.forced and unit.forced in names else found
        place = unit.fixed_place(radius_arcsec)
        near = sky.nearest(place, radius_arcsec) if place is not None else None
        if found:
            direct = {by_normal[text] for alias in unit.aliases if (text := normal(alias)) in by_normal}
            target = min(direct) if direct and not unit.forced else min(found)
            decisions |= {a: _joined(a, target, unit, by_normal, answers) for a in unit.aliases}
        elif near is not None and not unit.forced:
            note = f"{near[0]:.2f} arcsec from {near[1]}"
            decisions |= {a: Decision(a, near[1], "position", note[:255]) for a in unit.aliases}
        else:
            new.append(unit)
    for group in _neighbors(new, radius_arcsec):
        decisions |= {one.alias: one for one in _founded(group, radius_arcsec, answers)}
    return dict(sorted(decisions.items()))


def _units(seen: Iterable[Seen], overrides: Mapping[str, str], answers: Mapping[str, Answer]) -> list[_Unit]:
    """Return the names gathered by what they are called, in order."""
    single: dict[str, _Unit] = {}
    for one in sorted(seen, key=lambda one: (one.name, repr(one))):
        forced = canonical(overrides.get(written := canonical(one.name), ""))
        called = [forced] if forced else [one.name, *answers[one.name].names] if one.name in answers else [one.name]
        # a name that is to mean itself is compared with nothing else
        normals = {f"={forced}"} if forced and forced == written else {normal(name) for name in called}
        unit = single.setdefault(one.name, _Unit({one.name}, normals, forced=forced))
        unit.moving |= one.moving or is_solar_system(one.name)
        if one.ra_deg is not None and one.dec_deg is not None and canonical(one.name):
            unit.places.append((one.ra_deg % 360.0, one.dec_deg))
    for name, unit in single.items():
        if not unit.places and name in answers and (place := answers[name].place) is not None:
            unit.places.append(place)
    together = _Groups(len(single))
    units = list(single.values())
    first: dict[str, int] = {}
    for number, unit in enumerate(units):
        for text in sorted(unit.normals):
            together.join(first.setdefault(text, number), number)
    return [_united([units[number] for number in group]) for group in together.groups()]


def _united(units: Sequence[_Unit]) -> _Unit:
    return _Unit(
        set().union(*(unit.aliases for unit in units)),
        set().union(*(unit.normals for unit in units)),
        [place for unit in units for place in unit.places],
        any(unit.moving for unit in units),
        min((unit.forced for unit in units if unit.forced), default=""),
    )


def _neighbors(units: Sequence[_Unit], radius_arcsec: float) -> list[list[_Unit]]:
    """Return units gathered by place: what is near a member is a member."""
    together = _Groups(len(units))
    places = [unit.fixed_place(radius_arcsec) for unit in units]
    sky = _Sky([(place, number) for number, place in enumerate(places) if place is not None])
    for number, place in enumerate(places):
        if place is not None:
            for _, other in sky.within(place, radius_arcsec):
                together.join(number, other)
    return [[units[number] for number in group] for group in together.groups()]


def _founded(group: Sequence[_Unit], radius_arcsec: float, answers: Mapping[str, Answer]) -> list[Decision]:
    """Return the decisions that make a new target of some units."""
    head = min(group, key=lambda unit: (not unit.forced, unit.name))
    name, place = head.name, head.fixed_place(radius_arcsec)
    moving = any(unit.moving for unit in group)
    founder = min(head.aliases, key=lambda alias: (plain_name(alias), alias))
    decisions = []
    for unit in group:
        for alias in sorted(unit.aliases):
            where = unit.fixed_place(radius_arcsec)
            if unit.forced:
                method, note = "override", ""
            elif alias == founder:
                method, note = "first", ", ".join(answers[alias].names) if alias in answers else ""
            elif unit is not head and place is not None and where is not None:
                method, note = "position", f"{separation_arcsec(place, where):.2f} arcsec from {name}"
            else:
                by_name = {normal(other) for other in unit.aliases if other != alias or unit is not head}
                method, note = _by_name(alias, normal(alias) in by_name, answers)
            decisions.append(Decision(alias, name, method, note[:255], place, moving))
    return decisions


def _joined(
    alias: str, target: str, unit: _Unit, by_normal: Mapping[str, str], answers: Mapping[str, Answer]
) -> Decision:
    if unit.forced:
        return Decision(alias, target, "override")
    method, note = _by_name(alias, by_normal.get(normal(alias)) == target, answers)
    return Decision(alias, target, method, note[:255])


def _by_name(alias: str, plainly: bool, answers: Mapping[str, Answer]) -> tuple[str, str]:
    if plainly or alias not in answers:
        return "name", ""
    return "resolver", ", ".join(answers[alias].names)


class _Groups:
    """Numbers that are joined step by step."""

    def __init__(self, size: int) -> None:
        self._above = list(range(size))

    def _top(self, number: int) -> int:
        while self._above[number] != number:
            self._above[number] = self._above[self._above[number]]
            number = self._above[number]
        return number

    def join(self, one: int, other: int) -> None:
        low, high = sorted((self._top(one), self._top(other)))
        self._above[high] = low

    def groups(self) -> list[list[int]]:
        found: dict[int, list[int]] = defaultdict(list)
        for number in range(len(self._above)):
            found[self._top(number)].append(number)
        return list(found.values())


class _Sky(Generic[Thing]):
    """Things at places, sorted by declination."""

    def __init__(self, things: Iterable[tuple[Place, Thing]]) -> None:
        self._things: list[tuple[Place, Thing]] = sorted(things, key=lambda one: (one[0][1], one[0][0], one[1]))
        self._dec: list[float] = [place[1] for place, _ in self._things]

    def within(self, place: Place, radius_arcsec: float) -> list[tuple[float, Thing]]:
        """Return distance in arcseconds and thing of all that are not farther away."""
        margin = radius_arcsec / 3600.0 + 1e-9
        low, high = bisect_left(self._dec, place[1] - margin), bisect_right(self._dec, place[1] + margin)
        found = [(separation_arcsec(place, where), thing) for where, thing in self._things[low:high]]
        return sorted((one for one in found if one[0] <= radius_arcsec), key=lambda one: (one[0], one[1]))

    def nearest(self, place: Place, radius_arcsec: float) -> tuple[float, Thing] | None:
        """Return the first of :meth:`within`."""
        return next(iter(self.within(place, radius_arcsec)), None)


def separation_arcsec(one: Place, other: Place) -> float:
    """Return the distance of two places (right ascension, declination in degrees) along a great circle, arcseconds.

    Haversine formula, exact for small distances.

    Examples
    --------
    >>> round(separation_arcsec((0.0, 60.0), (1 / 3600, 60.0)), 6)
    0.5
    """
    (a1, d1), (a2, d2) = ((math.radians(a), math.radians(d)) for a, d in (one, other))
    half = math.sin((d2 - d1) / 2) ** 2 + math.cos(d1) * math.cos(d2) * math.sin((a2 - a1) / 2) ** 2
    return math.degrees(2 * math.asin(math.sqrt(min(1.0, half)))) * 3600.0


def at_epoch_2000(place: Place, motion_arcsec_yr: Place, mjd: float) -> Place:
    """Return where a star that is at a place on a day was at the beginning of 2000.

    Parameters
    ----------
    place : (float, float), degrees
        Right ascension and declination on that day.
    motion_arcsec_yr : (float, float), arcseconds a year
        Proper motion along both, on the sky.
    mjd : float, d
        The day.

    Examples
    --------
    >>> ra_deg, dec_deg = at_epoch_2000((175.5512325935, 26.70250783734), (0.89607, -0.81354), 58108.51215764)
    >>> round(ra_deg, 5), round(dec_deg, 5)
    (175.54623, 26.70657)
    """
    ra_deg, dec_deg = place
    years = (mjd - _MJD_2000) / _DAYS_A_YEAR
    dec = dec_deg - motion_arcsec_yr[1] * years / 3600.0
    shrunk = max(math.cos(math.radians(dec_deg)), 1e-6)
    return (ra_deg - motion_arcsec_yr[0] * years / 3600.0 / shrunk) % 360.0, max(-90.0, min(90.0, dec))
