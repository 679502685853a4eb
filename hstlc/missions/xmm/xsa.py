"""XMM-Newton Science Archive: observations by TAP, files of the pipeline by the AIO servlet."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from urllib.parse import urlencode

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
from hstlc.archives.dates import moment
from hstlc.archives.facts import attempt, column_facts
from hstlc.archives.identity import packed_units, require_keywords, require_pairs, require_tables
from hstlc.archives.keyset import KeysetWalk
from hstlc.archives.renaming import theirs
from hstlc.archives.selected import selected
from hstlc.archives.tap import Row, Table, TapAnswer, chunks, columns_of, quoted
from hstlc.errors import ArchiveError, ProprietaryError, RejectedError
from hstlc.missions.xmm.xsa_files import is_true, possible, pps_name
from hstlc.missions.xmm.xsa_settings import XsaSettings

__all__ = ["Xsa", "XsaSettings"]

_COLUMNS = (
    *("observation_id", "target", "ra", "dec", "start_utc", "end_utc", "duration", "revolution", "with_science"),
    *("proprietary_end_date", "odf_version", "pps_version", "pps_proc_date", "sas_version"),
)
_SETTING = "archives.xsa.renamed_columns"
_EXPOSURE_COLUMNS = ("observation_id", "instrument", "mode_friendly_name", "is_scientific")

#: More exposures of one observation than there are.
_EXPOSURES = 500

#: Extensions that files have, and the instrument that their headers name.
_EXTENSIONS = {
    "PIEVLI": ("EVENTS", "STDGTI.*", "EXPOSU.*"),
    "MIEVLI": ("EVENTS", "STDGTI.*", "EXPOSU.*"),
    "TIEVLI": ("EVENTS", "STDGTI.*"),
    "OBSMLI": ("SRCLIST",),
}
_OF_CHIPS = ("PIEVLI", "MIEVLI")  # lists with exposures and good times of every CCD
_INSTRUME = {"PN": ("EPN",), "M1": ("EMOS1",), "M2": ("EMOS2",)}


class Xsa(Archive[XsaSettings]):
    """XMM-Newton Science Archive.

    A dataset is an observation in one version of its processing; a product is a request for all event lists of one
    camera, as an observation may have several exposures with it: a file or a tar of files.
    """

    name = "xsa"
    title = "XMM-Newton Science Archive"
    mission = "xmm"
    settings_model = XsaSettings
    required = frozenset(_COLUMNS)

    @property
    def _observations(self) -> Table:
        settings = self.settings
        return Table(self.http, settings.tap_url, settings.table, _COLUMNS, theirs(settings.renamed_columns), _SETTING)

    @property
    def _exposures(self) -> Table:
        settings = self.settings
        renamed = theirs(settings.renamed_columns)
        return Table(self.http, settings.tap_url, settings.exposure_table, _EXPOSURE_COLUMNS, renamed, _SETTING)

    def streams(self) -> tuple[Stream, ...]:
        """Return the streams: by the date of processing, by the end of the embargo, and everything."""
        overlap_s = self.settings.overlap_s
        return Stream("pps", overlap_s), Stream("embargo", overlap_s), Stream("full", full=True)

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
        date = "pps_proc_date" if window.stream == "pps" else "proprietary_end_date"
        for answer in walk.by_date(date, window.since, window.until):
            page = self._page(answer)
            dates = (moment(one.columns[date]) for one in page.datasets)
            latest = max(filter(None, dates), default=None) if window.stream == "pps" else window.until
            yield replace(page, watermark=latest)

    def find(self, selection: Selection) -> Iterator[Page]:
        """Yield the observations that see a place; without a place, those of a target of that name."""
        radius = max(selection.radius_deg, self.settings.radius_deg)
        found = selected(self._walk, self._observations, "target", selection.target, selection, radius)
        yield from map(self._page, found)

    def _walk(self, conditions: list[str]) -> KeysetWalk:
        settings = self.settings
        return KeysetWalk(
            *(self._observations, "observation_id", _text, settings.page_size),
            conditions=conditions,
            check_count=settings.count_rows,
        )

    def _page(self, answer: TapAnswer) -> Page:
        """Return what is processed, public and made for science: of the rest the archive may show a row."""
        now = self.clock.now()
        datasets = (_dataset(row) for row in answer.rows if is_true(row["with_science"], True))
        public = (found for found in datasets if found and (found.release is None or found.release <= now))
        return Page(tuple(public), None, answer.reply, ".vot")

    def products(self, datasets: Sequence[RemoteDataset]) -> list[RemoteProduct]:
        """Return one request for each camera that an observation used, and one for its list of sources."""
        exposures = self._exposures_of([dataset.key for dataset in datasets])
        timing = re.compile(self.settings.timing_modes, re.IGNORECASE)
        names = theirs(self.settings.instrument_names)
        products = []
        for dataset in datasets:
            used = exposures.get(dataset.key, ())
            for instrument, kind in (text.split() for text in self.settings.products):
                if used and not possible(instrument, kind, used, names, timing):
                    continue  # not there: a request for it would be refused as if it were secret
                release = dataset.release.isoformat() if dataset.release else ""
                products.append(
                    RemoteProduct(
                        dataset=dataset.key,
                        name=f"{dataset.key}_{instrument}_{kind}",
                        version=dataset.version,
                        kind=kind.lower(),
                        group=dataset.key,
                        locator={"instrument": instrument, "type": kind, "release": release},
                    )
                )
        return products

    def _exposures_of(self, observations: Sequence[str]) -> Mapping[str, Sequence[Row]]:
        """Return what is known of exposures by observation; nothing where the archive does not take the question."""
        found: defaultdict[str, list[Row]] = defaultdict(list)
        table = self._exposures
        if not table.name:
            return found
        try:
            for some in chunks(dict.fromkeys(observations), 100):
                names = ", ".join(map(quoted, some))
                where = [f"{table.theirs('observation_id')} IN ({names})"]
                for row in table.select(where, top=_EXPOSURES * len(some)).rows:
                    found[str(row["observation_id"])].append(row)
        except RejectedError:
            columns_of(self.http, table.url, [table.name])  # an archive that answers nothing at all is an error
            return {}
        return found

    def request(self, product: RemoteProduct) -> Request:
        """Return the request to the servlet."""
        settings, locator = self.settings, product.locator
        params = {"obsno": product.dataset, "level": "PPS", "name": locator["type"], "extension": settings.extension}
        if locator["instrument"] != "EP":
            params["instname"] = locator["instrument"]
        if settings.user:
            params |= {"AIOUSER": settings.user, "AIOPWD": settings.password}
        return Request(settings.files_url, params, several=True, redirect_hosts=settings.redirect_hosts)

    def accepts(self, filename: str, product: RemoteProduct) -> bool:
        """Tell whether a name is that of a file of this observation, camera and type."""
        name, locator = pps_name(filename), product.locator
        return (
            name is not None
            and (name.observation, name.type) == (product.dataset, locator["type"])
            and name.instrument == locator["instrument"]
            and name.extension == self.settings.extension
        )

    def refusal(self, error: ArchiveError, product: RemoteProduct, now: datetime) -> ArchiveError:
        """Return whether a refusal means that a product is not public yet, or that there is none: XSA says the same."""
        text = f"{error.context.get('body') or ''} {error.message}".lower()
        said = error.code == "archive.wrong-answer" and self.settings.refusal_text.lower() in text
        if not (isinstance(error, ProprietaryError) or said):
            return error
        release = moment(product.locator.get("release"))
        if release is not None and release > now:
            return ProprietaryError(
                "archive.proprietary",
                f"{product.name} is not public before {release:%Y-%m-%d}",
                "it is asked for again then",
                name=product.name,
                until=release.isoformat(),
            )
        return RejectedError(
            "archive.no-product",
            f"{product.name}: XSA refuses it as it refuses what it does not have; the observation is public",
            "the camera was probably not used for images",
            name=product.name,
        )

    def identify(self, path: Path, product: RemoteProduct) -> Identity:
        """Return what a file says of itself; see :meth:`hstlc.archives.base.Archive.identify`."""
        units = packed_units(path, product)
        instrument, kind = product.locator["instrument"], product.locator["type"]
        require_tables(path, product, units, _EXTENSIONS.get(kind, ()))
        if kind in _OF_CHIPS:
            require_pairs(path, product, units, "EXPOSU", "STDGTI")
        expected = {"TELESCOP": ("XMM",), "OBS_ID": (product.dataset,)}
        if instrument in _INSTRUME:
            expected["INSTRUME"] = _INSTRUME[instrument]
        require_keywords(path, product, units, expected)
        return Identity()

    def facts(self) -> Iterator[Fact]:
        """Ask for columns, one observation, and the head of one of its files."""
        settings = self.settings
        yield from column_facts([table for table in (self._observations, self._exposures) if table.name])
        if not settings.exposure_table:
            return
        sample: list[Row] = []
        yield attempt("rows of exposures", "archives.xsa.exposure_table", lambda: self._sample(sample))
        names = theirs(settings.instrument_names)
        seen = {str(row["instrument"]) for row in sample}
        for camera in ("PN", "M1", "M2"):
            known = bool({camera, names.get(camera, camera)} & seen)
            yield Fact(f"instrument {camera}", known or None, ", ".join(sorted(seen)), "archives.xsa.instrument_names")
        pn = [row for row in sample if row["instrument"] in ("PN", names.get("PN"))]
        if pn:
            yield attempt("file of an event list", "archives.xsa.files_url", lambda: self._head(pn[0]))

    def _sample(self, sample: list[Row]) -> str:
        sample += self._exposures.select([], top=50).rows
        return f"{len(sample)} rows"

    def _head(self, exposure: Row) -> str:
        key = str(exposure["observation_id"])
        locator = {"instrument": "PN", "type": "PIEVLI", "release": ""}
        asked = self.request(RemoteProduct(key, f"{key}_PN_PIEVLI", "", "pievli", locator=locator))
        headers = self.http.head(f"{asked.url}?{urlencode(asked.params)}").headers
        return f"{headers.get('Content-Type', '')}; {headers.get('Content-Disposition', '')}"


def _text(key: object) -> str:
    return quoted(str(key))


def _dataset(row: Row) -> RemoteDataset | None:
    """Return the dataset of a row; None for an observation that is not processed yet."""
    processed = moment(row["pps_proc_date"])
    if processed is None:
        return None
    return RemoteDataset(
        key=str(row["observation_id"]),
        version=f"{row['pps_version'] or ''}|{processed:%Y-%m-%dT%H:%M:%S}",
        target=str(row["target"] or ""),
        instrument="EPIC",
        ra_deg=row["ra"],
        dec_deg=row["dec"],
        start=moment(row["start_utc"]),
        release=moment(row["proprietary_end_date"]),
        columns={column: row[column] for column in _COLUMNS},
    )
