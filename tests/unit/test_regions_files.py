"""Regions as text and in files."""

import gzip
from pathlib import Path

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.io import fits
from hypothesis import given
from hypothesis import strategies as st

from hstlc.errors import HstlcError, InconsistentError, UnreadableError, UsageError
from hstlc.regions import (
    Annulus,
    Box,
    Circle,
    Component,
    Ellipse,
    Pie,
    Polygon,
    Region,
    SkyPixels,
    parse_region,
    read_regions,
)

STEP = 0.492 / 3600
SKY = SkyPixels(149.8853, 2.60795, 4096.5, 4096.5, -STEP, STEP)


def sky_points(x: np.ndarray, y: np.ndarray) -> SkyCoord:
    ra, dec = SKY.sky(x, y)
    return SkyCoord(ra * u.deg, dec * u.deg)


@pytest.mark.parametrize(
    ("text", "arcsec"),
    [
        ('icrs; circle(149.9, 2.62, 30")', 30.0),
        ('fk5;circle(9:59:36.0,+2:37:12.0,30.0")', 30.0),
        ("J2000 ; circle( 9h59m36s  2d37m12s  0.5' )", 30.0),
        ("icrs; circle(149.9d, 2.62d, 0.01)", 36.0),
        ("galactic; circle(236.1955903, 42.1820232, 0.01d)", 36.0),
        ('galactic; circle(236:11:44.1250, 42:10:55.2837, 36")', 36.0),
        ("circle(9:59:36.0, 2:37:12, 0.5')  # no frame, as files of some tools have it", 30.0),
        ("FK5; circle(149.9, 2.62, 5.8178e-4r) # color=red width=2 text={a; (b)}", 120.0),
    ],
)
def test_a_circle_on_the_sky_is_what_is_near_on_the_sky(text: str, arcsec: float) -> None:
    frame = "galactic" if text.startswith("gal") else "icrs"
    place = (236.1955903, 42.1820232) if frame == "galactic" else (149.9, 2.62)
    middle = SkyCoord(*place, unit="deg", frame=frame).icrs
    region = parse_region(text, SKY)
    x, y = SKY.pixel(middle.ra.deg, middle.dec.deg)
    x, y = np.random.default_rng(3).uniform(-400, 400, (2, 3000)) + np.array([[x], [y]])
    far = sky_points(x, y).separation(middle).arcsec
    clear = abs(far - arcsec) > 0.06  # FK5 is not quite ICRS
    assert np.array_equal(region.inside(x, y)[clear], (far < arcsec)[clear])


def test_angles_on_the_sky_are_counted_from_west_to_north() -> None:
    """The far end of the long axis, by position angles, which are counted from north to east."""
    for angle in (0.0, 30.0, 100.0):
        region = parse_region(f'icrs; ellipse(149.9, 2.62, 60", 5", {angle})', SKY)
        ends = SkyCoord(149.9 * u.deg, 2.62 * u.deg).directional_offset_by((angle - 90) * u.deg, [59, 61] * u.arcsec)
        assert region.inside(*SKY.pixel(ends.ra.deg, ends.dec.deg)).tolist() == [True, False]


def test_angles_follow_north_where_the_plane_is_turned() -> None:
    turned = SkyPixels(149.8853, 2.60795, 0.0, 0.0, -STEP, STEP, roll_deg=40.0)
    text = 'icrs; box(149.9, 2.62, 100", 10", 25)'
    x, y = np.random.default_rng(3).uniform(3800, 4500, (2, 4000))
    ra, dec = SKY.sky(x, y)
    assert np.array_equal(
        parse_region(text, SKY).inside(x, y), parse_region(text, turned).inside(*turned.pixel(ra, dec))
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("circle(100,200,5)", Circle(100, 200, 5)),
        ("physical; CIRCLE ( 100 , 200 , 5p )", Circle(100, 200, 5)),
        ("image;ellipse(1,2,3,4)", Ellipse(1, 2, 3, 4)),
        ("ellipse(1,2,3,4,50)", Ellipse(1, 2, 3, 4, 50)),
        ("ellipse(1,2,3,4,6,8,50)", Annulus(1, 2, 3, 6, 4 / 3, 50)),
        ("annulus(1,2,3,4)", Annulus(1, 2, 3, 4)),
        ("box(1,2,3,4,50)", Box(1, 2, 3, 4, 50)),
        ("rotbox(1,2,3,4,50)", Box(1, 2, 3, 4, 50)),
        ("rectangle(0,0,4,2)", Box(2, 1, 4, 2)),
        ("polygon(0,0,4,0,4,3,0,3)", Polygon((0, 4, 4, 0), (0, 0, 3, 3))),
        ("pie(1,2,3,4,10,80)", Pie(1, 2, 3, 4, 10, 80)),
        ("panda(1,2,10,80,1,3,4,1)", Pie(1, 2, 3, 4, 10, 80)),
        ('circle(100,200,4.92")', Circle(100, 200, 10)),
        ("circle(100,200,0.082')", Circle(100, 200, 10)),
        ("circle 100 200 5".replace(" ", "(", 1) + ")", Circle(100, 200, 5)),
        ("-1e1", None),
    ],
)
def test_every_shape_can_be_written_in_pixels(text: str, expected: object) -> None:
    if expected is None:
        with pytest.raises(UsageError):
            parse_region(text, SKY)
        return
    found = parse_region(text, SKY)
    (component,) = found.components
    assert type(component.included[0]) is type(expected)
    assert component.included[0].area == pytest.approx(expected.area)
    assert component.included[0].bounds == pytest.approx(expected.bounds)
    assert component.excluded == ()


def test_minus_cuts_from_all_and_and_limits_one() -> None:
    region = parse_region("circle(0,0,10); circle(8,0,10); -circle(4,0,1)", None)
    assert region == Region.of(Circle(0, 0, 10), Circle(8, 0, 10), excluded=[Circle(4, 0, 1)])
    region = parse_region("circle(0,0,10)&box(5,0,10,40)*!circle(4,0,1)|circle(100,0,3)", None)
    first = Component((Circle(0, 0, 10), Box(5, 0, 10, 40)), (Circle(4, 0, 1),))
    assert region == Region((first, Component((Circle(100, 0, 3),))))
    assert parse_region("ellipse(0,0,5,4,0)-ellipse(0,0,2,1,0)", None) == Region.of(
        Ellipse(0, 0, 5, 4, 0), excluded=[Ellipse(0, 0, 2, 1, 0)]
    )


SHAPES = (
    st.builds(Circle, st.floats(3000, 5000), st.floats(3000, 5000), st.floats(5, 200))
    | st.builds(
        Ellipse,
        st.floats(3000, 5000),
        st.floats(3000, 5000),
        st.floats(5, 200),
        st.floats(5, 200),
        st.floats(-400, 400),
    )
    | st.builds(
        lambda x, y, a, b, ratio, turn: Annulus(x, y, a, a + b, ratio, turn),
        *(st.floats(3000, 5000), st.floats(3000, 5000), st.floats(5, 200), st.floats(5, 200)),
        *(st.just(1.0) | st.floats(0.3, 3.0), st.floats(0, 360)),
    )
    | st.builds(
        Box, st.floats(3000, 5000), st.floats(3000, 5000), st.floats(5, 200), st.floats(5, 200), st.floats(-400, 400)
    )
    | st.builds(
        lambda x, y, a, b, start, span: Pie(x, y, a, a + b, start, start + span),
        *(st.floats(3000, 5000), st.floats(3000, 5000), st.floats(5, 200), st.floats(5, 200)),
        *(st.floats(0, 360), st.floats(10, 350)),
    )
    | st.builds(
        lambda x, y, s: Polygon((x, x + s, x + s, x), (y, y, y + s, y + 2 * s)),
        *(st.floats(3000, 5000), st.floats(3000, 5000), st.floats(5, 200)),
    )
)
COMPONENTS = st.builds(
    Component, st.lists(SHAPES, min_size=1, max_size=2).map(tuple), st.lists(SHAPES, max_size=2).map(tuple)
)


@given(st.lists(COMPONENTS, min_size=1, max_size=3))
def test_what_is_written_is_read_back(components: list[Component]) -> None:
    region = Region(tuple(components))
    text = region.ds9(SKY)
    assert "\n" not in text
    back = parse_region(text, SKY)
    assert parse_region(back.ds9(SKY), SKY).bounds == pytest.approx(back.bounds, abs=1e-3)
    assert len(back.components) == len(region.components)
    x, y = np.random.default_rng(4).uniform(2800, 5200, (2, 4000))
    assert np.mean(region.inside(x, y) == back.inside(x, y)) > 0.999


def test_a_plain_region_is_written_as_ds9_writes_it() -> None:
    region = Region.of(Circle(4096.5, 4096.5, 10), excluded=[Circle(4100.5, 4096.5, 2)])
    assert region.ds9(SKY) == (
        'icrs; circle(149.88530000, 2.60795000, 4.92000"); -circle(149.88475277, 2.60795000, 0.98400")'
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no shape"),
        ("# only a comment", "no shape"),
        ("circle(1,2)", "2 numbers, expected 3"),
        ("circle(1,2,x)", "'x' is not a length"),
        ("circle(a,2,3)", "'a' is not a number"),
        ("circle(1,2,-3)", "radius of circle is -3.0"),
        ("circle(1,2,3", "not a frame or a shape"),
        ("line(1,2,3,4)", "'line' is no shape with an area"),
        ("detector; circle(1,2,3)", "'detector' is not a frame"),
        ("-circle(1,2,3)", "nothing is included"),
        ("& circle(1,2,3)", "needs a shape on its left"),
        ("polygon(1,2,3,4)", "4 numbers, expected 6, 8"),
        ("panda(1,2,10,80,3,3,4,1)", "several parts"),
        ("ellipse(1,2,3,4,6,7,50)", "no one form"),
        ('icrs; circle(329.9, -2.6, 5")', "more than 90 degrees"),
        ('icrs; circle(10, 95, 5")', "not within 90 degrees"),
        ('icrs; circle(9:61:00, 2:00:00, 5")', "60 or more"),
        ('icrs; circle(nan, 2, 5")', "'nan' is not a number"),
        ("circle(100,200,5m)", "'5m' is not a length"),
    ],
)
def test_text_that_is_no_region_is_refused(text: str, says: str) -> None:
    with pytest.raises(UsageError) as error:
        parse_region(text, SKY)
    assert error.value.code == "usage.region"
    assert says in error.value.message
    assert error.value.hint


@given(st.text(alphabet="circle()&-!;#,.0159 :\"'dpxk\n", max_size=60))
def test_any_text_is_a_region_or_an_error_that_says_so(text: str) -> None:
    found = outcome(text)
    assert found == "usage.region" or isinstance(found, Region)


def outcome(text: str) -> Region | str:
    try:
        return parse_region(text, SKY)
    except HstlcError as error:
        return error.code


@pytest.mark.parametrize("text", ['icrs; circle(1, 2, 3")', 'circle(1, 2, 3")'])
def test_sky_positions_need_to_know_the_plane(text: str) -> None:
    with pytest.raises(UsageError, match="does not say") as error:
        parse_region(text, None)
    assert error.value.code == "usage.region"


DS9 = """# Region file format: DS9 version 4.1
global color=green dashlist=8 3 width=1 select=1
fk5
circle(9:59:36.000,+2:37:12.00,10.0") # text={the star}
circle(149.91,2.62,0.2') # color=red tag={other; one} font="helvetica 10"
-circle(149.9,2.62,2")
# circle(1,2,3) is only a comment

ellipse(149.95,2.6,10",5",30) ||
physical;box(4000,4000,20,10,0) # background text={sky}
box(4100,4000,20,10,0) # background
"""


def test_a_ds9_file_has_regions_by_name(tmp_path: Path) -> None:
    path = tmp_path / "a.reg"
    path.write_text(DS9)
    found = read_regions(path, SKY)
    assert list(found) == ["the star", "other; one", "4", "background"]
    star = found["the star"].components[0]
    assert star.included[0].area == pytest.approx(np.pi * (10 / 0.492) ** 2)
    assert star.excluded[0].area == pytest.approx(np.pi * (2 / 0.492) ** 2)
    assert found["other; one"].components[0].excluded == ()  # the exclusion does not reach it
    assert found["background"] == Region.of(Box(4000, 4000, 20, 10), Box(4100, 4000, 20, 10))
    assert np.hypot(*np.subtract(found["the star"].center, SKY.pixel(149.9, 2.62))) < 0.1


def test_an_error_in_text_names_file_and_line(tmp_path: Path) -> None:
    path = tmp_path / "a.reg"
    path.write_text("physical\ncircle(1,2,3)\ncircle(1,2)\n")
    with pytest.raises(UnreadableError, match=r"a\.reg, line 3: circle has 2 numbers") as error:
        read_regions(path, SKY)
    assert error.value.code == "data.region"


@pytest.mark.parametrize(
    "content", [b"", b"global color=red\n", b"-circle(1,2,3)\n", b"\xff\xfe\x00", b"\x1f\x8b broken", b"SIMPLE  = "]
)
def test_a_file_without_regions_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.reg"
    path.write_bytes(content)
    with pytest.raises(UnreadableError) as error:
        read_regions(path, SKY)
    assert error.value.code == "data.region"
    assert str(path) in error.value.message


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as error:
        read_regions(tmp_path / "a.reg", SKY)
    assert error.value.code == "usage.no-such-path"


def table(
    rows: list[tuple[str, object, object, object, object, int]],
    name: str = "SRCREG",
    plane: SkyPixels | None = SKY,
    width: int = 1,
    component: bool = True,
) -> fits.BinTableHDU:
    """Return a table of regions as catalogs have it: R and ROTANG vectors of two, X and Y of ``width``."""

    def vectors(place: int, length: int) -> np.ndarray:
        values = np.full((len(rows), length), np.nan)
        for number, row in enumerate(rows):
            given = np.atleast_1d(row[place])
            values[number, : len(given)] = given
        return values

    columns = [
        fits.Column(
            "X",
            f"{width}D" if width > 1 else "D",
            "pixel",
            array=np.squeeze(vectors(1, width), -1 if width == 1 else ()),
        ),
        fits.Column(
            "Y",
            f"{width}D" if width > 1 else "D",
            "pixel",
            array=np.squeeze(vectors(2, width), -1 if width == 1 else ()),
        ),
        fits.Column("SHAPE", "16A", array=[row[0] for row in rows]),
        fits.Column("R", "2D", "pixel", array=vectors(3, 2)),
        fits.Column("ROTANG", "2D", "pixel", array=vectors(4, 2)),
    ]
    if component:
        columns.append(fits.Column("COMPONENT", "I", array=[row[5] for row in rows]))
    hdu = fits.BinTableHDU.from_columns(columns, name=name)
    hdu.header["SIMULATD"] = "T"
    if plane is not None:
        for number, kind, value, pixel, step in (
            (1, "XLON-TAN", plane.ra_deg, plane.x, plane.step_x_deg),
            (2, "YLAT-TAN", plane.dec_deg, plane.y, plane.step_y_deg),
        ):
            hdu.header[f"TCTYP{number}"] = kind
            hdu.header[f"TCRVL{number}"], hdu.header[f"TCRPX{number}"] = value, pixel
            hdu.header[f"TCDLT{number}"] = step
    return hdu


def write(path: Path, *tables: fits.BinTableHDU) -> Path:
    fits.HDUList([fits.PrimaryHDU(), *tables]).writeto(path)
    return path


KNOWN = ("Ellipse", 3145.8947368421, 4520.7894736842, (37.0615234375, 15.3881587982), 92.2273254395, 1)


def test_tables_of_a_catalog_are_read_by_their_names(tmp_path: Path) -> None:
    around = [
        ("Ellipse", *KNOWN[1:3], (5 * 37.0615234375, 5 * 15.3881587982), *KNOWN[4:]),
        ("!ELLIPSE", *KNOWN[1:]),
    ]
    path = write(tmp_path / "r.fits", table([KNOWN]), table(around, "BKGREG"), table([KNOWN], "ECF90REGB"))
    found = read_regions(path, SKY)
    assert list(found) == ["SRCREG", "BKGREG", "ECF90REGB"]
    assert found["SRCREG"] == found["ECF90REGB"]
    assert round(found["SRCREG"].area, 3) == 1791.677
    assert found["BKGREG"].area == pytest.approx(24 * 1791.6773, rel=1e-6)
    assert not found["BKGREG"].inside(*KNOWN[1:3])
    packed = tmp_path / "r.fits.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    assert read_regions(packed, SKY) == found


def test_rows_of_one_component_are_cut_and_components_joined(tmp_path: Path) -> None:
    rows = [
        ("CIRCLE", 0.0, 0.0, 10.0, 0.0, 1),
        ("rotbox", 5.0, 0.0, (10.0, 40.0), 0.0, 1),
        ("!circle", 4.0, 0.0, 1.0, 0.0, 1),
        ("annulus", 100.0, 0.0, (2.0, 3.0), 0.0, 2),
        ("!Circle", 102.0, 0.0, 1.0, 0.0, 3),
    ]
    region = read_regions(write(tmp_path / "r.fits", table(rows, plane=None)), None)["SRCREG"]
    first = Component((Circle(0, 0, 10), Box(5, 0, 10, 40)), (Circle(4, 0, 1),))
    assert region == Region((first, Component((Annulus(100, 0, 2, 3),), (Circle(102, 0, 1),))))


def test_without_components_every_row_is_one(tmp_path: Path) -> None:
    rows = [("CIRCLE", 0.0, 0.0, 10.0, 0.0, 1), ("CIRCLE", 50.0, 0.0, 10.0, 0.0, 1), ("!CIRCLE", 5.0, 0.0, 1.0, 0.0, 1)]
    region = read_regions(write(tmp_path / "r.fits", table(rows, plane=None, component=False)), None)["SRCREG"]
    assert region.inside([0.0, 50.0, 5.0], [0.0, 0.0, 0.0]).tolist() == [True, True, False]


def test_vectors_of_polygons_may_be_filled_up(tmp_path: Path) -> None:
    rows = [
        ("Polygon", (0.0, 4.0, 4.0, 0.0), (0.0, 0.0, 3.0, 3.0), np.nan, np.nan, 1),
        ("Polygon", (10.0, 14.0, 14.0, 14.0, 14.0, 14.0), (0.0, 0.0, 3.0, 3.0, 3.0, 3.0), np.nan, np.nan, 2),
        ("Polygon", (20.0, 24.0, 24.0, 0.0, 0.0), (1.0, 1.0, 4.0, 0.0, 0.0), np.nan, np.nan, 3),
        ("Circle", 30.0, 5.0, 2.0, np.nan, 4),
        ("rectangle", (40.0, 44.0), (0.0, 2.0), np.nan, np.nan, 5),
        ("pie", 60.0, 0.0, (1.0, 2.0), (0.0, 90.0), 6),
    ]
    region = read_regions(write(tmp_path / "r.fits", table(rows, plane=None, width=6)), None)["SRCREG"]
    assert [component.included[0] for component in region.components] == [
        Polygon((0, 4, 4, 0), (0, 0, 3, 3)),
        Polygon((10, 14, 14), (0, 0, 3)),
        Polygon((20, 24, 24), (1, 1, 4)),
        Circle(30, 5, 2),
        Box(42, 1, 4, 2),
        Pie(60, 0, 1, 2, 0, 90),
    ]


def test_regions_of_another_tangent_plane_are_moved(tmp_path: Path) -> None:
    stack = SkyPixels(150.1, 2.7, 2048.5, 2048.5, -2 * STEP, 2 * STEP)
    ra, dec = SKY.sky(*KNOWN[1:3])
    x, y = stack.pixel(ra, dec)
    rows = [("Ellipse", float(x), float(y), (37.0615234375 / 2, 15.3881587982 / 2), KNOWN[4], 1)]
    region = read_regions(write(tmp_path / "r.fits", table(rows, plane=stack)), SKY)["SRCREG"]
    shape = region.components[0].included[0]
    assert isinstance(shape, Ellipse)
    assert region.center == pytest.approx(KNOWN[1:3], abs=1e-6)
    assert region.area == pytest.approx(1791.677, rel=1e-6)
    assert shape.angle_deg == pytest.approx(KNOWN[4], abs=0.05)  # north of the two planes differs by the meridians


@pytest.mark.parametrize(
    ("row", "says"),
    [
        (("Circle", 1.0, 2.0, -3.0, 0.0, 1), "row 1: radius of circle is -3.0"),
        (("Point", 1.0, 2.0, 3.0, 0.0, 1), "'Point' is no shape"),
        (("Ellipse", 1.0, 2.0, 3.0, 0.0, 1), "1 values of R"),
        (("Circle", np.nan, 2.0, 3.0, 0.0, 1), "0 positions"),
        (("!Circle", 1.0, 2.0, 3.0, 0.0, 1), "only excludes"),
        (("pie", 1.0, 2.0, (1.0, 3.0), 0.0, 1), "1 values of ROTANG"),
        (("", 1.0, 2.0, 3.0, 0.0, 1), "'' is no shape"),
    ],
)
def test_a_row_that_is_no_shape_is_refused(tmp_path: Path, row: tuple, says: str) -> None:
    path = write(tmp_path / "r.fits", table([row], plane=None))
    with pytest.raises(InconsistentError) as error:
        read_regions(path, None)
    assert error.value.code == "data.region"
    assert says in error.value.message
    assert f"{path}, table SRCREG" in error.value.message


def test_a_table_without_rows_and_a_file_without_a_table_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InconsistentError, match="no rows"):
        read_regions(write(tmp_path / "a.fits", table([], plane=None)), None)
    times = fits.BinTableHDU.from_columns([fits.Column("START", "D"), fits.Column("STOP", "D")], name="GTI")
    with pytest.raises(UnreadableError, match="GTI with START, STOP"):
        read_regions(write(tmp_path / "b.fits", times), None)


def test_tables_of_one_name_keep_apart(tmp_path: Path) -> None:
    second = table([("Circle", 1.0, 2.0, 3.0, 0.0, 1)], plane=None)
    second.ver = 2
    found = read_regions(write(tmp_path / "r.fits", table([KNOWN], plane=None), second), None)
    assert list(found) == ["SRCREG", "SRCREG,2"]


def test_a_table_that_is_cut_short_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "r.fits", table([KNOWN]))
    whole = path.read_bytes()
    for length in (2880, 4000, len(whole) - 2880, len(whole) - 100):
        path.write_bytes(whole[:length])
        with pytest.raises(UnreadableError) as error:
            read_regions(path, SKY)
        assert error.value.code == "data.region"


def test_a_table_with_wrong_bytes_is_read_or_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "r.fits", table([KNOWN, ("!Circle", 3145.0, 4520.0, 5.0, 0.0, 1)]))
    whole = np.frombuffer(path.read_bytes(), dtype=np.uint8)
    rng = np.random.default_rng(11)
    codes = set()
    for _ in range(150):
        broken = whole.copy()
        broken[rng.integers(2880, len(whole), 4)] = rng.integers(32, 127, 4)
        path.write_bytes(broken.tobytes())
        try:
            codes.add(str(len(read_regions(path, SKY))))
        except HstlcError as error:
            codes.add(error.code)
    assert codes <= {"1", "data.region"}
    assert "data.region" in codes
