"""A row of a light curve for tests of tables, summaries and the index page."""

from dataclasses import replace

from hstlc.plots.rows import CurveRow

HOSTILE = (
    "<script>alert(1)</script>",
    "</script><img src=x onerror=alert(2)>",
    "<!-- ' \" & -->",
    "{{ 7 * 7 }} {% raw %}",
    "Ünïcødé ★ \u202e \ud800",
    "X" * 128,
    "",
)

_ROW = CurveRow(
    kind="individual", mission="sim", targname="GJ-436", instrume="CAM", detector="UV", opt_elem="G130", cenwave=1291,
    aperture="A1", rootname="a0001", datasets=1, proposid=1, ra_deg=1.0, dec_deg=2.0, expstart_mjd=56252.337,
    exptime_s=1200.5, filename="a0001_curve.fits", exposure_s=1200.0, total=2400, mean=4.0, poisson_factor=1.01,
    pearson_r=0.1, pearson_p=0.4, reduced_chi2=1.02, chi2_p=0.3, peak_period_s=120.0, false_alarm_probability=0.2,
    periodogram=False, interesting=False, deliver=True, page="../GJ-436/a0001_curve.html",
    quicklook="../GJ-436/a0001_curve.png", fits="../GJ-436/a0001_curve.fits", periodogram_page="",
)  # fmt: skip


def row(number: int = 1, **changes: object) -> CurveRow:
    """Return a row whose files are those of this exposure, with changes."""
    name = f"a{number:04d}"
    files = {"filename": f"{name}_curve.fits", "page": f"../x/{name}_curve.html", "fits": f"../x/{name}_curve.fits"}
    return replace(_ROW, **({"rootname": name, "quicklook": f"../x/{name}_curve.png"} | files | changes))


def composite(number: int = 1, **changes: object) -> CurveRow:
    """Return a row of a composite of two exposures, with changes."""
    name = f"hlsp_{number}"
    own = {"kind": "composite", "rootname": "", "datasets": 2, "filename": f"{name}.fits", "page": f"../c/{name}.html"}
    return row(number, **(own | {"quicklook": f"../c/{name}.png", "fits": f"../c/{name}.fits"} | changes))
