"""The keywords of our FITS headers and what they mean: one table for every product."""

from __future__ import annotations

from hstlc.formats.hlsp.keywords import HLSP_KEYWORDS

__all__ = ["KEYWORDS"]

KEYWORDS: dict[str, str] = {
    **{keyword.keyword: keyword.meaning for keyword in HLSP_KEYWORDS},
    # what was looked at, with what
    "OBSTYPE": "spectroscopic or imaging",
    "MTFLAG": "T: the target moves",
    "OPT_ELEM": "optical element",
    "CENWAVE": "[Angstrom] central wavelength",
    "FPPOS": "grating offset index",
    "LIFE_ADJ": "lifetime position",
    "NDATASET": "exposures in the composite",
    "SEGMENTS": "detector segments or stripes in the curve",
    "ROOTNAME": "exposure",
    "CAL_VER": "calibration software of the event lists",
    "DATE": "date of the newest input file",
    # when
    "LIVETIME": "[s] live time of all bins",
    "MJDREF": "[d] MJD of second zero",
    "TSTART": "[s] left edge of the first bin",
    "TSTOP": "[s] right edge of the last bin",
    "TIMEDEL": "[s] bin width",
    "TIMEPIXR": "TIME is the middle of the bin",
    "TREFDIR": "direction that bjd_tdb is for",
    "PLEPHEM": "ephemeris behind bjd_tdb, by ERFA epv00",
    # how the curve was made
    "RECIPE": "recipe of earlier software whose numbers these are",
    "FLUXCAL": "how the flux was calibrated",
    "STEPSIZE": "[s] bin width",
    "TICK": "[s] period of the detector clock",
    "MINFRAC": "bins with a smaller live part are flagged",
    "BAND": "name of the band of wavelengths",
    "WMIN": "[Angstrom] shortest wavelength",
    "WMAX": "[Angstrom] longest wavelength",
    "EMIN": "[keV] lowest energy",
    "EMAX": "[keV] highest energy, not in the band",
    "DELTAWAV": "[Angstrom] width of spectrum in the flux",
    "AIRGLOW": "name of the airglow table",
    "AIRGWIN": "[Angstrom] wavelengths left out",
    "SUNALT": "[deg] highest Sun that counts as good time",
    "DQMASK": "data-quality bits that exclude an event",
    "NEVENTS": "events in the input",
    "NBADDQ": "events left out for data quality",
    "NBADTIME": "events left out for bad time",
    "NWAVE": "events in the boxes left out for wavelength",
    "NSOURCE": "events in the source region",
    "NBACKGR": "events in the background region",
    "OBS_ID": "observation",
    "SRCNAME": "source in the exposure",
    "SUBMODE": "window mode of the detector",
    "FRAMETIM": "[s] length of a readout frame",
    "FLARES": "what became of background flares",
    "BJDERR": "[s] bjd_tdb may be off by so much",
    "DTCOR": "live part of a good second",
    "DATAMODE": "telemetry mode",
    "STEPVER": "version of the extraction step",
    **{
        f"{name}_{letter}": text.format(letter)
        for letter in "ABC"
        for name, text in {
            "YLOC": "[pixel] center of the source box, segment {}",
            "YSLP": "slope of the source box, segment {}",
            "YHGT": "[pixel] height of the source box, segment {}",
            "BSCL": "source over background area, segment {}",
        }.items()
    },
}
