"""Chandra Data Archive: public observations by TAP, event lists from its tree of folders."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from hstlc.archives.base import (
    Archive,
    Fact,
    Identity,
    Page,
    RemoteDataset,
    RemoteProduct,
    Request,
    Selection,
    Stream,
    Window,
)
from hstlc.archives.dates import literal, moment
from hstlc.archives.facts import attempt, column_facts
from hstlc.archives.identity import HeaderUnit, packed_units, require_keywords, require_tables, wrong_file
from hstlc.archives.keyset import KeysetWalk
from hstlc.archives.listing import listed, size_of
from hstlc.archives.renaming import theirs
from hstlc.archives.selected import selected
from hstlc.archives.tap import Row, Table, TapAnswer, quoted
from hstlc.missions.chandra.filenames import ChandraName, chandra_name, newest
from hstlc.missions.chandra.settings import CdaSettings

__all__ = ["Cda", "CdaSettings"]

_COLUMNS = (
    *("obsid", "target_name", "ra", "dec", "instrument", "grating", "status", "start_date", "public_avail_date"),
    *("exposure_time", "exposure_mode"),
)
_SETTING = "archives.cda.renamed_columns"
_EXTENSIONS = {"evt2": ("EVENTS", "GTI.*")}


class Cda(Archive[CdaSettings]):
    """Chandra Data Archive.

    A dataset is an observation; its version is the date of its publication, as the archive tells no other. A new
    version of a file takes the place of the old one with a higher number in its name, so files are listed again.
    """

    name = "cda"
    title = "Chandra Data Archive"
    mission = "chandra"
    settings_model = CdaSettings
    required = frozenset(_COLUMNS)
    batch = 10

    @property
    def relist_after_s(self) -> float | None:
        """Age in seconds at which files are listed again."""
        return float(self.settings.relist_s)

    @property
    def _observations(self) -> Table:
        settings = self.settings
        return Table(self.http, settings.tap_url, settings.table, _COLUMNS, theirs(settings.renamed_columns), _SETTING)

    def streams(self) -> tuple[Stream, ...]:
        """Return the streams: by the date of publication, and everything."""
        return Stream("public", self.settings.overlap_s), Stream("full", full=True)

    def columns(self) -> Mapping[str, str]:
        """Return the columns of the table of observations."""
        return self._observations.described()

    def search(self, window: Window) -> Iterator[Page]:
        """Yield the observations of a window; see :meth:`hstlc.archives.base.Archive.search`."""
        walk = self._walk([])
        if window.stream == "full":
            for answer in walk.by_key():
                yield self._page(answer)
            return
        for answer in walk.by_date("public_avail_date", window.since, window.until):
            page = self._page(answer)
            found = [dataset.release for dataset in page.datasets if dataset.release is not None]
            yield replace(page, watermark=max(found, default=None))

    def find(self, selection: Selection) -> Iterator[Page]:
        """Yield the observations that see a place; without a place, those of a target of that name."""
        name = "".join(selection.target.upper().split())  # as the archive writes names
        radius = max(selection.radius_deg, self.settings.radius_deg)
        yield from map(self._page, selected(self._walk, self._observations, "target_name", name, selection, radius))

    def _walk(self, conditions: list[str]) -> KeysetWalk:
        settings, table = self.settings, self._observations
        return KeysetWalk(
            *(table, "obsid", _number, settings.page_size),
            conditions=[f"{table.theirs('status')} = {quoted(settings.status)}", *conditions],
            check_count=settings.count_rows,
        )

    def _page(self, answer: TapAnswer) -> Page:
        settings, now = self.settings, self.clock.now()
        wanted = tuple(
            found
            for row in answer.rows
            if str(row["status"] or "").lower() == settings.status.lower()
            and str(row["instrument"] or "").upper().startswith(tuple(name.upper() for name in settings.instruments))
            and (found := _dataset(row)) is not None
            and (found.release is not None and found.release <= now)
        )
        return Page(wanted, None, answer.reply, ".vot")

    def products(self, datasets: Sequence[RemoteDataset]) -> list[RemoteProduct]:
        """Return the files of observations that their folders list, in the newest version."""
        return [product for dataset in datasets for product in self._files(dataset)]

    def _files(self, dataset: RemoteDataset) -> Iterator[RemoteProduct]:
        folder = self._folder(dataset.key)
        for name in self._listed(folder, int(dataset.key)):
            yield RemoteProduct(
                dataset=dataset.key,
                name=name.stem,
                version=name.version,
                kind=name.ending,
                group=dataset.key,
                locator={"filename": name.filename},
                size=size_of(self.http, f"{folder}{name.filename}") if self.settings.ask_sizes else None,
            )

    def _folder(self, obsid: str) -> str:
        folder = f"{self.settings.folder}/" if self.settings.folder else ""
        return f"{self.settings.files_url.rstrip('/')}/{obsid[-1]}/{obsid}/{folder}"

    def _listed(self, folder: str, obsid: int) -> list[ChandraName]:
        page = self.http.get(folder, answer="html").text
        names = [name for text in listed(page) if (name := chandra_name(text)) is not None]
        return newest([name for name in names if name.ending in self.settings.products and name.obsid == obsid])

    def request(self, product: RemoteProduct) -> Request:
        """Return the request of a file."""
        filename = product.locator["filename"]
        url = f"{self._folder(product.dataset)}{filename}"
        return Request(url, filename=filename, redirect_hosts=self.settings.redirect_hosts)

    def identify(self, path: Path, product: RemoteProduct) -> Identity:
        """Return what a file says of itself; see :meth:`hstlc.archives.base.Archive.identify`."""
        units = packed_units(path, product)
        require_tables(path, product, units, _EXTENSIONS.get(product.kind, ()))
        require_keywords(path, product, units, {"TELESCOP": ("CHANDRA",), "OBS_ID": (product.dataset,)})
        _require_chips(path, product, units)
        return Identity()

    def facts(self) -> Iterator[Fact]:
        """Ask for columns, one observation, and the index page of its files."""
        yield from column_facts([self._observations])
        sample: list[Row] = []
        yield attempt("rows of observations", "archives.cda.table", lambda: self._sample(sample))
        for dataset in filter(None, map(_dataset, sample[:1])):
            yield attempt("index of files", "archives.cda.files_url", lambda key=dataset.key: self._index(key))  # type: ignore[misc]

    def _sample(self, sample: list[Row]) -> str:
        table = self._observations
        date = table.theirs("public_avail_date")
        where = [f"{table.theirs('status')} = {quoted(self.settings.status)}", f"{date} < {literal(self.clock.now())}"]
        sample += table.select(where, top=1).rows
        return f"{len(sample)} rows"

    def _index(self, obsid: str) -> str:
        return ", ".join(name.filename for name in self._listed(self._folder(obsid), int(obsid))) or "no event list"


def _require_chips(path: Path, product: RemoteProduct, units: Sequence[HeaderUnit]) -> None:
    """Raise IntegrityError unless ACIS has a table of good times for every chip that DETNAM names, such as ACIS-235.

    A file that was cut between two of them is whole in every other respect.
    """
    header = {key: value for unit in units[:2] for key, value in unit.header.items()}
    chips = str(header.get("DETNAM") or "").strip().partition("ACIS-")[2]
    tables = sum(unit.name == "GTI" for unit in units)
    if tables < len(set(chips)):
        raise wrong_file(path, product, f"good times of the chips {chips}", f"{tables} tables of them")


def _number(key: object) -> str:
    return str(int(str(key)))


def _dataset(row: Row) -> RemoteDataset | None:
    release: datetime | None = moment(row["public_avail_date"])
    if release is None:
        return None
    return RemoteDataset(
        key=_number(row["obsid"]),
        version=f"{release:%Y-%m-%dT%H:%M:%S}",
        target=str(row["target_name"] or ""),
        instrument=str(row["instrument"]),
        ra_deg=row["ra"],
        dec_deg=row["dec"],
        start=moment(row["start_date"]),
        release=release,
        columns={column: row[column] for column in _COLUMNS},
    )
