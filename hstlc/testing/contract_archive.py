"""What every client of an archive must do: a test suite to run against the stand-in.

In a test module::

    from hstlc.testing.contract_archive import ArchiveCase, ArchiveContract


    class TestMyArchive(ArchiveContract):
        case = ArchiveCase("myarchive", ...)

and in a ``conftest.py`` beside it ``pytest.register_assert_rewrite("hstlc.testing.contract_archive")``.
"""

from __future__ import annotations

import json
import logging
import re
import traceback
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest

from hstlc.archives.base import Archive
from hstlc.archives.download import download
from hstlc.archives.http import Http
from hstlc.archives.limits import DownloadSettings, NetworkSettings
from hstlc.archives.registry import archive as find_archive
from hstlc.clock import Clock
from hstlc.config import load
from hstlc.config.loading import key_names
from hstlc.config.settings import is_secret
from hstlc.errors import ArchiveError, RejectedError
from hstlc.store.digest import sha256_file
from hstlc.testing.archive import Fault, StandIn
from hstlc.testing.archive.faults import QUERY_FAULTS, fault
from hstlc.testing.archive_bench import ArchiveCase, Bench, datasets_of, fetched, keys_of
from hstlc.testing.clock import SimulatedClock

__all__ = ["ArchiveCase", "ArchiveContract", "Bench"]

_CANARY = "canary-7f3a91"
_DAY = timedelta(days=1)

#: What may happen to the rows of an answer without making it wrong.
_HARMLESS = ("new_column", "shift_page")


class ArchiveContract:
    """The suite; a subclass whose name begins with ``Test`` says of which archive."""

    case: ClassVar[ArchiveCase]

    @pytest.fixture
    def bench(self, tmp_path: Path) -> Iterator[Bench]:
        """Start a stand-in and a client that asks it; waiting takes no time, neither here nor there."""
        clock = SimulatedClock(self.case.now)
        world = self.case.world(clock)
        with StandIn(world) as stand_in:
            prefix = f"HSTLC_ARCHIVES__{self.case.name.upper()}__"
            own = {prefix + key.upper(): value for key, value in self.case.settings.items()}
            settings = load(None, {"HSTLC_HOME_DIR": str(tmp_path), **stand_in.environment(), **own})
            archive = self._client(settings.archives[self.case.name], clock)
            yield Bench(self.case, stand_in, world, clock, archive)

    def _client(self, section: Any, clock: Clock) -> Archive[Any]:
        patience = NetworkSettings(failures_to_pause=100)
        http = Http(patience, SimulatedClock(self.case.now), seed=1)  # a clock of its own: a wait ages no data
        return find_archive(self.case.name)(section, http, clock)

    # --- the value

    def test_the_entry_point_has_the_name_of_the_archive(self, bench: Bench) -> None:
        """Rows and configuration sections are named after it."""
        archive = bench.archive
        assert archive.name == self.case.name
        assert archive.title
        assert archive.mission
        names = [stream.name for stream in archive.streams()]
        assert len(set(names)) == len(names)
        assert set(self.case.dates) <= {stream.name for stream in archive.streams() if not stream.full}
        assert all(stream.overlap_s > 0 for stream in archive.streams() if not stream.full)

    def test_the_columns_that_are_needed_are_there(self, bench: Bench) -> None:
        """As the archive lists them."""
        columns = bench.archive.columns()
        assert bench.archive.required
        assert bench.archive.required <= set(columns)
        assert all(isinstance(kind, str) for kind in columns.values())

    # --- searching

    def test_everything_that_is_expected_is_found(self, bench: Bench) -> None:
        """Each dataset once, with a version, and with values that can be kept."""
        found = bench.shown()
        keys = [dataset.key for dataset in found]
        assert len(set(keys)) == len(keys)
        visible = {shown.key: shown for shown in bench.world.visible(self.case.name)}
        wanted = {key for key, shown in visible.items() if shown.public and any(f.wanted for f in shown.version.files)}
        if bench.archive.streams():
            assert wanted <= set(keys)
        assert {dataset.key for dataset in bench.everything()} <= {key for key, one in visible.items() if one.public}
        assert keys
        for dataset in found:
            assert dataset.version, dataset.key
            assert json.loads(json.dumps(dict(dataset.columns))) == dict(dataset.columns)
            for date in (dataset.start, dataset.release):
                assert date is None or date.tzinfo is not None

    def test_both_ends_of_a_window_are_included(self, bench: Bench) -> None:
        """To the second, and nothing beyond them."""
        keys = {dataset.key for dataset in bench.everything()}
        second = timedelta(seconds=1)
        for stream, date in self.case.dates.items():
            shown = [one for one in bench.world.visible(self.case.name) if one.key in keys]
            assert len({date(one) for one in shown}) > 1
            for one in shown:
                at = date(one)
                assert at.microsecond == 0
                assert one.key in keys_of(bench.search(stream, at, at)), (stream, one.key)
                assert one.key not in keys_of(bench.search(stream, at + second, bench.clock.now())), (stream, one.key)
                assert one.key not in keys_of(bench.search(stream, None, at - second)), (stream, one.key)

    def test_walking_twice_finds_the_same(self, bench: Bench) -> None:
        """Datasets, products and order."""
        for stream in bench.archive.streams():
            first, second = (bench.search(stream.name, None, self.case.now) for _ in range(2))
            assert datasets_of(first) == datasets_of(second)
            assert [page.watermark for page in first] == [page.watermark for page in second]
        datasets = bench.everything()
        assert bench.products(datasets) == bench.products(datasets)

    def test_watermarks_rise_and_lead_back_to_what_they_are_of(self, bench: Bench) -> None:
        """A search from the watermark on meets the last dataset again."""
        for stream, date in self.case.dates.items():
            pages = bench.search(stream, None, self.case.now)
            marks = [page.watermark for page in pages if page.watermark is not None]
            assert marks
            assert marks == sorted(marks)
            assert marks[-1] <= self.case.now
            if stream != self.case.release_stream:
                last = [one.key for one in datasets_of(bench.search(stream, marks[-1], self.case.now))]
                dates = {one.key: date(one) for one in bench.world.visible(self.case.name)}
                assert last
                assert {dates[key] for key in last} == {max(dates[one.key] for one in datasets_of(pages))}

    def test_answers_are_given_as_they_came(self, bench: Bench) -> None:
        """To be kept."""
        for stream in bench.archive.streams():
            for page in bench.search(stream.name, None, self.case.now):
                assert page.reply
                assert re.fullmatch(r"\.[a-z]+", page.suffix)

    def test_names_and_places_are_found(self, bench: Bench) -> None:
        """All that they mean, each dataset once."""
        assert self.case.selections
        for selection, wanted in self.case.selections:
            found = keys_of(bench.archive.find(selection))
            assert found == sorted(wanted), selection

    # --- changes

    def test_data_become_public(self, bench: Bench) -> None:
        """They are not shown before, and met by the stream of releases after."""
        if not self.case.release_stream:
            return
        key = bench.everything()[0].key
        bench.world.embargo(self.case.name, key, self.case.now + 2 * _DAY, when=self.case.now)
        assert key not in {dataset.key for dataset in bench.everything()}
        bench.clock.advance_to(self.case.now + 3 * _DAY)
        assert key in keys_of(bench.search(self.case.release_stream, self.case.now, bench.clock.now()))
        assert key in {dataset.key for dataset in bench.everything()}

    def test_data_that_are_made_again_have_another_version(self, bench: Bench) -> None:
        """The same products, none of them in a version that was there before."""
        datasets = bench.everything()
        before = bench.products(datasets[:1])
        bench.world.reprocess(self.case.name, datasets[0].key, self.case.now + _DAY)
        bench.clock.advance_to(self.case.now + 2 * _DAY)
        (again,) = (dataset for dataset in bench.everything() if dataset.key == datasets[0].key)
        after = bench.products([again])
        assert {product.name for product in before} == {product.name for product in after}
        assert not {(one.name, one.version) for one in before} & {(one.name, one.version) for one in after}

    # --- products

    def test_a_product_is_listed_once(self, bench: Bench) -> None:
        """With plain values, of a dataset that was asked for."""
        datasets = bench.everything()
        products = bench.products(datasets)
        assert products
        assert max(Counter((product.name, product.version) for product in products).values()) == 1
        keys = {dataset.key for dataset in datasets}
        for product in products:
            assert product.dataset in keys
            assert product.kind
            assert product.version
            assert all(isinstance(text, str) for pair in product.locator.items() for text in pair)
        assert bench.archive.products([]) == []

    def test_what_is_asked_for_comes_and_is_recognized(self, bench: Bench, tmp_path: Path) -> None:
        """Every file that a perfect client would hold; what is not taken in says why."""
        held: dict[str, str] = {}
        for product in bench.products(bench.everything()):
            for path in fetched(bench, product, tmp_path):
                identity = bench.archive.identify(path, product)
                if not identity.rejection:
                    held[path.name] = sha256_file(path)
        expected = bench.world.expected(archives=[self.case.name], every_version=False)
        assert expected
        assert held == {product: digest for (_, product, _), digest in expected.items()}

    def test_another_file_is_not_taken_for_the_one_that_was_asked_for(self, bench: Bench, tmp_path: Path) -> None:
        """Whatever it is called."""
        every = bench.products(bench.everything())
        first = next(product for product in every if product.dataset != every[0].dataset)
        for path in fetched(bench, first, tmp_path):
            with pytest.raises(ArchiveError) as caught:
                bench.archive.identify(path, every[0])
            assert caught.value.code == "archive.wrong-file"
            assert every[0].name in caught.value.message

    # --- faults

    @pytest.mark.parametrize("kind", [*QUERY_FAULTS, *_HARMLESS])
    def test_faults_of_an_answer_lose_and_double_nothing(self, bench: Bench, kind: str) -> None:
        """The first answer has it, or every answer when that does not make it wrong."""
        wanted = sorted((dataset.key, dataset.version) for dataset in bench.everything())
        products = {(one.name, one.version) for one in bench.products(bench.everything())}
        harmless = kind in _HARMLESS
        bench.stand_in.faults.add(fault(kind, path=self.case.queries, times=None if harmless else 1))
        found = bench.everything()
        assert sorted((dataset.key, dataset.version) for dataset in found) == wanted
        assert {(one.name, one.version) for one in bench.products(found)} == products
        assert any(entry.fault for entry in bench.stand_in.log.entries) or kind == "shift_page"

    def test_a_storm_of_faults_loses_and_doubles_nothing(self, bench: Bench) -> None:
        """One question in five goes wrong in one way or another."""
        wanted = sorted((dataset.key, dataset.version) for dataset in bench.everything())
        products = {(one.name, one.version) for one in bench.products(bench.everything())}
        bench.stand_in.faults.storm(0.2, QUERY_FAULTS, seed=3, path=self.case.queries)
        for _ in range(5):
            found = bench.everything()
            assert sorted((dataset.key, dataset.version) for dataset in found) == wanted
            assert {(one.name, one.version) for one in bench.products(found)} == products
        assert any(entry.fault for entry in bench.stand_in.log.entries)

    def test_a_column_with_another_name_is_noticed(self, bench: Bench) -> None:
        """The error names it, and what to set."""
        bench.world.rename_column(self.case.name, self.case.renamed, f"{self.case.renamed}_2")
        assert self.case.renamed not in bench.archive.columns()
        with pytest.raises(RejectedError) as caught:
            bench.everything()
        assert caught.value.code == "archive.columns"
        assert self.case.renamed in caught.value.message
        assert "renamed_columns" in caught.value.hint

    def test_no_secret_is_in_an_error(self, bench: Bench, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
        """Neither of the settings nor of addresses, in no message and no log."""
        dataset = bench.everything()[0]
        product = bench.products([dataset])[0]
        section = bench.archive.settings
        values = {name: getattr(section, name) for name in type(section).model_fields}
        secret = {name: _CANARY for name, value in values.items() if is_secret(name) and isinstance(value, str)}
        assert _CANARY not in repr(section.model_copy(update=secret))
        texts = {name: value for name, value in values.items() if isinstance(value, str)}
        urls = {name: text.replace("://", f"://me:{_CANARY}@", 1) for name, text in texts.items() if "://" in text}
        assert urls
        archive = self._client(section.model_copy(update=urls | secret), bench.clock)
        spoken: list[str] = []
        with caplog.at_level(logging.DEBUG):
            for kind in ("status:400", "status:401", "status:404", "status:500", "html_200", "reset"):
                bench.stand_in.faults.clear()
                bench.stand_in.faults.add(fault(kind, times=None))
                for ask in (
                    lambda: archive.columns(),
                    lambda: [list(archive.find(selection)) for selection, _ in self.case.selections],
                    lambda: archive.products([dataset]),
                    lambda: download(archive.http, archive.request(product), tmp_path, "x", limits=DownloadSettings()),
                ):
                    try:
                        ask()
                    except ArchiveError as error:
                        spoken += [str(error), repr(error.context), *traceback.format_exception(error)]
        assert spoken
        assert _CANARY not in "".join([*spoken, caplog.text])

    # --- facts

    def test_what_is_believed_holds_of_the_stand_in(self, bench: Bench) -> None:
        """And what to change when it does not is a key that there is."""
        known = {f"archives.{self.case.name}.{key}" for key in key_names(type(bench.archive.settings))}
        asked = len(bench.stand_in.log.entries)
        facts = list(bench.archive.facts())
        assert facts
        assert [fact for fact in facts if fact.holds is False] == []
        assert any(fact.holds for fact in facts)
        assert {fact.setting for fact in facts if fact.setting} <= known
        assert len(bench.stand_in.log.entries) - asked <= 6

    def test_facts_of_an_archive_that_is_down_are_unknown_or_do_not_hold(self, bench: Bench) -> None:
        """And no error."""
        bench.stand_in.faults.add(Fault("status", times=None, arguments={"code": 503}))
        facts = list(bench.archive.facts())
        assert facts
        assert not any(fact.holds for fact in facts)
