"""Plots of light curves of sources: which are drawn, what they show, when they are drawn again."""

from __future__ import annotations

from dataclasses import replace

import pytest
from plot_runs import broken_links, make_plots, plotted
from source_curves import source_curves
from source_store import give_sources
from store_state import Store

from hstlc.pipeline.results import Summary
from hstlc.pipeline.same_source import join_sources
from hstlc.pipeline.statistics import build_statistics

BRIGHT, FAINT = "SIM J0102+0304", "SIM J0102+0305"


@pytest.fixture
def sources(store: Store) -> Store:
    """A store with one exposure that sees two sources, in five bands each, and with their statistics."""
    give_sources(store, "sim00001", {BRIGHT: source_curves(), FAINT: source_curves(0.004, name=FAINT, flare=False)})
    with store.open() as context:
        join_sources(context)
        summary = Summary()
        build_statistics(context, summary)
    assert not summary.failures
    return store


def curve_pages(store: Store) -> list[str]:
    return sorted(path for path in plotted(store) if path.startswith("SIM-FIELD/") and path.endswith("_curve.html"))


def test_only_the_curve_that_stands_for_a_source_is_drawn(sources: Store) -> None:
    summary = make_plots(sources)
    assert (summary.plots, summary.failures) == (2, [])
    assert len(curve_pages(sources)) == 2
    assert all("broad" in path for path in curve_pages(sources))
    assert broken_links(sources.settings.plot_dir) == []
    assert make_plots(sources).plots == 0


def test_the_page_of_a_source_shows_its_other_bands_too(sources: Store) -> None:
    make_plots(sources)
    page = (sources.settings.plot_dir / curve_pages(sources)[0]).read_text("utf-8")
    for label in ("soft 0.5", "medium 1.2", "hard 2", "Hardness", "Gregory-Loredo", "stamp-SKY", "Live time (s)"):
        assert label in page


def test_the_page_is_drawn_again_when_another_band_changes(sources: Store) -> None:
    make_plots(sources)
    before = (sources.settings.plot_dir / curve_pages(sources)[0]).read_bytes()
    curves = source_curves()
    curves["hard"] = source_curves(0.2, seed=9)["hard"]
    give_sources(sources, "sim00001", {BRIGHT: curves, FAINT: source_curves(0.004, name=FAINT, flare=False)})
    assert make_plots(sources).plots == 1
    assert (sources.settings.plot_dir / curve_pages(sources)[0]).read_bytes() != before


def test_plots_go_when_another_band_takes_the_lead(sources: Store) -> None:
    make_plots(sources)
    curves = source_curves()
    curves["soft"] = replace(curves["soft"], stamps=curves["broad"].stamps)
    give_sources(sources, "sim00001", {BRIGHT: curves}, lead="soft")
    make_plots(sources)
    assert len(curve_pages(sources)) == 1
    assert "soft" in curve_pages(sources)[0]


def test_tables_show_sources_with_their_band_and_index(sources: Store) -> None:
    make_plots(sources)
    table = (sources.settings.plot_dir / "all_hstlc.html").read_text("utf-8")
    assert "variability index" in table
    assert BRIGHT in table
    assert FAINT in table
    assert "<dt>sources</dt>" in (sources.settings.plot_dir / "index.html").read_text("utf-8")


def test_a_curve_of_another_band_that_changed_on_disk_is_a_failure_that_names_it(sources: Store) -> None:
    path = sorted(sources.settings.layout.outputs.rglob("*_hard_curve.fits"))[0]
    path.write_bytes(b"spoiled")
    (failure,) = make_plots(sources).failures
    assert failure.code == "data.changed"
    assert path.name in failure.message
