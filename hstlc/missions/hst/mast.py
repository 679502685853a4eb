"""MAST: the archive of Hubble."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

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
from hstlc.errors import RejectedError, UsageError
from hstlc.missions.hst import mast_facts, mast_files, mast_rows
from hstlc.missions.hst.mast_search import address, columns_of, cookie, pages, wrong_answer
from hstlc.missions.hst.mast_settings import MastSettings

__all__ = ["Mast", "MastSettings"]

#: Of a search around a place, as the archive has it.
_LARGEST_RADIUS_DEG = 0.5


class Mast(Archive[MastSettings]):
    """The mission search of MAST.

    Two streams tell what is new: data that were archived, for the first time or processed again, and data whose
    release date has passed, which changes no other date. A dataset is an association or a single exposure; its
    version is the date on which it was processed.
    """

    name = "mast"
    title = "Mikulski Archive for Space Telescopes"
    mission = "hst"
    settings_model = MastSettings
    required = mast_rows.REQUIRED

    def streams(self) -> tuple[Stream, ...]:
        """Return the streams: ``archive``, ``release`` and ``full``."""
        overlap_s = self.settings.overlap_s
        return Stream("archive", overlap_s), Stream("release", overlap_s), Stream("full", full=True)

    def columns(self) -> Mapping[str, str]:
        """Return the names, ours where they differ, and types of the columns that can be searched now."""
        return columns_of(self.http, self.settings)

    def search(self, window: Window) -> Iterator[Page]:
        """Yield the datasets of a window; see :meth:`hstlc.archives.base.Archive.search`."""
        now = self.clock.now()
        for answered in pages(self.http, self.settings, mast_rows.window_question(self.settings, window, now)):
            rows = [row for row in answered.rows if mast_rows.is_wanted(row, self.settings, now)]
            rows = [row for row in rows if mast_rows.lies_within(row, window)]
            dates = [moment(row.get(mast_rows.ARCHIVED)) for row in rows]
            latest: dict[str, datetime | None] = {
                "archive": max((date for date in dates if date is not None), default=None),
                "release": window.until,
            }
            yield Page(mast_rows.datasets(rows), latest.get(window.stream), answered.reply)

    def find(self, selection: Selection) -> Iterator[Page]:
        """Yield the datasets of a name and around a place; see :meth:`hstlc.archives.base.Archive.find`.

        Raises
        ------
        UsageError
            ``usage.selection``: neither a name nor a place.
        RejectedError
            ``archive.radius``: the archive does not search so far around a place.
        """
        now, settings = self.clock.now(), self.settings
        questions = [mast_rows.target_question(settings, selection.target, now)] if selection.target.strip() else []
        if selection.ra_deg is not None and selection.dec_deg is not None:
            if not 0 < selection.radius_deg <= _LARGEST_RADIUS_DEG:
                raise RejectedError(
                    "archive.radius",
                    f"expected a radius of up to {_LARGEST_RADIUS_DEG * 60:g} arcmin,"
                    f" found {selection.radius_deg * 60:g} arcmin",
                    "take a smaller one, or several places",
                )
            questions.append(mast_rows.place_question(settings, selection, now))
        if not questions:
            raise UsageError("usage.selection", "a name or a place is wanted, found neither", "give one of them")
        met: set[tuple[str, str]] = set()
        for question in questions:
            for answered in pages(self.http, settings, question):
                rows = [row for row in answered.rows if mast_rows.is_wanted(row, settings, now)]
                found = mast_rows.datasets([row for row in rows if mast_rows.is_selected(row, selection)])
                yield Page(tuple(one for one in found if (one.key, one.version) not in met), None, answered.reply)
                met.update((one.key, one.version) for one in found)

    def products(self, datasets: Sequence[RemoteDataset]) -> list[RemoteProduct]:
        """Return the files that are wanted of some datasets, without those of lamps and the like.

        Which members an association has is read from its own small file, which is downloaded here and not listed.

        Raises
        ------
        ArchiveError
            ``archive.incomplete``: the answer has nothing of a dataset, so it may lack files of others too.
        """
        rows = self.listed(datasets)
        mast_files.require_all(rows, datasets)
        files = mast_files.listed(rows, datasets, self.settings)
        groups: defaultdict[str, set[str]] = defaultdict(set)
        for file in files:
            groups[file.dataset].add(file.group)
        unwanted: defaultdict[str, set[str]] = defaultdict(set)
        for file in files:
            # of STIS, all files have the name of the association: nothing is to be left out
            if file.kind == mast_files.ASSOCIATION and groups[file.dataset] != {file.group}:
                unwanted[file.dataset] |= self._unwanted(file)
        return [
            file for file in files if file.kind != mast_files.ASSOCIATION and file.group not in unwanted[file.dataset]
        ]

    def _unwanted(self, association: RemoteProduct) -> frozenset[str]:
        """Return the root names of the members of an association that are not wanted."""
        asked = self.request(association)
        reply = self.http.get(
            asked.url, asked.params, headers=asked.headers, redirect_hosts=self.settings.redirect_hosts
        )
        kinds = mast_files.members(reply.content, association.name)
        return mast_files.unwanted(kinds, association.group, self.settings)

    def listed(self, datasets: Sequence[RemoteDataset]) -> list[Mapping[str, Any]]:
        """Return the rows of all files of some datasets, as the archive gives them."""
        if not datasets:
            return []
        url = address(self.settings, self.settings.products_path)
        body = {"dataset_ids": [dataset.key for dataset in datasets]}
        content = self.http.post(url, json=body, answer="json", headers=cookie(self.settings, url)).json()
        rows = content.get("products") if isinstance(content, Mapping) else None
        if isinstance(rows, list):
            rows = [row for item in rows for row in (item if isinstance(item, list) else [item])]
        if rows is None or not all(isinstance(row, Mapping) for row in rows):
            raise wrong_answer(url, "an object with a list of products", content)
        return list(rows)

    def request(self, product: RemoteProduct) -> Request:
        """Return how to get the bytes of a file."""
        url = address(self.settings, self.settings.retrieve_path)
        return Request(
            url,
            {"product_name": product.locator["uri"]},
            cookie(self.settings, url),
            product.name,
            redirect_hosts=self.settings.redirect_hosts,
        )

    def identify(self, path: Path, product: RemoteProduct) -> Identity:
        """Return what a file says of itself: when it was processed, and whether it is of an exposure of the target.

        Raises
        ------
        IntegrityError
            ``archive.wrong-file``.
        """
        return mast_files.identify_file(path, product, self.settings)

    def facts(self) -> Iterator[Fact]:
        """Ask the archive, with one small request of each kind, whether what is believed of it holds."""
        return mast_facts.facts(self)
