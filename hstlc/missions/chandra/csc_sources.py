"""Questions to the tables of the Chandra Source Catalog: sources, and in which observations they were detected."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hstlc.archives.base import RemoteDataset, Selection
from hstlc.archives.dates import mjd_moment
from hstlc.archives.keyset import KeysetWalk
from hstlc.archives.renaming import theirs
from hstlc.archives.sky import boxes, within
from hstlc.archives.tap import Row, Table, TapAnswer, chunks, query, quoted, read_votable
from hstlc.errors import IntegrityError, RejectedError
from hstlc.logs import redact
from hstlc.missions.chandra.settings import CscSettings

if TYPE_CHECKING:
    from hstlc.archives.http import Http

__all__ = ["DETECTION_COLUMNS", "SOURCE_COLUMNS", "Catalog", "dataset_of", "strongest"]

SOURCE_COLUMNS = ("name", "ra", "dec", "significance")
DETECTION_COLUMNS = (
    *("obsid", "obi", "region_id", "instrument", "gti_mjd_obs", "livetime", "theta"),
    *("flux_significance_b", "flux_significance_w", "var_prob_b", "var_prob_w", "var_index_b", "var_index_w"),
)

_SETTING = "archives.csc.renamed_columns"

#: More detections than one question for all of its sources has answers.
_DETECTIONS = 50_000


@dataclass(frozen=True, slots=True)
class Catalog:
    """The tables of one release."""

    http: Http
    settings: CscSettings

    def table(self, name: str, columns: tuple[str, ...]) -> Table:
        """Return a table of the release."""
        settings = self.settings
        full = f"{settings.table_schema}.{name}"
        return Table(self.http, settings.tap_url, full, columns, theirs(settings.renamed_columns), _SETTING)

    @property
    def masters(self) -> Table:
        """One row a source."""
        return self.table("master_source", SOURCE_COLUMNS)

    @property
    def detections(self) -> Table:
        """One row a source and observation."""
        return self.table("observation_source", DETECTION_COLUMNS)

    def sources(self, selection: Selection) -> Iterator[TapAnswer]:
        """Yield the sources of a selection: by name, around a place, or all that are significant enough.

        The service knows no circles: it is asked for a box, and the distance is computed here.

        Raises
        ------
        RejectedError
            ``archive.selection``: neither name of a source, place nor significance.
        ArchiveError
        """
        settings = self.settings
        significance = selection.minimum_significance
        least = settings.minimum_significance if significance is None else significance
        if selection.target.upper().startswith(settings.name_prefix.upper()):
            name = " ".join(selection.target.split())
            yield from self._walk([f"{self.masters.theirs('name')} = {quoted(name)}"], least)
        elif selection.ra_deg is not None and selection.dec_deg is not None:
            place = selection.ra_deg, selection.dec_deg
            answers = self._cone if settings.search == "cone" else self._box
            for answer in answers(place, selection.radius_deg, least):
                yield TapAnswer(within(answer.rows, place, selection.radius_deg), answer.reply)
        elif significance is not None and not selection.target:
            yield from self._walk([], least)
        else:
            raise RejectedError(
                "archive.selection",
                f"expected the name of a source ({settings.name_prefix} ...), a place or a significance, found"
                f" {selection.target!r}",
                "names of targets must be resolved to a place first",
            )

    def _box(self, place: tuple[float, float], radius_deg: float, least: float) -> Iterator[TapAnswer]:
        table = self.masters
        for box in boxes(*place, radius_deg):
            yield from self._walk([box.condition(table.theirs("ra"), table.theirs("dec"))], least)

    def _walk(self, conditions: list[str], least: float) -> Iterator[TapAnswer]:
        table, settings = self.masters, self.settings
        if least > 0:
            conditions = [*conditions, f"{table.theirs('significance')} >= {least:.9g}"]
        walk = KeysetWalk(
            *(table, "name", _text, settings.page_size), conditions=conditions, check_count=settings.count_rows
        )
        for answer in walk.by_key():
            yield TapAnswer([row for row in answer.rows if (row["significance"] or 0.0) >= least], answer.reply)

    def _cone(self, place: tuple[float, float], radius_deg: float, least: float) -> Iterator[TapAnswer]:
        params = {"RA": f"{place[0]:.9f}", "DEC": f"{place[1]:.9f}", "SR": f"{radius_deg:.9f}", "VERB": "2"}
        url = self.settings.cone_url
        reply = self.http.get(url, params, answer="votable")
        rows = read_votable(reply, url, f"{params['RA']} {params['DEC']} {params['SR']}")
        named = [self.masters.ours(row) for row in rows]
        if named and not set(SOURCE_COLUMNS) <= set(named[0]):
            missing = sorted(set(SOURCE_COLUMNS) - set(named[0]))
            raise RejectedError(
                "archive.columns",
                f"{redact(url)}: expected the columns {', '.join(SOURCE_COLUMNS)}, missing are: {', '.join(missing)}",
                f"set {_SETTING}, or archives.csc.search to 'tap'",
                missing=missing,
            )
        yield TapAnswer([row for row in named if (row["significance"] or 0.0) >= least], reply.content)

    def observed(self, sources: Sequence[Row]) -> Iterator[TapAnswer]:
        """Yield the detections of sources, each row with the columns of its source beside its own."""
        known = {str(row["name"]): row for row in sources}
        for names in chunks(known, self.settings.names_at_once):
            for answer in self._observed(names):
                rows = [{**row, **_source(known[str(row["name"])])} for row in answer.rows if row["name"] in known]
                yield TapAnswer(rows, answer.reply)

    def _observed(self, names: list[str]) -> Iterator[TapAnswer]:
        table = self.detections
        try:
            answer = query(self.http, table.url, self._question(names), limit=_DETECTIONS)
        except IntegrityError as error:
            if error.code != "archive.overflow" or len(names) < 2:
                raise
            for part in chunks(names, (len(names) + 1) // 2):
                yield from self._observed(part)
            return
        except RejectedError as error:
            if error.code == "archive.query":
                table.require_columns()
            raise
        joined = replace(table, columns=("name", *DETECTION_COLUMNS))
        yield TapAnswer([joined.ours(row) for row in answer.rows], answer.reply)

    def _question(self, names: Iterable[str]) -> str:
        """Return the query: tables with commas between, as the service refuses a JOIN with several conditions."""
        renamed: Mapping[str, str] = theirs(self.settings.renamed_columns)

        def real(column: str) -> str:
            return renamed.get(column, column)

        schema = self.settings.table_schema
        columns = ", ".join(f"o.{real(column)}" for column in DETECTION_COLUMNS)
        region, stack = real("region_id"), real("detect_stack_id")
        return (
            f"SELECT DISTINCT a.{real('name')}, {columns}"
            f" FROM {schema}.master_stack_assoc a, {schema}.stack_source s, {schema}.stack_observation_assoc b,"
            f" {schema}.observation_source o"
            f" WHERE a.{real('name')} IN ({', '.join(map(quoted, names))})"
            f" AND s.{stack} = a.{stack} AND s.{region} = a.{region}"
            f" AND s.{stack} = b.{stack} AND s.{region} = b.{region}"
            f" AND o.{real('obsid')} = b.{real('obsid')} AND o.{real('obi')} = b.{real('obi')}"
            f" AND o.{region} = b.{region}"
        )


def strongest(rows: Iterable[Row]) -> list[Row]:
    """Return one detection for each source and observation: of several the one with the highest flux significance.

    A region that belongs to several sources stays with the most significant of them.
    """
    best: dict[tuple[str, ...], Row] = {}
    for row in rows:
        if None in (row["obsid"], row["obi"], row["region_id"]):
            continue
        key = str(row["name"]), str(row["obsid"]), str(row["obi"])
        if key not in best or _flux_significance(row) > _flux_significance(best[key]):
            best[key] = row
    regions: dict[str, Row] = {}
    for row in best.values():
        region = _key(row)
        if region not in regions or (row["significance"] or 0.0) > (regions[region]["significance"] or 0.0):
            regions[region] = row
    return list(regions.values())


def dataset_of(row: Row, release: str) -> RemoteDataset:
    """Return the dataset of a detection."""
    return RemoteDataset(
        key=_key(row),
        version=release,
        target=str(row["name"]),
        instrument=str(row["instrument"] or ""),
        ra_deg=row["ra"],
        dec_deg=row["dec"],
        start=mjd_moment(row["gti_mjd_obs"]),
        columns={column: row[column] for column in (*SOURCE_COLUMNS, *DETECTION_COLUMNS)},
    )


def _key(row: Row) -> str:
    return f"{int(row['obsid']):05d}_{int(row['obi']):03d}_r{int(row['region_id']):04d}"


def _flux_significance(row: Row) -> float:
    return max(row["flux_significance_b"] or 0.0, row["flux_significance_w"] or 0.0)


def _source(row: Row) -> Row:
    return {column: row[column] for column in SOURCE_COLUMNS}


def _text(key: object) -> str:
    return quoted(str(key))
