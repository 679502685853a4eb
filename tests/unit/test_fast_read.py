"""What is read without astropy is what astropy reads, without a warning; everything else is left to astropy."""

import gzip
import io
import warnings
from dataclasses import dataclass, replace

import numpy as np
import pytest
from astropy.io import fits
from hlsp_composite import MEMBERS, composite
from hypothesis import event, given, settings
from hypothesis import strategies as st

from hstlc.formats.curve_fits import _read_fast, _read_with_astropy, read_light_curve, write_light_curve
from hstlc.formats.fast_read import scan
from hstlc.formats.fits_file import header_values, open_fits
from hstlc.model import COLUMNS, Intervals
from hstlc.testing.cos import CosExposure, Scene, write_exposure
from hstlc.times import TimeReference

BLOCK = 2880


@dataclass
class Hdu:
    """Cards without END, and data without padding."""

    cards: list[str]
    data: bytes

    def __bytes__(self) -> bytes:
        header = "".join(f"{card:80.80}" for card in [*self.cards, "END"])
        header += " " * (-len(header) % BLOCK)
        return header.encode("latin-1") + self.data + bytes(-len(self.data) % BLOCK)


def card(keyword, value, comment=""):
    return str(fits.Card(keyword, value, comment))


def assert_held(path):
    """Compare with astropy what was read; tell whether anything was."""
    units = scan(path)
    if units is None:
        return False
    notes: list[str] = []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with open_fits(path, notes) as hdus:
            read = [(hdu.name, hdu.ver, header_values(hdu.header), hdu.fileinfo()["datLoc"]) for hdu in hdus]
            tables = [hdu.data if isinstance(hdu, fits.BinTableHDU) else None for hdu in hdus]
            columns = [t if t is None else [np.array(t.field(i)) for i in range(len(t.names))] for t in tables]
    assert not notes
    assert [(unit.name, unit.ver, unit.header, unit.offset) for unit in units] == read
    for unit, (_, _, header, _) in zip(units, read, strict=True):
        for keyword, value in header.items():
            assert type(unit.header[keyword]) is type(value), keyword
            assert repr(unit.header[keyword]) == repr(value), keyword
        assert list(unit.header) == list(header)
    for unit, table, fields in zip(units, tables, columns, strict=True):
        if table is None:
            assert unit.dtype is None
            continue
        rows = unit.table()
        raw = np.asarray(table)
        assert rows.dtype == raw.dtype
        assert list(unit.columns) == table.names
        assert rows.tobytes() == raw.tobytes()
        assert b"".join(block.tobytes() for block in unit.blocks(3)) == raw.tobytes()
        for name, field in zip(table.names, fields, strict=True):
            if field.dtype.kind != "U":  # nothing is scaled, no truth value is a letter
                assert field.tobytes() == rows[name].tobytes()
                assert field.dtype == rows[name].dtype
    return True


PRINTABLE = st.characters(min_codepoint=32, max_codepoint=126)
OWN = """
    EXTNAME EXTVER EXTLEVEL INHERIT GROUPS BLANK BSCALE BZERO THEAP TSCAL1 TZERO1 TNULL1 TDIM1 TDISP1 TUNIT1 TTYPE1
    TFORM1 TFIELDS NAXIS NAXIS1 NAXIS2 NAXIS3 PCOUNT GCOUNT BITPIX SIMPLE XTENSION EXTEND ZIMAGE ZTABLE CHECKSUM
    DATASUM DATE-OBS TCTYP1 TCRVL1 TCRPX1 TCDLT1 TCUNI1 TRPOS1 TBCOL1 PSCAL1 PZERO1 DP1 END LONGSTRN
"""
KEYS = st.from_regex(r"\A[A-Z][A-Z0-9_-]{0,7}\Z") | st.sampled_from(OWN.split())
NUMBERS = st.one_of(st.integers(-(10**19), 10**19), st.floats(allow_nan=False, allow_infinity=False), st.booleans())
TEXTS = st.one_of(st.text(PRINTABLE, max_size=66), st.text(st.sampled_from("' /&=:.1"), max_size=30))
GOOD_CARDS = st.builds(card, KEYS.filter(lambda key: key != "END"), NUMBERS | TEXTS, st.text(PRINTABLE, max_size=20))
FIELDS = [
    "= T", "=T", "=                    F", "= TRUE", "= t", "= T/F", "= 1.5D3", "= 1.5d3", "= 1e5", "= 1.E5",
    "= 1.e5", "= .5", "= 5.", "= +5", "= -.5E-3", "= +0.0", "= -0", "= 5.E", "= 1E", "= 1E5", "= - 5", "= 5 E3",
    "= --5", "= 007", "= -007.50", "= 0x10", "= 1_000", "= inf", "= NaN", "= 1.0E400", "= 1.0E-400", "= 12 34",
    "= 1,5", "= 1/2", "= 1 /", "= (1.0, 2.0)", "= (1,2)", "= (1.0, 2.0", "=", "= ", "= / only", "=/ only",
    "= 'abc' / c", "= 'abc'/c", "= 'abc'c", "= 'abc' c", "= 'it''s'", "= 'open", "= ''", "= ''''", "= '''",
    "= '   '", "= '  lead'", "= 'trail  '", "= 'a/b' / c / d", "= 'a'' / b'", "= 'AXIS.1: 2'", "= 'x: 1.5' / c",
    "= 'a&'", "= 'abc'  'def'", "= ' ' ' '", "= 'tab\there'", "= 'é'", "= 1 / é", "= 'nul\0'", "= ~", "=  'abc'",
    "= abc", "  'abc'", " = 5", "  5", ":= 5", "= 'x' /", "= 5 / it's", "=5", "='a'", "= 99999999999999999999999",
    "= 1.2345678901234567890123", "=            'far to the right'",
    "= 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx'",
    "= 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    "= 5                                                            / far", "= 'PRIMARY'", "= 'bintable'",
    "= 'BINTABLE'", "= 'IMAGE   '", "= 8", "= 2", "= 1", "= 0", "= 'D'", "= '2D'", "= 'A'", "= 'F8.3'", "= 'I4.2'",
    "= 'Z8'", "= 'G'", "= '(2,2)'", "= 's'", "= 'm/s**2'", "= 'x y'", "= 'x: 1'",
]  # fmt: skip
LINES = [
    "COMMENT", "COMMENT abc", "COMMENT = 5", "COMMENT=  5", "HISTORY it's", "HISTORY é", "", "        = 5",
    "                    x", "CONTINUE  'abc'", "CONTINUE= 'abc'", "HIERARCH ESO DET = 5", "HIERARCH= 5",
    "HIERARCH", "hierarch a b = 'c'", "END", "END     x", "END=", "end", " END", "ENDING  = 5", "comment abc",
    "history", "KEY", "KEY     =",
    "\0" * 80,
    "TEXT    = 'first&'", "NUL     = \0", "COMMENT tab\t", "XTENSION= 'IMAGE'", "SIMPLE  =                    T",
]  # fmt: skip
ODD_KEYS = st.sampled_from(["lower", "A B", "A.B", "É", "", "-", "_X", "TOOLONGKEY"])
ODD_CARDS = st.one_of(
    st.builds("{:8}{}".format, KEYS | ODD_KEYS, st.sampled_from(FIELDS)),
    st.sampled_from(LINES),
    st.text(st.characters(max_codepoint=255), max_size=80),
)
FORMS = ["D", "1D", "2D", "E", "1E", "3E", "J", "I", "K", "B", "4B", "A", "1A", "7A"]
ODD_FORMS = [
    "L", "3L", "X", "12X", "C", "M", "0D", "0A", "PE(5)", "1PE(5)", "QD(2)", "d", " D", "D ", "10A3", "3A4",
    "2D(2)", "", "F8.3", "5", "D1", "01D", "-1D", "1.D", "20A:SSTR5/32", "1U",
]  # fmt: skip
SIZES = {"D": 8, "E": 4, "J": 4, "I": 2, "K": 8, "B": 1, "A": 1, "L": 1, "X": 1, "C": 8, "M": 16}


@st.composite
def table_hdus(draw, odd=False):
    names = draw(st.lists(st.from_regex(r"\A[A-Za-z][A-Za-z0-9_]{0,8}\Z"), min_size=1, max_size=4, unique_by=str.lower))
    forms = [draw(st.sampled_from(FORMS + ODD_FORMS * odd)) for _ in names]
    width = sum(
        int(form[:-1] or 1) * SIZES.get(form[-1], 8) if form[:-1].isdigit() or len(form) == 1 else 8 for form in forms
    )
    rows = draw(st.integers(0, 8))
    cards = [
        card("XTENSION", "BINTABLE"),
        card("BITPIX", 8),
        card("NAXIS", 2),
        card("NAXIS1", width),
        card("NAXIS2", rows),
    ]
    cards += [card("PCOUNT", 0), card("GCOUNT", 1), card("TFIELDS", len(names))]
    for number, (name, form) in enumerate(zip(names, forms, strict=True), 1):
        if odd:
            name = draw(st.sampled_from([name, name, names[0].swapcase(), "", "two words", "é", "x" * 60]))
        cards += [f"TTYPE{number:<3}= '{name:8}'", card(f"TFORM{number}", form)]
        unit = draw(st.sampled_from([None, "s", "ct/s", "no unit"]))
        cards += [card(f"TUNIT{number}", unit)] if unit else []
        if odd:
            words = {
                "TNULL": [-1, 0, 2.5],
                "TSCAL": [1.0, 2.0, 1],
                "TZERO": [0.0, 32768, 2147483648, -128],
                "TDIM": ["(1)", "(2,2)"],
            }
            words |= {"TDISP": ["F8.3", "I5", "A8", "Z5", "L1", "EN10.2", "bad", "G", "F8", "I8.2"]}
            word = draw(st.sampled_from([None, None, *words]))
            cards += [card(f"{word}{number}", draw(st.sampled_from(words[word])))] if word else []
    if draw(st.booleans()):
        cards.append(card("EXTNAME", draw(st.sampled_from(["EVENTS", "GTI", "A B", "", "PRIMARY"]))))
        cards += [card("EXTVER", draw(st.integers(0, 3)))] if draw(st.booleans()) else []
    random = draw(st.randoms(use_true_random=False))
    data = random.randbytes(width * rows)
    return Hdu(cards, bytes(byte & 0x7F for byte in data) if "A" in "".join(forms) else data)


@st.composite
def image_hdus(draw, first):
    bitpix = draw(st.sampled_from([8, 16, 32, 64, -32, -64]))
    axes = draw(st.lists(st.integers(0, 5), max_size=3))
    cards = [
        card("SIMPLE", True) if first else card("XTENSION", "IMAGE"),
        card("BITPIX", bitpix),
        card("NAXIS", len(axes)),
    ]
    cards += [card(f"NAXIS{number}", length) for number, length in enumerate(axes, 1)]
    cards += [card("EXTEND", True)] if first else [card("PCOUNT", 0), card("GCOUNT", 1)]
    size = abs(bitpix) // 8 * int(np.prod(axes)) if axes else 0
    return Hdu(cards, bytes(range(256)) * (size // 256) + bytes(size % 256))


@st.composite
def files(draw, odd=False):
    hdus = [draw(image_hdus(True)), *draw(st.lists(st.one_of(table_hdus(odd), image_hdus(False)), max_size=3))]
    for hdu in hdus:
        keys = st.from_regex(r"\A[A-SU-Y][A-Z0-9]{4,5}[0-9]\Z").filter(
            lambda key: not key.startswith(("NAXIS", "PSCAL", "PZERO"))
        )
        plain = st.one_of(
            st.integers(-(10**9), 10**9),
            st.booleans(),
            st.floats(-1e9, 1e9).filter(lambda value: "." in repr(value)),
            st.text(PRINTABLE.filter("'/:&".count and (lambda c: c not in "'/:&")), max_size=60).map(str.strip),
        )
        hdu.cards += [card(key, draw(plain), "comment") for key in draw(st.lists(keys, max_size=5, unique=True))]
    if not odd:
        return hdus
    for _ in range(draw(st.integers(0, 3))):
        cards = draw(st.sampled_from(hdus)).cards
        at = draw(st.integers(0, len(cards)))
        match draw(st.sampled_from(["insert", "append", "append", "replace", "drop", "double", "swap"])):
            case "insert":
                cards.insert(at, draw(st.one_of(GOOD_CARDS, ODD_CARDS)))
            case "append":
                cards.append(draw(st.one_of(GOOD_CARDS, ODD_CARDS)))
            case "replace" if at < len(cards):
                cards[at] = f"{cards[at]:8.8}{draw(st.sampled_from(FIELDS))}"
            case "drop":
                del cards[at : at + 1]
            case "double":
                cards.append(draw(st.sampled_from(cards or ["COMMENT"])))
            case "swap" if at < len(cards):
                cards.append(cards.pop(at))
    return hdus


@settings(max_examples=200)
@given(files())
def test_ordinary_files_are_read_without_astropy(tmp_path_factory, hdus):
    path = tmp_path_factory.getbasetemp() / "ordinary.fits"
    path.write_bytes(b"".join(map(bytes, hdus)))
    assert assert_held(path)


def test_a_file_whose_first_card_is_not_as_the_standard_has_it_is_left_to_astropy(tmp_path):
    path = tmp_path / "free.fits"
    cards = ["SIMPLE  = T", "BITPIX  =                    8", "NAXIS   =                    0", "END"]
    path.write_bytes("".join(card.ljust(80) for card in cards).ljust(2880).encode())
    assert not assert_held(path)


@settings(max_examples=400)
@given(files(odd=True))
def test_files_with_odd_headers_are_read_as_astropy_reads_them(tmp_path_factory, hdus):
    path = tmp_path_factory.getbasetemp() / "odd.fits"
    path.write_bytes(b"".join(map(bytes, hdus)))
    event(f"read without astropy: {assert_held(path)}")


@settings(max_examples=300)
@given(files(), st.data())
def test_damaged_files_are_left_to_astropy(tmp_path_factory, hdus, data):
    path = tmp_path_factory.getbasetemp() / "damaged.fits"
    content = b"".join(map(bytes, hdus))
    at = data.draw(st.integers(0, len(content) - 1))
    match data.draw(st.sampled_from(["cut", "junk", "byte", "padding", "gap"])):
        case "cut":
            content = content[:at]
        case "junk":
            content += data.draw(
                st.sampled_from([bytes(BLOCK), b" " * BLOCK, b"x", bytes(10), b"\n", b"END" + b" " * 2877])
            )
        case "byte":
            content = content[:at] + data.draw(st.binary(min_size=1, max_size=1)) + content[at + 1 :]
        case "padding":
            content = content.replace(
                b"END" + b" " * 77, b"END" + data.draw(st.sampled_from([bytes(77), b" " * 76 + b"x"]))
            )
        case "gap":
            content = content[:at] + b" " * 80 + content[at:]
    path.write_bytes(content)
    assert_held(path)


def test_other_things_than_ordinary_files_are_left_to_astropy(tmp_path):
    path = tmp_path / "a.fits"
    whole = write_light_curve(composite())
    for content in (b"", b"SIMPLE", gzip.compress(whole), whole[:-1], whole + b"x", whole[BLOCK:], b"\x89PNG" + whole):
        path.write_bytes(content)
        assert scan(path) is None
    with pytest.raises(FileNotFoundError):
        scan(tmp_path / "absent.fits")


@pytest.mark.parametrize(
    "kind", ["variable", "scaled", "logical", "bits", "TDIM", "null", "ascii", "compressed", "groups", "continue"]
)
def test_what_astropy_makes_of_unusual_hdus_is_left_to_it(tmp_path, kind):
    rows = np.arange(6)
    column = {
        "variable": fits.Column("X", "PJ()", array=np.array([np.arange(n) for n in range(6)], dtype=object)),
        "scaled": fits.Column("X", "I", bzero=32768, array=rows.astype("u2")),
        "logical": fits.Column("X", "L", array=rows > 2),
        "bits": fits.Column("X", "3X", array=np.ones((6, 3), bool)),
        "TDIM": fits.Column("X", "4J", dim="(2,2)", array=np.zeros((6, 2, 2), "i4")),
        "null": fits.Column("X", "J", null=-1, array=rows),
    }.get(kind, fits.Column("X", "J", array=rows))
    primary, hdu = fits.PrimaryHDU(), fits.BinTableHDU.from_columns([column])
    if kind == "ascii":
        hdu = fits.TableHDU.from_columns([fits.Column("X", "I5", array=rows, ascii=True)])
    if kind == "compressed":
        hdu = fits.CompImageHDU(np.arange(10_000, dtype="i4").reshape(100, 100))
    if kind == "groups":
        primary = fits.GroupsHDU(
            fits.GroupData(np.zeros((2, 1, 3, 3), "f4"), bitpix=-32, parnames=["A"], pardata=[[1.0, 2.0]])
        )
        hdu = fits.ImageHDU()
    if kind == "continue":
        hdu.header["LONG"] = "x" * 200
    path = tmp_path / "unusual.fits"
    fits.HDUList([primary, hdu]).writeto(path)
    assert scan(path) is None


def test_synthetic_exposures_and_curves_are_read_without_astropy(tmp_path):
    written = write_exposure(tmp_path, CosExposure(segments=("A", "B"), exptime_s=50.0), Scene(rate_ct_s=20.0))
    (tmp_path / "curve.fits").write_bytes(write_light_curve(composite()))
    for path in (*written.paths, tmp_path / "curve.fits"):
        assert assert_held(path), path


def test_real_files_are_read_as_astropy_reads_them(real_data):
    taken = [path.name for path in sorted(real_data.rglob("*.fits")) if assert_held(path)]
    assert {"ld9m10ujq_corrtag_a.fits", "ld9m10ujq_x1d.fits"} <= set(taken)


def assert_same(one, other):
    for column in COLUMNS:
        assert one[column.name].dtype == other[column.name].dtype == np.dtype(column.dtype)
        assert one[column.name].tobytes() == other[column.name].tobytes(), column.name
    assert one.gti == other.gti
    assert repr(one.reference) == repr(other.reference)
    assert repr(one.meta) == repr(other.meta)  # types and order too
    assert repr(one.provenance) == repr(other.provenance)


def assert_read_alike(path):
    fast = _read_fast(path)
    if fast is not None:
        assert_same(fast, _read_with_astropy(path))
    return fast is not None


VALUES = st.one_of(NUMBERS, TEXTS)
ROWS = st.lists(
    st.fixed_dictionaries(
        {"filename": st.text(max_size=8), "kind": TEXTS},
        optional={"dataset": st.integers(0, 9), "expstart": st.floats()},
    ),
    max_size=4,
)


@settings(max_examples=150)
@given(
    st.dictionaries(st.from_regex(r"\A[A-EG-S][A-Z]{4,7}\Z"), VALUES, max_size=5),
    ROWS,
    st.sampled_from(["UTC", " TT", "T'T"]),
)
def test_curves_are_read_as_astropy_reads_them(tmp_path_factory, meta, rows, scale):
    rows = [row for row in rows if row.keys() == rows[0].keys()]
    curve = replace(composite(**meta), provenance=tuple(rows), reference=TimeReference(58000.25, scale))
    path = tmp_path_factory.getbasetemp() / "curve.fits"
    path.write_bytes(write_light_curve(curve))
    event(f"read without astropy: {assert_read_alike(path)}")


@pytest.mark.parametrize("bins", [0, 1, 1500])
@pytest.mark.parametrize("provenance", [(), MEMBERS, MEMBERS * 200], ids=len)
def test_ordinary_curves_are_read_without_astropy(tmp_path, bins, provenance):
    generator = np.random.default_rng(bins)
    data = {c.name: (generator.normal(size=bins) * 1000).astype(c.dtype) for c in COLUMNS}
    curve = replace(composite(SIMULATD=True), data=data, provenance=provenance)
    path = tmp_path / "curve.fits"
    path.write_bytes(write_light_curve(curve))
    assert assert_read_alike(path)
    assert_same(read_light_curve(path), curve)


def edited(curve, change):
    """The file of a curve after a change that astropy makes."""
    stream = io.BytesIO()
    with fits.open(io.BytesIO(write_light_curve(curve))) as hdus:
        change(hdus)
        hdus.writeto(stream)
    return stream.getvalue()


@pytest.mark.parametrize(
    "change",
    [
        lambda hdus: hdus[0].header.add_comment("said later"),
        lambda hdus: hdus[0].header.add_history("done later"),
        lambda hdus: hdus[0].header.set("EMPTY", None),
        lambda hdus: hdus[0].header.set("LEADS", "  blanks"),
        lambda hdus: hdus[0].header.set("LONGTEXT", "x" * 100),
        lambda hdus: hdus[1].header.set("TIMESYS", " UTC"),
        lambda hdus: hdus[1].header.set("MJDREF", 58000),
        lambda hdus: hdus.pop(3),
        lambda hdus: hdus.append(hdus[2].copy()),
        lambda hdus: hdus.insert(1, fits.ImageHDU(np.zeros(5))),
        lambda hdus: hdus.__setitem__(3, fits.ImageHDU(name="OTHER")),
        lambda hdus: hdus.__setitem__(3, fits.BinTableHDU(hdus[2].data, name="PROVENANCE")),
        lambda hdus: hdus[0].header.set("DP1", "AXIS.1: 2"),
    ],
)
@pytest.mark.filterwarnings("ignore::astropy.io.fits.verify.VerifyWarning")
def test_edited_curves_are_read_as_before(tmp_path, change):
    path = tmp_path / "edited.fits"
    path.write_bytes(edited(composite(), change))
    assert_read_alike(path)
    read = read_light_curve(path)
    expected = _read_with_astropy(path)
    assert {k: v for k, v in read.meta.items() if k != "EMPTY"} == {
        k: v for k, v in expected.meta.items() if k != "EMPTY"
    }
    assert isinstance(read.gti, Intervals)
    assert read.provenance == expected.provenance
