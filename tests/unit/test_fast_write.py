"""Fast FITS files are astropy's to the byte, and what astropy would refuse is refused."""

import io
from dataclasses import replace

import numpy as np
import pytest
from astropy.io import fits
from astropy.io.fits.hdu.base import _ValidHDU
from hlsp_composite import META, STAR, composite
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

import hstlc
from hstlc.formats.checksum import encode_checksum, word_sum
from hstlc.formats.curve_fits import PROVENANCE, file_contents, read_light_curve, write_light_curve
from hstlc.formats.fast_write import fast_bytes
from hstlc.formats.fits_tables import Table, TableColumn, astropy_bytes
from hstlc.formats.hlsp.headers import hlsp_keywords
from hstlc.formats.hlsp.project import Profile, Project
from hstlc.formats.keywords import KEYWORDS
from hstlc.lightcurves.composite import stack
from hstlc.model import COLUMNS, Intervals, LightCurve
from hstlc.testing.cos import CosExposure, Scene, write_exposure
from hstlc.times import TimeReference

PRINTABLE = st.characters(min_codepoint=32, max_codepoint=126)
PROJECTS = [Project(profile) for profile in Profile]
LONG = Project(Profile.MAST, doi="10.17909/abcd-ef12", reference="'Light curves' of " + "a very long title " * 2)

texts = st.one_of(
    st.sampled_from(
        ["", " ", "'", "''", "it's", "A STAR", "a / b", "AXIS.1: 2", "x: 1.", "T", "1.0", "&", " lead", "-" * 68]
    ),
    st.text(PRINTABLE, max_size=80),
    st.text(st.sampled_from("' a/&:1"), max_size=75),
    st.text(max_size=8),
)
numbers = st.one_of(
    st.floats(),
    st.floats(1e-7, 1e-3),
    st.floats(-1e18, 1e18),
    st.builds(lambda digits, power: float(f"{digits}e{power}"), st.integers(-9999, 9999), st.integers(-320, 304)),
    st.sampled_from([0.0, -0.0, 1e16, 1e15, 1e-4, 1e-5, 5e-324, -2.2250738585072014e-308, 58300.25694481, 0.1 + 0.2]),
)
values = st.one_of(texts, numbers, st.integers(), st.integers(-(10**22), 10**22), st.booleans(), st.none())
plain_keywords = st.sampled_from(sorted(KEYWORDS))
OWN = """
    END COMMENT HISTORY CONTINUE HIERARCH SIMPLE XTENSION EXTEND BITPIX NAXIS NAXIS1 EXTNAME EXTVER EXTLEVEL PCOUNT
    GCOUNT TFIELDS TTYPE1 TFORM1 TUNIT2 TDIM1 TDISP1 TNULL1 TSCAL1 TZERO2 TUCD1 TCOMM1 THEAP CHECKSUM DATASUM DATE
    GROUPS BLANK BZERO BSCALE ZIMAGE INHERIT TSTART A.B DP1.AXIS.1 lower TOOLONGKEY É
"""
odd_keywords = st.one_of(st.from_regex(r"\A[A-Z0-9_-]{1,8}\Z"), st.sampled_from(["", "A B", *OWN.split()]))
comments = st.one_of(st.sampled_from(sorted(set(KEYWORDS.values()))), st.text(PRINTABLE, max_size=60), st.just(""))


def assert_astropys(primary, tables):
    """The fast bytes are astropy's; where there are none of astropy there are no fast ones."""
    fast = fast_bytes(primary, tables)
    try:
        expected = astropy_bytes(primary, tables)
    except Exception:
        assert fast is None
    else:
        assert fast in (None, expected)
    return fast


def assert_taken(curve):
    primary, tables = file_contents(curve)
    assert fast_bytes(primary, tables) == astropy_bytes(primary, tables) == write_light_curve(curve)


@settings(max_examples=400)
@given(st.lists(st.tuples(plain_keywords | odd_keywords, values, comments), max_size=12))
@example([("NUMBER", 0.0, ""), ("NUMBER", -0.0, "")])
@example([("TEXT", "a", "one"), ("TEXT", "a ", "other")])
@example([("FLAG", True, ""), ("FLAG", 1, "")])
@example([("NUMBER", 1, "one"), ("NUMBER", 1.0, "other")])
def test_headers_are_astropys(cards):
    assert_astropys(cards, [])


@pytest.mark.parametrize("value", ["", 1, 0, True, 2.5, "BINTABLE"], ids=repr)
@pytest.mark.filterwarnings("ignore::astropy.utils.exceptions.AstropyWarning")
def test_keywords_of_the_files_own_are_astropys(value):
    columns = (TableColumn("START", "D", "s"), TableColumn("STOP", "D", "s"))
    for keyword in OWN.split():
        cards = [(keyword, value, "")]
        assert_astropys(cards, [])
        assert_astropys([], [Table("GTI", columns, [np.arange(3.0), np.arange(3.0)], cards)])


@settings(max_examples=300)
@given(st.dictionaries(plain_keywords, st.one_of(texts.filter(str.isascii), numbers, st.integers()), max_size=8))
def test_plain_values_are_written_fast(meta):
    plain = {
        keyword: value
        for keyword, value in meta.items()
        if (
            isinstance(value, str) and value.isprintable() and len(value.replace("'", "''")) <= 68 and ": " not in value
        )
        or (isinstance(value, float) and np.isfinite(value))
        or (isinstance(value, int) and abs(value) < 1e18)
    }
    assert assert_astropys([(keyword, value, KEYWORDS[keyword]) for keyword, value in plain.items()], []) is not None


@st.composite
def tables(draw):
    rows = draw(st.integers(0, 30))
    names = draw(st.lists(st.from_regex(r"\A[A-Z][A-Z0-9_]{0,9}\Z"), min_size=1, max_size=5, unique=True))
    columns, contents = [], []
    for name in names:
        code = draw(st.sampled_from("DJA"))
        if code == "A":
            texts = draw(st.lists(st.text(PRINTABLE, max_size=12) | st.text(max_size=3), min_size=rows, max_size=rows))
            columns.append(TableColumn(name, f"{max([1, *map(len, texts)])}A"))
            contents.append(texts)
            continue
        dtype = {"D": np.uint64, "J": np.int32}[code]  # every pattern of bits: NaN of all kinds
        array = draw(arrays.arrays(dtype, rows))
        columns.append(TableColumn(name, code, draw(st.sampled_from([None, "s", "10**0", "erg s-1"])), "meta.id", "it"))
        contents.append(array.view(np.float64) if code == "D" else array)
    cards = draw(st.lists(st.tuples(plain_keywords | odd_keywords, values, comments), max_size=3))
    return Table(draw(st.sampled_from(["GTI", "CURVE_OF"])), tuple(columns), contents, cards)


@settings(max_examples=150)
@given(st.lists(tables(), max_size=2))
def test_tables_are_astropys(made):
    assert_astropys([("TARGNAME", "A STAR", "target")], made)


@pytest.mark.parametrize("text", ["A ", " ", "two\nlines", "nil\0", "α"], ids=ascii)
def test_texts_that_astropy_changes_or_refuses_are_left_to_it(text):
    table = Table("PROVENANCE", (TableColumn("FILENAME", "9A"),), [["other", text]])
    assert assert_astropys([], [table]) is None


rows_of_provenance = st.lists(
    st.fixed_dictionaries(
        {c.name: st.integers(-1, 2**31 - 1) if c.dtype == "i4" else numbers for c in PROVENANCE if c.dtype != "U"}
        | {c.name: st.text(max_size=20) | st.text(PRINTABLE, max_size=70) for c in PROVENANCE if c.dtype == "U"}
    ),
    max_size=12,
)


@settings(max_examples=60)
@given(
    st.integers(0, 60),
    st.integers(0, 9),
    rows_of_provenance,
    st.sets(st.sampled_from([c.name for c in PROVENANCE])),
    st.dictionaries(plain_keywords, values, max_size=10),
    st.randoms(use_true_random=False),
)
def test_curves_are_astropys(bins, n_gti, rows, left_out, meta, random):
    generator = np.random.default_rng(random.getrandbits(32))
    data = {c.name: generator.integers(-(2**31), 2**31, bins).astype(c.dtype) for c in COLUMNS}
    data |= {name: generator.normal(size=bins) * 10.0 ** generator.integers(-300, 300) for name in ("flux", "times")}
    start = np.arange(n_gti) * 10 + generator.random(n_gti)
    reference = TimeReference(float(generator.normal(58000, 1000)), random.choice(["UTC", "TDB"]))
    provenance = tuple({key: value for key, value in row.items() if key not in left_out} for row in rows)
    curve = LightCurve(data, Intervals(start, start + 5), reference, meta, provenance)
    assert_astropys(*file_contents(curve))


@pytest.fixture(scope="module")
def individual(tmp_path_factory):
    written = write_exposure(tmp_path_factory.mktemp("in"), CosExposure(segments=("A", "B")), Scene(rate_ct_s=20.0))
    curve = hstlc.light_curve(written.corrtags[0], bin_width=0.5)
    files = [{"filename": p.name, "kind": "corrtag_a", "sha256": "0" * 64, "cal_ver": "3.4"} for p in written.paths]
    return replace(curve, provenance=tuple(files))


def test_a_curve_of_an_exposure_is_written_fast(individual):
    assert_taken(individual)
    assert_taken(replace(individual, provenance=()))


def test_a_curve_that_was_read_is_written_fast(individual, tmp_path):
    path = tmp_path / "curve.fits"
    path.write_bytes(write_light_curve(individual))
    assert_taken(read_light_curve(path))


def test_a_curve_of_a_real_exposure_is_written_fast(real_data):
    assert_taken(hstlc.light_curve(real_data / "hst" / "ld9m10ujq_corrtag_a.fits"))


def member(number):
    texts = {
        "rootname": f"lsim{number:02}aaq",
        "filename": f"lsim{number:02}aaq_corrtag_a.fits",
        "cal_ver": "3.4 (2023)",
    }
    texts |= {"sha256": f"{number:064x}", "inputs": f"lsim{number:02}aaq_corrtag_a.fits,lsim{number:02}aaq_x1d.fits"}
    whole = {"dataset": number, "proposid": 14767, "fppos": number % 4 + 1, "life_adj": -1, "n_events": number**3}
    real = {
        "expstart": 58108.5 + number / 7,
        "expend": 58108.6 + number / 7,
        "exptime": 1881.152,
        "livetime": 1 / number,
    }
    return texts | whole | real | {"wmin": 1132.5, "wmax": 1433.25}


@pytest.mark.parametrize("project", [*PROJECTS, LONG], ids=["legacy", "mast", "cut comment"])
@pytest.mark.parametrize("members", [1, 400])
def test_composites_are_written_fast(individual, project, members):
    for curve in (composite(), stack([individual, individual])):
        keywords = hlsp_keywords(curve, STAR, project)
        curve = replace(curve, meta={**curve.meta, "NDATASET": members, **keywords})
        assert_taken(replace(curve, provenance=tuple(member(n) for n in range(1, members + 1))))


@pytest.mark.parametrize(
    "meta",
    [
        {"HLSPNAME": "x" * 69},
        {"HLSPNAME": "'" * 35},
        {"TARDESCR": "AXIS.1: 2"},
        {"TARDESCR": "field: 1."},
        {"LONGKEYWORD": 1},
        {"HIERARCH": "yes"},
        {"targname": "a star"},
        {"EXTNAME": "OTHER"},
        {"COMMENT": "this and that"},
        {"CENWAVE": 10**20},
        {"EXPTIME": np.float32(1.1)},
        {"EXPTIME": 1 + 2j},
        {"MJDREF": 1.0},
    ],
    ids=str,
)
@pytest.mark.filterwarnings("ignore:Keyword name:astropy.io.fits.verify.VerifyWarning")
def test_what_is_unusual_is_left_to_astropy(meta):
    curve = composite(**meta)
    assert fast_bytes(*file_contents(curve)) is None
    assert write_light_curve(curve) == astropy_bytes(*file_contents(curve))


@pytest.mark.parametrize("meta", [{"TARGNAME": "α Cen"}, {"TARGNAME": "two\nlines"}, {"CENWAVE": [1291]}], ids=str)
def test_what_no_header_can_hold_is_refused_as_before(meta):
    with pytest.raises(ValueError, match=r"ASCII|Illegal value"):
        write_light_curve(composite(**meta))


def test_a_time_reference_that_is_no_number_is_refused():
    with pytest.raises(ValueError, match="not allowed"):
        write_light_curve(replace(composite(), reference=TimeReference(float("nan"))))


@pytest.mark.parametrize("change", [np.float32, np.int64, lambda a: a[:, None]], ids=["f4", "i8", "two axes"])
def test_a_column_of_another_type_is_left_to_astropy(change):
    curve = composite()
    other = replace(curve, data={**curve.data, "rate": change(curve["rate"])})
    assert fast_bytes(*file_contents(other)) is None


def test_columns_of_different_lengths_are_left_to_astropy():
    curve = composite()
    assert fast_bytes(*file_contents(replace(curve, data={**curve.data, "rate": curve["rate"][1:]}))) is None


def test_columns_need_not_be_contiguous():
    curve = composite()
    assert_taken(replace(curve, data={name: np.repeat(values, 2)[::2] for name, values in curve.data.items()}))


def test_no_card_of_the_same_keyword_stands_twice():
    content = write_light_curve(composite(TIMESYS="UTC"))
    with fits.open(io.BytesIO(content), checksum=True) as hdus:
        for hdu in hdus:
            assert max(hdu.header.count(keyword) for keyword in hdu.header) == 1
        assert hdus[0].header["RA_TARG"] == META["RA_TARG"]


@given(st.integers(0, 200), st.integers(0, 2**32 - 1), st.randoms(use_true_random=False))
def test_sums_are_astropys(words, before, random):
    data = random.choice([random.randbytes(4 * words), bytes(4 * words), b"\xff" * (4 * words)])
    expected = int(_ValidHDU._compute_checksum(None, np.frombuffer(data, np.uint8), before))
    assert word_sum(data, before) == expected


@pytest.mark.parametrize("place", range(4))
def test_texts_of_checksums_are_astropys(place):
    hdu = fits.PrimaryHDU()
    for byte in range(256):
        total = byte << 8 * place
        assert encode_checksum(total) == hdu._char_encode(~np.uint32(total))
