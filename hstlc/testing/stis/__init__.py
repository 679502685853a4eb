"""Synthetic STIS TIME-TAG exposures that look like the archive's files and whose right answers are known.

Everything is seeded and without a clock: the same arguments give the same bytes. Every file says
``SIMULATD = 'T'`` in its primary header.

Examples
--------
>>> import tempfile
>>> from pathlib import Path
>>> exposure = StisExposure(opt_elem="E230M", cenwave=1978, exptime_s=50.0, seed=7)
>>> with tempfile.TemporaryDirectory() as folder:
...     written = write_exposure(Path(folder), exposure, Scene(rate_ct_s=100.0, shape=sinusoid(10.0, 0.5)))
...     [path.name for path in written.paths]
['osim00010_tag.fits', 'osim00010_x1d.fits']
>>> written.live_s, round(written.net_rate_ct_s, 3)
(50.0, 100.0)

A detector that is not flat is ``StisExposure(flat=0.05, bad_pixels=True)``; :func:`write_references` writes the
reference files that say so into the folder that ``$oref`` should name.
"""

from hstlc.testing.cos.scene import constant, flare, later, sinusoid, transit, trend
from hstlc.testing.stis.detector import Order, high, low, mode_of
from hstlc.testing.stis.files import write_exposure
from hstlc.testing.stis.scene import Scene, StisExposure
from hstlc.testing.stis.structure import write_references
from hstlc.testing.stis.truth import WrittenExposure

__all__ = [
    "Order",
    "Scene",
    "StisExposure",
    "WrittenExposure",
    "constant",
    "flare",
    "high",
    "later",
    "low",
    "mode_of",
    "sinusoid",
    "transit",
    "trend",
    "write_exposure",
    "write_references",
]
