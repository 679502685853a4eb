"""Made-up rows of light curves, some of them hostile, and the folder of pages that they give."""

from __future__ import annotations

import io
import math
import random
from collections.abc import Sequence
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from urllib.parse import quote, unquote

from hstlc.plots.assets import asset_files
from hstlc.plots.index import index_page
from hstlc.plots.rows import CurveRow, Verdict
from hstlc.plots.summary import configuration_page, exposure_page, filter_page
from hstlc.plots.tables import table_page

SCRIPT = "static/bokeh.min.js"
HOSTILE = (
    "<script>alert(1)</script>",
    "</script><img src=x onerror=alert(2)>",
    "\"quotes' & <b>",
    "$$\\frac{1}{2}$$ \\[x\\] @name {{ 7 * 7 }}",
    "Ünïcødé ★ π Mensae \u202e",
    "LONG-" + "X" * 123,
)
TARGETS = (
    *("GJ-436", "GJ-4", "GJ-1214", "V4046SGR", "IR-COM", "AD-LEO", "HD-189733", "WD-1145+017", "4C+06.41", "NGC-5548"),
    *(f"SIM-{number:02d}" for number in range(24)),
    *HOSTILE,
)
CONFIGURATIONS = tuple(
    [("COS", "FUV", "G130M", wave, "PSA") for wave in (1055, 1096, 1222, 1291, 1300, 1309, 1318, 1327)]
    + [("COS", "FUV", "G160M", wave, "PSA") for wave in (1533, 1577, 1589, 1600, 1611, 1623)]
    + [("COS", "FUV", "G140L", wave, "PSA") for wave in (800, 1105, 1230, 1280)]
    + [("COS", "FUV", "G130M", wave, "BOA") for wave in (1291, 1309)]
    + [("COS", "NUV", "G230L", wave, "PSA") for wave in (2635, 2950, 3000, 3360)]
    + [("COS", "NUV", "MIRRORA", 0, "PSA"), ("STIS", "FUV-MAMA", "E140M", 1425, "0.2X0.2")]
    + [("STIS", "NUV-MAMA", "E230M", 2707, "52X0.1<b>"), ("STIS", "FUV-MAMA", "G140L", 1425, "52X0.5")]
)


def make_rows(exposures: int = 260, seed: int = 5) -> list[CurveRow]:
    """Return as many exposures and a composite for each configuration of a target that has more than one."""
    random_number = random.Random(seed)
    individual = [_exposure(number, random_number) for number in range(exposures)]
    groups: dict[tuple[object, ...], list[CurveRow]] = {}
    for row in individual:
        key = (row.targname, row.instrume, row.detector, row.opt_elem, row.cenwave, row.aperture)
        groups.setdefault(key, []).append(row)
    return individual + [_composite(group) for group in groups.values() if len(group) > 1]


def _exposure(number: int, random_number: random.Random) -> CurveRow:
    target = TARGETS[min(int(random_number.expovariate(0.07)), len(TARGETS) - 1)]
    instrument, detector, element, wave, aperture = CONFIGURATIONS[
        min(int(random_number.expovariate(0.12)), len(CONFIGURATIONS) - 1)
    ]
    rootname = f"lz{number:05d}q"
    known = random_number.random() > 0.15
    interesting = random_number.choice([True, False, False]) if known else None
    total = int(random_number.lognormvariate(9, 2))
    exptime = round(random_number.uniform(100, 2900), 3)
    if number < 2 * len(HOSTILE):  # two exposures of each, longer than any other
        target, exptime = HOSTILE[number // 2], 40_000.0 - 100 * number
        instrument, detector, element, wave, aperture = CONFIGURATIONS[0]
    p = 10 ** random_number.uniform(-30, 0)

    def statistic(value: float) -> float | None:
        return value if known else None

    folder = f"curves/{_folder(target)}"
    return CurveRow(
        "individual", "hst", target, instrument, detector, element, wave, aperture, rootname,
        datasets=1, proposid=13902, ra_deg=175.5, dec_deg=26.7,
        expstart_mjd=55200 + random_number.uniform(0, 5000) if number % 17 else None,
        exptime_s=exptime, filename=f"{rootname}_curve.fits", exposure_s=exptime - 0.2, total=total,
        mean=statistic(total / exptime), poisson_factor=statistic(random_number.uniform(0.9, 3)),
        pearson_r=statistic(random_number.uniform(-1, 1)), pearson_p=statistic(random_number.random()),
        reduced_chi2=statistic(random_number.lognormvariate(0, 0.5)), chi2_p=statistic(p),
        peak_period_s=statistic(random_number.uniform(2, 900)),
        false_alarm_probability=statistic(random_number.random()),
        periodogram=bool(interesting), interesting=interesting, deliver=known,
        page=f"{folder}/{rootname}_curve.html", quicklook=f"{folder}/{rootname}_curve.png" if number % 11 else "",
        fits=f"{folder}/{rootname}_curve.fits",
        periodogram_page=f"{folder}/{rootname}_periodogram.html" if known else "",
    )  # fmt: skip


def _folder(target: str) -> str:
    """Return the percent-encoded name of a target's folder; browsers refuse file URLs with an encoded slash."""
    return quote(target.replace("/", "-"), safe="")


def _composite(rows: Sequence[CurveRow]) -> CurveRow:
    first = min(rows, key=lambda row: row.expstart_mjd or math.inf)
    words = (f"{first.instrume}-{first.detector}", first.targname, first.opt_elem, str(first.cenwave), first.aperture)
    name = "_".join("".join(c if c.isascii() and c.isalnum() else "-" for c in word.lower()) for word in words)[:120]
    folder = f"composite/{_folder(first.targname)}"
    return replace(
        first, kind="composite", rootname="", datasets=len(rows), filename=f"hlsp_hstlc_hst_{name}_v1_sci.fits",
        exptime_s=math.fsum(row.exptime_s or 0.0 for row in rows), total=sum(row.total or 0 for row in rows),
        page=f"{folder}/hlsp_hstlc_hst_{name}_v1_sci.html", quicklook=f"{folder}/hlsp_hstlc_hst_{name}_v1_sci.png",
        fits=f"{folder}/hlsp_hstlc_hst_{name}_v1_sci.fits", periodogram_page="",
    )  # fmt: skip


def make_pages(folder: Path, rows: Sequence[CurveRow]) -> None:
    """Write tables, summaries, the index page and all that they lead to."""
    static = folder / "static"
    static.mkdir(parents=True)
    for name, content in asset_files().items():
        (static / name).write_bytes(content)
    (folder / SCRIPT).write_bytes((files("bokeh") / "server/static/js/bokeh.min.js").read_bytes())

    tables = {"all light curves": ("all_hstlc.html", list(rows))}
    for verdict in Verdict:
        tables[str(verdict)] = (f"{verdict}_hstlc.html", [row for row in rows if row.verdict is verdict])
    for title, (name, chosen) in tables.items():
        page = table_page(title.capitalize(), chosen, intro=f"Made-up rows: {title}.", static="static")
        (folder / name).write_bytes(page)

    pages = {
        "exposure time": ("exptime_histogram.html", exposure_page(rows, script=SCRIPT, static="static")),
        "gratings": ("opt_elem.html", filter_page(rows, script=SCRIPT, static="static")),
    }
    for instrument, detector in sorted({(row.instrume, row.detector) for row in rows}):
        content = configuration_page(rows, instrument, detector, script=SCRIPT, static="static")
        pages[f"{instrument} {detector}"] = (f"pie_config_{instrument}_{detector}.html".lower(), content)
    for name, content in pages.values():
        (folder / name).write_bytes(content)

    counted = {title: (name, len(chosen)) for title, (name, chosen) in tables.items()}
    named = {title: name for title, (name, _) in pages.items()}
    (folder / "index.html").write_bytes(index_page(rows, tables=counted, summaries=named, static="static"))
    for row in rows:
        _files(folder, row)


def _files(folder: Path, row: CurveRow) -> None:
    """Write the page and the thumbnail of a curve."""
    page = folder / unquote(row.page)
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(f'<!DOCTYPE html><title>{row.filename}</title><link rel="icon" href="data:,"><p>{row.filename}')
    if row.quicklook:
        (folder / unquote(row.quicklook)).write_bytes(_thumbnail(row.filename))


def _thumbnail(seed: str) -> bytes:
    from PIL import Image, ImageDraw

    random_number = random.Random(seed)
    picture = Image.new("RGB", (400, 150), "white")
    draw = ImageDraw.Draw(picture)
    for x in range(4, 396, 2):
        y = 90 + 40 * math.sin(x / 25 + len(seed)) * random_number.uniform(0.5, 1)
        draw.ellipse((x - 1, y - 1, x + 1, y + 1), fill="#20639b")
    stream = io.BytesIO()
    picture.save(stream, "PNG")
    return stream.getvalue()
