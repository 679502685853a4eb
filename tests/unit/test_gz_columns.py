"""Columns of tables, read piece by piece, are those that astropy reads."""

import gzip
import io
from functools import cache

import numpy as np
import pytest
from astropy.io import fits

from hstlc.errors import InconsistentError, UnreadableError
from hstlc.formats.fits_file import header_values
from hstlc.formats.gz_columns import each_unit, read_columns


def everything(name, header):
    return [str(value) for key, value in header.items() if key.startswith("TTYPE")]


@cache
def content(rows=9_000):
    """Return a file of tables of many kinds of columns, an image and an empty table."""
    rng = np.random.default_rng(0)
    wide = np.zeros(rows, dtype=[("TIME", ">f8"), ("flag", ">i4"), ("R", ">f4", (2,)), ("NAME", "S7"), ("B", "u1")])
    wide["TIME"], wide["flag"], wide["R"] = rng.random(rows), rng.integers(-9, 9, rows), rng.random((rows, 2))
    wide["NAME"], wide["B"] = "ellipse", rng.integers(0, 255, rows)
    events = fits.BinTableHDU(wide, name="EVENTS")
    events.header["LONGKEY"] = "a text that is longer than a card can hold, so that it goes on " * 3
    kinds = fits.BinTableHDU.from_columns(
        [
            fits.Column("BITS", "11X", array=rng.integers(0, 2, (5, 11)).astype(bool)),
            fits.Column("SCALED", "D", array=np.arange(5.0)),
            fits.Column("WIDE", "PJ()", array=np.array([np.arange(n, dtype=">i4") for n in range(5)], dtype=object)),
            fits.Column("TRUE", "L", array=np.array([True, False, True, True, False])),
            fits.Column("LAST", "K", array=np.arange(5) * 10**12),
        ],
        name="KINDS",
    )
    image = fits.ImageHDU(np.arange(5000, dtype=">i2").reshape(50, 100), name="MASK")
    empty = fits.BinTableHDU(wide[:0], name="EMPTY")
    stream = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), events, image, kinds, empty]).writeto(stream)
    whole = stream.getvalue()
    # astropy would scale what it writes
    scaled = b"TSCAL2  =                  0.5".ljust(80) + b"TZERO2  =                  3.0".ljust(80) + b"END"
    end = whole.index(b"END ", whole.index(b"'KINDS"))
    return whole[:end] + scaled + whole[end + len(scaled) :]


@pytest.fixture(params=["plain", "gzip", "two parts", "padded"])
def path(request, tmp_path):
    whole = content()
    half = len(whole) // 2
    packed = {
        "plain": whole,
        "gzip": gzip.compress(whole),
        "two parts": gzip.compress(whole[:half]) + gzip.compress(whole[half:]),
        "padded": gzip.compress(whole) + b"\0" * 1000,
    }
    path = tmp_path / "list.ftz"
    path.write_bytes(packed[request.param])
    return path


def test_columns_and_headers_are_those_of_astropy(path):
    units = read_columns(path, everything)
    with fits.open(io.BytesIO(content())) as hdus:
        assert [unit.name for unit in units] == [hdu.name for hdu in hdus]
        for unit, hdu in zip(units, hdus, strict=True):
            assert unit.header == header_values(hdu.header)
            if not isinstance(hdu, fits.BinTableHDU):
                assert (unit.rows, unit.columns) == (0, {})
                continue
            assert unit.rows == len(hdu.data)
            for name in set(unit.names) - {"BITS", "WIDE", "NAME", "TRUE"}:
                assert np.array_equal(unit.columns[name], hdu.data[name])
                assert unit.columns[name].dtype.isnative
        assert units[1].columns["NAME"].tolist()[:2] == [b"ellipse", b"ellipse"]
        assert np.array_equal(np.unpackbits(units[3].columns["BITS"], axis=1)[:, :11], hdus[3].data["BITS"])
        assert (units[3].columns["TRUE"] == b"T").tolist() == hdus[3].data["TRUE"].tolist()


def test_only_what_is_wanted_is_kept_and_names_may_be_written_in_any_way(path):
    asked = []

    def wanted(name, header):
        asked.append(name)
        return ["FLAG", "time", "NO SUCH"] if name == "EVENTS" else []

    units = read_columns(path, wanted)
    assert asked == ["EVENTS", "KINDS", "EMPTY"]
    assert set(units[1].columns) == {"TIME", "FLAG"}
    assert units[1].names == ("TIME", "FLAG", "R", "NAME", "B")
    assert units[3].columns == {}
    assert units[3].rows == 5


def test_units_can_be_taken_one_by_one_and_the_end_is_looked_at_last(tmp_path):
    path = tmp_path / "list.ftz"
    path.write_bytes(gzip.compress(content())[:-4])  # without the last bytes of the sum over all
    units = each_unit(path, everything)
    assert [next(units).name for _ in range(5)] == ["PRIMARY", "EVENTS", "MASK", "KINDS", "EMPTY"]
    with pytest.raises(UnreadableError, match="end early"):
        list(units)


@pytest.mark.parametrize(
    ("damage", "code"),
    [
        (lambda _: b"", "data.empty"),
        (lambda _: b"not a FITS file", "data.not-fits"),
        (lambda whole: whole[: len(whole) // 2], "data.truncated"),
        (lambda whole: whole[: 2880 + 100], "data.truncated"),
        (lambda whole: gzip.compress(whole)[:-5000], "data.truncated"),
        (lambda whole: gzip.compress(whole)[:-4] + b"oops", "data.unreadable"),
        (lambda whole: gzip.compress(whole) + b"and more", "data.unreadable"),
        (lambda _: gzip.compress(b"hello"), "data.not-fits"),
        (lambda whole: whole.replace(b"'7A      '", b"'9A      '"), "data.unreadable"),
        (lambda whole: whole.replace(b"'7A      '", b"'7Z      '"), "data.unreadable"),
        (
            lambda whole: whole.replace(b"BITPIX  =                    8", b"BITPIX  =                    ?"),
            "data.unreadable",
        ),
    ],
)
def test_a_damaged_file_has_a_clear_error(tmp_path, damage, code):
    path = tmp_path / "list.fits"
    path.write_bytes(damage(content(3000)))
    with pytest.raises(UnreadableError, match="list") as caught:
        read_columns(path, everything)
    assert caught.value.code == code
    assert caught.value.hint


def test_a_file_that_is_gone_or_no_file_has_a_clear_error(tmp_path):
    with pytest.raises(InconsistentError, match="is gone") as gone:
        read_columns(tmp_path / "list.fits", everything)
    assert gone.value.code == "data.vanished"
    with pytest.raises(UnreadableError, match="cannot be read") as folder:
        read_columns(tmp_path, everything)
    assert folder.value.code == "data.unreadable"


def test_real_lists_are_read_as_astropy_reads_them(real_data):
    for path in sorted([*(real_data / "xmm").iterdir(), *(real_data / "chandra").iterdir()]):
        units = read_columns(path, everything)
        with fits.open(path) as hdus:
            assert [unit.name for unit in units] == [hdu.name for hdu in hdus]
            for unit, hdu in zip(units, hdus, strict=True):
                for name, values in unit.columns.items():
                    if values.dtype.kind in "if":
                        assert np.array_equal(values, hdu.data.field(name), equal_nan=True), (path, unit.name, name)
