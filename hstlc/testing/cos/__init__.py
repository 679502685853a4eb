"""Synthetic COS TIME-TAG exposures that look like the archive's files and whose right answers are known.

Everything is seeded and without a clock: the same arguments give the same bytes. Every file says
``SIMULATD = 'T'`` in its primary header.

Examples
--------
>>> import tempfile
>>> from dataclasses import replace
>>> from pathlib import Path
>>> exposure = CosExposure(targname="SIM-PULSE", exptime_s=100.0, seed=7)
>>> scene = Scene(rate_ct_s=30.0, shape=sinusoid(20.0, 0.5))
>>> with tempfile.TemporaryDirectory() as folder:
...     written = write_exposure(Path(folder), exposure, scene)
...     [path.name for path in written.paths]
['lsim00aaq_corrtag_a.fits', 'lsim00aaq_x1d.fits']
>>> written.live_s, round(written.net_rate_ct_s, 2)
(100.0, 30.75)

A variant is ``replace(exposure, expflag="INTERRUPTED")``; what no exposure can say is an
:func:`edit_file` afterwards.
"""

from hstlc.testing.cos.bad import BadExposure, bad_files, edit_file
from hstlc.testing.cos.demo import DEMO_COMPOSITE, DEMO_EXPECTED, DemoExpected, demo_exposures
from hstlc.testing.cos.detector import AIRGLOW_WINDOWS_AA, Segment, segments_of
from hstlc.testing.cos.files import write_exposure
from hstlc.testing.cos.scene import CosExposure, Scene, constant, flare, later, sinusoid, transit, trend
from hstlc.testing.cos.truth import SegmentTruth, WrittenExposure

__all__ = [
    "AIRGLOW_WINDOWS_AA",
    "DEMO_COMPOSITE",
    "DEMO_EXPECTED",
    "BadExposure",
    "CosExposure",
    "DemoExpected",
    "Scene",
    "Segment",
    "SegmentTruth",
    "WrittenExposure",
    "bad_files",
    "constant",
    "demo_exposures",
    "edit_file",
    "flare",
    "later",
    "segments_of",
    "sinusoid",
    "transit",
    "trend",
    "write_exposure",
]
