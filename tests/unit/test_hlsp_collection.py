"""A collection as text and headers: what is delivered, the manifest, the README."""

import csv
import hashlib
import io
from dataclasses import replace

import pytest
from hlsp_composite import MEMBERS, STAR, composite

from hstlc.formats.curve_fits import write_light_curve
from hstlc.formats.hlsp.collection import (
    README,
    Entry,
    delivered,
    entry,
    manifest,
    manifest_name,
    preview_name,
    readme,
)
from hstlc.formats.hlsp.headers import hlsp_keywords
from hstlc.formats.hlsp.names import composite_name, name_problems
from hstlc.formats.hlsp.project import Profile, Project
from hstlc.model import COLUMNS

MAST = Project(Profile.MAST, doi="10.17909/abcd-ef12", reference="2018ApJ...1....1E", version="1.2")
TIMES = (
    {"expstart": 58108.512, "expend": 58108.6, "exptime": 4.0},
    {"expstart": 58109.5, "expend": 58109.513, "exptime": 6.0},
)


def stored(project: Project, proposals=(14767, 14767)):
    """A composite as a run makes it under a profile; ``stack`` leaves out a proposal that the exposures differ in."""
    rows = tuple({**m, **t, "proposid": p} for m, t, p in zip(MEMBERS, TIMES, proposals, strict=True))
    curve = replace(composite(NDATASET=2, DATE="2018-07-02"), provenance=rows)
    if len(set(proposals)) > 1 or proposals[0] < 0:
        curve = replace(curve, meta={k: v for k, v in curve.meta.items() if k != "PROPOSID"})
    return replace(curve, meta={**curve.meta, **hlsp_keywords(curve, STAR, project)})


def known(curve):
    return replace(curve, meta={key: value for key, value in curve.meta.items() if value is not None})


@pytest.mark.parametrize("proposals", [(14767, 14767), (14767, 12345), (-1, -1)], ids=str)
@pytest.mark.parametrize("profile", Profile, ids=str)
def test_what_is_delivered_does_not_depend_on_the_profile_of_the_store(profile, proposals):
    expected = stored(MAST, proposals)
    found = delivered(known(stored(replace(MAST, profile=profile), proposals)), STAR, MAST)
    assert write_light_curve(found) == write_light_curve(expected)


def test_an_earlier_version_is_delivered_as_the_present_one():
    earlier = stored(replace(MAST, version="1", doi="", name="An earlier name"))
    assert write_light_curve(delivered(known(earlier), STAR, MAST)) == write_light_curve(stored(MAST))


def test_unknown_times_of_exposures_are_left_alone():
    legacy = known(stored(Project()))
    rows = tuple({**row, "exptime": float("nan")} for row in legacy.provenance)
    assert delivered(replace(legacy, provenance=rows), STAR, MAST).meta["EXPTIME"] == legacy.meta["EXPTIME"]


def test_names_of_pictures_follow_those_of_their_light_curves():
    name = composite_name(STAR, MAST)
    picture = preview_name(name)
    assert picture == name.replace("_lc.fits", "_preview.png")
    assert name_problems(picture.replace(".png", ".fits"), Profile.MAST) == ()


def test_the_manifest_is_named_after_what_all_have_in_common():
    names = [composite_name(replace(STAR, targname=name), MAST) for name in ("M-1", "M-2")]
    assert manifest_name(names) == "hlsp_hstlc_hst_cos-fuv_multi_g130m-c1291-psa_v1.2_manifest.csv"
    assert manifest_name(names[:1]) == "hlsp_hstlc_hst_cos-fuv_m-1_g130m-c1291-psa_v1.2_manifest.csv"


def test_the_manifest_tells_digests_target_and_place_of_every_file():
    curve = stored(MAST)
    content = write_light_curve(curve)
    rows = [entry("b_lc.fits", "lc", content, curve), entry(README, "readme", b"text")]
    table = list(csv.DictReader(io.StringIO(manifest(rows[::-1]).decode())))
    assert manifest(rows) == manifest(rows[::-1])
    assert [row["filename"] for row in table] == [README, "b_lc.fits"]
    row = table[1]
    assert row["sha256"] == hashlib.sha256(content).hexdigest()
    assert row["md5"] == hashlib.md5(content).hexdigest()
    assert int(row["size_bytes"]) == len(content)
    assert (row["target"], float(row["ra_deg"]), float(row["dec_deg"])) == ("GJ-436", 175.5462, 26.7066)
    assert [row[name] for name in ("observatory", "instrument", "detector", "filter", "cenwave_aa", "aperture")] == [
        "HST", "COS", "FUV", "G130M", "1291", "PSA"
    ]  # fmt: skip
    assert (float(row["mjd_beg"]), float(row["xposure_s"])) == (58108.5, 9.0)
    assert [row[name] for name in ("exposures", "proposals", "simulated")] == ["2", "14767", "T"]
    assert table[0]["target"] == table[0]["ra_deg"] == ""


def test_names_with_commas_and_quotes_survive_in_the_manifest():
    row = Entry('a,"b".fits', "lc", 1, "0", "0", target='A "star", it\'s')
    (found,) = csv.DictReader(io.StringIO(manifest([row]).decode()))
    assert (found["filename"], found["target"]) == (row.filename, row.target)


def test_the_readme_has_the_numbers_of_the_collection():
    curve = stored(MAST)
    other = replace(curve, meta={**curve.meta, "HLSPTARG": "OTHER", "DETECTOR": "NUV", "SIMULATD": "F"})
    rows = [entry(f"{n}_lc.fits", "lc", b"", one) for n, one in enumerate((curve, curve, other))]
    text = readme([*rows, entry("a_preview.png", "preview", b"", curve)], MAST, "list.csv").decode()
    assert "3 light curves of 2 targets, from 6 exposures" in text
    assert "| COS FUV | 2 | 4 | 0.01 |" in text
    assert "| COS NUV | 1 | 2 | 0.00 |" in text
    for word in (MAST.lead, MAST.doi, MAST.reference, MAST.name, "CC BY 4.0", "version 1.2", "list.csv", "2018-07-02"):
        assert word in text
    assert "2 of the light curves" in text
    assert all(f"| `{column.name}` |" in text for column in COLUMNS)
    assert "$" not in text
    assert max(map(len, text.splitlines())) <= 120
