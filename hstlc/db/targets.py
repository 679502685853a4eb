"""The queries of targets: which there are, which names mean them, what of an exposure depends on its target."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, cast

from sqlalchemy import (
    BindParameter,
    Connection,
    Table,
    and_,
    bindparam,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    update,
)

from hstlc.db.light_curves import refresh_of_exposures
from hstlc.db.records import FILES, METADATA, OUTPUTS, PRODUCTS, STATS, unstorable
from hstlc.db.tables import Target, TargetAlias
from hstlc.db.upserts import chunks, key_chunks
from hstlc.model.same_target import Decision, Known
from hstlc.model.target import canonical, normal

__all__ = [
    "ALIASES",
    "PERSON",
    "TARGETS",
    "add_target",
    "aliases_of",
    "decide",
    "exposures_of",
    "files_below",
    "find_target",
    "forget_unused",
    "is_storable",
    "known_targets",
    "link_exposures",
    "list_targets",
    "merge_target",
    "move_rows",
    "rename_target",
    "save_decisions",
    "targets_of_aliases",
]

Row = Mapping[str, Any]

TARGETS, ALIASES = cast(Table, Target.__table__), cast(Table, TargetAlias.__table__)

#: How a name was recognized that a person put in its place.
PERSON = "person"


def is_storable(name: str) -> bool:
    """Tell whether every database can keep a name as that of a target."""
    rows = (("target", {"name": name}), ("target_alias", {"alias": name, "normal": normal(name)}))
    text = name.encode("utf-8", "ignore").decode("utf-8") == name
    return text and not any(unstorable(table, row) for table, row in rows)


def targets_of_aliases(connection: Connection, names: Iterable[str]) -> dict[str, str]:
    """Return the targets of names as observers wrote them; those that nobody wrote yet are missing."""
    found: dict[str, str] = {}
    for chunk in chunks(sorted(set(names))):
        rows = connection.execute(
            select(ALIASES.c.alias, TARGETS.c.name)
            .join(TARGETS, TARGETS.c.id == ALIASES.c.target_id)
            .where(ALIASES.c.alias.in_(chunk))
        )
        found |= {row.alias: row.name for row in rows}
    return found


def known_targets(connection: Connection) -> list[Known]:
    """Return all targets with all their names, in normal form."""
    normals: dict[str, set[str]] = defaultdict(set)
    places: dict[str, tuple[float, float] | None] = {}
    for row in connection.execute(select(TARGETS.c.name, TARGETS.c.ra_deg, TARGETS.c.dec_deg, TARGETS.c.moving)):
        normals[row.name].add(normal(row.name))
        known = row.ra_deg is not None and row.dec_deg is not None and not row.moving
        places[row.name] = (row.ra_deg, row.dec_deg) if known else None
    joined = select(TARGETS.c.name, ALIASES.c.normal).join(TARGETS, TARGETS.c.id == ALIASES.c.target_id)
    for name, text in connection.execute(joined):
        normals[name].add(text)
    return [Known(name, frozenset(normals[name]), place) for name, place in sorted(places.items())]


def save_decisions(connection: Connection, decisions: Iterable[Decision]) -> None:
    """Record which target each name means; targets that are new are made, a name that is known changes its target."""
    made = sorted(decisions, key=lambda one: (one.target, one.alias))
    now = datetime.now(UTC)
    numbers = _numbers(connection, (one.target for one in made))
    for one in made:
        if one.target not in numbers:
            place = one.place or (None, None)
            numbers[one.target] = add_target(connection, one.target, *place, moving=one.moving)
    for chunk in chunks(one.alias for one in made):
        connection.execute(delete(ALIASES).where(ALIASES.c.alias.in_(chunk)))
    rows = [
        {
            "alias": one.alias,
            "normal": normal(one.alias),
            "target_id": numbers[one.target],
            "method": one.method,
            "note": one.note,
            "decided_at": now,
        }
        for one in made
    ]
    if rows:
        connection.execute(insert(ALIASES), rows)


def add_target(
    connection: Connection,
    name: str,
    ra_deg: float | None = None,
    dec_deg: float | None = None,
    *,
    moving: bool = False,
) -> int:
    """Record a target and return its id; one that moves has no place."""
    place = {"ra_deg": None, "dec_deg": None} if moving else {"ra_deg": ra_deg, "dec_deg": dec_deg}
    row = {"name": name, **place, "moving": moving, "made_at": datetime.now(UTC)}
    number: int = connection.execute(insert(TARGETS).values(row).returning(TARGETS.c.id)).scalar_one()
    return number


def link_exposures(connection: Connection, keys: Iterable[tuple[str, str]] = ()) -> None:
    """Let exposures point to the target they are named after: some that were recorded, and all that point to none.

    A name without a target, such as one that an earlier version recorded, gets one.
    """
    same_name = select(TARGETS.c.id).where(TARGETS.c.name == METADATA.c.targname).scalar_subquery()
    for mission, chunk in key_chunks(keys):
        exposures = and_(METADATA.c.mission == mission, METADATA.c.rootname.in_(chunk))
        connection.execute(update(METADATA).where(exposures).values(target_id=same_name))
    columns = [METADATA.c[name] for name in ("targname", "header_targname", "ra_deg", "dec_deg")]
    loose = select(*columns).where(METADATA.c.target_id.is_(None)).order_by(METADATA.c.mission, METADATA.c.rootname)
    rows = list(connection.execute(loose))
    if not rows:
        return
    there = _numbers(connection, (row.targname for row in rows))
    for row in rows:
        if row.targname not in there:
            there[row.targname] = add_target(connection, row.targname, row.ra_deg, row.dec_deg)
    aliases = {row.header_targname: row.targname for row in reversed(rows) if is_storable(row.header_targname)}
    named = targets_of_aliases(connection, aliases)
    save_decisions(connection, [Decision(a, target, "first") for a, target in aliases.items() if a not in named])
    connection.execute(update(METADATA).where(METADATA.c.target_id.is_(None)).values(target_id=same_name))


def forget_unused(connection: Connection, *, dry_run: bool = False) -> int:
    """Delete names and targets that no exposure has, but for what a person decided; return how many there were."""
    used = exists().where(METADATA.c.header_targname == ALIASES.c.alias)
    loose = and_(~used, ALIASES.c.method.in_(("first", "name", "position")))
    kept = or_(
        exists().where(METADATA.c.target_id == TARGETS.c.id),
        exists().where(ALIASES.c.target_id == TARGETS.c.id, ALIASES.c.method == PERSON),
    )
    aliases, targets = select(ALIASES.c.id).where(loose), select(TARGETS.c.id).where(~kept)
    found: int = 0
    for query in (aliases, targets):
        found += connection.execute(select(func.count()).select_from(query.subquery())).scalar_one()
    if found and not dry_run:
        connection.execute(delete(ALIASES).where(ALIASES.c.id.in_(aliases)))
        connection.execute(delete(ALIASES).where(ALIASES.c.target_id.in_(targets)))
        connection.execute(delete(TARGETS).where(TARGETS.c.id.in_(targets)))
    return found


def find_target(connection: Connection, name: str) -> dict[str, Any] | None:
    """Return the row of the target that a name means: its own, else one that an observer wrote; None for no target."""
    for wanted in (name, canonical(name)):
        row = connection.execute(select(TARGETS).where(TARGETS.c.name == wanted)).mappings().first()
        if row is None:
            owner = select(ALIASES.c.target_id).where(ALIASES.c.alias == wanted).scalar_subquery()
            row = connection.execute(select(TARGETS).where(TARGETS.c.id == owner)).mappings().first()
        if row is not None:
            return dict(row)
    alike = select(ALIASES.c.target_id).where(ALIASES.c.normal == normal(name)).distinct()
    rows = connection.execute(select(TARGETS).where(TARGETS.c.id.in_(alike))).mappings().all()
    return dict(rows[0]) if len(rows) == 1 else None


def list_targets(connection: Connection) -> list[dict[str, Any]]:
    """Return every target with ``exposures`` (their number) and ``names`` (what observers called it), by name."""
    counted = select(METADATA.c.target_id, func.count()).group_by(METADATA.c.target_id)
    exposures = {row[0]: row[1] for row in connection.execute(counted)}
    names: dict[int, list[str]] = defaultdict(list)
    for row in connection.execute(select(ALIASES.c.target_id, ALIASES.c.alias).order_by(ALIASES.c.alias)):
        names[row.target_id].append(row.alias)
    rows = connection.execute(select(TARGETS)).mappings()
    found = [{**row, "exposures": exposures.get(row["id"], 0), "names": names[row["id"]]} for row in rows]
    return sorted(found, key=lambda row: str(row["name"]))


def aliases_of(connection: Connection, target: int) -> list[dict[str, Any]]:
    """Return the names of a target, by name."""
    rows = connection.execute(select(ALIASES).where(ALIASES.c.target_id == target)).mappings()
    return sorted(map(dict, rows), key=lambda row: str(row["alias"]))


def exposures_of(connection: Connection, target: int) -> list[dict[str, Any]]:
    """Return the rows of ``metadata`` of a target, in order of time."""
    order = METADATA.c.expstart_mjd, METADATA.c.mission, METADATA.c.rootname
    rows = connection.execute(select(METADATA).where(METADATA.c.target_id == target).order_by(*order))
    return [dict(row) for row in rows.mappings()]


def files_below(connection: Connection, folders: Iterable[str]) -> list[dict[str, Any]]:
    """Return the rows of ``exposure_file`` of files in some folders and below them."""
    path = FILES.c.path
    found: list[dict[str, Any]] = []
    for folder in sorted(folders):
        inside = or_(path == folder, path.startswith(f"{folder}/", autoescape=True))
        found += map(dict, connection.execute(select(FILES).where(inside).order_by(FILES.c.id)).mappings())
    return found


def rename_target(connection: Connection, target: Row, name: str) -> None:
    """Give a target another name; the one that it had stays one of its names."""
    connection.execute(update(TARGETS).where(TARGETS.c.id == target["id"]).values(name=name))
    decide(connection, (str(target["name"]), name), name, f"called {target['name']} before")


def merge_target(connection: Connection, target: Row, into: Row) -> None:
    """Put the names of a target to those of another, and delete it; its exposures have left it."""
    connection.execute(update(ALIASES).where(ALIASES.c.target_id == target["id"]).values(target_id=into["id"]))
    connection.execute(delete(TARGETS).where(TARGETS.c.id == target["id"]))
    decide(connection, (str(target["name"]),), str(into["name"]), f"{target['name']} merged into it")


def decide(connection: Connection, aliases: Sequence[str], target: str, note: str) -> None:
    """Record that a person wants names to mean a target."""
    save_decisions(connection, [Decision(alias, target, PERSON, note[:255]) for alias in dict.fromkeys(aliases)])


def move_rows(
    connection: Connection, target: int, exposures: Sequence[Row], files: Sequence[Row], products: Sequence[Row]
) -> None:
    """Let exposures, their files and products have another target and lie in other folders.

    Parameters
    ----------
    connection : sqlalchemy.Connection
    target : int
        Id of the target.
    exposures : sequence of mappings
        ``id, targname, path, configuration`` of rows of ``metadata``.
    files, products : sequence of mappings
        ``id, path`` of rows of ``exposure_file`` and ``product``.
    """
    now = datetime.now(UTC)
    by_id: BindParameter[int] = bindparam("number")
    for table, rows in ((FILES, files), (PRODUCTS, products)):
        if rows:
            changed = [{"number": row["id"], "new_path": row["path"]} for row in rows]
            connection.execute(update(table).where(table.c.id == by_id).values(path=bindparam("new_path")), changed)
    if products:
        changed = [{"number": row["id"], "new_path": row["path"]} for row in products]
        path: BindParameter[str] = bindparam("new_path")
        own = OUTPUTS.c.individual_product_id == by_id
        connection.execute(update(OUTPUTS).where(own).values(individual_path=path), changed)
        connection.execute(update(STATS).where(STATS.c.product_id == by_id).values(lightcurve_path=path), changed)
    if exposures:
        columns = ("targname", "path", "configuration")
        changed = [{"number": row["id"], **{f"new_{name}": row[name] for name in columns}} for row in exposures]
        values = {name: bindparam(f"new_{name}") for name in columns} | {"target_id": target, "updated_at": now}
        connection.execute(update(METADATA).where(METADATA.c.id == by_id).values(values), changed)
        whole = and_(OUTPUTS.c.metadata_id == by_id, OUTPUTS.c.source_name == "", OUTPUTS.c.configuration != "")
        key: BindParameter[str] = bindparam("new_configuration")
        connection.execute(update(OUTPUTS).where(whole).values(configuration=key), changed)
    refresh_of_exposures(connection, [int(row["id"]) for row in exposures])


def _numbers(connection: Connection, names: Iterable[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for chunk in chunks(sorted(set(names))):
        rows = connection.execute(select(TARGETS.c.name, TARGETS.c.id).where(TARGETS.c.name.in_(chunk)))
        found |= {row.name: row.id for row in rows}
    return found
