"""Synthetic observations of XMM-Newton's EPIC cameras that look like the archive's files, with known right answers.

Everything is seeded and without a clock: the same arguments give the same bytes. Every file says ``SIMULATD = 'T'`` in
its primary header.

Examples
--------
>>> import tempfile
>>> from pathlib import Path
>>> quiet = EpicSource(rate_ct_s=0.2, shape=eclipse(2000.0, 4000.0))
>>> observation = EpicObservation(cameras=(EpicCamera("m1", "S001"),), sources=(quiet,), seed=3)
>>> with tempfile.TemporaryDirectory() as folder:
...     written = write_observation(Path(folder), observation)
...     [path.name for path in written.paths]
['P0999990101M1S001MIEVLI0000.FTZ', 'P0999990101EPX000OBSMLI0000.FTZ']
"""

from hstlc.testing.epic.bad import bad_observations
from hstlc.testing.epic.files import (
    CameraTruth,
    WrittenObservation,
    epic_filename,
    position_of,
    sky_of,
    write_observation,
)
from hstlc.testing.epic.scene import EpicCamera, EpicObservation, EpicSource, band_part, eclipse

__all__ = [
    "CameraTruth",
    "EpicCamera",
    "EpicObservation",
    "EpicSource",
    "WrittenObservation",
    "bad_observations",
    "band_part",
    "eclipse",
    "epic_filename",
    "position_of",
    "sky_of",
    "write_observation",
]
