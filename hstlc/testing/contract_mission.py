"""What every mission must do: a test suite to run against a mission's value and its example files.

In a test module of the mission's package::

    from hstlc.testing.contract_mission import MissionContract


    class TestMyMission(MissionContract):
        name = "mymission"
        examples = MyExamples()

and in a ``conftest.py`` beside it ``pytest.register_assert_rewrite("hstlc.testing.contract_mission")``.
"""

from __future__ import annotations

import json
import pickle
import shutil
from collections.abc import Callable, Mapping
from dataclasses import FrozenInstanceError, asdict, fields
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, ClassVar, get_type_hints

import numpy as np
import pytest
from astropy import units as u
from astropy.io import fits
from pydantic import BaseModel, ValidationError

from hstlc.checks import first_rejection, run_checks
from hstlc.config import load
from hstlc.errors import InconsistentError, UnreadableError, UsageError
from hstlc.formats.curve_fits import write_light_curve
from hstlc.missions.base import ExposureValues, Extraction, FileIdentity, Mission, Role, is_event_kind
from hstlc.missions.registry import mission as find_mission
from hstlc.model import COLUMNS, FURTHER_COLUMNS, Severity
from hstlc.pipeline import ingest as pipeline
from hstlc.pipeline.context import open_store
from hstlc.pipeline.inspection import check_files
from hstlc.pipeline.results import Summary
from hstlc.pipeline.statistics import build_statistics
from hstlc.store.digest import sha256_file
from hstlc.testing.databases import KINDS, content, fresh_database
from hstlc.testing.examples import BadExample, GoodExample, MissionExamples

__all__ = ["MissionContract"]

LONGEST_REASON = 64  # as wide as the column `reason`

Good = Mapping[str, GoodExample]
Bad = Mapping[str, BadExample]


@cache
def _good(write: Callable[[Path], Good], base: Path) -> Good:
    return write(Path(mkdtemp(prefix="good-", dir=base)))


@cache
def _bad(write: Callable[[Path], Bad], base: Path) -> Bad:
    return write(Path(mkdtemp(prefix="bad-", dir=base)))


def foreign_files(folder: Path) -> list[Path]:
    """Write FITS files that belong to no mission: an image without a telescope, and events of an unknown one."""
    image, events = folder / "image.fits", folder / "events.fits"
    fits.PrimaryHDU(np.zeros((4, 4))).writeto(image)
    table = fits.BinTableHDU.from_columns([fits.Column("TIME", "D", array=np.arange(5.0))], name="EVENTS")
    primary = fits.PrimaryHDU()
    primary.header["TELESCOP"] = table.header["TELESCOP"] = "NOWHERE"
    fits.HDUList([primary, table]).writeto(events)
    return [image, events]


class MissionContract:
    """The suite; a subclass whose name begins with ``Test`` says of which mission."""

    name: ClassVar[str]
    examples: ClassVar[MissionExamples]

    @pytest.fixture
    def mission(self) -> Mission:
        """Return the mission under test, as its entry point gives it."""
        return find_mission(self.name)

    @pytest.fixture
    def settings(self, mission: Mission) -> BaseModel:
        """Return its default settings."""
        return mission.settings_model()

    @pytest.fixture
    def good(self, tmp_path_factory: pytest.TempPathFactory) -> Good:
        """Write good exposures once; no test changes them."""
        return _good(self.examples.good, tmp_path_factory.getbasetemp())

    @pytest.fixture
    def bad(self, tmp_path_factory: pytest.TempPathFactory) -> Bad:
        """Write bad exposures once; no test changes them."""
        return _bad(self.examples.bad, tmp_path_factory.getbasetemp())

    # --- the value

    def test_the_entry_point_has_the_name_of_the_mission(self, mission: Mission) -> None:
        """Rows and configuration sections are named after it."""
        assert mission.name == self.name
        assert mission.title
        assert mission.instruments
        with pytest.raises(FrozenInstanceError):
            mission.name = "other"  # type: ignore[misc]

    def test_checks_have_names_and_reasons_of_their_own(self, mission: Mission) -> None:
        """``bad_data.reason`` and the documentation rest on them."""
        for check in mission.checks:
            assert 0 < len(check.reason) <= LONGEST_REASON
            assert check.explanation.endswith(".")
            assert check.severity in Severity
        assert len({check.name for check in mission.checks}) == len(mission.checks)
        assert len({check.reason for check in mission.checks}) == len(mission.checks)

    # --- settings

    def test_settings_cannot_be_changed(self, settings: BaseModel) -> None:
        """They are shared by all tasks of a run."""
        name = next(iter(type(settings).model_fields))
        with pytest.raises(ValidationError, match="frozen"):
            setattr(settings, name, getattr(settings, name))

    def test_settings_refuse_unknown_keys(self, mission: Mission) -> None:
        """A misspelled key must not be ignored."""
        with pytest.raises(ValidationError, match="extra_forbidden"):
            mission.settings_model.model_validate({"no_such_key": 1})

    def test_every_setting_is_described(self, mission: Mission) -> None:
        """The reference of the configuration is made of the descriptions."""
        assert [name for name, field in mission.settings_model.model_fields.items() if not field.description] == []

    def test_settings_go_to_worker_processes_and_into_files(self, mission: Mission, settings: BaseModel) -> None:
        """Pickle and JSON keep them."""
        assert pickle.loads(pickle.dumps(settings)) == settings
        plain = json.loads(settings.model_dump_json(by_alias=True))
        assert mission.settings_model.model_validate(plain) == settings

    # --- identify

    def test_own_files_are_recognized(self, mission: Mission, good: Good) -> None:
        """With the part of the exposure they are; every exposure has an event list."""
        for name, example in good.items():
            found = [_identity(mission, path) for path in example.paths]
            assert {identity.mission for identity in found} == {self.name}, name
            assert len({identity.rootname for identity in found}) == 1, name
            assert len({identity.kind for identity in found}) == len(found), name
            for identity in found:
                assert identity.problem == ""
                assert identity.role in (Role.EVENTS, Role.COMPANION)
                assert (identity.role is Role.EVENTS) == is_event_kind(identity.kind, mission.event_kinds)
            assert any(identity.role is Role.EVENTS for identity in found), name

    def test_files_are_known_by_content_not_by_name(self, mission: Mission, good: Good, tmp_path: Path) -> None:
        """People rename files."""
        for number, path in enumerate(path for example in good.values() for path in example.paths):
            renamed = tmp_path / f"{number}{''.join(path.suffixes)}"
            shutil.copy(path, renamed)
            before, after = asdict(_identity(mission, path)), asdict(_identity(mission, renamed))
            assert {**before, "path": renamed} == after

    def test_files_of_others_are_not_claimed(self, mission: Mission, good: Good, tmp_path: Path) -> None:
        """Not even under a name that looks like one's own."""
        own = next(iter(good.values())).paths[0]
        for path in foreign_files(tmp_path):
            assert mission.identify(path) is None
            (tmp_path / "named").mkdir(exist_ok=True)
            assert mission.identify(path.rename(tmp_path / "named" / own.name)) is None

    def test_what_is_no_fits_file_is_unreadable(self, mission: Mission, tmp_path: Path) -> None:
        """The pipeline says so once no mission knows better."""
        path = tmp_path / "notes.fits"
        path.write_text("no FITS")
        with pytest.raises(UnreadableError) as caught:
            mission.identify(path)
        assert str(path) in caught.value.message

    def test_a_file_that_is_gone_is_no_bad_file(self, mission: Mission, good: Good, tmp_path: Path) -> None:
        """It must not become a row of ``bad_data``."""
        gone = tmp_path / next(iter(good.values())).paths[0].name
        with pytest.raises(InconsistentError) as caught:
            mission.identify(gone)
        assert caught.value.code == "data.vanished"
        assert str(gone) in caught.value.message

    def test_identities_go_to_worker_processes(self, mission: Mission, good: Good) -> None:
        """Pickle keeps them."""
        for identity in _identities(mission, next(iter(good.values()))):
            assert pickle.loads(pickle.dumps(identity)) == identity

    def test_companions_find_the_rest_of_the_exposure(self, mission: Mission, good: Good) -> None:
        """From any of its files, among those of other exposures."""
        for example in good.values():
            for path in example.paths:
                assert sorted(mission.companions(path)) == sorted(set(example.paths) - {path})

    # --- checks

    def test_good_exposures_pass(self, mission: Mission, settings: BaseModel, good: Good) -> None:
        """Without even a flag but what is said of every exposure of the mode."""
        for name, example in good.items():
            exposure = mission.load(_identities(mission, example))
            found = run_checks(mission.checks, exposure, settings)
            assert tuple(f.reason for f in found if f.severity is Severity.FLAG) == example.flags, name
            assert first_rejection(found) is None, name

    def test_bad_exposures_give_their_reason_first(self, bad: Bad) -> None:
        """The documented text, with a sentence that says what was found."""
        for name, example in bad.items():
            (report,) = check_files(example.paths, {})
            assert report.rejected, name
            found = first_rejection(report.findings)
            assert found is not None, name
            assert (name, found.reason) == (name, example.reason)
            assert found.message

    def test_a_damaged_file_is_a_finding_not_an_exception(
        self, mission: Mission, settings: BaseModel, good: Good, tmp_path: Path
    ) -> None:
        """Whichever of the files is cut short, the exposure loads and a check speaks."""
        example = max(good.values(), key=lambda example: len(example.paths))
        for number, damaged in enumerate(example.paths):
            folder = tmp_path / str(number)
            folder.mkdir()
            for path in example.paths:
                data = path.read_bytes()
                (folder / path.name).write_bytes(data[: len(data) // 2] if path == damaged else data)
            identities = [_identity(mission, folder / path.name) for path in example.paths]
            findings = run_checks(mission.checks, mission.load(identities), settings)
            assert any(str(folder / damaged.name) in finding.message for finding in findings)

    # --- events and metadata

    def test_events_lie_in_good_time(self, mission: Mission, good: Good) -> None:
        """Finite times in seconds after the reference, every column as long as the list, in native byte order."""
        for path, identity in _each(mission, good):
            if identity.role is not Role.EVENTS:
                continue
            events = mission.read_events(path)
            assert len(events) > 0
            assert events.time_s.dtype == np.float64
            assert np.isfinite(events.time_s).all()
            assert events.gti.contains(events.time_s).all()
            assert np.isfinite(events.reference.mjd)
            for name, values in events.columns.items():
                assert len(values) == len(events), name
                assert values.dtype.isnative, name

    def test_every_documented_column_is_filled(self, mission: Mission, good: Good) -> None:
        """With a value of its type; what only this mission knows can be written as JSON."""
        hints = get_type_hints(ExposureValues)
        for name, example in good.items():
            values = mission.describe(mission.load(_identities(mission, example)))
            for field in fields(values):
                value = getattr(values, field.name)
                if field.name == "extra":
                    assert json.loads(json.dumps(dict(value))) == dict(value)
                else:
                    assert isinstance(value, hints[field.name]), (name, field.name)
                    assert value is not None, (name, field.name)
                    assert value == value, (name, field.name)  # NaN is not
            assert values.instrume in mission.instruments
            assert values.targname
            assert values.exptime_s == pytest.approx(example.live_s)

    # --- extraction

    def test_the_curve_has_every_column_and_the_whole_live_time(
        self, mission: Mission, settings: BaseModel, good: Good
    ) -> None:
        """No bin is dropped; rates are NaN exactly where nothing was live."""
        for name, example in good.items():
            curve = _extract(mission, example, settings).curve
            for column in COLUMNS:
                assert len(curve[column.name]) == len(curve["times"]), (name, column.name)
            assert float(curve["exposure"].sum()) == pytest.approx(example.live_s, abs=1e-6)
            assert ((curve["fraction"] >= 0) & (curve["fraction"] <= 1)).all()
            assert np.array_equal(np.isnan(curve["rate"]), curve["fraction"] == 0)
            assert (np.diff(curve["times"]) > 0).all()
            assert (curve["error"] > 0).all()

    def test_the_injected_rate_comes_back(self, mission: Mission, settings: BaseModel, good: Good) -> None:
        """Within three sigma of the propagated error."""
        for name, example in good.items():
            curve = _extract(mission, example, settings).curve
            net = float(curve["counts"].sum())
            error = float(np.sqrt(curve["variance"].sum()))
            assert abs(net - example.net_rate_ct_s * example.live_s) < 3 * error, name

    def test_sources_have_names_and_curves_of_their_own(
        self, mission: Mission, settings: BaseModel, good: Good
    ) -> None:
        """Their events are counted one by one, all of them in their bins, and lie in live time."""
        made = [_extract(mission, example, settings).sources for example in good.values()]
        assert any(made) == bool(mission.source_radius_arcsec)
        for sources in made:
            assert len({seen.source.name for seen in sources}) == len(sources)
            for seen in sources:
                assert seen.lead in seen.curves
                assert len({band.lower() for band in seen.curves}) == len(seen.curves)
                assert (-90 <= seen.source.dec_deg <= 90, 0 <= seen.source.ra_deg < 360) == (True, True)
                assert json.loads(json.dumps(dict(seen.source.extra))) == dict(seen.source.extra)
                for curve in seen.curves.values():
                    assert {column.name for column in (*COLUMNS, *FURTHER_COLUMNS)} == set(curve)
                    assert 0 < curve["exposure"].sum() <= curve["bins"].sum()
                    if curve.arrivals is not None:
                        assert len(curve.arrivals) == curve["source_events"].sum()
                        assert (np.diff(curve.arrivals.live_s) >= 0).all()
                        assert (curve.arrivals.live_s <= curve.arrivals.total_live_s * (1 + 1e-9)).all()

    def test_the_same_files_give_the_same_bytes(self, mission: Mission, settings: BaseModel, good: Good) -> None:
        """In whatever order they are given."""
        for example in good.values():
            again = GoodExample(example.paths[::-1], example.live_s, example.net_rate_ct_s)
            first, second = (_extract(mission, files, settings) for files in (example, again))
            assert first.findings == second.findings
            assert write_light_curve(first.curve) == write_light_curve(second.curve)

    def test_what_the_extraction_reads_can_be_digested(self, mission: Mission, settings: BaseModel, good: Good) -> None:
        """Another bin width makes the curve stale, the same settings do not."""
        other = mission.curve_options(settings, bin_width=7.0)
        for example in good.values():
            values = mission.describe(mission.load(_identities(mission, example)))
            read = [json.dumps(dict(mission.extraction_settings(values, s))) for s in (settings, settings, other)]
            assert read[0] == read[1] != read[2]

    def test_options_have_units(self, mission: Mission, settings: BaseModel, good: Good) -> None:
        """A quantity or seconds; a length is not a time."""
        example = next(iter(good.values()))
        options = mission.curve_options(settings, bin_width=u.Quantity(0.25, "min"))
        assert options == mission.curve_options(settings, bin_width=15)
        assert set(_extract(mission, example, options).curve["bins"]) == {15.0}
        with pytest.raises(UsageError) as caught:
            mission.curve_options(settings, bin_width=u.Quantity(1.0, "m"))
        assert caught.value.code == "usage.bad-option"

    # --- the pipeline

    @pytest.mark.parametrize("kind", KINDS)
    def test_ingesting_twice_changes_nothing(
        self, mission: Mission, settings: BaseModel, good: Good, bad: Bad, kind: str, tmp_path: Path
    ) -> None:
        """No row, no byte; the files given are left as they were. Every light curve has statistics."""
        given = [path for group in (good, bad) for example in group.values() for path in example.paths]
        before = {path: sha256_file(path) for path in given}
        with fresh_database(kind, tmp_path) as url:
            first, second = (self._ingest(tmp_path, url, given) for _ in range(2))
        assert first[0].failures == second[0].failures == []
        assert first[0].ingested == len(good)
        curves = sum(_number_of_curves(_extract(mission, example, settings)) for example in good.values())
        assert first[0].statistics == curves + first[0].composites
        assert sum(first[0].rejected.values()) == len(bad)
        assert second[0].unchanged == len(good) + len(bad)
        assert first[1:] == second[1:]
        assert {path: sha256_file(path) for path in given} == before

    def _ingest(
        self, home: Path, url: str, given: list[Path]
    ) -> tuple[Summary, dict[str, list[tuple[Any, ...]]], dict[str, str]]:
        settings = load(None, {"HSTLC_HOME_DIR": str(home), "HSTLC_DB_CONNECTION_STRING": url})
        summary = Summary()
        with open_store(settings) as context:
            pipeline.ingest(context, pipeline.Options(tuple(given)), summary)
            build_statistics(context, summary)
            rows = content(context.engine)
        layout = settings.layout
        kept = [path for folder in (layout.filesystem, layout.outputs, layout.bad_data) for path in folder.rglob("*")]
        return summary, rows, {str(path): sha256_file(path) for path in sorted(kept) if path.is_file()}


def _number_of_curves(made: Extraction) -> int:
    return 1 + len(made.bands) + sum(len(seen.curves) for seen in made.sources)


def _identity(mission: Mission, path: Path) -> FileIdentity:
    identity = mission.identify(path)
    assert identity is not None, f"{path.name} is not recognized"
    assert identity.path == path
    return identity


def _identities(mission: Mission, example: GoodExample) -> list[FileIdentity]:
    return [_identity(mission, path) for path in example.paths]


def _each(mission: Mission, good: Good) -> list[tuple[Path, FileIdentity]]:
    return [(path, _identity(mission, path)) for example in good.values() for path in example.paths]


def _extract(mission: Mission, example: GoodExample, settings: object) -> Extraction:
    extraction: Extraction = mission.extract(mission.load(_identities(mission, example)), settings)
    return extraction
