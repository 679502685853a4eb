"""Rules about the file as a whole: its structure, its table, its name."""

from __future__ import annotations

from hstlc.formats.hlsp.keywords import HLSP_KEYWORDS, from_card
from hstlc.formats.hlsp.names import Configuration, composite_name, name_problems, untagged
from hstlc.formats.hlsp.product import TABLE, Product
from hstlc.formats.hlsp.project import IDENTIFIER, VERSION, Profile, Project
from hstlc.formats.hlsp.rule import Answer, Rule, broken, ok, unchecked

__all__ = ["FILE_RULES"]


def _file_name(product: Product) -> Answer:
    problems = name_problems(product.path.name, product.profile)
    return broken(f"{product.path.name}: {'; '.join(problems)}") if problems else ok()


def _name_and_headers(product: Product) -> Answer:
    if name_problems(product.path.name, product.profile):
        return unchecked("the file name has not the fields to compare")
    fields = product.path.name.split("_")
    mast = product.profile is Profile.MAST
    texts = {
        "telescop": product.text("TELESCOP"),
        "instrume": product.text("INSTRUME"),
        "detector": product.text("DETECTOR"),
        "targname": product.text("HLSPTARG" if mast else "TARGNAME") or None,
        "opt_elem": product.text("OPT_ELEM"),
        "aperture": product.text("APERTURE"),
    }
    identifier = (product.text("HLSPID") or "").lower() if mast else fields[1]
    version = product.text("HLSPVER") or "" if mast else fields[-2][1:]
    known = {name: from_card(text) for name, text in texts.items() if text is not None}
    if len(known) < len(texts) or not IDENTIFIER.fullmatch(identifier) or not VERSION.fullmatch(version):
        return unchecked("the headers have not all keywords that the file name is made of")
    configuration = Configuration(mission=untagged(fields[2]), cenwave=int(product.number("CENWAVE") or 0), **known)
    project = Project(product.profile, identifier=identifier, version=version)
    wanted = composite_name(configuration, project)
    if product.path.name.removesuffix(".gz") != wanted:
        return broken(f"the headers ask for the name {wanted}, the file is {product.path.name}")
    return ok()


def _structure(product: Product) -> Answer:
    if product.unprintable:
        return unchecked("the characters of the headers keep astropy from looking at the structure")
    return broken(product.structure) if product.structure else ok()


def _characters(product: Product) -> Answer:
    if product.unprintable:
        return broken(f"the headers of {', '.join(product.unprintable)} have bytes that are not printable ASCII")
    return ok()


def _checksums(product: Product) -> Answer:
    return broken(f"absent or wrong: {', '.join(product.sums)}") if product.sums else ok()


def _table(product: Product) -> Answer:
    return ok() if product.table is not None else broken(f"there is no table {TABLE}")


def _extname(product: Product) -> Answer:
    found = product.primary.get("EXTNAME")
    return ok() if found in (None, "PRIMARY") else broken(f"EXTNAME of the primary HDU is {found!r}")


def _units(product: Product) -> Answer:
    if product.table is None:
        return unchecked(f"there is no table {TABLE}")
    return broken(f"no TUNITn: {', '.join(product.unitless)}") if product.unitless else ok()


def _headers_agree(product: Product) -> Answer:
    if product.table is None:
        return unchecked(f"there is no table {TABLE}")
    table = product.table
    different = [
        keyword.keyword
        for keyword in HLSP_KEYWORDS
        if keyword.keyword in product.primary
        and keyword.keyword in table
        and product.primary[keyword.keyword] != table[keyword.keyword]
    ]
    return broken(f"different in the two headers: {', '.join(different)}") if different else ok()


def _epoch(product: Product) -> Answer:
    found = "EPOCH" in product.primary or "EPOCH" in (product.table or {})
    return broken("EPOCH is deprecated") if found else ok()


_BOTH = (Profile.LEGACY, Profile.MAST)

#: Sources: MAST's pages "File Naming Convention" and "Light-curve Metadata"; the FITS standard 4.0.
FILE_RULES: tuple[Rule, ...] = (
    Rule("file name", "The file name follows the convention of the profile.", _BOTH, _file_name),
    Rule("file name and headers", "The file name says what the headers say.", _BOTH, _name_and_headers),
    Rule("FITS structure", "The file follows the FITS standard as astropy verifies it.", _BOTH, _structure),
    Rule("characters", "Headers are printable ASCII.", _BOTH, _characters),
    Rule("checksums", "Every HDU has CHECKSUM and DATASUM, and they are right.", _BOTH, _checksums),
    Rule("table", "The light curve is a binary table with EXTNAME LIGHTCURVE.", _BOTH, _table),
    Rule("EXTNAME", "The primary HDU has no EXTNAME, or PRIMARY.", _BOTH, _extname),
    Rule("units", "Every numeric column has TUNITn; a pure number has 10**0.", _BOTH, _units),
    Rule("headers agree", "A keyword in both headers has one value.", _BOTH, _headers_agree),
    Rule("no EPOCH", "The deprecated keyword EPOCH is absent.", _BOTH, _epoch),
)
