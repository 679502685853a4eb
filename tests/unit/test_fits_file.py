"""Opening FITS files: whole ones, and every way in which they come broken."""

import gzip
import struct
import warnings
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from hstlc.errors import InconsistentError, StoreError, UnreadableError
from hstlc.formats.fits_file import header_values, is_fits_name, open_fits


@pytest.fixture
def whole(tmp_path):
    table = fits.BinTableHDU.from_columns([fits.Column("TIME", "E", array=np.arange(5000))], name="EVENTS")
    path = tmp_path / "whole.fits"
    fits.HDUList([fits.PrimaryHDU(), table]).writeto(path)
    return path


def packed(path: Path, change=lambda data: data) -> Path:
    target = path.with_name(path.name + ".gz")
    target.write_bytes(change(gzip.compress(path.read_bytes(), mtime=0)))
    return target


def cut(path: Path, size: int) -> Path:
    path.write_bytes(path.read_bytes()[:size])
    return path


def assert_refused(path, code, error=UnreadableError):
    with pytest.raises(error) as caught, open_fits(path) as hdus:
        hdus[-1].data  # noqa: B018
    assert caught.value.code == code
    assert str(path) in caught.value.message
    assert caught.value.context["path"] == str(path)
    assert caught.value.hint


def test_a_whole_file_is_read(whole):
    for path in (whole, packed(whole)):
        notes: list[str] = []
        with open_fits(path, notes) as hdus:
            assert hdus["EVENTS"].data["TIME"].sum() == 12497500
        assert notes == []


@pytest.mark.parametrize("size", [2880 * 2 + 100, 2880 * 2 + 19_000, 2880 * 3])
def test_a_file_cut_in_its_data(whole, size):
    assert_refused(cut(whole, size), "data.truncated")


def test_a_file_cut_in_a_header(whole):
    assert_refused(cut(whole, 2880 + 800), "data.truncated")


def test_a_file_cut_before_its_extension_has_no_extension(whole):
    with open_fits(cut(whole, 2880)) as hdus:
        assert len(hdus) == 1


def test_an_empty_file(tmp_path):
    path = tmp_path / "empty.fits"
    path.touch()
    assert_refused(path, "data.empty")


@pytest.mark.parametrize("content", [b"<html>Not found</html>", b"\0" * 5760, b"SIMPLE  =  " + b"x" * 3000])
def test_something_else(tmp_path, content):
    path = tmp_path / "other.fits"
    path.write_bytes(content)
    assert_refused(path, "data.not-fits")


def test_a_header_that_makes_no_sense(whole):
    data = whole.read_bytes().replace(b"TFORM1  = 'E       '", b"TFORM1  = '?@!     '")
    whole.write_bytes(data)
    assert_refused(whole, "data.unreadable")


@pytest.mark.parametrize("part", [0.1, 0.5, 0.99])
def test_a_compressed_file_cut_short(whole, part):
    assert_refused(packed(whole, lambda data: data[: int(len(data) * part)]), "data.truncated")


def test_a_compressed_file_without_its_end(whole):
    assert_refused(packed(whole, lambda data: data[:-4]), "data.truncated")


def test_a_compressed_file_with_another_checksum(whole):
    def other_checksum(data):
        (checksum,) = struct.unpack("<I", data[-8:-4])
        return data[:-8] + struct.pack("<I", checksum ^ 1) + data[-4:]

    assert_refused(packed(whole, other_checksum), "data.unreadable")


def test_a_compressed_file_with_changed_bytes(whole):
    def flipped(data):
        middle = len(data) // 2
        return data[:middle] + bytes(byte ^ 0xFF for byte in data[middle : middle + 20]) + data[middle + 20 :]

    assert_refused(packed(whole, flipped), "data.unreadable")


def test_something_else_with_the_name_of_a_compressed_file(tmp_path):
    path = tmp_path / "other.fits.gz"
    path.write_bytes(b"<html>Not found</html>" * 200)
    assert_refused(path, "data.not-fits")


def test_a_file_that_is_gone(tmp_path):
    assert_refused(tmp_path / "gone.fits", "data.vanished", InconsistentError)


def test_a_file_that_goes_while_it_is_opened(whole, monkeypatch):
    def gone(*_args, **_options):
        whole.unlink(missing_ok=True)
        raise FileNotFoundError(2, "No such file or directory", str(whole))

    monkeypatch.setattr(fits, "open", gone)
    assert_refused(whole, "data.vanished", InconsistentError)


def test_a_folder(tmp_path):
    folder = tmp_path / "folder.fits"
    folder.mkdir()
    assert_refused(folder, "data.unreadable")


def test_a_path_through_a_file(whole):
    assert_refused(whole / "below.fits", "data.unreadable")


def test_warnings_become_notes(whole):
    data = whole.read_bytes().replace(b"EXTNAME = 'EVENTS  '", b"EXTNAME ='EVENTS '  ")
    whole.write_bytes(data)
    notes: list[str] = []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with open_fits(whole, notes) as hdus:
            hdus[1].header["TTYPE1"]
            hdus[1].verify("fix")
    assert len(notes) == len(set(notes)) > 0


def test_a_compressed_file_needs_no_ending(whole):
    plain_name = packed(whole).rename(whole.with_name("packed.fits"))
    with open_fits(plain_name) as hdus:
        assert len(hdus["EVENTS"].data) == 5000


def test_our_own_errors_pass_through(whole):
    with pytest.raises(StoreError) as caught, open_fits(whole):
        raise StoreError("store.full", "the disk is full")
    assert caught.value.code == "store.full"


def test_errors_of_the_reader_of_a_file_are_not_hidden(whole):
    with pytest.raises(ZeroDivisionError), open_fits(whole):
        1 / 0  # noqa: B018


@pytest.mark.parametrize(
    ("name", "fits_name"),
    [("a.fits", True), ("A.FIT.GZ", True), ("a.fits.part", False), ("fits", False), ("a.gz", False)],
)
def test_names_of_fits_files(name, fits_name):
    assert is_fits_name(Path(name)) is fits_name


def test_header_values_are_plain_and_the_extension_wins():
    primary, extension = fits.Header(), fits.Header()
    primary["A"], primary["B"], primary["C"] = "text  ", 1, True
    primary["COMMENT"] = "left out"
    primary["D"] = fits.card.Undefined()
    extension["B"] = 2.5
    assert header_values(primary, extension) == {"A": "text", "B": 2.5, "C": True, "D": None}
