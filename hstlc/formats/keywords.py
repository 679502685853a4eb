"""The keywords of our FITS headers and what they mean: one table for every product."""

from __future__ import annotations

__all__ = ["KEYWORDS"]

KEYWORDS: dict[str, str] = {
    # what was looked at, with what
    "TELESCOP": "telescope",
    "INSTRUME": "instrument",
    "DETECTOR": "detector",
    "TARGNAME": "target name as proposed",
    "RA_TARG": "[deg] right ascension of the target, J2000",
    "DEC_TARG": "[deg] declination of the target, J2000",
    "OBSTYPE": "spectroscopic or imaging",
    "OPT_ELEM": "optical element",
    "CENWAVE": "[Angstrom] central wavelength",
    "APERTURE": "aperture",
    "FPPOS": "grating offset index",
    "LIFE_ADJ": "lifetime position",
    "SEGMENTS": "detector segments or stripes in the curve",
    "ROOTNAME": "exposure",
    "PROPOSID": "proposal",
    "CAL_VER": "calibration software of the event lists",
    "DATE": "date of the newest input file",
    # when
    "EXPSTART": "[d] start of the exposure, MJD UTC",
    "EXPEND": "[d] end of the exposure, MJD UTC",
    "EXPTIME": "[s] exposure time of the input",
    "LIVETIME": "[s] live time of all bins",
    "TIMESYS": "time scale",
    "MJDREF": "[d] MJD of second zero",
    "TIMEUNIT": "unit of times in this header and table",
    "TREFPOS": "where times were measured",
    "TSTART": "[s] left edge of the first bin",
    "TSTOP": "[s] right edge of the last bin",
    "TIMEDEL": "[s] bin width",
    "TIMEPIXR": "TIME is the middle of the bin",
    # how the curve was made
    "STEPSIZE": "[s] bin width",
    "TICK": "[s] period of the detector clock",
    "MINFRAC": "bins with a smaller live part are flagged",
    "WMIN": "[Angstrom] shortest wavelength",
    "WMAX": "[Angstrom] longest wavelength",
    "DELTAWAV": "[Angstrom] width of spectrum in the flux",
    "AIRGLOW": "name of the airglow table",
    "AIRGWIN": "[Angstrom] wavelengths left out",
    "DQMASK": "data-quality bits that exclude an event",
    "NEVENTS": "events in the input",
    "NBADDQ": "events left out for data quality",
    "NBADTIME": "events left out for bad time",
    "NWAVE": "events in the boxes left out for wavelength",
    "NSOURCE": "events in the source region",
    "NBACKGR": "events in the background region",
    "STEPVER": "version of the extraction step",
    "SIMULATD": "simulated data",
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
