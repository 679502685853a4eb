"""Chandra Source Catalog: detections of selected sources by TAP, their files by its own commands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
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
from hstlc.archives.facts import attempt, column_facts
from hstlc.archives.identity import packed_units, require_keywords, require_tables, wrong_file
from hstlc.archives.tap import Row, Table, columns_of
from hstlc.errors import IntegrityError, RejectedError, UsageError
from hstlc.logs import redact
from hstlc.missions.chandra.csc_sources import DETECTION_COLUMNS, SOURCE_COLUMNS, Catalog, dataset_of, strongest
from hstlc.missions.chandra.filenames import ChandraName, chandra_name, newest
from hstlc.missions.chandra.settings import CscSettings

__all__ = ["Csc", "CscSettings"]

#: Files of a whole observation: they are asked for without a region.
_OF_OBSERVATIONS = frozenset({"evt3", "fov3", "aspsol3", "badpix3"})

#: Files of one band: broad for ACIS, wide for HRC.
_OF_BANDS = frozenset({"lightcurve"})

_EXTENSIONS = {"regevt3": ("EVENTS", "GTI.*"), "evt3": ("EVENTS", "GTI.*"), "srcreg": (".*REG.*",)}


class Csc(Archive[CscSettings]):
    """Chandra Source Catalog.

    A dataset is a region of an observation in which a source was detected. The catalog does not change within a
    release, so there is nothing to poll but what was selected; its files carry a number of their own.
    """

    name = "csc"
    title = "Chandra Source Catalog"
    mission = "chandra"
    settings_model = CscSettings
    required = frozenset(
        {f"master_source.{column}" for column in SOURCE_COLUMNS}
        | {f"observation_source.{column}" for column in DETECTION_COLUMNS}
    )
    batch = 10

    @property
    def _catalog(self) -> Catalog:
        return Catalog(self.http, self.settings)

    def streams(self) -> tuple[Stream, ...]:
        """Return no streams: the catalog is asked for what is selected."""
        return ()

    def columns(self) -> Mapping[str, str]:
        """Return the columns of the tables of sources and detections, as ``table.column``."""
        tables = self._tables
        found = columns_of(self.http, self.settings.tap_url, [table.name for table in tables])
        return {
            f"{table.name.rpartition('.')[2]}.{name}": kind
            for table in tables
            for name, kind in table.ours(found[table.name]).items()
        }

    @property
    def _tables(self) -> tuple[Table, Table]:
        catalog = self._catalog
        return catalog.masters, catalog.detections

    def search(self, window: Window) -> Iterator[Page]:
        """Refuse: there are no streams.

        Raises
        ------
        UsageError
            ``usage.unknown-stream``.
        """
        raise UsageError(
            "usage.unknown-stream",
            f"the Chandra Source Catalog has no stream {window.stream!r}",
            "store selections: hstlc selection add",
        )

    def find(self, selection: Selection) -> Iterator[Page]:
        """Yield the detections of the sources of a selection; see :class:`Catalog`."""
        catalog = self._catalog
        for sources in catalog.sources(selection):
            yield Page((), None, sources.reply, ".vot")
            for answer in catalog.observed(sources.rows):
                datasets = tuple(dataset_of(row, self.settings.release) for row in strongest(answer.rows))
                yield Page(datasets, None, answer.reply, ".vot")

    def products(self, datasets: Sequence[RemoteDataset]) -> list[RemoteProduct]:
        """Return the files of detections, in the newest version."""
        return [
            product for dataset in datasets for kind in self.settings.products for product in self._files(dataset, kind)
        ]

    def _files(self, dataset: RemoteDataset, kind: str) -> Iterator[RemoteProduct]:
        for name in self._browsed(dataset, kind):
            yield RemoteProduct(
                dataset=dataset.key,
                name=name.stem,
                version=name.version,
                kind=kind,
                group=dataset.key,
                locator={
                    "filetype": kind,
                    "filename": name.filename,
                },
            )

    def _browsed(self, dataset: RemoteDataset, kind: str) -> list[ChandraName]:
        """Return the files of a kind: one, or none where the catalog has none."""
        obsid, obi, region = _numbers(dataset.key)
        band = ("w" if dataset.instrument.upper().startswith("HRC") else "b") if kind in _OF_BANDS else ""
        package = f"{obsid}.{obi}.{'' if kind in _OF_OBSERVATIONS else region}/{kind}/{band}"
        params = {"packageset": package, "version": self.settings.release}
        answer = self.http.get(self.settings.browse_url, params, answer="json").json()
        try:
            texts = [str(entry["filename"]) for entry in answer]
        except (TypeError, KeyError) as error:
            raise RejectedError(
                "archive.columns",
                f"{redact(self.settings.browse_url)}: expected a list of objects with 'filename' for {package}, found"
                f" {str(answer)[:200]!r}",
                "the interface of the catalog has changed: see hstlc archive check csc",
            ) from error
        names = [name for text in texts if (name := chandra_name(text)) is not None]
        names = [name for name in names if name.obsid == obsid and name.region in (None, region)]
        if texts and not names:
            raise IntegrityError(
                "archive.wrong-answer", f"asked for the name of {package}, found {texts[0][:80]!r}", "try again later"
            )
        return newest(names)

    def request(self, product: RemoteProduct) -> Request:
        """Return the request of a file, which comes compressed."""
        settings, locator = self.settings, product.locator
        params = {name: locator[name] for name in ("filetype", "filename")} | {"version": settings.release}
        filename = f"{locator['filename'].removesuffix('.gz')}.gz"
        return Request(settings.files_url, params, filename=filename, redirect_hosts=settings.redirect_hosts)

    def identify(self, path: Path, product: RemoteProduct) -> Identity:
        """Return what a file says of itself; see :meth:`hstlc.archives.base.Archive.identify`."""
        units = packed_units(path, product)
        obsid, obi, region = _numbers(product.dataset)
        require_tables(path, product, units, _EXTENSIONS.get(product.kind, (".*",)))
        require_keywords(path, product, units, {"TELESCOP": ("CHANDRA",), "OBS_ID": (str(obsid),)})
        header = {key: value for unit in units[:2] for key, value in unit.header.items()}
        for keyword, value in (("OBI_NUM", obi), ("REGIONID", region)):
            said = str(header.get(keyword, "")).strip()
            if said.isdecimal() and int(said) != value:  # not all releases write them
                raise wrong_file(path, product, f"{keyword} {value}", said)
        return Identity()

    def facts(self) -> Iterator[Fact]:
        """Ask for columns, those of a newer release too, for one detection, and for the name of its file."""
        settings = self.settings
        newer = f"{settings.next_schema}.master_source" if settings.next_schema else ""
        yield from column_facts(self._tables, absent=newer, release="archives.csc.release")
        sample: list[Row] = []
        yield attempt("rows of detections", "archives.csc.table_schema", lambda: self._sample(sample))
        for row in sample:
            dataset = dataset_of({**dict.fromkeys(SOURCE_COLUMNS), **row}, settings.release)
            yield attempt("name of a file", "archives.csc.browse_url", lambda one=dataset: self._browsed_text(one))  # type: ignore[misc]

    def _sample(self, sample: list[Row]) -> str:
        sample += self._catalog.detections.select([], top=1).rows
        return f"{len(sample)} rows"

    def _browsed_text(self, dataset: RemoteDataset) -> str:
        kind = self.settings.products[0]
        return ", ".join(name.filename for name in self._browsed(dataset, kind)) or f"no {kind}"


def _numbers(key: str) -> tuple[int, int, int]:
    """Return observation, interval and region of the key of a dataset."""
    obsid, obi, region = key.split("_")
    return int(obsid), int(obi), int(region.removeprefix("r"))
