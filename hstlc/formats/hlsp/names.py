"""Names of composite light curves: two configurations never share one.

The profile ``legacy`` is the name that the original project documented,
``hlsp_<proj-id>_<mission>_<instrument>-<detector>_<target>_<element>_<cenwave>_<aperture>_v<version>_sci.fits``. The
profile ``mast`` follows MAST's page "File Naming Convention" (outerspace.stsci.edu, MASTDOCS) and the lengths and
patterns of the checker that MAST runs on deliveries (spacetelescope/mast_contributor_tools, filename_check):
``hlsp_<proj-id>_<observatory>_<instrument>_<target>_<opt-elem>_<version>_<product-type>.<extension>``.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass

from hstlc.formats.hlsp.project import IDENTIFIER, VERSION, Profile, Project

__all__ = ["MAX_LEGACY_BYTES", "MAX_MAST_CHARACTERS", "Configuration", "composite_name", "name_problems", "untagged"]

MAX_MAST_CHARACTERS = 90
MAX_LEGACY_BYTES = 255

_TAG = re.compile(r"-[0-9a-f]{8}\Z")
_SHORTEST = 10  # a letter, a hyphen and eight digits of the digest
_TARGET_KEEPS = 16  # a target is shortened to no less before the other fields are


@dataclass(frozen=True, slots=True)
class Configuration:
    """What the exposures of a composite have in common; one composite for each.

    Attributes
    ----------
    mission : str
        Name of the mission, lower case.
    telescop, instrume, detector, targname, opt_elem, aperture : str
        The FITS keywords of these names, without trailing blanks.
    cenwave : int
        Central wavelength in Angstrom, 0 where there is none.
    """

    mission: str
    telescop: str
    instrume: str
    detector: str
    targname: str
    opt_elem: str
    cenwave: int
    aperture: str


@dataclass(frozen=True, slots=True)
class _Field:
    """A part of a name: its plain text, what it stands for, and whether the one gives the other back."""

    text: str
    stands_for: tuple[str | int, ...]
    exact: bool
    kind: _Kind

    def write(self, limit: int) -> str:
        """Return the plain text where nothing is lost, else a readable form of it with a digest."""
        fits = len(self.text) <= limit and self.kind.pattern.fullmatch(self.text)
        if fits and self.exact and not _TAG.search(self.text):
            return self.text
        digest = hashlib.sha256(json.dumps(self.stands_for).encode("ascii")).hexdigest()[:8]
        stem = re.sub(r"[^a-z0-9" + re.escape(self.kind.signs) + "]+", "-", self.text).strip("-.+") or "none"
        stem = stem[: limit - 9].rstrip("-.+")
        if not self.kind.pattern.fullmatch(f"{stem}-00000000"):
            stem = f"x{stem}"[: limit - 9].rstrip("-.+")
        return f"{stem}-{digest}"


@dataclass(frozen=True, slots=True)
class _Kind:
    """What a field may be: signs beside letters, digits and hyphens, the whole pattern, the longest."""

    signs: str
    pattern: re.Pattern[str]
    longest: int
    words: str


_LETTER_FIRST = re.compile(r"[a-z](?:[a-z0-9-]*[a-z0-9])?")
_LETTER_WORDS = "lower-case letters, digits and hyphens, the first a letter, the last no hyphen"
_MAST = {
    "observatory": _Kind("", _LETTER_FIRST, 20, _LETTER_WORDS),
    "instrument": _Kind("", _LETTER_FIRST, 20, _LETTER_WORDS),
    "target": _Kind(
        ".+",
        re.compile(r"(?=[^a-z]*[a-z])[a-z0-9][a-z0-9.+-]*[a-z0-9]"),
        30,
        "lower-case letters, digits and . + -, one letter at least, first and last a letter or digit",
    ),
    "opt-elem": _Kind("", _LETTER_FIRST, 20, _LETTER_WORDS),
}
_LEGACY_PATTERN = re.compile(r"[a-z0-9](?:[a-z0-9.+-]*[a-z0-9])?")
_LEGACY_WORDS = "lower-case letters, digits and . + -, first and last a letter or digit"
_LEGACY = {
    name: _Kind(".+", _LEGACY_PATTERN, longest, _LEGACY_WORDS)
    for name, longest in {
        "mission": 20,
        "instrument": 32,
        "target": 80,
        "element": 20,
        "cenwave": 20,
        "aperture": 32,
    }.items()
}


def composite_name(configuration: Configuration, project: Project) -> str:
    """Return the file name of the composite of a configuration, under the rules of ``project.profile``.

    Names are lower case. A field keeps its plain text where that stands for one value only: written in upper case in
    the header, of characters that the rules allow, short enough. Else disallowed characters become ``-`` and the field
    ends in ``-`` and 8 hexadecimal digits of a SHA-256 of the value. Dots of an aperture become ``d`` under ``mast``,
    plus signs and underscores are replaced (with a digest). A name that is too long gets its target shortened first.

    Examples
    --------
    >>> star = Configuration("hst", "HST", "COS", "FUV", "GJ-436", "G130M", 1291, "PSA")
    >>> composite_name(star, Project())
    'hlsp_hstlc_hst_cos-fuv_gj-436_g130m_1291_psa_v1_sci.fits'
    >>> composite_name(star, Project(Profile.MAST))
    'hlsp_hstlc_hst_cos-fuv_gj-436_g130m-c1291-psa_v1_lc.fits'
    """
    start, version = f"hlsp_{project.identifier}", f"v{project.version}"
    if project.profile is Profile.LEGACY:
        parts = [field.write(field.kind.longest) for field in _legacy_fields(configuration)]
        return "_".join((start, *parts, version, "sci.fits"))
    parts = _fitted(_mast_fields(configuration), MAX_MAST_CHARACTERS - len(start) - len(version) - len("___lc.fits"))
    return "_".join((start, *parts, version, "lc.fits"))


def name_problems(name: str, profile: Profile) -> tuple[str, ...]:
    """Return what is wrong with the name of a composite, a sentence each; nothing when it is right.

    Examples
    --------
    >>> name_problems("hlsp_hstlc_hst_cos-fuv_gj-436_g130m-c1291-psa_v1_lc.fits", Profile.MAST)
    ()
    >>> name_problems("GJ-436.fits", Profile.MAST)
    ('its fields are 1, not the 8 that underscores separate',)
    """
    kinds = _MAST if profile is Profile.MAST else _LEGACY
    parts = name.split("_")
    if len(parts) != len(kinds) + 4:
        return (f"its fields are {len(parts)}, not the {len(kinds) + 4} that underscores separate",)
    problems = []
    if parts[0] != "hlsp":
        problems.append(f"it starts with {parts[0]!r}, not with hlsp")
    if not IDENTIFIER.fullmatch(parts[1]):
        problems.append(f"the project {parts[1]!r} is not up to 20 {_LETTER_WORDS}")
    for (field, kind), part in zip(kinds.items(), parts[2:-2], strict=True):
        if not kind.pattern.fullmatch(part):
            problems.append(f"the {field} {part!r} is not made of {kind.words}")
        if len(part) > kind.longest:
            problems.append(f"the {field} {part!r} has {len(part)} characters, more than {kind.longest}")
    if parts[-2][:1] != "v" or not VERSION.fullmatch(parts[-2][1:]):
        problems.append(f"the version {parts[-2]!r} is not v and one to three numbers, such as v1 or v1.2")
    end = r"[a-z][a-z0-9-]{0,15}\.fits(\.gz)?" if profile is Profile.MAST else r"sci\.fits"
    if not re.fullmatch(end, parts[-1]):
        wanted = "a type of product and .fits" if profile is Profile.MAST else "sci.fits"
        problems.append(f"it ends in {parts[-1]!r}, not in {wanted}")
    longest = MAX_MAST_CHARACTERS if profile is Profile.MAST else MAX_LEGACY_BYTES
    length = len(name.encode("utf-8", "surrogatepass"))
    if length > longest:
        problems.append(f"it has {length} characters, more than {longest}")
    return tuple(problems)


def untagged(field: str) -> str:
    """Return a field of a name without the digest at its end."""
    return _TAG.sub("", field)


def _legacy_fields(key: Configuration) -> list[_Field]:
    cenwave = str(key.cenwave)
    return [
        _observatory(key, _LEGACY["mission"]),
        _instrument(key, _LEGACY["instrument"]),
        _Field(key.targname.lower(), (key.targname,), _is_upper(key.targname), _LEGACY["target"]),
        _Field(key.opt_elem.lower(), (key.opt_elem,), _is_upper(key.opt_elem), _LEGACY["element"]),
        _Field(cenwave, (key.cenwave,), True, _LEGACY["cenwave"]),
        _Field(key.aperture.lower(), (key.aperture,), _is_upper(key.aperture), _LEGACY["aperture"]),
    ]


def _mast_fields(key: Configuration) -> list[_Field]:
    aperture = key.aperture.lower().replace(".", "d").replace("+", "p").replace("_", "-")
    again = re.sub(r"(?<=[0-9])d(?=[0-9])", ".", aperture).upper()
    optics = "-".join(part for part in (key.opt_elem.lower(), f"c{key.cenwave}", aperture) if part)
    exact = _is_upper(key.opt_elem) and key.opt_elem != "" and "-" not in key.opt_elem and key.cenwave >= 0
    return [
        _observatory(key, _MAST["observatory"]),
        _instrument(key, _MAST["instrument"]),
        _Field(key.targname.lower(), (key.targname,), _is_upper(key.targname), _MAST["target"]),
        _Field(optics, (key.opt_elem, key.cenwave, key.aperture), exact and again == key.aperture, _MAST["opt-elem"]),
    ]


def _observatory(key: Configuration, kind: _Kind) -> _Field:
    exact = key.mission.isascii() and key.mission == key.mission.lower() and key.telescop == key.mission.upper()
    return _Field(key.mission.lower(), (key.mission, key.telescop), exact, kind)


def _instrument(key: Configuration, kind: _Kind) -> _Field:
    text = "-".join(part for part in (key.instrume, key.detector) if part).lower()
    exact = _is_upper(key.instrume + key.detector) and key.instrume != "" and "-" not in key.instrume
    return _Field(text, (key.instrume, key.detector), exact, kind)


def _is_upper(text: str) -> bool:
    return text.isascii() and text == text.upper()


def _fitted(fields: list[_Field], room: int) -> list[str]:
    """Return the fields of a name under ``mast``, shortened until ``room`` characters hold them."""
    parts = [field.write(field.kind.longest) for field in fields]
    room -= len(fields) - 1
    target = list(_MAST).index("target")
    left = room - sum(map(len, parts)) + len(parts[target])
    if len(parts[target]) > left >= _TARGET_KEEPS:
        parts[target] = fields[target].write(left)
    elif len(parts[target]) > left:
        parts = [field.write(max(room // len(fields), _SHORTEST)) for field in fields]
    return parts
