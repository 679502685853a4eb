"""The tables of the stand-in's source catalog, made from detections."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hstlc.testing.archive.tap import TapColumn, TapTable
from hstlc.testing.archive.world import Shown
from hstlc.testing.archive.world_tables import Rows, columns, row

__all__ = ["ARCHIVE", "MASTER", "TABLES", "catalog_rows"]

ARCHIVE = "csc"
_FLAGS = "conf_flag extent_flag sat_src_flag streak_src_flag dither_warning_flag"
_KEYS = (*columns("detect_stack_id"), TapColumn("region_id", "int"))

MASTER = TapTable(
    "csc21",
    "master_source",
    (
        TapColumn("name", ucd="ID_MAIN"),
        *(TapColumn("ra", "double", "deg", "POS_EQ_RA_MAIN"), TapColumn("dec", "double", "deg", "POS_EQ_DEC_MAIN")),
        *columns("err_ellipse_r0 err_ellipse_r1", "double", "arcsec"),
        *columns("err_ellipse_ang", "double", "deg"),
        *columns("significance likelihood", "double"),
        *columns("likelihood_class"),
        *columns(f"{_FLAGS} var_flag var_inter_hard_flag", "boolean"),
        *columns("flux_aper_b flux_aper_lolim_b flux_aper_hilim_b flux_aper_w", "double", "erg.s-1.cm-2"),
        *columns("hard_hm hard_ms hard_hs var_intra_index_b var_intra_index_w var_inter_index_b", "double"),
        *columns("acis_num hrc_num", "int"),
    ),
    "sources",
)
ASSOCIATION = TapTable("csc21", "master_stack_assoc", (*columns("name match_type"), *_KEYS), "source to stack")
STACK = TapTable("csc21", "stack_source", (*_KEYS, *columns("ra dec", "double", "deg")), "detections in stacks")
STACK_OBSERVATION = TapTable(
    "csc21", "stack_observation_assoc", (*_KEYS, *columns("obsid obi", "int")), "stack to observation"
)
OBSERVATION = TapTable(
    "csc21",
    "observation_source",
    (
        *columns("obsid obi region_id", "int"),
        *columns("instrument detector"),
        *(TapColumn("gti_obs", "time"), TapColumn("gti_end", "time"), TapColumn("gti_mjd_obs", "double", "d")),
        *columns("gti_elapse livetime", "double", "s"),
        *columns("theta phi", "double", "arcmin"),
        *columns("flux_significance_b flux_significance_w likelihood_b likelihood_w", "double"),
        *columns("src_cnts_aper_b src_cnts_aper_w var_prob_b var_prob_w ks_prob_b kp_prob_b", "double"),
        *columns("var_index_b var_index_w var_code conf_code extent_code", "int"),
        *columns("dither_warning_flag sat_src_flag streak_src_flag", "boolean"),
    ),
    "detections in observations",
)
TABLES = (MASTER, ASSOCIATION, STACK, STACK_OBSERVATION, OBSERVATION)


def catalog_rows(visible: Sequence[Shown]) -> Rows:
    """Return the rows of all tables from detections, whose columns say of which source and observation they are."""
    sources: dict[str, dict[str, Any]] = {}
    content: dict[str, list[tuple[Any, ...]]] = {table.full_name: [] for table in TABLES}
    for shown in visible:
        one = dict(shown.columns)
        source = sources.setdefault(one["name"], _source(one))
        source["hrc_num" if one["instrument"] == "HRC" else "acis_num"] += 1
        stack = {**one, "detect_stack_id": f"{one['instrument'].lower()}fS{one['obsid']:05d}_001", "match_type": "u"}
        for table in (ASSOCIATION, STACK, STACK_OBSERVATION):
            content[table.full_name].append(row(table, stack))
        content[OBSERVATION.full_name].append(row(OBSERVATION, {**_detection(one), **one}))
    content[MASTER.full_name] = [row(MASTER, source) for source in sources.values()]
    return content


def _source(one: Mapping[str, Any]) -> dict[str, Any]:
    flags = dict.fromkeys(_FLAGS.split(), False)
    mine = {column.name for column in MASTER.columns}
    return {
        **flags,
        "err_ellipse_r0": 0.71, "err_ellipse_r1": 0.7, "err_ellipse_ang": 0.0, "var_flag": True,
        "likelihood": 900.0, "likelihood_class": "TRUE", "flux_aper_b": 1.2e-14, "hard_hm": 0.1,
        **{name: value for name, value in one.items() if name in mine},
        "acis_num": 0, "hrc_num": 0,
    }  # fmt: skip


def _detection(one: Mapping[str, Any]) -> dict[str, Any]:
    band = "w" if one["instrument"] == "HRC" else "b"
    return {
        "gti_obs": "2006-11-25T09:25:17", "gti_end": "2006-11-25T10:15:17", "gti_mjd_obs": 54064.39,
        "gti_elapse": 3000.0, "livetime": 2960.0, "theta": 3.5, "phi": 120.0, "dither_warning_flag": False,
        "sat_src_flag": False, "streak_src_flag": False, "var_code": 0, "conf_code": 0, "extent_code": 0,
        f"likelihood_{band}": 300.0, f"src_cnts_aper_{band}": 150.0, f"var_prob_{band}": 0.97,
        f"var_index_{band}": 7, f"flux_significance_{band}": float(one["significance"]),
    }  # fmt: skip
