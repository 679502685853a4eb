"""Names of composites: as documented, allowed everywhere, never shared."""

import re
from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hstlc.errors import UsageError
from hstlc.formats.hlsp.names import Configuration, composite_name, name_problems
from hstlc.formats.hlsp.project import Profile, Project

STAR = Configuration("hst", "HST", "COS", "FUV", "GJ-436", "G130M", 1291, "PSA")
NEBULA = Configuration("hst", "HST", "STIS", "NUV-MAMA", "NGC6905", "E230M", 2561, "0.2X0.2")
PROJECTS = [Project(profile) for profile in Profile]
HOSTILE = [
    "", " ", "..", "../../etc/passwd", "a/b", "A\nB", "A\0B", "Ä", "K", "ß", "GJ 436", "GJ_436", "GJ-436 ", "gj-436",
    "Gj-436", "GJ+436", "GJ.436", "-GJ", ".GJ", "GJ-DEADBEEF", "GJ-12345678", "2005", "0", "X" * 128, "X" * 127 + "Y",
    "1" * 128, "/" * 128, "\udc80", "\\X2F", "52X0.2", "52X0D2", "52X0P2", "52X0+2",
]  # fmt: skip

text = st.one_of(st.text(max_size=130), st.sampled_from(HOSTILE), st.text("aA0-._+ dDpP/é", max_size=12))
configurations = st.builds(Configuration, *[text] * 6, st.integers(), text)


@pytest.mark.parametrize(
    ("configuration", "legacy", "mast"),
    [
        (
            replace(STAR, targname="GJ436"),
            "hlsp_hstlc_hst_cos-fuv_gj436_g130m_1291_psa_v1_sci.fits",
            "hlsp_hstlc_hst_cos-fuv_gj436_g130m-c1291-psa_v1_lc.fits",
        ),
        (
            NEBULA,
            "hlsp_hstlc_hst_stis-nuv-mama_ngc6905_e230m_2561_0.2x0.2_v1_sci.fits",
            "hlsp_hstlc_hst_stis-nuv-mama_ngc6905_e230m-c2561-0d2x0d2_v1_lc.fits",
        ),
        (
            STAR,
            "hlsp_hstlc_hst_cos-fuv_gj-436_g130m_1291_psa_v1_sci.fits",
            "hlsp_hstlc_hst_cos-fuv_gj-436_g130m-c1291-psa_v1_lc.fits",
        ),
        (
            replace(STAR, targname="4C+06.41", opt_elem="MIRRORA", cenwave=0),
            "hlsp_hstlc_hst_cos-fuv_4c+06.41_mirrora_0_psa_v1_sci.fits",
            "hlsp_hstlc_hst_cos-fuv_4c+06.41_mirrora-c0-psa_v1_lc.fits",
        ),
    ],
)
def test_names_are_the_documented_ones(configuration: Configuration, legacy: str, mast: str) -> None:
    assert composite_name(configuration, Project(Profile.LEGACY)) == legacy
    assert composite_name(configuration, Project(Profile.MAST)) == mast


@pytest.mark.parametrize("project", PROJECTS, ids=lambda p: p.profile)
@given(configuration=configurations)
def test_every_name_is_allowed(project: Project, configuration: Configuration) -> None:
    name = composite_name(configuration, project)
    assert name_problems(name, project.profile) == ()
    assert re.fullmatch(r"[a-z0-9_.+-]+", name)
    assert name == composite_name(configuration, project)
    if project.profile is Profile.MAST:
        assert len(name) <= 90
        assert "+" not in "".join(part for number, part in enumerate(name.split("_")) if number != 4)
    else:
        assert len(name.encode()) <= 255


@given(
    configuration=configurations,
    identifier=st.from_regex(r"[a-z][a-z0-9-]{0,18}[a-z0-9]", fullmatch=True),
    version=st.sampled_from(["1", "12.34", "12.34.5a"]),
)
def test_long_projects_leave_room_under_mast(configuration: Configuration, identifier: str, version: str) -> None:
    project = Project(Profile.MAST, identifier=identifier, version=version)
    assert name_problems(composite_name(configuration, project), Profile.MAST) == ()


@pytest.mark.parametrize("project", PROJECTS, ids=lambda p: p.profile)
@given(one=configurations, other=configurations)
def test_no_two_configurations_share_a_name(project: Project, one: Configuration, other: Configuration) -> None:
    assert (composite_name(one, project) == composite_name(other, project)) == (one == other)


@pytest.mark.parametrize("project", PROJECTS, ids=lambda p: p.profile)
@pytest.mark.parametrize("field", [field.name for field in fields(Configuration) if field.name != "cenwave"])
def test_hostile_values_of_one_field_give_different_names(project: Project, field: str) -> None:
    base = NEBULA if field == "aperture" else STAR
    names = [composite_name(replace(base, **{field: value}), project) for value in HOSTILE]
    assert len(set(names)) == len(HOSTILE)


@pytest.mark.parametrize("project", PROJECTS, ids=lambda p: p.profile)
@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"instrume": "A-B", "detector": "C"}, {"instrume": "A", "detector": "B-C"}),
        ({"opt_elem": "G-C1", "cenwave": 2}, {"opt_elem": "G", "cenwave": 1, "aperture": "C2-PSA"}),
        ({"cenwave": 5}, {"cenwave": -5}),
        ({"detector": ""}, {"instrume": "", "detector": "COS"}),
        ({"telescop": "HST"}, {"telescop": "hst"}),
    ],
)
def test_where_fields_meet_nothing_is_confused(project: Project, one: dict, other: dict) -> None:
    assert composite_name(replace(STAR, **one), project) != composite_name(replace(STAR, **other), project)


def test_the_fields_of_a_legacy_name_stay_where_programs_look_for_them() -> None:
    hostile = Configuration("hst", "HST", "COS", "FUV", "a_b/c", "G_1", 1291, "P_A")
    parts = composite_name(hostile, Project()).split("_")
    assert len(parts) == 10
    assert parts[3] == "cos-fuv"
    assert re.fullmatch(r"a-b-c-[0-9a-f]{8}", parts[4])
    assert re.fullmatch(r"g-1-[0-9a-f]{8}", parts[5])
    assert parts[6] == "1291"
    assert re.fullmatch(r"p-a-[0-9a-f]{8}", parts[7])


def test_a_long_name_loses_the_end_of_its_target_first() -> None:
    name = composite_name(replace(NEBULA, targname="T" * 30), Project(Profile.MAST, identifier="a" * 12))
    assert len(name) == 90
    assert re.search(r"_stis-nuv-mama_t+-[0-9a-f]{8}_e230m-c2561-0d2x0d2_", name)


GOOD = {profile: composite_name(STAR, Project(profile)) for profile in Profile}


@pytest.mark.parametrize(
    ("name", "profile", "word"),
    [
        (GOOD[Profile.MAST].upper(), Profile.MAST, "hlsp"),
        (GOOD[Profile.MAST].replace("gj-436", "gj_436"), Profile.MAST, "fields"),
        (GOOD[Profile.MAST].replace("gj-436", "gj-436-"), Profile.MAST, "target"),
        (GOOD[Profile.MAST].replace("gj-436", "436"), Profile.MAST, "target"),
        (GOOD[Profile.MAST].replace("gj-436", "g" * 31), Profile.MAST, "target"),
        (GOOD[Profile.MAST].replace("psa", "0.2x0.2"), Profile.MAST, "opt-elem"),
        (GOOD[Profile.MAST].replace("cos-fuv", "2cos"), Profile.MAST, "instrument"),
        (GOOD[Profile.MAST].replace("_v1_", "_1_"), Profile.MAST, "version"),
        (GOOD[Profile.MAST].replace(".fits", ".csv"), Profile.MAST, "ends"),
        (GOOD[Profile.MAST] + "\n", Profile.MAST, "ends"),
        (
            GOOD[Profile.MAST].replace("hstlc", "a" * 20).replace("fuv", "f" * 14).replace("gj", "g" * 26),
            Profile.MAST,
            "90",
        ),
        (GOOD[Profile.MAST], Profile.LEGACY, "fields"),
        (GOOD[Profile.LEGACY], Profile.MAST, "fields"),
        (GOOD[Profile.LEGACY].replace("hlsp", "hsp"), Profile.LEGACY, "hlsp"),
        (GOOD[Profile.LEGACY].replace("hstlc", "2lc"), Profile.LEGACY, "project"),
        (GOOD[Profile.LEGACY].replace("gj-436", "gj/436"), Profile.LEGACY, "target"),
        (GOOD[Profile.LEGACY].replace("sci", "lc"), Profile.LEGACY, "sci.fits"),
    ],
)
def test_what_is_wrong_with_a_name_is_said(name: str, profile: Profile, word: str) -> None:
    assert any(word in problem for problem in name_problems(name, profile))


@pytest.mark.parametrize("profile", Profile)
def test_good_names_have_no_problems(profile: Profile) -> None:
    assert name_problems(GOOD[profile], profile) == ()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"identifier": "HSTLC"}, "usage.hlsp-identifier"),
        ({"identifier": "a_b"}, "usage.hlsp-identifier"),
        ({"identifier": "a" * 21}, "usage.hlsp-identifier"),
        ({"version": "v1"}, "usage.hlsp-version"),
        ({"version": "01"}, "usage.hlsp-version"),
        ({"lead": "Zoë"}, "usage.hlsp-text"),
        ({"name": "two\nlines"}, "usage.hlsp-text"),
    ],
)
def test_a_project_that_no_name_or_header_can_hold_is_refused(change: dict, code: str) -> None:
    with pytest.raises(UsageError) as caught:
        Project(**change)
    assert caught.value.code == code
    assert caught.value.hint
