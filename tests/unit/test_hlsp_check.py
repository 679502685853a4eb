"""Every rule for High Level Science Products, and a file that breaks it and no other."""

import gzip
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from astropy.io import fits
from hlsp_composite import STAR, composite, write_composite

from hstlc.errors import InconsistentError, UnreadableError, UnsupportedModeError
from hstlc.formats.curve_fits import write_light_curve
from hstlc.formats.hlsp.check import Verdict, check_hlsp, rules_of
from hstlc.formats.hlsp.keywords import HLSP_KEYWORDS, Kind, Need
from hstlc.formats.hlsp.project import Profile, Project

KNOWN = Project(doi="10.17909/abcd-ef12", reference="2018ApJ...1....1E")
Change = Callable[[fits.HDUList], None]


@pytest.fixture(params=Profile, ids=str)
def profile(request) -> Profile:
    return request.param


def written(folder: Path, profile: Profile, **meta) -> Path:
    folder.mkdir(exist_ok=True)
    return write_composite(folder, replace(KNOWN, profile=profile), **meta)


def edit(path: Path, change: Change) -> None:
    """Change a file through astropy, checksums right afterwards."""
    with fits.open(path) as hdus:
        change(hdus)
        hdus.writeto(path, overwrite=True, checksum=True)


def put(**cards) -> Change:
    """Set keywords in both headers; two underscores stand for a hyphen, None deletes."""

    def change(hdus: fits.HDUList) -> None:
        for hdu in (hdus[0], hdus["LIGHTCURVE"]):
            for keyword, value in cards.items():
                name = keyword.replace("__", "-")
                if value is None:
                    hdu.header.remove(name, ignore_missing=True)
                else:
                    hdu.header[name] = value

    return change


def verdicts(path: Path, profile: Profile | None = None) -> dict[str, Verdict]:
    return {result.rule: result.verdict for result in check_hlsp(path, profile)}


def only_broken(path: Path, profile: Profile) -> list[str]:
    return [result.rule for result in check_hlsp(path, profile) if result.verdict is Verdict.BROKEN]


WRONG_KIND = {Kind.TEXT: 5, Kind.NUMBER: "five", Kind.TIME: "2017-12-21 12:00:00", Kind.NAME: 1.5}


def _swap(one: str, other: str) -> Change:
    def change(hdus: fits.HDUList) -> None:
        for hdu in (hdus[0], hdus["LIGHTCURVE"]):
            hdu.header[one], hdu.header[other] = hdu.header[other], hdu.header[one]

    return change


def _swapped_span(hdus: fits.HDUList) -> None:
    if "HLSPID" in hdus[0].header:
        _swap("MJD-BEG", "MJD-END")(hdus)
        _swap("DATE-BEG", "DATE-END")(hdus)
    else:
        put(EXPEND=hdus[0].header["EXPSTART"] - 1)(hdus)


def _later_end(hdus: fits.HDUList) -> None:
    """Let the headers say that the curve ends a minute later than its last bin."""
    if "HLSPID" in hdus[0].header:
        put(DATE__END="2017-12-22T12:01:04.000", TELAPSE=86464.0)(hdus)
        put(MJD__END=58108.5 + 86464 / 86400, MJD__MID=58108.5 + 43232 / 86400)(hdus)
    else:
        put(EXPEND=58108.5 + 86464 / 86400)(hdus)


def _unlike_dates(hdus: fits.HDUList) -> None:
    put(**{"DATE__END" if "HLSPID" in hdus[0].header else "DATE__OBS": "2017-12-22T12:00:09.000"})(hdus)


def _no_unit(hdus: fits.HDUList) -> None:
    hdus["LIGHTCURVE"].columns["rate"].unit = ""


def _other_name(hdus: fits.HDUList) -> None:
    hdus["LIGHTCURVE"].name = "CURVE"


def _in_primary(**cards) -> Change:
    def change(hdus: fits.HDUList) -> None:
        hdus[0].header.update(cards)

    return change


def _simulated(hdus: fits.HDUList) -> None:
    del hdus[0].header["SIMULATD"]


def _cards_out_of_order(path: Path) -> None:
    """Swap two cards, which leaves the checksum as it is."""
    content = bytearray(path.read_bytes())
    first = content.index(b"PCOUNT  =")
    second = content.index(b"GCOUNT  =")
    content[first : first + 80], content[second : second + 80] = (
        content[second : second + 80],
        content[first : first + 80],
    )
    path.write_bytes(content)


def _bell(path: Path) -> None:
    """Put a control character into a comment, and the same amount back elsewhere so that the checksum stays right."""
    content = bytearray(path.read_bytes())
    comment = content.index(b"/ acronym") if b"HLSPACRN" in content else content.index(b"/ collection")
    letter = content.index(b"c", comment)
    blank = next(at for at in range(letter + 20, letter + 60) if (at - letter) % 4 == 0 and content[at] == ord(" "))
    content[letter], content[blank] = 7, ord(" ") + ord("c") - 7
    path.write_bytes(content)


def _changed_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    with fits.open(path) as hdus:
        content[hdus["GTI"].fileinfo()["datLoc"] + 7] ^= 1
    path.write_bytes(content)


#: What breaks each rule that is not of one keyword: a change through astropy, or of the bytes.
EDITS: dict[str, Change] = {
    "table": _other_name,
    "EXTNAME": _in_primary(EXTNAME="FIRST"),
    "units": _no_unit,
    "headers agree": _in_primary(HLSPLEAD="Somebody Else"),
    "no EPOCH": put(EPOCH=2000.0),
    "file name and headers": put(APERTURE="BOA"),
    "order of times": _swapped_span,
    "dates": _unlike_dates,
    "bins": _later_end,
    "elapsed time": put(TELAPSE=1.0),
    "exposure": put(XPOSURE=90000.0, EXPTIME=90000.0),
    "coordinates": put(DEC_TARG=None),
    "reference system": put(RADESYS="ICRS", EQUINOX=2000.0),
    "MULTI": put(FILTER="MULTI", FILTER01="G130M"),
    "SIMULATD": _simulated,
}
BYTES: dict[str, Callable[[Path], None]] = {
    "FITS structure": _cards_out_of_order,
    "characters": _bell,
    "checksums": _changed_byte,
}


def _break(path: Path, rule: str) -> Path:
    """Break one rule; return where the file is then."""
    if rule == "file name":
        return path.rename(path.with_name(path.name.replace("hlsp_", "hslp_")))
    if rule in BYTES:
        BYTES[rule](path)
    elif rule in EDITS:
        edit(path, EDITS[rule])
    else:
        keyword = next(k for k in HLSP_KEYWORDS if rule == f"keyword {k.keyword}")
        edit(path, put(**{keyword.keyword.replace("-", "__"): WRONG_KIND[keyword.kind]}))
    return path


def test_a_good_file_keeps_every_rule(tmp_path, profile):
    path = written(tmp_path, profile)
    assert verdicts(path) == {rule.name: Verdict.OK for rule in rules_of(profile)}


@pytest.mark.parametrize(
    ("profile", "rule"),
    [(profile, rule.name) for profile in Profile for rule in rules_of(profile)],
    ids=str,
)
def test_every_rule_is_broken_by_a_file_that_breaks_it_alone(tmp_path, profile, rule):
    path = _break(written(tmp_path, profile), rule)
    assert only_broken(path, profile) == [rule]


def test_rules_have_names_and_sentences_of_their_own(profile):
    rules = rules_of(profile)
    assert len({rule.name for rule in rules}) == len(rules)
    assert all(rule.words.endswith(".") for rule in rules)
    assert set(EDITS) | set(BYTES) <= {rule.name for profile in Profile for rule in rules_of(profile)}


@pytest.mark.parametrize(
    ("profile", "keyword"),
    [(p, k) for p in Profile for k in HLSP_KEYWORDS if k.need(p)],
    ids=lambda value: getattr(value, "keyword", str(value)),
)
def test_an_absent_keyword_is_broken_or_unchecked_and_never_in_order(tmp_path, profile, keyword):
    path = written(tmp_path, profile)
    edit(path, put(**{keyword.keyword.replace("-", "__"): None}))
    must = keyword.need(profile) is Need.REQUIRED and not keyword.unknown
    assert verdicts(path, profile)[f"keyword {keyword.keyword}"] is (Verdict.BROKEN if must else Verdict.UNCHECKED)


@pytest.mark.parametrize(
    ("profile", "cards", "rule"),
    [
        (Profile.MAST, {"LICENSE": "CC BY-NC 4.0"}, "keyword LICENSE"),
        (Profile.MAST, {"LICENURL": "http://creativecommons.org/licenses/by/4.0/"}, "keyword LICENURL"),
        (Profile.MAST, {"DOI": "doi:10.17909/x"}, "keyword DOI"),
        (Profile.MAST, {"HLSPID": "hstlc"}, "keyword HLSPID"),
        (Profile.MAST, {"HLSPID": "OTHER"}, "file name and headers"),
        (Profile.MAST, {"HLSPVER": "v1"}, "keyword HLSPVER"),
        (Profile.MAST, {"HLSPVER": "2"}, "file name and headers"),
        (Profile.MAST, {"HLSPTARG": ""}, "keyword HLSPTARG"),
        (Profile.MAST, {"HLSPTARG": "Gj-436"}, "file name and headers"),
        (Profile.MAST, {"XPOSURE": 0.0}, "keyword XPOSURE"),
        (Profile.MAST, {"XPOSURE": True}, "keyword XPOSURE"),
        (Profile.MAST, {"RA_TARG": 360.0}, "keyword RA_TARG"),
        (Profile.MAST, {"DEC_TARG": -90.1}, "keyword DEC_TARG"),
        (Profile.MAST, {"RADESYS": "GALACTIC"}, "keyword RADESYS"),
        (Profile.MAST, {"RADESYS": None}, "reference system"),
        (Profile.MAST, {"EQUINOX": 2000.0}, "reference system"),
        (Profile.MAST, {"TIMESYS": "GPS"}, "keyword TIMESYS"),
        (Profile.MAST, {"DATE__BEG": "2017-13-21T12:00:00"}, "keyword DATE-BEG"),
        (Profile.MAST, {"DATE__BEG": "2017-12-21T12:00:01"}, "dates"),
        (Profile.MAST, {"MJD__MID": 58108.5}, "elapsed time"),
        (Profile.MAST, {"DETECTOR": "MULTI", "DETECT01": "FUV", "DETECT02": "NUV"}, "file name and headers"),
        (Profile.LEGACY, {"EQUINOX": 1950.0}, "keyword EQUINOX"),
        (Profile.LEGACY, {"EXPTIME": -1.0}, "keyword EXPTIME"),
        (Profile.LEGACY, {"TARGNAME": "GJ 436"}, "file name and headers"),
        (Profile.LEGACY, {"CENWAVE": 1300}, "file name and headers"),
        (Profile.LEGACY, {"TELESCOP": "OTHER"}, "file name and headers"),
        (Profile.LEGACY, {"SIMULATD": "maybe"}, "SIMULATD"),
        (Profile.LEGACY, {"INSTRUME": "MULTI"}, None),
    ],
    ids=str,
)
def test_wrong_values_are_noticed(tmp_path, profile, cards, rule):
    path = written(tmp_path, profile)
    edit(path, put(**cards))
    assert only_broken(path, profile) == ([rule] if rule else ["file name and headers", "MULTI"])


def test_several_filters_are_named_one_by_one(tmp_path, profile):
    path = written(tmp_path, profile)
    edit(path, put(FILTER="MULTI", FILTER01="G130M", FILTER02="G160M"))
    assert only_broken(path, profile) == []


def test_what_nobody_can_know_yet_is_unchecked(tmp_path, profile):
    path = write_composite(tmp_path, Project(profile), RA_TARG=None, DEC_TARG=None)
    found = check_hlsp(path)
    unchecked = {result.rule for result in found if result.verdict is Verdict.UNCHECKED}
    paper = {"keyword DOI", "keyword REFERENC", "keyword RADESYS"} if profile is Profile.MAST else {"keyword CITATION"}
    assert unchecked == paper | {"keyword RA_TARG", "keyword DEC_TARG"}
    assert all(result.message for result in found)
    assert all(result.verdict is not Verdict.BROKEN for result in found)


def test_headers_tell_the_profile(tmp_path, profile):
    assert set(verdicts(written(tmp_path, profile))) == {rule.name for rule in rules_of(profile)}


def test_a_file_of_one_profile_breaks_the_other(tmp_path, profile):
    other = next(p for p in Profile if p is not profile)
    broken = only_broken(written(tmp_path, profile), other)
    assert "file name" in broken
    assert len(broken) > 3


@pytest.mark.parametrize("targname", ["α Cen", "A_B/..", "x" * 128, "TAB\tTAB", "BACK\\SLASH", "BLANK ", "mixed Case"])
def test_names_of_hostile_targets_agree_with_their_headers(tmp_path, profile, targname):
    path = write_composite(tmp_path, replace(KNOWN, profile=profile), replace(STAR, targname=targname))
    assert only_broken(path, profile) == []
    assert verdicts(path)["file name and headers"] is Verdict.OK


@pytest.mark.parametrize("telescop", ["CXO", "Hst"])
def test_a_telescope_that_is_not_called_like_its_mission_is_in_order(tmp_path, profile, telescop):
    path = write_composite(tmp_path, replace(KNOWN, profile=profile), replace(STAR, telescop=telescop))
    assert only_broken(path, profile) == []


def test_a_compressed_file_is_checked_like_another(tmp_path):
    path = written(tmp_path, Profile.MAST)
    packed = path.with_name(path.name + ".gz")
    packed.write_bytes(gzip.compress(path.read_bytes()))
    assert verdicts(packed) == verdicts(path)


def test_two_extensions_of_one_name_are_both_summed(tmp_path, profile):
    path = written(tmp_path, profile)
    edit(path, lambda hdus: hdus.append(hdus["GTI"].copy()))
    assert only_broken(path, profile) == []
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    assert only_broken(path, profile) == ["checksums"]


def test_missing_checksums_are_noticed(tmp_path, profile):
    path = written(tmp_path, profile)
    with fits.open(path) as hdus:
        for keyword in ("CHECKSUM", "DATASUM"):
            del hdus["GTI"].header[keyword]
        hdus.writeto(path, overwrite=True)
    (found,) = (result for result in check_hlsp(path, profile) if result.verdict is Verdict.BROKEN)
    assert found.rule == "checksums"
    assert "CHECKSUM of GTI" in found.message
    assert "DATASUM of GTI" in found.message


def test_without_its_table_much_stays_unchecked(tmp_path, profile):
    path = written(tmp_path, profile)
    edit(path, _other_name)
    found = verdicts(path, profile)
    for rule in ("units", "headers agree", "bins", "keyword RA_TARG", "keyword FILTER"):
        assert found[rule] is Verdict.UNCHECKED


def test_a_light_curve_of_one_exposure_is_no_such_product(tmp_path):
    path = tmp_path / "lsim00aaq_curve.fits"
    path.write_bytes(write_light_curve(composite()))
    with pytest.raises(UnsupportedModeError) as caught:
        check_hlsp(path)
    assert caught.value.code == "data.not-hlsp"
    assert str(path) in caught.value.message
    assert len(only_broken(path, Profile.LEGACY)) > 3


def test_files_that_are_none_are_refused(tmp_path, profile):
    path = written(tmp_path, profile)
    path.write_bytes(path.read_bytes()[:-2880])
    with pytest.raises(UnreadableError) as caught:
        check_hlsp(path)
    assert caught.value.code == "data.truncated"
    path.write_text("no FITS")
    with pytest.raises(UnreadableError):
        check_hlsp(path)
    path.unlink()
    with pytest.raises(InconsistentError):
        check_hlsp(path)
