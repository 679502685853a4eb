"""The stand-in's XMM-Newton Science Archive: its TAP service, and the servlet that gives files."""

from __future__ import annotations

import io
import re
import tarfile
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from hstlc.testing.archive.messages import Incoming, Outgoing
from hstlc.testing.archive.tap import Refused, TapColumn, TapTable
from hstlc.testing.archive.tap_service import ESA_FORMATS, TapService
from hstlc.testing.archive.vosi import ESA_COLUMN
from hstlc.testing.archive.world import File, Shown, World
from hstlc.testing.archive.world_tables import Rows, WorldTables, blank_date, columns, row, t_date

__all__ = ["ARCHIVE", "REFUSAL", "TABLES", "XsaRouter", "pps_version"]

ARCHIVE = "xsa"
TAP, AIO = "/tap-server/tap", "/nxsa-sl/servlet/data-action-aio"

#: What the servlet says of what it does not have and of what is not public.
REFUSAL = "Data protected by proprietary rights. Please check your credentials"

_NAME = re.compile(
    r"P(?P<obsno>\d{10})(?P<instname>[A-Z0-9]{2})(?P<expflag>[SUX])(?P<expno>\d{3})(?P<name>.{6})"
    r"(?P<datasubsetno>.)(?P<sourceno>.{3})\.(?P<extension>\w+)"
)
_INSTRUMENTS = {"PN": "EPN", "M1": "EMOS1", "M2": "EMOS2"}

_OBSERVATION = (
    *columns("observation_id target"),
    *columns("observation_oid revolution", "int"),
    *columns("start_utc end_utc odf_proc_date pps_proc_date proprietary_end_date", "time"),
    *columns("duration", "int", "s"),
    *columns("ra dec ra_nom lii bii position_angle", "double", "deg"),
    *columns("with_science moving_target", "boolean"),
    *columns("heasarc_code odf_version pps_version sas_version seq_id stc_s"),
    *columns("proposal_id proposal_oid"),
)
PUBLIC = TapTable("xsa", "v_public_observations", _OBSERVATION, "observations")
ALL = TapTable("xsa", "v_all_observations", tuple(c for c in _OBSERVATION if c.name != "target"), "all observations")
EXPOSURE = TapTable(
    "xsa",
    "v_exposure",
    (
        *columns("observation_id exposure_id instrument mode_friendly_name filter"),
        *columns("observation_oid exposure_oid instrument_mode_oid", "int"),
        *columns("start_utc end_utc", "time"),
        *(TapColumn("duration", "int", "s"), TapColumn("is_scientific")),
    ),
    "exposures of single instruments",
)
MODE = TapTable(
    "xsa",
    "v_instrument_mode",
    (*columns("instrument mode mode_friendly_name"), TapColumn("instrument_mode_oid", "int")),
    "modes of instruments",
)
PRODUCT = TapTable("xsa", "data_product", columns("obsid filename filepath level"), "files")
TABLES = (PUBLIC, ALL, EXPOSURE, MODE, PRODUCT)

_TRUTH = Refused(re.compile(r"=\s*(?:true|false)\b", re.I), "operator does not exist: character varying = boolean")
_MODES = ((1, "EPN", "PrimeFullWindow", "Full Frame"), (2, "EPN", "FastTiming", "Timing"))


def pps_version(number: int) -> str:
    """Return what the archive calls the how-manieth processing, from 0."""
    return f"21.{51 + number}_20241115_1113"


class XsaRouter:
    """Answers as the archive of XMM-Newton.

    Kinds of faults of its own, in answers with files: ``zip_slip`` (a member that leads out of its folder),
    ``tar_link`` (a member that is a link), ``tar_bomb`` (``members`` of them, 3000).
    """

    prefixes: tuple[str, ...] = (f"{TAP}/", AIO)

    def __init__(self, world: World) -> None:
        self.world = world
        tables = WorldTables(world, ARCHIVE, TABLES, _rows, refused=(_TRUTH,), default_rows=2000)
        self._tap = TapService(TAP, tables, ESA_FORMATS, column_attributes=ESA_COLUMN)
        self._guests = count(1)

    def answer(self, request: Incoming) -> Outgoing:
        """Return the answer to a request."""
        return self._files(request) if request.path.startswith(AIO) else self._tap.answer(request)

    def _files(self, request: Incoming) -> Outgoing:
        asked = {name.lower(): value for name, value in request.form.items()}
        observation = asked.get("obsno", "")
        found = self._matching(observation, asked)
        if request.fault("wrong_file") is not None:
            others = (one for one in self.world.visible(ARCHIVE) if one.key != observation)
            wrong = next((file for one in others for file in one.version.files if _fits(file, asked)), None)
            found = [wrong] if wrong else found
        headers = {"Set-Cookie": "JSESSIONID=0123456789ABCDEF; Path=/nxsa-sl; HttpOnly", "Connection": "close"}
        if not found:
            refusal = Outgoing.text(REFUSAL, 401, "text/html")
            refusal.headers |= headers
            return refusal
        trick = next((one for one in request.faults if one.kind in _TRICKS), None)
        if len(found) == 1 and trick is None:
            headers |= {"Content-Disposition": f'inline; filename="{found[0].name}"'}
            return Outgoing(200, {"Content-Type": "application/x-gzip", **headers}, found[0].content)
        members = [(f"{observation}/pps/{file.name}", file.content) for file in found]
        headers |= {"Content-Disposition": f'inline; filename="GUEST{next(self._guests):09d}.tar"'}
        size = int(trick.get("members", 3000)) if trick else 0
        content = _tar(members, trick.kind if trick else "", size)
        return Outgoing(200, {"Content-Type": "application/x-tar", **headers}, content)

    def _matching(self, observation: str, asked: dict[str, str]) -> list[File]:
        shown = self.world.shown(ARCHIVE, observation)
        if shown is None or not shown.public or asked.get("level", "PPS").upper() != "PPS":
            return []
        return [file for file in shown.version.files if _fits(file, asked)]


def _fits(file: File, asked: dict[str, str]) -> bool:
    """Tell whether a file is one of those asked for, whatever its observation."""
    parts = _NAME.fullmatch(file.name)
    names = ("instname", "expflag", "expno", "name", "datasubsetno", "sourceno", "extension")
    return parts is not None and all(asked.get(name, parts[name]).upper() == parts[name] for name in names)


_TRICKS = frozenset({"zip_slip", "tar_link", "tar_bomb"})


def _tar(members: Sequence[tuple[str, bytes]], trick: str, size: int) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        for name, content in members:
            tar.addfile(_member(name, content), io.BytesIO(content))
        folder, _, last = members[0][0].rpartition("/")
        if trick == "zip_slip":
            tar.addfile(_member(f"../../../{last}", members[0][1]), io.BytesIO(members[0][1]))
        elif trick == "tar_link":
            link = _member(f"{folder}/{last.replace('0000.', '0001.')}", b"")
            link.type, link.linkname = tarfile.SYMTYPE, "/etc/hostname"
            tar.addfile(link)
        elif trick == "tar_bomb":
            for number in range(size):
                tar.addfile(_member(f"{folder}/{last.replace('0000.', f'0{number:03X}.')}", b""))
    return stream.getvalue()


def _member(name: str, content: bytes) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    return member


def _rows(visible: Sequence[Shown]) -> Rows:
    observations = [_observation(number, shown) for number, shown in enumerate(visible, 1000)]
    exposures = [
        row(EXPOSURE, {**exposure, **_times(shown), "observation_id": shown.key, "exposure_oid": number})
        for shown in visible
        for number, exposure in enumerate(shown.columns.get("exposures", ()))
    ]
    return {
        PUBLIC.full_name: [row(PUBLIC, one) for one in observations],
        ALL.full_name: [row(ALL, one) for one in observations],
        EXPOSURE.full_name: exposures,
        MODE.full_name: [(instrument, mode, friendly, oid) for oid, instrument, mode, friendly in _MODES],
        PRODUCT.full_name: _LazyProducts(visible),
    }


class _LazyProducts:
    """Rows of files, of small worlds alone: large ones are not to make all their files for this."""

    def __init__(self, visible: Sequence[Shown]) -> None:
        self.visible = visible if len(visible) <= 2000 else ()

    def __iter__(self) -> Any:
        for shown in self.visible:
            for file in shown.version.files:
                yield (shown.key, file.name, f"/{shown.key}/PPS/", "PPS")


def _observation(number: int, shown: Shown) -> dict[str, Any]:
    return {
        "observation_oid": number, "revolution": 3000, "with_science": True, "moving_target": False,
        "odf_version": "001", "odf_proc_date": blank_date(shown.version.made - timedelta(days=2)),
        "pps_version": pps_version(shown.version.number), "pps_proc_date": blank_date(shown.version.made),
        "sas_version": "xmmsas_20241108_1150-21.0.0", "proprietary_end_date": blank_date(shown.release),
        "observation_id": shown.key, "proposal_id": shown.key[:6], "heasarc_code": "2000", **_times(shown),
        **{name: value for name, value in shown.columns.items() if name not in ("exposures", "start_utc")},
    }  # fmt: skip


def _times(shown: Shown) -> dict[str, Any]:
    start: datetime = shown.columns["start_utc"]
    duration = int(shown.columns.get("duration", 2000))
    return {"start_utc": t_date(start), "end_utc": t_date(start + timedelta(seconds=duration)), "duration": duration}
