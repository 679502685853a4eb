"""Header keywords of COS files, as one table for each header unit; comments of cards are left out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from hstlc.testing.cos.detector import DETECTORS, Segment, segments_of
from hstlc.testing.cos.scene import CosExposure

__all__ = ["Counts", "Keywords", "Value", "events_keywords", "overridden", "primary_keywords", "short_keywords"]

Value = str | int | float | bool
Keywords = dict[str, Value]

ABSENT = -999.0
MJD_EPOCH = datetime(1858, 11, 17, tzinfo=UTC)
REFERENCE_FILES = {  # what calibrated every exposure; the others are N/A
    "FLATFILE": "flat", "DEADTAB": "dead", "BPIXTAB": "bpix", "XTRACTAB": "1dx", "LAMPTAB": "lamp",
    "DISPTAB": "disp", "FLUXTAB": "phot", "WCPTAB": "wcp", "TDSTAB": "tds", "SPWCSTAB": "spwcs",
}  # fmt: skip
REFERENCE_FILES_FUV = {
    "SPOTTAB": "spot", "GSAGTAB": "gsag", "BRFTAB": "brf", "GEOFILE": "geo", "DGEOFILE": "dgeo",
    "TRACETAB": "trace", "PROFTAB": "profile", "TWOZXTAB": "2zx", "YWLKFILE": "ywalk", "PHATAB": "pha",
}  # fmt: skip
REFERENCE_FILES_UNUSED = ("HVTAB", "XWLKFILE", "PHAFILE", "BADTTAB", "IMPHTTAB", "BRSTTAB")
STEPS_FUV = ("TEMPCORR", "GEOCORR", "DGEOCORR", "IGEOCORR", "RANDCORR", "YWLKCORR", "PHACORR", "TRCECORR")
STEPS_X1D = ("HELCORR", "X1DCORR", "BACKCORR", "FLUXCORR", "TDSCORR")
FULL_FRAMES = (0, 4)  # of the eight subarrays, those that hold the two full segments


@dataclass(frozen=True, slots=True)
class Counts:
    """Numbers of events by FUV segment letter, or by '' for the NUV: all, rejected by pulse height, out of bounds."""

    events: Mapping[str, int] = field(default_factory=dict)
    pha: Mapping[str, int] = field(default_factory=dict)
    out: Mapping[str, int] = field(default_factory=dict)


def primary_keywords(exposure: CosExposure, *, filename: str, segment: str, extracted: bool) -> Keywords:
    """Return the primary header; ``extracted`` when the file is a spectrum."""
    root = exposure.rootname
    fuv = exposure.detector == "FUV"
    steps: Keywords = dict.fromkeys(("FLATCORR", "DEADCORR", "DQICORR"), "COMPLETE")
    steps |= dict.fromkeys(STEPS_FUV, "COMPLETE" if fuv else "OMIT")
    steps |= {"RANDSEED": exposure.seed % 2**31, "XWLKCORR": "OMIT", "ALGNCORR": "SKIPPED"}
    steps |= {"XTRCTALG": "TWOZONE" if fuv else "BOXCAR", "BADTCORR": "OMIT", "BRSTCORR": "OMIT"}
    steps |= {"DOPPCORR": "COMPLETE", "WAVECORR": "COMPLETE"}
    spectrum = "OMIT" if exposure.imaging else "COMPLETE" if extracted else "PERFORM"
    steps |= dict.fromkeys(STEPS_X1D, spectrum)
    files = {key: f"lref$sim_{kind}.fits" for key, kind in REFERENCE_FILES.items()}
    files |= {key: f"lref$sim_{kind}.fits" if fuv else "N/A" for key, kind in REFERENCE_FILES_FUV.items()}
    files |= dict.fromkeys(REFERENCE_FILES_UNUSED, "N/A")
    return {
        "NEXTEND": 1 if extracted else 2,
        "DATE": _iso(exposure.proctime_mjd)[:10],
        "FILENAME": filename,
        "FILETYPE": "SCI",
        "SIMULATD": "T",
        "TELESCOP": "HST",
        "INSTRUME": "COS",
        "EQUINOX": 2000.0,
        "ROOTNAME": root,
        "IMAGETYP": "TIME-TAG",
        "PRIMESI": "COS",
        "TARGNAME": exposure.targname,
        "RA_TARG": exposure.place[0],
        "DEC_TARG": exposure.place[1],
        "PROPOSID": exposure.proposid,
        "LINENUM": "01.001",
        **dict.fromkeys(("PR_INV_L", "PR_INV_F", "PR_INV_M"), "SIMULATED"),
        **dict.fromkeys(("QUALCOM1", "QUALCOM2", "QUALCOM3", "QUALITY"), ""),
        "POSTARG1": 0.0,
        "POSTARG2": 0.0,
        "OPUS_VER": "SIMULATED",
        "CSYS_VER": "SIMULATED",
        "CAL_VER": exposure.cal_ver,
        "PROCTIME": exposure.proctime_mjd,
        "OBSTYPE": exposure.obstype,
        "OBSMODE": "TIME-TAG",
        "EXPTYPE": "EXTERNAL/SCI",
        "DETECTOR": exposure.detector,
        "SEGMENT": segment,
        "DETECTHV": "NomAB" if fuv else "N/A",
        "COSCOORD": "USER",
        "SUBARRAY": False,
        "LAMPPLAN": "P1",
        "LAMPUSED": "P1",
        "LAMPSET": "Medium",
        "LIFE_ADJ": 4 if fuv else 1,
        "EXP_NUM": 1,
        "NRPTEXP": 1,
        "FPPOS": 3,
        "CENWAVE": 0 if exposure.imaging else exposure.cenwave,
        "APERTURE": exposure.aperture,
        "PROPAPER": exposure.aperture,
        "APER_FOV": "2.5 arcsec circular",
        "APMPOS": exposure.aperture,
        "APERXPOS": 22.1,
        "APERYPOS": 235.1,
        "OPT_ELEM": exposure.opt_elem,
        "SHUTTER": exposure.shutter,
        "EXTENDED": "NO",
        "TAGFLASH": "AUTO",
        "STATFLAG": True,
        **steps,
        **files,
        "FPOFFSET": 0,
        **dict.fromkeys(("ACQSNAME", "ACQINAME", "PEAKXNAM", "PEAKDNAM"), ""),
        "ACQ_NUM": 0,
        "BANDWID": 0.0,
        "SPECRES": 0.0,
        "CENTRWV": 0.0 if exposure.imaging else float(exposure.cenwave),
        "MINWAVE": 0.0,
        "MAXWAVE": 0.0,
        "PLATESC": 0.0,
        "PROPTTL1": "Simulated exposure",
        "PROPTTL2": "",
        "OBSET_ID": root[4:6].upper(),
        "TARDESCR": "STAR;SIMULATED",
        "TARDESC2": "",
        "MTFLAG": "",
        "PARALLAX": 0.0,
        "MU_RA": 0.0,
        "MU_DEC": 0.0,
        "MU_EPOCH": "J2000.0",
        "ASN_ID": f"{root[:6]}010".upper(),
        "ASN_TAB": f"{root[:6]}010_asn.fits",
        "CRDS_CTX": "N/A",
        "CRDS_VER": "N/A",
        "WAVECALS": "",
    }


def events_keywords(exposure: CosExposure, counts: Counts) -> Keywords:
    """Return the header of EVENTS, which TIMELINE and the spectrum's SCI repeat."""
    known = segments_of(exposure.detector, exposure.obstype, exposure.opt_elem, exposure.cenwave)
    fuv = exposure.detector == "FUV"
    letters = ("A", "B") if fuv else ("A", "B", "C")
    stop_s = exposure.tick_intervals[-1][1] * 32 / 1000
    start_mjd, stop_mjd = exposure.expstart_mjd, round(exposure.expstart_mjd + stop_s / 86400.0, 8)
    date, time = _iso(start_mjd).split("T")
    detector = DETECTORS[exposure.detector]
    return {
        **short_keywords(exposure),
        "ASN_MTYP": "EXP-FP",
        "RA_APER": exposure.place[0],
        "DEC_APER": exposure.place[1],
        "PA_APER": 154.63,
        "DISPAXIS": 0 if exposure.imaging else 1,
        **{f"SHIFT1{letter}": 0.0 if exposure.imaging else detector.shift[0] for letter in letters},
        **{f"SHIFT2{letter}": detector.shift[1] for letter in letters},
        **{f"DPIXEL1{letter}": 0.0 for letter in letters},
        **_boxes(known, letters),
        "X_OFFSET": detector.x_offset,
        "ORIENTAT": 154.63,
        "SUNANGLE": 103.56,
        "MOONANGL": 134.19,
        "SUN_ALT": 14.35,
        "FGSLOCK": exposure.fgslock,
        "GYROMODE": "T",
        "REFFRAME": "ICRS",
        "DATE-OBS": date,
        "TIME-OBS": time[:8],
        "EXPSTART": start_mjd,
        "EXPEND": stop_mjd,
        "EXPTIME": exposure.live_s,
        "EXPFLAG": exposure.expflag,
        **({f"EXPTIME{letter}": exposure.live_s for letter in letters} if fuv else {}),
        "EXPSTRTJ": start_mjd + 2400000.5,
        "EXPENDJ": stop_mjd + 2400000.5,
        "PLANTIME": float(round(exposure.live_s)),
        "NINTERPT": len(exposure.tick_intervals) - 1,
        "BUFFTIME": 1000.0,
        "OVERFLOW": 0,
        "NUMFLASH": 1,
        "LMPDUR1": 12.0,
        "LMP_ON1": 0.664,
        "LMPOFF1": 12.664,
        "LMPMED1": 6.528,
        "V_HELIO": 0.0,
        "V_LSRSTD": 0.0,
        "ORBITPER": 5717.771688,
        "DOPPER": 0.0,
        "DOPPMAG": 0.0,
        "DOPPMAGV": 5.896526,
        "DOPPON": False,
        "DOPPZERO": start_mjd,
        "ORBTPERT": -1.0,
        "DOPMAGT": -1.0,
        "DOPPONT": False,
        "DOPZEROT": -1.0,
        **_subarrays(),
        "FILLCNT": 0,
        "ERRCNT": 0,
        "PODPSFF": False,
        "STDCFFF": False,
        "STDCFFP": "0x5569",
        "SDQFLAGS": 8346,
        "SDQOUTER": 2,
        **{f"GOODMAX{letter}": ABSENT for letter in "ABC"},
        **{f"GOODMN_{letter}": ABSENT for letter in "ABC"},
        "NEVENTS": sum(counts.events.values()),
        "RAWTIME": float(round(exposure.live_s)),
        "SOFTERRS": 0,
        **(_fuv_counts(exposure, counts) if fuv else _nuv_counts(exposure, counts)),
        "CONT2EML": 0.0,
        "SCALE_A1": 0.0,
        "OMEGAPIX": 0.0,
        **dict.fromkeys(("PHOTFLAM", "PHOTFNU", "PHOTBW", "PHOTPLAM"), ABSENT),
        "PHOTZPT": -21.1,
        "TALEN2": detector.width,
        "TALEN3": detector.rows,
        "XS-SORT": "TIME",
    }


def short_keywords(exposure: CosExposure) -> Keywords:
    """Return what every extension says of itself."""
    return {"INHERIT": True, "ROOTNAME": exposure.rootname, "EXPNAME": exposure.rootname}


def overridden(tables: Iterable[Keywords], overrides: Mapping[str, object]) -> None:
    """Put overrides into every header that has the key, into the second where none has it; None removes."""
    tables = list(tables)
    for key, value in overrides.items():
        for table in [one for one in tables if key in one] or tables[1:2]:
            if value is None:
                table.pop(key, None)
            else:
                table[key] = value  # type: ignore[assignment]


def _iso(mjd: float) -> str:
    return (MJD_EPOCH + timedelta(days=mjd)).strftime("%Y-%m-%dT%H:%M:%S")


def _boxes(known: tuple[Segment, ...], letters: tuple[str, ...]) -> Keywords:
    by_letter = {segment.letter: segment for segment in known}
    table: Keywords = {}
    for letter in letters:
        box = by_letter.get(letter)
        table |= {
            f"SP_LOC_{letter}": box.location if box else ABSENT,
            f"SP_OFF_{letter}": 0.0 if box else ABSENT,
            f"SP_SET_{letter}": ABSENT,
            f"SP_ERR_{letter}": 1.0 if box else ABSENT,
            f"SP_NOM_{letter}": box.location if box else ABSENT,
            f"SP_SLP_{letter}": box.slope if box else ABSENT,
            f"SP_HGT_{letter}": box.height if box else int(ABSENT),
            f"B_HGT1_{letter}": box.background_height[0] if box else int(ABSENT),
            f"B_HGT2_{letter}": box.background_height[1] if box else int(ABSENT),
            f"B_BKG1_{letter}": box.background[0] if box else ABSENT,
            f"B_BKG2_{letter}": box.background[1] if box else ABSENT,
        }
    return table


def _subarrays() -> Keywords:
    table: Keywords = {"NSUBARRY": 0}
    table |= {f"CORNER{i}{axis}": 0 for axis in "XY" for i in range(8)}
    full = {"X": 16384, "Y": 1024}
    table |= {f"SIZE{i}{axis}": full[axis] if i in FULL_FRAMES else 0 for axis in "XY" for i in range(8)}
    return table


def _fuv_counts(exposure: CosExposure, counts: Counts) -> Keywords:
    table: Keywords = {"STIMRATE": 2}
    for letter in "AB":
        events, pha, out = (part.get(letter, 0) for part in (counts.events, counts.pha, counts.out))
        rate = events / exposure.live_s
        table |= {f"STIM{letter}_LX": 408.7, f"STIM{letter}_LY": 980.2}
        table |= {f"STIM{letter}_RX": 16033.2, f"STIM{letter}_RY": 27.5}
        table |= {f"STIM{letter}0LX": 389.0, f"STIM{letter}0LY": 984.0}
        table |= {f"STIM{letter}0RX": 16000.0, f"STIM{letter}0RY": 33.0}
        table |= {f"STIM{letter}S{side}": 0.7 for side in ("LX", "LY", "RX", "RY")}
        table |= {f"PHALOWR{letter}": 2, f"PHAUPPR{letter}": 23, f"NGOOD_{letter}": -1}
        table |= {f"GLOBRT_{letter}": rate, f"DEADRT_{letter}": rate, f"DEADMT_{letter}": "DATA"}
        table |= {f"NEVENTS{letter}": events, f"NBADEVT{letter}": pha + out}
        table |= {f"NPHA_{letter}": pha, f"NOUT_{letter}": out}
        table |= {f"NBRST_{letter}": 0, f"NBADT_{letter}": 0, f"TBRST_{letter}": 0.0, f"TBADT_{letter}": 0.0}
        table |= {f"DEVENT{letter}": rate, f"FEVENT{letter}": rate, f"LIVETM_{letter}": 1.0}
        table |= {f"DETHVL{letter}": -5084.64, f"DETHVC{letter}": -5057.47, f"DETHVN{letter}": -5057.47}
        table |= {f"HVLEVEL{letter}": 163, f"LDCEQAN{letter}": 41.0}
        table |= {f"CHI_SQ_{letter}": 0.0, f"NDF_{letter}": 0.0}
    return table


def _nuv_counts(exposure: CosExposure, counts: Counts) -> Keywords:
    rate = counts.events[""] / exposure.live_s
    out = counts.out.get("", 0)
    table: Keywords = {"GLOBRATE": rate, "NBADEVNT": out, "NBADT": 0, "TBADT": 0.0}
    return table | {"DEADRT": rate, "DEADMT": "DATA", "LIVETM": 1.0, "NGOODPIX": -1, "MEVENTS": rate}
