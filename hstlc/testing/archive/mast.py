"""MAST as its clients see it: the mission search for Hubble, lists of products, and files."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from hstlc.testing.archive.history import File, Shown
from hstlc.testing.archive.mast_catalog import ALWAYS, ARCHIVE, COLUMNS, ID, TYPES, Catalog, names_of, value
from hstlc.testing.archive.mast_query import QueryRefusal
from hstlc.testing.archive.messages import Incoming, Outgoing
from hstlc.testing.archive.rows import spoiled, total
from hstlc.testing.archive.world import World

__all__ = ["MastRouter"]

_PADDED = 6
_SEARCH, _UTIL, _API = "/search/hst/api/v0.1/", "/search/util/api/v0.1/", "/api/v0.1/"


@dataclass
class MastRouter:
    """Answers as MAST does.

    Attributes
    ----------
    world : World
    token : str
        Who sends it as the cookie ``mast_token`` may have everything; '' for nobody.
    redirect : bool
        Files come from another path.
    length : bool
        Files come with Content-Length.
    nested : bool
        Lists of products are within another list.
    most_rows : int
        More rows than these are in no answer.
    """

    world: World
    token: str = ""
    redirect: bool = False
    length: bool = True
    nested: bool = False
    most_rows: int = 50_000
    prefixes: tuple[str, ...] = ("/search/", "/api/v0.1/", "/whoami", "/blob/mast/")
    _sizes: dict[tuple[int, str], int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._catalog = Catalog(self.world)

    def answer(self, request: Incoming) -> Outgoing:
        """Return the answer to a request."""
        routes: dict[str, Callable[[Incoming], Outgoing]] = {
            _UTIL + "column_list": self._columns,
            _SEARCH + "search": self._search,
            _SEARCH + "post_list_products": self._products,
            _SEARCH + "list_products": self._products,
            _SEARCH + "retrieve_product": lambda one: self._retrieve(one, one.query.get("product_name", "")),
            _API + "Download/file": lambda one: self._by_uri(one, one.query.get("uri", "")),
            _API + "path_lookup/": self._paths,
            "/whoami": self._whoami,
        }
        if request.path.startswith("/blob/mast/"):
            return self._file(request, request.path.removeprefix("/blob/mast/"))
        route = routes.get(request.path)
        if route is None:
            return Outgoing.text("no such service", 404)
        try:
            return route(request)
        except QueryRefusal as error:
            return Outgoing.text(f"Invalid query: {error}", 400)
        except json.JSONDecodeError as error:
            return Outgoing.text(f"The body is no JSON: {error}", 400)

    # columns

    def _columns(self, request: Incoming) -> Outgoing:
        rows = []
        for name, kind in COLUMNS.items():
            called = self._catalog.called(name)
            rows.append(
                {
                    "field_name": called.removeprefix("sci_").replace("_", " ").title(),
                    "description": f"{called} of a dataset",
                    "column_name": called,
                    "queryable": "no" if name in ALWAYS[1:] else "yes",
                    "qual_type": kind,
                    "default_output": "yes",
                    "indexed": "yes" if name in (ID, "sci_archive_date", "sci_release_date") else "no",
                    "datatype": "char" if kind in ("string", "substring", "datetime") else kind,
                }
            )
        for one in request.faults:
            column = str(one.get("column", ""))
            if one.kind == "drop_column":
                rows = [row for row in rows if row["column_name"] != column]
            elif one.kind == "new_column":
                rows.append({**rows[0], "column_name": column or "brand_new"})
            elif one.kind in ("rename_column", "type_change"):
                for row in rows:
                    if row["column_name"] == column and one.kind == "rename_column":
                        row["column_name"] = str(one.get("to", f"{column}_2"))
                    elif row["column_name"] == column:
                        row["qual_type"] = "integer"
        return Outgoing.of_json(rows)

    # search

    def _search(self, request: Incoming) -> Outgoing:
        body = request.json()
        if not isinstance(body, dict):
            raise QueryRefusal("an object is wanted")
        known = self._catalog.known()
        found = self._catalog.matching(body)
        limit = max(min(int(body.get("limit", 5000)), self.most_rows), 0)
        offset = max(int(body.get("offset", 0)), 0)
        chosen = names_of(body.get("select_cols") or list(known), known)
        names = list(dict.fromkeys([*chosen, *(self._catalog.called(name) for name in ALWAYS)]))
        plain = [self._row(one, away, names, known) for one, away in found[offset : offset + limit]]
        before = [self._row(one, away, names, known) for one, away in found[:offset][-1:]]
        return Outgoing.of_json(
            {
                "messages": [],
                "info": [{"name": name, "type": TYPES.get(COLUMNS[known[name]], "VARCHAR")} for name in sorted(names)],
                "search_params": {
                    **{key: body.get(key) for key in ("sort_by", "sort_desc", "skip_count", "select_cols")},
                    "limit": limit,
                    "offset": offset,
                    "search_key": [],
                    "user_fields": [],
                    "conditions": body.get("conditions", []),
                },
                "totalResults": None if body.get("skip_count") else total(len(found), request),
                "results": spoiled(plain, request, before=before[0] if before else None),
            }
        )

    def _row(self, shown: Shown, away: float | None, names: Sequence[str], known: dict[str, str]) -> dict[str, Any]:
        row = {name: value(shown, known[name]) for name in names}
        row[self._catalog.called("ang_sep")] = away
        instrument = self._catalog.called("sci_instrume")
        if row.get(instrument) is not None:
            row[instrument] = str(row[instrument]).ljust(_PADDED)
        return row

    # products

    def _products(self, request: Incoming) -> Outgoing:
        if request.method == "POST":
            keys = request.json().get("dataset_ids", [])
        else:
            keys = [key for name, text in request.pairs if name == "dataset_ids" for key in text.split(",")]
        rows = [row for key in keys for row in self._rows_of(str(key).strip().upper())]
        rows = spoiled(rows, request)
        return Outgoing.of_json({"products": [rows] if self.nested or request.fault("nested") else rows})

    def _rows_of(self, key: str) -> Iterator[dict[str, Any]]:
        shown = self.world.shown(ARCHIVE, key)
        if shown is None:
            return
        for file in shown.version.files:
            suffix = file.labels.get("suffix", "")
            calibrated = suffix.startswith(("CORR", "X1D", "ASN"))
            yield {
                "product_key": f"{key}_{file.name}",
                "access": "PUBLIC" if shown.public else "PROPRIETARY",
                "dataset": key,
                "instrument_name": str(shown.columns.get("sci_instrume", "")).ljust(_PADDED),
                "filters": shown.columns.get("sci_spec_1234"),
                "filename": file.name,
                "uri": f"{key}/{file.name}",
                "authz_primary_identifier": key,
                "authz_secondary_identifier": "CAL" if calibrated else "UNCAL",
                "file_suffix": suffix,
                "category": "CALIBRATED" if calibrated else "UNCALIBRATED",
                "size": self._size(shown, file),
                "type": "science",
            }

    def _size(self, shown: Shown, file: File) -> int:
        # all versions of a file have one size
        key = (id(shown.record), file.name)
        if key not in self._sizes:
            self._sizes[key] = len(file.content)
        return self._sizes[key]

    # files

    def _retrieve(self, request: Incoming, name: str) -> Outgoing:
        if self.redirect:
            return Outgoing(302, {"Location": f"{request.base_url}/blob/mast/{name}"})
        return self._file(request, name)

    def _file(self, request: Incoming, name: str) -> Outgoing:
        key, _, filename = name.rpartition("/")
        shown = self.world.shown(ARCHIVE, key.upper())
        file = _named(shown, filename)
        if shown is None or file is None:
            return Outgoing.text(f"{name}: no such product", 404)
        if not shown.public and not self._may_all(request):
            return Outgoing.text("You are not authorized to have this product", 401)
        if request.fault("wrong_file") is not None:
            file = self._other(file)
        if request.fault("mixed_epoch") is not None:
            before = [one for one in shown.record.versions if one.made < shown.version.made]
            file = next((one for one in before[-1].files if one.name == filename), file) if before else file
        return Outgoing.file(file.content, modified=shown.version.made, length=self.length)

    def _other(self, file: File) -> File:
        """Return a file of the same kind of another exposure, if there is one."""
        every = (one for dataset in self.world.visible(ARCHIVE) for one in dataset.version.files)
        kind = file.labels.get("suffix")
        return next((one for one in every if one.name != file.name and one.labels.get("suffix") == kind), file)

    def _by_uri(self, request: Incoming, uri: str) -> Outgoing:
        found = self._located(uri)
        return Outgoing.text(f"{uri}: no such product", 404) if found is None else self._file(request, found)

    def _located(self, uri: str) -> str | None:
        """Return dataset and file of ``mast:HST/product/<file>``."""
        filename = uri.rpartition("/")[2].lower()
        for key in (f"{filename[:6]}010", filename[:9]):
            if _named(self.world.shown(ARCHIVE, key.upper()), filename) is not None:
                return f"{key.upper()}/{filename}"
        return None

    def _paths(self, request: Incoming) -> Outgoing:
        answer = {}
        for name, uri in request.pairs:
            if name == "uri":
                found = self._located(uri)
                path = None if found is None else f"/hst/public/{found[:4].lower()}/{found.lower()}"
                answer[uri] = {"status_code": 404 if path is None else 200, "path": path}
        return Outgoing.of_json(answer)

    def _may_all(self, request: Incoming) -> bool:
        return bool(self.token) and f"mast_token={self.token}" in request.headers.get("cookie", "")

    def _whoami(self, request: Incoming) -> Outgoing:
        known = self._may_all(request)
        return Outgoing.of_json({"anon": not known, "attrib": {"display_name": "Simulated" if known else ""}})


def _named(shown: Shown | None, filename: str) -> File | None:
    return None if shown is None else next((one for one in shown.version.files if one.name == filename), None)
