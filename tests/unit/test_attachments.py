"""What a light-curve file carries beside its bins."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from hstlc.formats.curve_fits import read_light_curve, write_light_curve
from hstlc.model import COLUMNS, FURTHER_COLUMNS, Arrivals, Intervals, LightCurve, Stamp
from hstlc.times import TimeReference

ARRIVALS = Arrivals(np.array([1.0, 2.5]), np.array([0.5, 1.0]), np.array([1.0, np.nan], dtype=np.float32), 9.0, 2.6)
SKY = Stamp(
    *("SKY", np.arange(12, dtype=np.int32).reshape(3, 4), 1.5, 2.5, 0.5, 0.05),
    *(np.array([1.0, 2.0, 3.0]), np.array([3.0, 4.0, 3.0])),
)
DETECTOR = replace(SKY, name="DETECTOR", outline_x=np.zeros(0), outline_y=np.zeros(0))


@pytest.fixture
def curve() -> LightCurve:
    """A light curve with everything that one can carry."""
    data = {c.name: np.arange(3).astype(c.dtype) for c in (*COLUMNS, *FURTHER_COLUMNS)}
    reference, gti = TimeReference(50814.5, "TT"), Intervals.of([0.0], [9.0])
    provenance = ({"filename": "a.fits", "kind": "evt2"},)
    return LightCurve(data, gti, reference, {"TELESCOP": "SKY"}, provenance, ARRIVALS, (SKY, DETECTOR))


def test_everything_comes_back(curve: LightCurve, tmp_path: Path) -> None:
    path = tmp_path / "curve.fits"
    path.write_bytes(write_light_curve(curve))
    found = read_light_curve(path)
    assert list(found) == list(curve)
    for name in curve:
        np.testing.assert_array_equal(found[name], curve[name])
    assert found.arrivals is not None
    for name in ("time_s", "live_s", "energy_kev", "total_live_s", "frame_s"):
        np.testing.assert_array_equal(getattr(found.arrivals, name), getattr(ARRIVALS, name))
    for read, written in zip(found.stamps, curve.stamps, strict=True):
        for name in ("name", "counts", "x", "y", "step", "scale_arcsec", "outline_x", "outline_y"):
            np.testing.assert_array_equal(getattr(read, name), getattr(written, name))


def test_the_bytes_are_the_same_each_time_and_the_checksums_are_right(curve: LightCurve, tmp_path: Path) -> None:
    content = write_light_curve(curve)
    assert content == write_light_curve(curve)
    path = tmp_path / "curve.fits"
    path.write_bytes(content)
    with fits.open(path, checksum=True) as hdus:  # a wrong one would warn
        assert [hdu.name for hdu in hdus[4:]] == ["EVENTS", "SKY", "SKY_OUTLINE", "DETECTOR"]
        hdus.verify("exception")


def test_a_curve_without_attachments_is_a_file_without_them(curve: LightCurve, tmp_path: Path) -> None:
    plain = replace(curve, arrivals=None, stamps=())
    path = tmp_path / "curve.fits"
    path.write_bytes(write_light_curve(plain))
    found = read_light_curve(path)
    assert (found.arrivals, found.stamps) == (None, ())
    assert list(found) == list(curve)
    assert write_light_curve(curve).startswith(path.read_bytes())


def test_a_source_without_events_has_an_empty_list_of_them(curve: LightCurve, tmp_path: Path) -> None:
    nothing = np.zeros(0)
    empty = replace(curve, arrivals=Arrivals(nothing, nothing, nothing.astype(np.float32), 9.0), stamps=())
    path = tmp_path / "curve.fits"
    path.write_bytes(write_light_curve(empty))
    found = read_light_curve(path).arrivals
    assert found is not None
    assert (len(found), found.total_live_s, found.frame_s) == (0, 9.0, 0.0)
