import gzip
import io
import struct
import tracemalloc
import warnings

import numpy as np
import pytest
from astropy.io import fits
from hand_clock import fails
from hypothesis import given
from hypothesis import strategies as st

from hstlc.archives.verify import require, verify_fits
from hstlc.errors import IntegrityError

BLOCK = 2880


def a_file(checksum=True, rows=500):
    """Return the bytes of an observation: a table, an image with data in its heap, and a table without rows."""
    generator = np.random.default_rng(5)
    primary = fits.PrimaryHDU()
    primary.header["SIMULATD"] = True
    primary.header["TELESCOP"] = ("NONE", "it's a simulation / no more")
    primary.header["OBJECT"] = "O'Brien / star"
    events = fits.BinTableHDU.from_columns(
        [
            fits.Column("TIME", "D", "s", array=np.sort(generator.random(rows) * 100)),
            fits.Column("LIST", "PJ()", array=np.array([np.arange(n % 5) for n in range(rows)], dtype=object)),
        ],
        name="EVENTS",
    )
    image = fits.ImageHDU(generator.integers(0, 9, (30, 40), dtype=np.int16), name="image")
    gti = fits.BinTableHDU.from_columns([fits.Column("START", "D", array=np.zeros(0))], name="GTI")
    content = io.BytesIO()
    fits.HDUList([primary, events, image, gti]).writeto(content, checksum=checksum)
    return content.getvalue()


SUMMED, PLAIN = a_file(), a_file(checksum=False)


def borders(content):
    """Return where the header units of a file begin, as astropy sees it, and its end."""
    with fits.open(io.BytesIO(content)) as hdus:
        return [hdu.fileinfo()["hdrLoc"] for hdu in hdus] + [len(content)]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a.fits"


@pytest.mark.parametrize("content", [SUMMED, PLAIN])
@pytest.mark.parametrize("packed", [False, True])
def test_a_whole_file_is_told_as_what_it_is(path, content, packed):
    path.write_bytes(gzip.compress(content) if packed else content)
    facts = verify_fits(path)
    assert facts.packed is packed
    assert facts.size == len(content)
    assert facts.extensions == ("EVENTS", "IMAGE", "GTI")
    assert facts.rows == (500, 30, 0)
    assert facts.checksums == (8 if content is SUMMED else 0)
    assert facts.primary["OBJECT"] == "O'Brien / star"
    assert facts.first["TTYPE1"] == "TIME"
    require(facts, frozenset({"EVENTS", "GTI"}))


def test_a_file_without_extensions_has_no_first(path):
    fits.PrimaryHDU(np.arange(10)).writeto(path, checksum=True)
    facts = verify_fits(path)
    assert facts.first is None
    assert facts.extensions == ()
    assert facts.checksums == 2


def test_random_groups_are_counted_as_the_standard_says(path):
    groups = fits.GroupData(np.zeros((4, 1, 3, 5), np.float32), parnames=["u"], pardata=[np.arange(4.0)], bitpix=-32)
    fits.GroupsHDU(groups).writeto(path)
    assert verify_fits(path).size == path.stat().st_size


def test_the_first_of_two_equal_keywords_counts_as_in_astropy(path):
    content = bytearray(PLAIN)
    at = content.index(b"END".ljust(80))
    content[at : at + 160] = b"NAXIS   =                    1".ljust(80) + b"END".ljust(80)
    path.write_bytes(content)
    assert verify_fits(path).extensions[0] == "EVENTS"


@given(st.integers(0, len(PLAIN) - 1))
def test_a_file_cut_anywhere_is_never_whole(tmp_path_factory, size):
    path = tmp_path_factory.mktemp("cut") / "a.fits"
    path.write_bytes(PLAIN[:size])
    if size in borders(PLAIN)[1:]:  # each unit is whole: what is missing is known by the kind of file alone
        error = fails(
            IntegrityError,
            "archive.missing-extension",
            lambda: require(verify_fits(path), frozenset({"EVENTS", "IMAGE", "GTI"})),
        )
        assert "GTI" in error.context["missing"]
    else:
        with pytest.raises(IntegrityError) as caught:
            verify_fits(path)
        assert caught.value.code == "archive.truncated" or size < 30


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_file_cut_between_two_extensions_lacks_one(path, number):
    path.write_bytes(SUMMED[: borders(SUMMED)[number]])
    facts = verify_fits(path)
    assert len(facts.extensions) == number - 1
    fails(IntegrityError, "archive.missing-extension", lambda: require(facts, frozenset({"EVENTS", "IMAGE", "GTI"})))


@given(st.integers(0, len(SUMMED) - 1), st.integers(0, 7))
def test_no_bit_of_a_file_with_checksums_can_flip(tmp_path_factory, offset, bit):
    # without CHECKSUM nothing can see a flip within the data
    content = bytearray(SUMMED)
    content[offset] ^= 1 << bit
    path = tmp_path_factory.mktemp("flip") / "a.fits"
    path.write_bytes(content)
    if disables_checksum(content):
        return
    with pytest.raises(IntegrityError):
        verify_fits(path)


def disables_checksum(content):
    """Tell whether a keyword of a checksum is called something else now, so that its header unit has one less."""
    return content.count(b"CHECKSUM=") < 4 or content.count(b"DATASUM =") < 4


@given(st.integers(0, len(SUMMED) - 1), st.integers(1, 255))
def test_our_checksums_are_those_of_astropy(tmp_path_factory, offset, change):
    content = bytearray(SUMMED)
    start, end = borders(SUMMED)[1] + BLOCK * 2, borders(SUMMED)[2]
    offset = start + offset % (end - start)  # in the data of the first extension
    content[offset] ^= change
    path = tmp_path_factory.mktemp("sum") / "a.fits"
    path.write_bytes(content)
    with warnings.catch_warnings(), fits.open(path) as hdus:
        warnings.simplefilter("ignore")
        assert hdus[0].verify_checksum() == 1
        right = hdus[1].verify_datasum() == 1
    assert not right
    fails(IntegrityError, "archive.bad-checksum", lambda: verify_fits(path))


def test_without_checksums_a_changed_byte_of_the_data_is_not_seen(path):
    content = bytearray(PLAIN)
    content[borders(PLAIN)[2] - BLOCK] ^= 1
    path.write_bytes(content)
    assert verify_fits(path).checksums == 0


def test_checksums_that_were_never_filled_in_are_passed_over(path):
    primary = fits.PrimaryHDU()
    primary.header["CHECKSUM"], primary.header["DATASUM"] = "", ""
    primary.writeto(path)
    assert verify_fits(path).checksums == 0


PACKED = gzip.compress(SUMMED, mtime=0)


@given(st.integers(0, len(PACKED) - 1))
def test_a_compressed_file_cut_anywhere_is_never_whole(tmp_path_factory, size):
    path = tmp_path_factory.mktemp("gzip") / "a.fits.gz"
    path.write_bytes(PACKED[:size])
    with pytest.raises(IntegrityError) as caught:
        verify_fits(path)
    assert caught.value.code == "archive.truncated" or size < 3


@given(st.integers(10, len(PACKED) - 1), st.integers(0, 7))
def test_no_bit_of_a_compressed_file_can_flip(tmp_path_factory, offset, bit):
    content = bytearray(PACKED)
    content[offset] ^= 1 << bit
    path = tmp_path_factory.mktemp("gzip") / "a.fits.gz"
    path.write_bytes(content)
    with pytest.raises(IntegrityError):
        verify_fits(path)


def test_several_gzip_members_are_one_file(path):
    path.write_bytes(gzip.compress(PLAIN[:4000]) + gzip.compress(PLAIN[4000:]))
    assert verify_fits(path).size == len(PLAIN)


def card(text):
    return text.ljust(80).encode()


def header(*cards):
    text = b"".join(card(one) for one in (*cards, "END"))
    return text.ljust(-(-len(text) // BLOCK) * BLOCK)


FIRST = ("SIMPLE  =                    T", "BITPIX  =                    8", "NAXIS   =                    0")
IMAGE = ("XTENSION= 'IMAGE   '", "BITPIX  = 8", "NAXIS   = 1")


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "archive.truncated"),
        (b"SIMPLE  =                    T", "archive.truncated"),
        (b"<!DOCTYPE html><html></html>", "archive.not-fits"),
        (b'{"error": "none"}', "archive.not-fits"),
        (bytes(BLOCK), "archive.not-fits"),
        (header(FIRST[0].replace("T", "F"), *FIRST[1:]), "archive.not-fits"),
        (header(*FIRST) + b"\n", "archive.truncated"),
        (header(*FIRST) + bytes(BLOCK), "archive.structure"),
        (header(*FIRST) * 2, "archive.structure"),
        (header(*FIRST)[:-1], "archive.truncated"),
        (header(*FIRST).replace(b"END", b"   "), "archive.truncated"),
        (header(FIRST[0], "BITPIX  = 7", FIRST[2]), "archive.structure"),
        (header(FIRST[0], FIRST[1]), "archive.structure"),
        (header(FIRST[0], FIRST[1], "NAXIS   = -1"), "archive.structure"),
        (header(FIRST[0], FIRST[1], "NAXIS   = 99999999"), "archive.structure"),
        (header(FIRST[0], FIRST[1], "NAXIS   = 2", "NAXIS1  = 5"), "archive.structure"),
        (header(FIRST[0], FIRST[1], "NAXIS   = 1", "NAXIS1  = -5"), "archive.structure"),
        (header(FIRST[0], FIRST[1], "NAXIS   = 1", "NAXIS1  = 'x'"), "archive.structure"),
        (header(FIRST[0], FIRST[1], "NAXIS   = 1", "NAXIS1  = 1.5"), "archive.structure"),
        (header(FIRST[0], FIRST[1], "NAXIS   = 1", "NAXIS1  = 999999999999999999"), "archive.structure"),
        (header(FIRST[0], FIRST[1], "NAXIS   = 1", "NAXIS1  = 9999999999"), "archive.truncated"),
        (header(*FIRST) + header(*IMAGE, "NAXIS1  = 5", "PCOUNT  = -1"), "archive.structure"),
        (header(*FIRST) + header(*IMAGE, "NAXIS1  = 5"), "archive.truncated"),
        (header(*FIRST) + header(*IMAGE, "NAXIS1  = 5") + bytes(5), "archive.truncated"),
        (header(*FIRST, "DATASUM = '1'"), "archive.bad-checksum"),
        (b"\x1f\x8b", "archive.truncated"),
        (b"\x1f\x8b\x08" + bytes(100), "archive.bad-gzip"),
        (gzip.compress(b"no FITS", mtime=0), "archive.not-fits"),
        (gzip.compress(PLAIN, mtime=0) + b"trailing", "archive.bad-gzip"),
    ],
)
def test_what_is_wrong_has_a_name(path, content, code):
    path.write_bytes(content)
    error = fails(IntegrityError, code, lambda: verify_fits(path))
    assert "a.fits" in error.message
    assert error.context["path"] == str(path)


def test_an_extension_of_five_bytes_is_whole_with_its_padding(path):
    path.write_bytes(header(*FIRST) + header(*IMAGE, "NAXIS1  = 5") + bytes(BLOCK))
    assert verify_fits(path).extensions == ("",)


def test_a_header_without_end_is_given_up(path):
    with path.open("wb") as file:
        file.write(b"".join(card(one) for one in FIRST).ljust(BLOCK))
        file.truncate(BLOCK * 5000)
    fails(IntegrityError, "archive.structure", lambda: verify_fits(path))


def test_memory_is_bounded_whatever_the_file_says(path):
    size = 40 * (1 << 20)
    blocks = -(-size // BLOCK)
    path.write_bytes(
        gzip.compress(header(FIRST[0], FIRST[1], "NAXIS   = 1", f"NAXIS1  = {size}") + bytes(blocks * BLOCK), 1)
    )
    verify_fits(path)
    tracemalloc.start()
    try:
        assert verify_fits(path).size > size
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 8 * (1 << 20)


@given(st.binary(max_size=6000))
def test_anything_else_is_an_integrity_error(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("any") / "a"
    for start in (b"", header(*FIRST), b"SIMPLE  =                    T", b"\x1f\x8b"):
        path.write_bytes(start + content)
        if start + content == header(*FIRST):
            continue
        with pytest.raises(IntegrityError):
            verify_fits(path)


@given(st.lists(st.tuples(st.integers(0, len(PLAIN) - 1), st.integers(0, 255)), min_size=1, max_size=30))
def test_damaged_files_are_whole_or_an_integrity_error(tmp_path_factory, changes):
    content = bytearray(PLAIN)
    for offset, byte in changes:
        content[offset] = byte
    path = tmp_path_factory.mktemp("damage") / "a.fits"
    path.write_bytes(content)
    try:
        facts = verify_fits(path)
    except IntegrityError:
        return
    assert facts.size == len(content)


def test_real_files_are_whole(real_data):
    files = [path for path in sorted((real_data / "hst").iterdir()) if ".fits" in path.name]
    files += sorted((real_data / "xmm").glob("*.fit"))
    assert files
    for path in files:
        facts = verify_fits(path)
        if not facts.packed:
            assert facts.size == path.stat().st_size
        with fits.open(path) as hdus:
            assert tuple(hdu.name for hdu in hdus[1:]) == facts.extensions


def test_gzip_sizes_are_checked(path):
    packed = bytearray(gzip.compress(PLAIN))
    packed[-4:] = struct.pack("<I", len(PLAIN) + 1)
    path.write_bytes(packed)
    fails(IntegrityError, "archive.bad-gzip", lambda: verify_fits(path))
