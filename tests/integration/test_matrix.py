"""Every kind of exposure once, through the whole ingest: what becomes of its files, and which numbers come out.

All of them are ingested into one store of each database, together; then each row of the table is looked at.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from composite_runs import ingest
from store_state import State, Store, recalibrated

from hstlc.formats.curve_fits import read_light_curve
from hstlc.model import LightCurve
from hstlc.pipeline.results import Summary
from hstlc.store.digest import sha256_file
from hstlc.testing import stis
from hstlc.testing.cos import CosExposure, Scene, edit_file, flare, sinusoid, transit, trend, write_exposure
from hstlc.testing.databases import KINDS, fresh_database

WEIGHT = 1.025  # mean of the weights of COS events, (0.95 + 1.10) / 2
SIGMA = 4.0  # some forty rows, a few numbers each
AIRGLOW_AA = ((1208.0, 1225.0), (1298.0, 1312.0))

Shape = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Made:
    """The files of a case, those that come in a second run, and what was put into them."""

    paths: tuple[Path, ...]
    later: tuple[Path, ...] = ()
    rate_ct_s: float = math.nan
    live_s: float = math.nan
    flux_density: Callable[[list[tuple[float, float]]], float] = lambda _: math.nan


@dataclass(frozen=True)
class Sight:
    """What the store says of a case once all is done."""

    store: Store
    state: State
    made: Made
    rootname: str

    def rows(self, table: str) -> list[dict[str, Any]]:
        return [row for row in self.state.rows[table] if row["rootname"] == self.rootname]

    def row(self, table: str) -> dict[str, Any]:
        (row,) = self.rows(table)
        return row

    def of_curve(self, table: str) -> dict[str, Any]:
        """The row of a table about the light curve of all wavelengths."""
        key = ("individual", f"hst/{self.rootname}//")
        columns = {"stats": "product_id", "outputs": "individual_product_id"}
        (row,) = [row for row in self.state.rows[table] if row[columns[table]] == key]
        return row

    @property
    def curve(self) -> LightCurve:
        row = self.of_curve("outputs")
        return read_light_curve(self.store.home / row["individual_path"] / row["individual_filename"])

    def reasons(self, severity: str) -> set[str]:
        return {row["reason"] for row in self.rows("finding") if row["severity"] == severity}


@dataclass(frozen=True)
class Given:
    """What makes the exposures of the cases differ from each other, whatever they are of."""

    folder: Path
    number: int

    @property
    def cos(self) -> dict[str, Any]:
        return {"rootname": f"lmat{self.number:02d}aaq", **self._both}

    @property
    def stis(self) -> dict[str, Any]:
        return {"rootname": f"omat{self.number:02d}010", **self._both}

    @property
    def _both(self) -> dict[str, Any]:
        place = {"ra_deg": 5.0 * self.number, "dec_deg": 2.0}
        return {"targname": f"SIM-ROW-{self.number}", "seed": 100 + self.number, **place}


Maker = Callable[[Given], Made]


@dataclass(frozen=True)
class Case:
    """One row of the table.

    Attributes
    ----------
    name : str
    make : callable
        Writes the files.
    reason : str
        For which the exposure is rejected; '': it is not.
    flags : tuple of str
        Reasons of all findings that only flag, in any order.
    shape : callable or None
        Injected relative rate against seconds after the start, for light curves.
    interesting : bool or None
        Whether a constant rate must be refused; None is not asked.
    period_s : float or None
        Of the highest peak.
    flux : bool
        Whether the flux is calibrated.
    look : callable or None
        What else must be.
    """

    name: str
    make: Maker
    reason: str = ""
    flags: tuple[str, ...] = ()
    shape: Shape | None = field(default=np.ones_like)
    interesting: bool | None = False
    period_s: float | None = None
    flux: bool = True
    look: Callable[[Sight], None] | None = None

    @property
    def instrument(self) -> str:
        return "stis" if self.name.startswith("STIS") else "cos"


# --- how files are made


FAINT, FAINT_STIS = Scene(20.0, 1.0), stis.Scene(40.0, 2.0)


def cos(
    scene: Scene = FAINT, *, x1d: bool = True, edit: Callable[[Path], object] | None = None, **changes: Any
) -> Maker:
    """A COS exposure; ``edit`` changes its event file afterwards."""

    def make(given: Given) -> Made:
        exposure = CosExposure(**{**given.cos, "exptime_s": 300.0, **changes})
        written = write_exposure(given.folder, exposure, scene, x1d=x1d)
        if edit is not None:
            edit(written.corrtags[0])
        return Made(written.paths, (), written.net_rate_ct_s, written.live_s, lambda _: written.flux_density)

    return make


def of_stis(scene: stis.Scene = FAINT_STIS, *, x1d: bool = True, no_good_time: bool = False, **changes: Any) -> Maker:
    def make(given: Given) -> Made:
        exposure = stis.StisExposure(**{**given.stis, "exptime_s": 120.0, **changes})
        written = stis.write_exposure(given.folder, exposure, scene, x1d=x1d, no_good_time=no_good_time)
        return Made(written.paths, (), written.net_rate_ct_s, written.live_s, written.flux_density)

    return make


def rows(change: Callable[[Any], Any]) -> Callable[[Path], object]:
    """Change the rows of EVENTS, and the counts in its header with them."""

    def edit(units: Any) -> None:
        unit = units["EVENTS"]
        unit.data = change(unit.data)
        for key in ("NEVENTS", "NEVENTSA"):
            unit.header[key] = len(unit.data)

    return lambda path: edit_file(path, edit)


def times(change: Callable[[np.ndarray], Any]) -> Callable[[Path], object]:
    def on_rows(table: Any) -> Any:
        table["TIME"] = change(table["TIME"])
        return table

    return rows(on_rows)


def shuffled(time: np.ndarray) -> np.ndarray:
    return np.random.default_rng(5).permutation(time)


def some_not_numbers(time: np.ndarray) -> np.ndarray:
    time = time.copy()
    time[::100] = np.nan
    return time


def in_airglow(table: Any) -> np.ndarray:
    wave = table["WAVELENGTH"]
    return np.any([(wave >= a) & (wave <= b) for a, b in AIRGLOW_AA], axis=0)


def daylight(table: Any) -> Any:
    """Leave airglow by the height of the sun: none at first, all of it in the end."""
    keep = np.random.default_rng(6).random(len(table)) < np.clip(table["TIME"] / 600.0, 0.0, 1.0)
    return table[keep | ~in_airglow(table)]


def with_burst(given: Given) -> Made:
    """A constant source, and 20 s in which the background is fifty times as bright."""
    made = cos(exptime_s=600.0)(given)
    bright = CosExposure(rootname="lburstaaq", exptime_s=600.0, seed=9)
    other = write_exposure(given.folder, bright, Scene(rate_ct_s=0.0, background_ct_s=50.0), x1d=False)
    table = fits.getdata(other.corrtags[0], "EVENTS")
    more = table[(table["TIME"] > 200.0) & (table["TIME"] <= 220.0)]
    other.corrtags[0].unlink()

    def add(own: Any) -> Any:
        both = np.concatenate([np.asarray(own), np.asarray(more)])
        return both[np.argsort(both["TIME"], kind="stable")]

    rows(add)(made.paths[0])
    return made


def second_segment_later(given: Given) -> Made:
    made = cos(segments=("A", "B"))(given)
    first, second, spectrum = made.paths
    return replace(made, paths=(first, spectrum), later=(second,))


def calibrated_again(given: Given) -> Made:
    made = cos()(given)
    later = tuple(recalibrated(given.folder / "later", path, "3.4.0 (2022-01-01)") for path in made.paths)
    return replace(made, later=later)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def uncalibrated_flux(given: Given) -> Made:
    """As when calibration had no FLUXTAB: the spectrum is extracted, its flux is zero."""
    made = cos(overrides={"FLUXTAB": "N/A", "FLUXCORR": "SKIPPED"})(given)

    def edit(units: Any) -> None:
        for name in ("FLUX", "ERROR"):
            units["SCI"].data[name] = 0.0

    edit_file(made.paths[-1], edit)
    return made


def second_name(first: str, second: str, **changes: Any) -> Maker:
    """Two exposures at one place, under two names."""

    def make(given: Given) -> Made:
        one = cos(targname=first, **changes)(given)
        root = f"{given.cos['rootname'][:6]}abq"
        two = cos(targname=second, rootname=root, expstart_mjd=58320.5, **changes)(given)
        return replace(one, paths=(*one.paths, *two.paths))

    return make


# --- what else must be


def gap_is_kept(sight: Sight) -> None:
    curve = sight.curve
    dead = curve["exposure"] == 0
    assert dead.sum() == 149  # the bins at both edges of the gap see some good time
    assert np.isnan(curve["rate"][dead]).all()
    assert (curve["quality"][dead] != 0).all()
    assert len(curve["times"]) == 451


def airglow_is_there(sight: Sight) -> None:
    """The events that are left out vary: taken in, they would have shown."""
    (row,) = [row for row in sight.rows("exposure_file") if row["kind"] == "corrtag_a"]
    table = fits.getdata(sight.store.home / row["path"] / row["filename"], "EVENTS")
    glow = np.histogram(table["TIME"][in_airglow(table)], np.arange(0.0, 601.0, 100.0))[0]
    assert glow[5] > 5 * glow[0] > 0


def junk_is_there(sight: Sight) -> None:
    curve = sight.curve
    assert curve.meta["NBADDQ"] > 0.2 * curve.meta["NSOURCE"]


def burst_shows(sight: Sight) -> None:
    curve = sight.curve
    during = (curve["times"] >= 200.0) & (curve["times"] < 220.0)
    assert curve["background"][during].mean() > 30 * curve["background"][~during].mean()


def both_segments(sight: Sight) -> None:
    assert sight.row("metadata")["extra"]["segments"] == ["corrtag_a", "corrtag_b"]
    assert sight.row("metadata")["filename"].endswith("_corrtag_a.fits")
    assert {row["kind"] for row in sight.rows("exposure_file")} == {"corrtag_a", "corrtag_b", "x1d"}


def only_b(sight: Sight) -> None:
    assert sight.row("metadata")["filename"].endswith("_corrtag_b.fits")
    assert sight.curve.meta["SEGMENTS"] == "FUVB"


def without_second_order(sight: Sight) -> None:
    assert sight.curve.meta["SEGMENTS"] == "NUVA,NUVB"


def newer_replaced_older(sight: Sight) -> None:
    assert sight.row("metadata")["cal_ver"].startswith("3.4.0")
    states = sorted((row["kind"], row["state"]) for row in sight.rows("exposure_file"))
    assert states == [(kind, state) for kind in ("corrtag_a", "x1d") for state in ("current", "superseded")]
    for row in sight.rows("exposure_file"):
        assert sha256_file(sight.store.home / row["path"] / row["filename"]) == row["sha256"]


def no_wavelength(sight: Sight) -> None:
    assert sight.row("metadata")["cenwave"] == 0


def same_target(sight: Sight) -> None:
    one, two = (row for row in sight.state.rows["metadata"] if row["rootname"][:6] == sight.rootname[:6])
    assert one["header_targname"] != two["header_targname"]
    assert one["targname"] == two["targname"]
    assert one["target_id"] is not None
    assert one["target_id"] == two["target_id"]
    composite = [row for row in sight.state.rows["outputs"] if row["metadata_id"][1][:6] == sight.rootname[:6]]
    assert len({row["composite_filename"] for row in composite}) == 1
    assert all(row["composite_filename"] for row in composite)


def one_body(sight: Sight) -> None:
    same_target(sight)
    (target,) = [row for row in sight.state.rows["target"] if row["name"] == sight.row("metadata")["targname"]]
    assert target["moving"]


def whole_orders(sight: Sight) -> None:
    metadata = sight.row("metadata")
    assert (metadata["instrume"], metadata["detector"]) == ("STIS", "NUV-MAMA")
    assert len(metadata["extra"]["wavelength_aa"]) in (1, 10)  # by order, or all of them as one


def two_starts(sight: Sight) -> None:
    curve = sight.curve
    assert curve.meta["EXPSTART"] == sight.row("metadata")["expstart_mjd"] == 58300.25
    assert (curve["exposure"] == 0).any()  # between the imsets


def whole_detector(sight: Sight) -> None:
    curve = sight.curve
    assert not curve["background"].any()
    assert np.isnan(curve["flux"]).all()


NUV = {"detector": "NUV", "opt_elem": "G185M", "cenwave": 1786, "segments": ("A", "B", "C")}
ZERO = {"overrides": dict.fromkeys(("EXPTIME", "EXPTIMEA", "EXPTIMEB"), 0.0)}
FAINT_IMAGE = Scene(20.0, 0.0)
DARKLESS = stis.Scene(40.0, 0.0)
NO_FLUX, NO_REFERENCE = ("No flux calibration",), ("Missing reference file",)
PULSE = sinusoid(12.0, 0.5)
FLARE, TRANSIT, RISE = flare(200.0), transit(700.0), trend(1 / 600.0, 300.0)

CASES = (
    Case("constant", cos()),
    Case(
        "sinusoid of 120 s",
        cos(Scene(20.0, 1.0, sinusoid(120.0, 0.3)), exptime_s=720.0),
        shape=sinusoid(120.0, 0.3),
        interesting=True,
        period_s=120.0,
    ),
    Case(
        "sinusoid of 341 s",
        cos(Scene(20.0, 1.0, sinusoid(341.0, 0.3)), exptime_s=1364.0),
        shape=sinusoid(341.0, 0.3),
        interesting=True,
        period_s=341.0,
    ),
    Case("flare", cos(Scene(20.0, 1.0, FLARE), exptime_s=600.0), shape=FLARE, interesting=True),
    Case("transit", cos(Scene(40.0, 1.0, TRANSIT), exptime_s=1400.0), shape=TRANSIT, interesting=True),
    Case("linear trend", cos(Scene(20.0, 1.0, RISE), exptime_s=600.0), shape=RISE, interesting=True),
    Case("background only", cos(Scene(0.0, 20.0), exptime_s=300.0), shape=np.zeros_like),
    Case(
        "airglow with daylight",
        cos(Scene(0.0, 5.0, airglow_ct_s=60.0), exptime_s=600.0, edit=rows(daylight)),
        shape=np.zeros_like,
        look=airglow_is_there,
    ),
    Case("gap of 300 s", cos(gti=((0.032, 300.032), (600.032, 900.032))), look=gap_is_kept),
    Case("INTERRUPTED", cos(expflag="INTERRUPTED", segments=("A", "B")), reason="Bad EXPFLAG"),
    Case("EXPTIME 0", cos(**ZERO), reason="Short Exposure"),
    Case("EXPTIME 0.5", cos(Scene(100.0, 1.0), exptime_s=0.5), reason="Short Exposure"),
    Case("empty", cos(edit=rows(lambda table: table[:0])), reason="No events"),
    Case("one event", cos(edit=rows(lambda table: table[:1])), reason="Singular event"),
    Case("one time", cos(edit=times(lambda time: np.full_like(time, 100.0))), reason="Singular event"),
    Case("shuffled", cos(edit=times(shuffled)), reason="Non-linear time"),
    Case("NaN times", cos(edit=times(some_not_numbers)), reason="Non-linear time"),
    Case("junk of 25 %", cos(Scene(20.0, 1.0, junk_ct_s=10.0)), look=junk_is_there),
    Case("burst", with_burst, flags=("Burst",), look=burst_shows),
    Case("segment B only", cos(segments=("B",)), look=only_b),
    Case("segment B later", second_segment_later, look=both_segments),
    Case("NUV with three stripes", cos(**NUV)),
    Case(
        "NUV G230L",
        cos(**{**NUV, "opt_elem": "G230L", "cenwave": 2950}),
        flags=("Second order",),
        look=without_second_order,
    ),
    Case(
        "NUV image",
        cos(FAINT_IMAGE, **{**NUV, "opt_elem": "MIRRORA", "obstype": "IMAGING"}),
        flags=NO_FLUX,
        flux=False,
        look=no_wavelength,
    ),
    Case("calibrated again", calibrated_again, look=newer_replaced_older),
    Case("truncated", cos(edit=cut), reason="Unreadable file"),
    Case("without x1d", cos(x1d=False), flags=("Missing x1d", *NO_FLUX), flux=False),
    Case("without FLUXTAB", uncalibrated_flux, flags=(*NO_REFERENCE, *NO_FLUX), flux=False),
    Case("two names of a galaxy", second_name("NGC3516", "NGC-3516"), look=same_target),
    Case("two names of a star", second_name("HD39801", "BETELGEUSE"), look=same_target),
    Case(
        "solar system",
        second_name("JUPITER-NORTH-1", "JUPITER-NORTH-2", overrides={"MTFLAG": "T"}),
        flags=("Moving target",),
        look=one_body,
    ),
    Case(
        "STIS first order",
        of_stis(stis.Scene(40.0, 2.0, PULSE)),
        flags=NO_REFERENCE,
        shape=PULSE,
        interesting=True,
        period_s=12.0,
    ),
    Case(
        "STIS echelle",
        of_stis(opt_elem="E230M", cenwave=1978, doppmag=8.0),
        flags=NO_REFERENCE,
        look=whole_orders,
    ),
    Case("STIS two imsets", of_stis(imsets=2, exptime_s=60.0), flags=NO_REFERENCE, look=two_starts),
    Case(
        "STIS without x1d",
        of_stis(DARKLESS, x1d=False),
        flags=("Missing x1d", *NO_FLUX, *NO_REFERENCE),
        flux=False,
        look=whole_detector,
    ),
    Case(
        "STIS image",
        of_stis(DARKLESS, opt_elem="MIRFUV", cenwave=0),
        flags=(*NO_FLUX, *NO_REFERENCE),
        flux=False,
        look=no_wavelength,
    ),
    Case("STIS one step of -125 us", of_stis(steps_back=1), flags=("Slight disorder", *NO_REFERENCE)),
    Case("STIS EXPTIME 0", of_stis(x1d=False, no_good_time=True), reason="Short Exposure"),
)


# --- the store


@dataclass(frozen=True)
class Matrix:
    """Everything, ingested."""

    store: Store
    state: State
    made: dict[str, Made]
    runs: tuple[Summary, Summary]
    digests: dict[str, str]

    def sight(self, case: Case) -> Sight:
        number = CASES.index(case) + 1
        given = Given(Path(), number)
        return Sight(self.store, self.state, self.made[case.name], getattr(given, case.instrument)["rootname"])


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Made]:
    """The files of all cases."""
    files = {}
    for number, case in enumerate(CASES, 1):
        folder = tmp_path_factory.mktemp(f"case-{number}")
        files[case.name] = case.make(Given(folder, number))
    return files


@pytest.fixture(scope="module", params=KINDS)
def matrix(
    request: pytest.FixtureRequest, made: dict[str, Made], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Matrix]:
    folder = tmp_path_factory.mktemp("matrix")
    digests = {path.name: sha256_file(path) for one in made.values() for path in one.paths}
    with fresh_database(request.param, folder) as url:
        store = Store(folder / "home", url)
        store.give(*(path for one in made.values() for path in one.paths))
        first = ingest(store)
        store.give(*(path for one in made.values() for path in one.later))
        second = ingest(store)
        yield Matrix(store, store.state(), made, (first, second), digests)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_whole_matrix(matrix: Matrix, case: Case) -> None:
    sight = matrix.sight(case)
    if case.reason:
        assert_rejected(matrix, sight, case)
    else:
        assert_accepted(sight, case)
    if case.look is not None:
        case.look(sight)


def assert_rejected(matrix: Matrix, sight: Sight, case: Case) -> None:
    """No curve, the documented reason for every file of events, and not a byte lost."""
    assert sight.rows("metadata") == []
    assert case.reason in sight.reasons("reject")
    recorded = {row["filename"]: row for row in sight.rows("bad_data")}
    assert recorded.keys() == {path.name for path in sight.made.paths}
    for name, row in recorded.items():
        assert row["reason"] == case.reason
        assert row["message"]
        kept = sight.store.home / row["path"] / name
        assert sha256_file(kept) == row["sha256"] == matrix.digests[name]


def assert_accepted(sight: Sight, case: Case) -> None:
    """The rows, the flags, and a light curve that is the injected one."""
    assert sight.rows("bad_data") == []
    assert sight.reasons("reject") == set()
    assert sight.reasons("flag") == set(case.flags)
    stats, curve, made = sight.of_curve("stats"), sight.curve, sight.made
    error = float(np.sqrt(curve["variance"].sum()))
    assert stats["exposure_s"] == pytest.approx(made.live_s, abs=1e-6)
    assert stats["total"] == pytest.approx(made.rate_ct_s * made.live_s, abs=SIGMA * error + 1)
    if case.interesting is not None:
        assert stats["interesting"] == case.interesting
    if case.period_s is not None:
        assert stats["peak_period_s"] == pytest.approx(case.period_s, rel=0.02)
        assert stats["false_alarm_probability"] < 1e-6
    if case.shape is not None:
        assert_shape(curve, case.shape, made)
    assert_flux(curve, case.flux, made)


def assert_shape(curve: LightCurve, shape: Shape, made: Made) -> None:
    """The bins scatter about the injected light curve as their errors say."""
    parts = (np.arange(40) + 0.5) / 40
    relative = np.array(
        [shape(left + width * parts).mean() for left, width in zip(curve["times"], curve["bins"], strict=True)]
    )
    live = curve["exposure"]
    mean = (relative * live).sum() / live.sum()
    expected = made.rate_ct_s * (relative / mean if mean else relative) * live
    used = curve["quality"] == 0
    pulls = (curve["counts"] - expected)[used] / np.sqrt(np.maximum(curve["variance"], expected + 1e-9)[used])
    assert used.sum() > 50
    assert (pulls**2).sum() == pytest.approx(used.sum(), abs=5 * np.sqrt(2 * used.sum()))


def assert_flux(curve: LightCurve, calibrated: bool, made: Made) -> None:
    live = curve["exposure"]
    if not calibrated:
        assert np.isnan(curve["flux"]).all()
        return
    left_out = [tuple(map(float, text.split("-"))) for text in str(curve.meta.get("AIRGWIN") or "").split(", ") if text]
    weight = live / live.sum()
    error = np.sqrt(np.nansum((curve["flux_error"] * weight) ** 2))
    assert np.nansum(curve["flux"] * weight) == pytest.approx(made.flux_density(left_out), abs=SIGMA * error)


def test_every_file_is_accounted_for(matrix: Matrix) -> None:
    accepted = [case for case in CASES if not case.reason]
    rejected = [case for case in CASES if case.reason]
    first, second = matrix.runs
    assert [*first.failures, *second.failures] == []
    pairs = sum(case.name.startswith(("two names", "solar")) for case in accepted)
    assert first.ingested == len(accepted) + pairs
    assert sum(first.rejected.values()) == len(rejected)
    assert (second.ingested, second.updated) == (0, 2)
    assert matrix.store.verify().clean
    kept = matrix.store.digests()
    assert set(matrix.digests.values()) <= kept
    assert not any(matrix.store.inbox.iterdir())


def test_another_run_changes_nothing(matrix: Matrix) -> None:
    summary = ingest(matrix.store)
    assert (summary.ingested, summary.updated, summary.composites, summary.statistics) == (0, 0, 0, 0)
    assert summary.failures == []
    assert matrix.store.state() == matrix.state
