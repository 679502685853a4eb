"""Flat fields and bad pixels of STIS: looked up where the detector saw the event, with the rows of this grating."""

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from hstlc.missions.hst.stis_flats import BAD_FLAT, OFF_DETECTOR, pixel_response, reference_file

HEADER = {
    "OPT_ELEM": "G140L",
    "PFLTFILE": "oref$p_pfl.fits",
    "LFLTFILE": "oref$l_lfl.fits",
    "BPIXTAB": "oref$b_bpx.fits",
}
NOTHING = dict.fromkeys(("PFLTFILE", "LFLTFILE", "BPIXTAB"), "N/A")


@pytest.fixture
def oref(tmp_path, monkeypatch):
    monkeypatch.setenv("oref", str(tmp_path) + "/")
    return tmp_path


def write_flat(path: Path, image: np.ndarray) -> None:
    fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU(image.astype(np.float32), name="SCI")]).writeto(path, overwrite=True)


def write_bad_pixels(path: Path, *rows: tuple[str, int, int, int, int, int]) -> None:
    names = ("OPT_ELEM", "PIX1", "PIX2", "LENGTH", "AXIS", "VALUE")
    columns = [
        fits.Column(name, "8A" if name == "OPT_ELEM" else "I", array=np.array(values))
        for name, values in zip(names, zip(*rows, strict=True), strict=True)
    ]
    fits.HDUList([fits.PrimaryHDU(), fits.BinTableHDU.from_columns(columns, name="BPX")]).writeto(path, overwrite=True)


def at(response, x, y):
    weight, bits = response.at(np.array([x]), np.array([y]))
    return float(weight[0]), int(bits[0])


def test_a_weight_is_one_over_the_product_of_both_flats(oref):
    pixel, large = np.ones((1024, 1024)), np.full((64, 64), 0.5)
    pixel[9, 20] = 0.8
    write_flat(oref / "p_pfl.fits", pixel)
    write_flat(oref / "l_lfl.fits", large)
    response = pixel_response(HEADER | {"BPIXTAB": "N/A"})
    assert response.missing == ()
    assert at(response, 41, 19) == at(response, 42, 20) == (2.5, 0)  # low-resolution pixel (21, 10) covers four
    assert at(response, 43, 19) == at(response, 40, 19) == at(response, 41, 21) == (2.0, 0)


def test_a_large_scale_flat_has_its_own_pixels(oref):
    large = np.ones((64, 64))
    large[0, 1] = 4.0
    write_flat(oref / "l_lfl.fits", large)
    response = pixel_response(HEADER | {"BPIXTAB": "N/A", "PFLTFILE": "N/A"})
    assert [at(response, x, 1)[0] for x in (32, 33, 64, 65)] == [1.0, 0.25, 0.25, 1.0]


def test_a_flat_that_is_no_number_excludes_the_pixel(oref):
    pixel = np.ones((1024, 1024))
    pixel[0, 0], pixel[0, 1] = 0.0, np.nan
    write_flat(oref / "p_pfl.fits", pixel)
    response = pixel_response(HEADER | NOTHING | {"PFLTFILE": "oref$p_pfl.fits"})
    assert [at(response, x, 2) for x in (1, 4, 5)] == [(0.0, BAD_FLAT), (0.0, BAD_FLAT), (1.0, 0)]
    assert response.good(31743)[2, 4:6].tolist() == [False, True]


def test_bad_pixels_are_those_of_this_grating(oref):
    write_bad_pixels(
        oref / "b_bpx.fits",
        ("G140L", 10, 20, 3, 1, 16),
        ("ANY", 10, 20, 2, 2, 1024),
        ("G230M", 10, 20, 500, 1, 8),
        ("g140l", 1023, 1024, 9, 1, 4),
    )
    response = pixel_response(HEADER | NOTHING | {"BPIXTAB": "oref$b_bpx.fits"})
    assert at(response, 19, 39) == (1.0, 16 | 1024)
    assert [at(response, x, 39)[1] for x in (18, 20, 24, 25)] == [0, 16 | 1024, 16, 0]
    assert [at(response, 19, y)[1] for y in (38, 42, 43)] == [0, 1024, 0]
    assert at(response, 2048, 2048)[1] == 4
    assert not response.good(16)[39, 24]
    assert response.good(8)[39, 24]


def test_what_is_off_the_detector_is_said_so(oref):
    response = pixel_response(NOTHING)
    assert [at(response, x, y) for x, y in ((0, 5), (5, 0), (2049, 5), (5, 2049))] == [(1.0, OFF_DETECTOR)] * 4
    assert at(response, 1, 2048) == (1.0, 0)


def test_files_that_are_not_there_are_named(oref):
    write_flat(oref / "p_pfl.fits", np.full((1024, 1024), 0.5))
    response = pixel_response(HEADER)
    assert response.missing == ("LFLTFILE oref$l_lfl.fits", "BPIXTAB oref$b_bpx.fits")
    assert at(response, 5, 5) == (2.0, 0)


def test_a_header_that_names_no_files_misses_none(oref):
    assert pixel_response(NOTHING).missing == pixel_response({}).missing == ()


def test_without_the_environment_every_file_is_missing(oref, monkeypatch):
    write_flat(oref / "p_pfl.fits", np.ones((1024, 1024)))
    monkeypatch.delenv("oref")
    assert len(pixel_response(HEADER).missing) == 3
    assert reference_file(HEADER, "PFLTFILE") is None


@pytest.mark.parametrize("content", [b"", b"no FITS file", None])
def test_a_file_that_cannot_be_used_is_named_with_the_reason(oref, content):
    path = oref / "p_pfl.fits"
    if content is None:
        write_flat(path, np.ones((100, 100)))
    else:
        path.write_bytes(content)
    (missing,) = pixel_response(HEADER | NOTHING | {"PFLTFILE": "oref$p_pfl.fits"}).missing
    assert missing.startswith("PFLTFILE oref$p_pfl.fits (")
    assert str(path) in missing


def test_a_table_of_something_else_is_named_with_the_reason(oref):
    write_flat(oref / "b_bpx.fits", np.ones((1024, 1024)))
    (missing,) = pixel_response(HEADER | NOTHING | {"BPIXTAB": "oref$b_bpx.fits"}).missing
    assert "expected a table of OPT_ELEM" in missing
