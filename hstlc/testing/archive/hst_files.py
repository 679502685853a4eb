"""Small Hubble exposures for the stand-in: event lists, spectra and association tables that can be ingested.

Everything is seeded: the same dataset in the same version has the same bytes. Another version has the same sizes and
other bytes, as calibrations of the same photons have: CAL_VER, PROCTIME, DATE and, for COS, the weights of events.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache, partial
from io import BytesIO
from math import isnan, nan
from pathlib import Path
from typing import Any, Literal

import numpy as np
from astropy.io import fits

from hstlc.formats.checksum import encode_checksum, word_sum
from hstlc.testing import cos, stis
from hstlc.testing.archive.history import File
from hstlc.testing.cos.scene import place_of

__all__ = ["EXCLUDED_TARGETS", "HstDataset", "Mode", "with_checksums"]

#: What the names of exposures without a target are.
EXCLUDED_TARGETS = ("DARK", "BIAS", "DEUTERIUM", "WAVE", "ANY", "NONE")

#: Both segments, or segment A alone, of COS FUV; COS NUV; STIS.
Mode = Literal["fuv", "fuv-a", "nuv", "stis"]

_MJD_EPOCH = datetime(1858, 11, 17, tzinfo=UTC)
_BLOCK = 2880
_CARD = 80
_PLACES = "123456789"


@dataclass(frozen=True, slots=True)
class HstDataset:
    """A dataset as the archive lists it: an association of exposures, or a single one.

    Attributes
    ----------
    number : int
        Gives its names; 0 to 9999, one for each dataset of a world.
    mode : str
    targname : str
    exposures : int
        Science exposures in it; STIS has one.
    wavecal : bool
        An exposure of the calibration lamp belongs to it too.
    association : bool
        False: a single exposure, listed under its own name and without association table; COS only.
    lamp : bool
        The only exposure is one of the lamp, though nothing but its header says so.
    operating_mode : str
        What the archive says of it; files are of TIME-TAG all the same.
    ra_deg, dec_deg : float, degrees
        NaN for a place that follows from the name of the target.
    x1d : bool
        With spectra; one of COS FUV has 1.4 MB a segment.
    exptime_s : float, seconds
    observed : datetime
    """

    number: int
    mode: Mode = "fuv-a"
    targname: str = "SIM-STAR"
    exposures: int = 1
    wavecal: bool = False
    association: bool = True
    lamp: bool = False
    operating_mode: str = "TIME-TAG"
    ra_deg: float = nan
    dec_deg: float = nan
    x1d: bool = True
    exptime_s: float = 30.0
    observed: datetime = datetime(2025, 1, 1, tzinfo=UTC)

    def __post_init__(self) -> None:
        if not self.association and (self.wavecal or self.exposures > 1):
            raise ValueError("several exposures, or one of the lamp beside, are an association")

    @property
    def stem(self) -> str:
        """The six characters that its names begin with."""
        return f"{'o' if self.mode == 'stis' else 'l'}s{self.number:04d}"

    @property
    def members(self) -> tuple[str, ...]:
        """Root names of the science exposures."""
        return tuple(f"{self.stem}a{place}q" for place in _PLACES[: 1 if self.mode == "stis" else self.exposures])

    @property
    def key(self) -> str:
        """Its name in the archive."""
        return (f"{self.stem}010" if self.association or self.mode == "stis" else self.members[0]).upper()

    @property
    def place(self) -> tuple[float, float]:
        """Right ascension and declination, degrees."""
        ra_deg, dec_deg = place_of(self.targname)
        return ra_deg if isnan(self.ra_deg) else self.ra_deg, dec_deg if isnan(self.dec_deg) else self.dec_deg

    @property
    def wanted(self) -> bool:
        """False where its target is none, its exposure one of the lamp, or another mode is said."""
        return not self.lamp and self.operating_mode == "TIME-TAG" and self.targname not in EXCLUDED_TARGETS

    def columns(self) -> dict[str, Any]:
        """Return what the mission search says of it, dates of the archive left out."""
        ra_deg, dec_deg = self.place
        start, stop = self.observed, self.observed + timedelta(seconds=self.exptime_s)
        config = {"stis": "STIS/FUV-MAMA", "nuv": "COS/NUV"}.get(self.mode, "COS/FUV")
        return {
            "sci_data_set_name": self.key,
            "sci_targname": self.targname,
            "sci_instrume": "STIS" if self.mode == "stis" else "COS",
            "sci_instrument_config": config,
            "sci_operating_mode": self.operating_mode,
            "sci_aper_1234": "52X0.2" if self.mode == "stis" else "PSA",
            "sci_spec_1234": {"stis": "G140L", "nuv": "G185M"}.get(self.mode, "G130M"),
            "sci_central_wavelength": {"stis": 1425, "nuv": 1786}.get(self.mode, 1291),
            "sci_actual_duration": round(self.exptime_s * len(self.members), 3),
            "sci_start_time": start.replace(tzinfo=None).isoformat(),
            "sci_stop_time": stop.replace(tzinfo=None).isoformat(),
            "sci_pep_id": 99999,
            "sci_pi_last_name": "SIMULATED",
            "sci_ra": ra_deg,
            "sci_dec": dec_deg,
            "sci_asn_id": self.key if self.association or self.mode == "stis" else "NONE",
            "sci_expflag": "NORMAL",
            "sci_aec": "S",
            "sci_obs_type": "S",
            "sci_target_descrip": "STAR;SIMULATED",
            "sci_broad_category": None,
            "sci_archive_class": "CAL",
            "sci_refnum": 0,
            "sci_hlsp": None,
            "scp_scan_type": None,
        }

    def make(self, number: int, made: datetime) -> Sequence[File]:
        """Return its files in one version; see :data:`hstlc.testing.archive.history.Make`."""
        files: list[File] = []
        associated = self.association or self.mode == "stis"
        if associated:
            blob = partial(_association, self, number, made)
            files.append(File(f"{self.stem}010_asn.fits", blob, wanted=False, labels={"suffix": "ASN"}))
        roots = (f"{self.stem}010",) if self.mode == "stis" else self.members
        for root in roots:
            files += self._files(root, number, made, wanted=self.wanted)
        if self.wavecal and self.mode != "stis":
            files += self._files(f"{self.stem}w1q", number, made, wanted=False)
        elif self.wavecal:
            blob = partial(_other, f"{self.stem}w1q", number, made)
            files.append(File(f"{self.stem}w1q_raw.fits", blob, wanted=False, labels={"suffix": "RAW"}))
        return files

    def _files(self, root: str, number: int, made: datetime, *, wanted: bool) -> list[File]:
        kinds = {"stis": ["tag"], "nuv": ["corrtag"], "fuv": ["corrtag_a", "corrtag_b"], "fuv-a": ["corrtag_a"]}
        raw = {"stis": "jit", "nuv": "rawtag"}.get(self.mode, "rawtag_a")
        files = [
            File(
                f"{root}_{kind}.fits",
                partial(_content, self, root, number, made, kind),
                wanted,
                labels={"suffix": kind.upper()},
            )
            for kind in kinds[self.mode] + (["x1d"] if self.x1d else [])
        ]
        blob = partial(_other, root, number, made)
        return [*files, File(f"{root}_{raw}.fits", blob, wanted=False, labels={"suffix": raw.upper()})]


def _content(dataset: HstDataset, root: str, number: int, made: datetime, kind: str) -> bytes:
    return _exposure(dataset, root, number, made)[kind]


@lru_cache(maxsize=48)
def _exposure(dataset: HstDataset, root: str, number: int, made: datetime) -> dict[str, bytes]:
    """Return the files of one exposure by kind."""
    seed = dataset.number * 100 + "123456789w".index("w" if root[6] == "w" else root[7] if root[6] == "a" else "1")
    lamp = dataset.lamp or root[6] == "w"
    common: dict[str, Any] = {
        "rootname": root,
        "targname": dataset.targname,
        "exptime_s": dataset.exptime_s,
        "expstart_mjd": _mjd(dataset.observed) + seed % 100 * 0.01,
        "proctime_mjd": _mjd(made),
        "ra_deg": dataset.place[0],
        "dec_deg": dataset.place[1],
        "seed": seed,
        "overrides": {
            "ASN_ID": dataset.columns()["sci_asn_id"],
            "ASN_TAB": f"{dataset.stem}010_asn.fits",
            **({"EXPTYPE": "WAVECAL", "ASN_MTYP": "EXP-AWAVE"} if lamp else {}),
        },
    }
    with tempfile.TemporaryDirectory(prefix="hstlc-stand-in-") as name:
        folder = Path(name)
        if dataset.mode == "stis":
            faint = stis.Scene(rate_ct_s=10.0, background_ct_s=1.0)
            paths = stis.write_exposure(
                folder,
                stis.StisExposure(**common, cal_ver=f"3.4.{number + 2} (19-Jan-2018)"),
                faint,
                x1d=dataset.x1d,
            ).paths
        else:
            mode: dict[str, Any] = {"segments": ("A", "B") if dataset.mode == "fuv" else ("A",)}
            if dataset.mode == "nuv":
                mode = {"detector": "NUV", "opt_elem": "G185M", "cenwave": 1786, "segments": ("A", "B", "C")}
            exposure = cos.CosExposure(
                **common,
                **mode,
                cal_ver=f"3.3.{number + 4} (2017-04-28)",
                epsilon=(0.95, 1.10 + 0.01 * number),
            )
            paths = cos.write_exposure(
                folder, exposure, cos.Scene(rate_ct_s=8.0, background_ct_s=0.5), x1d=dataset.x1d
            ).paths
        return {path.stem.split("_", 1)[1]: with_checksums(path.read_bytes()) for path in paths}


def _mjd(moment: datetime) -> float:
    return round((moment - _MJD_EPOCH) / timedelta(days=1), 8)


@lru_cache(maxsize=256)
def _association(dataset: HstDataset, number: int, made: datetime) -> bytes:
    """Return the table that says what belongs together."""
    science, product, wave = (
        ("SCIENCE", "PRODUCT", "AUTO-WAVECAL") if dataset.mode == "stis" else ("EXP-FP", "PROD-FP", "EXP-AWAVE")
    )
    rows = [(root.upper(), science, True) for root in dataset.members]
    if dataset.wavecal:
        rows.append((f"{dataset.stem}w1q".upper(), wave, True))
    rows.append((f"{dataset.stem}010".upper(), product, True))
    table = np.array(rows, dtype=[("MEMNAME", "S14"), ("MEMTYPE", "S14"), ("MEMPRSNT", bool)])
    primary = _primary(f"{dataset.stem}010", number, made)
    primary.header["FILENAME"] = f"{dataset.stem}010_asn.fits"
    primary.header["INSTRUME"] = "STIS" if dataset.mode == "stis" else "COS"
    primary.header["ASN_ID"] = dataset.key
    primary.header["TARGNAME"] = dataset.targname
    return _written(primary, fits.BinTableHDU(table, name="ASN"))


@lru_cache(maxsize=256)
def _other(root: str, number: int, made: datetime) -> bytes:
    """Return a product that nobody wants."""
    return _written(_primary(root, number, made))


def _primary(root: str, number: int, made: datetime) -> Any:
    primary = fits.PrimaryHDU()
    primary.header.update(
        {
            "DATE": f"{made:%Y-%m-%d}",
            "SIMULATD": "T",
            "TELESCOP": "HST",
            "ROOTNAME": root,
            "CAL_VER": f"3.3.{number + 4}",
            "PROCTIME": _mjd(made),
        }
    )
    return primary


def _written(*units: Any) -> bytes:
    buffer = BytesIO()
    fits.HDUList(list(units)).writeto(buffer)
    return with_checksums(buffer.getvalue())


def with_checksums(content: bytes) -> bytes:
    """Return a FITS file of headers and tables with DATASUM and CHECKSUM in every unit."""
    parts: list[bytes] = []
    place = 0
    while place < len(content):
        header = fits.Header.fromstring(content[place : _end(content, place)].decode("ascii"))
        start = place + -(-(_end(content, place) - place) // _BLOCK) * _BLOCK
        data = content[start : start + -(-_data_bytes(header) // _BLOCK) * _BLOCK]
        place = start + len(data)
        total = word_sum(data)
        for key in ("DATASUM", "CHECKSUM"):
            header.remove(key, ignore_missing=True)
        header["DATASUM"] = str(total)
        header["CHECKSUM"] = "0" * 16
        plain = header.tostring().encode("ascii")
        text = encode_checksum(word_sum(plain, total))
        parts += [plain.replace(b"CHECKSUM= '" + b"0" * 16, f"CHECKSUM= '{text}".encode()), data]
    return b"".join(parts)


def _end(content: bytes, place: int) -> int:
    """Return where the header that begins at a place ends, its last card included."""
    while not content.startswith(b"END" + b" " * (_CARD - 3), place):
        place += _CARD
    return place + _CARD


def _data_bytes(header: Any) -> int:
    if not header["NAXIS"]:
        return 0
    size = abs(int(header["BITPIX"])) // 8
    for axis in range(1, int(header["NAXIS"]) + 1):
        size *= int(header[f"NAXIS{axis}"])
    return size + int(header.get("PCOUNT", 0))
