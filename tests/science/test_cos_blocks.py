"""A long event list is read in blocks: the light curve does not depend on their size, and memory not on its length."""

import gzip
import tracemalloc

import numpy as np
import pytest

from hstlc.checks import run_checks
from hstlc.formats.curve_fits import write_light_curve
from hstlc.formats.fast_read import scan
from hstlc.formats.unit import Unit
from hstlc.missions.hst import MISSION
from hstlc.missions.hst.settings import HstSettings
from hstlc.testing.cos import CosExposure, Scene, edit_file, write_exposure

SETTINGS = HstSettings()
SCENE = Scene(rate_ct_s=60.0, background_ct_s=20.0)
NUV = {"detector": "NUV", "opt_elem": "G185M", "cenwave": 1786, "segments": ("A", "B", "C")}
IMAGE = {"detector": "NUV", "opt_elem": "MIRRORA", "cenwave": 0, "obstype": "IMAGING"}
MODES = {"FUV": {"segments": ("A", "B")}, "NUV": NUV, "image": IMAGE}


def shuffle(rows):
    return rows[np.random.default_rng(1).permutation(len(rows))]


def spoil(rows):
    """Put some events out of order, and what is no number or no good event between the others."""
    rows["TIME"][100:110] -= 1.0
    rows["DQ"][::7] = 8192
    for i, name in enumerate(("WAVELENGTH", "YFULL", "XFULL"), 11):
        rows[name][::i] = np.nan
    return rows


def answers(folder):
    """What the exposure in a folder gives: findings, values, curve."""
    exposure = MISSION.load([MISSION.identify(path) for path in sorted(folder.iterdir())])
    made = MISSION.extract(exposure, SETTINGS)
    findings = [(one.check, one.message) for one in run_checks(MISSION.checks, exposure, SETTINGS)]
    return findings, MISSION.describe(exposure), dict(made.extra), write_light_curve(made.curve)


def written(folder, mode, edit=None):
    folder.mkdir()
    for path in write_exposure(folder, CosExposure(rootname="lsim01aaq", **MODES[mode]), SCENE).paths:
        if edit is not None and "corrtag" in path.name:

            def change(units):
                units["EVENTS"].data = edit(units["EVENTS"].data)

            edit_file(path, change)
    return folder


@pytest.mark.parametrize("edit", [None, shuffle, spoil], ids=["in order", "shuffled", "spoiled"])
@pytest.mark.parametrize("mode", MODES)
def test_blocks_of_any_size_give_the_same_bytes(tmp_path, monkeypatch, mode, edit):
    folder = written(tmp_path / "given", mode, edit)
    whole = answers(folder)
    for rows in (997, 10_007, 10**7):
        monkeypatch.setattr(Unit.column_blocks, "__defaults__", (rows,))
        assert answers(folder) == whole


@pytest.mark.parametrize("mode", MODES)
def test_a_file_that_astropy_reads_gives_the_same(tmp_path, mode):
    folder = written(tmp_path / "given", mode)
    packed = tmp_path / "packed"
    packed.mkdir()
    for path in folder.iterdir():
        (packed / f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
        assert scan(path) is not None
        assert scan(packed / f"{path.name}.gz") is None
    assert answers(packed)[1:] == answers(folder)[1:]


def test_memory_does_not_grow_with_the_list(tmp_path):
    folder = written(tmp_path / "given", "FUV", lambda rows: np.tile(rows, 4))
    peaks = []
    for _ in range(2):
        answers(folder)
        tracemalloc.start()
        answers(folder)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        for path in folder.glob("*corrtag*"):
            edit_file(path, lambda units: setattr(units["EVENTS"], "data", np.tile(units["EVENTS"].data, 4)))
    assert peaks[1] < 1.1 * peaks[0]
