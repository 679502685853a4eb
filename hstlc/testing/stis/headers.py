"""Header keywords of STIS files, as one table for each header unit; comments of cards are left out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hstlc.testing.cos.headers import Keywords
from hstlc.testing.stis.events import DOPPLER_PERIOD_S, DOPPLER_PHASE_S
from hstlc.testing.stis.scene import Imset, StisExposure
from hstlc.testing.stis.structure import reference_names

__all__ = ["events_keywords", "gti_keywords", "primary_keywords", "spectrum_keywords"]

MJD_EPOCH = datetime(1858, 11, 17, tzinfo=UTC)
STEPS = (
    *("DQICORR", "DOPPCORR", "LORSCORR", "GLINCORR", "LFLGCORR", "DARKCORR", "FLATCORR", "WAVECORR"),
    *("X1DCORR", "BACKCORR", "HELCORR", "DISPCORR", "FLUXCORR", "X2DCORR"),
)
STEPS_LEFT_OUT = ("RPTCORR", "SC2DCORR")
REFERENCE_FILES = {
    "DARKFILE": "drk", "PHOTTAB": "pht", "APERTAB": "apt", "MLINTAB": "lin", "APDESTAB": "apd", "SPTRCTAB": "1dt",
    "DISPTAB": "dsp", "INANGTAB": "iac", "LAMPTAB": "lmp", "SDCTAB": "sdc", "XTRACTAB": "1dx", "PCTAB": "pct",
    "MOFFTAB": "moc", "WCPTAB": "wcp", "TDSTAB": "tds",
}  # fmt: skip


def primary_keywords(exposure: StisExposure, *, filename: str, extracted: bool) -> Keywords:
    """Return the primary header; ``extracted`` when the file is a spectrum. An event list has no CAL_VER."""
    root, mode = exposure.rootname, exposure.mode
    start, stop = exposure.expstart_mjd, _mjd(exposure, exposure.sets[-1].stop_s)
    date, time = _iso(start).split("T")
    spectrum = "OMIT" if exposure.imaging else "COMPLETE" if extracted else "PERFORM"
    element = "" if exposure.imaging else exposure.opt_elem
    return {
        "BITPIX": 16,
        "NEXTEND": exposure.imsets if extracted else exposure.imsets + 1,
        "DATE": _iso(exposure.proctime_mjd)[:10],
        "FILENAME": filename,
        "FILETYPE": "SCI",
        "SIMULATD": "T",
        "TELESCOP": "HST",
        "INSTRUME": "STIS",
        "EQUINOX": 2000.0,
        "ROOTNAME": root,
        "PRIMESI": "STIS",
        "TARGNAME": exposure.targname,
        "RA_TARG": exposure.place[0],
        "DEC_TARG": exposure.place[1],
        "PROPOSID": exposure.proposid,
        "LINENUM": "01.001",
        **dict.fromkeys(("PR_INV_L", "PR_INV_F", "PR_INV_M"), "SIMULATED"),
        "TDATEOBS": date,
        "TTIMEOBS": time[:8],
        "TEXPSTRT": start,
        "TEXPEND": stop,
        "TEXPTIME": exposure.live_s,
        **dict.fromkeys(("QUALCOM1", "QUALCOM2", "QUALCOM3", "QUALITY"), ""),
        "POSTARG1": 0.0,
        "POSTARG2": 0.0,
        "OVERFLOW": 0,
        "OPUS_VER": "SIMULATED",
        "CAL_VER": exposure.cal_ver if extracted else "",
        "PROCTIME": exposure.proctime_mjd,
        "CSYS_VER": "SIMULATED",
        "CFSTATUS": "SUPPORTED",
        "OBSTYPE": "IMAGING" if exposure.imaging else "SPECTROSCOPIC",
        "OBSMODE": "TIME-TAG",
        "PHOTMODE": f"STIS {mode.aperture} {element} {mode.detector.replace('-', '')}" if extracted else "",
        "SCLAMP": "NONE",
        "LAMPSET": "0.0",
        "NRPTEXP": exposure.imsets,
        "SUBARRAY": False,
        "DETECTOR": mode.detector,
        "OPT_ELEM": exposure.opt_elem,
        "APERTURE": mode.aperture,
        "PROPAPER": mode.aperture,
        "FILTER": "SrF2" if exposure.imaging else "Clear",
        "APER_FOV": mode.aperture.lower(),
        "CENWAVE": mode.cenwave,
        "REPELLER": "ON",
        "MOFFSET1": 0,
        "MOFFSET2": 0,
        "LRC_XSTS": True,
        "LRC_FAIL": False,
        "CENTERA1": 513,
        "CENTERA2": 513,
        "SIZAXIS1": 1024,
        "SIZAXIS2": 1024,
        "BINAXIS1": 1,
        "BINAXIS2": 1,
        **dict.fromkeys(STEPS, spectrum),
        **dict.fromkeys(STEPS_LEFT_OUT, "OMIT"),
        "STATFLAG": True,
        **{key: f"oref${name}" for key, name in reference_names(exposure).items()},
        **{key: f"oref$sim_{kind}.fits" for key, kind in REFERENCE_FILES.items()},
        "WAVECAL": f"{root}_wav.fits",
        **dict.fromkeys(("BIASFILE", "CCDTAB", "CRREJTAB", "IDCTAB", "TDCTAB", "GACTAB"), "N/A"),
        **({} if extracted else {"BUFFTIME": 1200.0, "TTAGBADC": 0, "TTAGROVR": 0, "TTAGBADF": 0, "TTAGFULL": 0}),
        "PATTERN1": "NONE",
        "P1_PURPS": "",
        "BANDWID": 0.0,
        "SPECRES": 0.0,
        "CENTRWV": float(mode.cenwave),
        "MINWAVE": 0.0,
        "MAXWAVE": 0.0,
        "PLATESC": 0.0246,
        "PROPTTL1": "Simulated exposure",
        "PROPTTL2": "",
        "OBSET_ID": root[4:6].upper(),
        "TARDESCR": "STAR;SIMULATED",
        "MTFLAG": "",
        "PARALLAX": 0.0,
        "MU_RA": 0.0,
        "MU_DEC": 0.0,
        "MU_EPOCH": "J2000.0",
        "ASN_ID": root.upper(),
        "ASN_TAB": f"{root}_asn.fits",
        "PA_V3": 100.8554,
        "CRDS_CTX": "N/A",
        "CRDS_VER": "N/A",
    }


def gti_keywords(exposure: StisExposure) -> Keywords:
    """Return what every extension says of itself."""
    return {"INHERIT": True, "ROOTNAME": exposure.rootname, "EXPNAME": f"{exposure.rootname[:6]}aaq"}


def spectrum_keywords(exposure: StisExposure, imset: Imset, events: int) -> Keywords:
    """Return the header of a spectrum of one imset."""
    orders = exposure.mode.orders
    return gti_keywords(exposure) | {
        "EXTVER": imset.number,
        "ASN_MTYP": "SCIENCE",
        "WCSAXES": 2,
        "LTV1": 0.0,
        "LTV2": 0.0,
        "LTM1_1": 1.0,
        "LTM2_2": 1.0,
        **_common(exposure, imset, events),
        "SPORDER": orders[0].number if orders else 0,
    }


def events_keywords(exposure: StisExposure, imset: Imset, events: int) -> Keywords:
    """Return the header of the events of one imset."""
    order = exposure.mode.orders[0] if exposure.mode.orders else None
    return gti_keywords(exposure) | {
        "EXTVER": imset.number,
        "ASN_MTYP": "SCIENCE",
        **_common(exposure, imset, events),
        "SPORDER": order.number if order else 0,
        "NAXLEN": 2,
        "AXLEN1": 2048,
        "AXLEN2": 2048,
        "TCTYP2": "WAVE",
        "TCTYP3": "ANGLE",
        "TCRVL2": float(exposure.mode.cenwave),
        "TCRVL3": 0.0,
        "TCRPX2": 1024.5,
        "TCRPX3": 2 * order.center - 0.5 if order else 1024.5,
        "TALEN2": 2048,
        "TALEN3": 2048,
        "TCUNI2": "angstrom",
        "TCUNI3": "deg",
        "TC2_2": order.wavelength[1] / 2 if order else 0.0,
        "TC2_3": 0.0,
        "TC3_2": 0.0,
        "TC3_3": 4.06944e-06,
        "TSCAL1": 0.000125,
        "TZERO1": 0.0,
    }


def _common(exposure: StisExposure, imset: Imset, events: int) -> Keywords:
    start, stop = _mjd(exposure, imset.start_s), _mjd(exposure, imset.stop_s)
    date, time = _iso(start).split("T")
    moving = exposure.doppmag > 0
    phase_mjd = exposure.expstart_mjd - DOPPLER_PHASE_S / 86400
    return {
        "RA_APER": exposure.place[0],
        "DEC_APER": exposure.place[1],
        "PA_APER": 154.63,
        "DISPAXIS": 0 if exposure.imaging else 1,
        "SHIFTA1": -1.4,
        "SHIFTA2": 19.2,  # contained in A2CENTER already
        "ORIENTAT": 154.63,
        "SUNANGLE": 105.018,
        "MOONANGL": 169.719,
        "SUN_ALT": -51.027,
        "FGSLOCK": exposure.fgslock,
        "GYROMODE": "T",
        "REFFRAME": "ICRS",
        "DATE-OBS": date,
        "TIME-OBS": time[:8],
        "EXPSTART": start,
        "EXPEND": stop,
        "EXPTIME": imset.live_s,
        "EXPFLAG": exposure.expflag,
        "V_HELIO": 0.0,
        "PATTSTEP": 0,
        "NCOMBINE": 1,
        "FILLCNT": 0,
        "ERRCNT": 0,
        "PODPSFF": False,
        "STDCFFF": False,
        "STDCFFP": "0x5569",
        "GLOBRATE": events / imset.live_s,
        "GLOBLIM": "UNDETERMINED",
        "DOPPON": moving,
        "DOPPZERO": phase_mjd if moving else 0.0,
        "DOPPMAG": round(exposure.doppmag),
        "DOPPER": DOPPLER_PERIOD_S if moving else 0.0,
        "ORBITPER": DOPPLER_PERIOD_S if moving else 0.0,
        "NGOODPIX": 0,
        "SDQFLAGS": 31743,
        **dict.fromkeys(("GOODMIN", "GOODMAX", "GOODMEAN", "SNRMIN", "SNRMAX", "SNRMEAN"), 0.0),
        "SOFTERRS": 0,
        "MEANDARK": 0.0,
        "DIFF2PT": 1.0,
        "CONT2EML": 0.0,
        "SCALE_A1": 0.0,
        "OMEGAPIX": 0.0,
    }


def _mjd(exposure: StisExposure, elapsed_s: float) -> float:
    return exposure.expstart_mjd + elapsed_s / 86400.0


def _iso(mjd: float) -> str:
    return (MJD_EPOCH + timedelta(days=mjd)).strftime("%Y-%m-%dT%H:%M:%S")
