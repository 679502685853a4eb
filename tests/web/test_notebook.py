"""The notebook API over a store: rows as tables with units, light curves as pictures."""

import warnings
from pathlib import Path

import numpy as np
import pytest
from astropy.table import QTable
from matplotlib.figure import Figure

import hstlc
from hstlc.db.known_columns import known_columns
from hstlc.errors import UsageError
from hstlc.formats.row_astropy import astropy_table


@pytest.fixture
def stored(site_home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store that the environment names."""
    monkeypatch.delenv("HSTLC_CONFIG", raising=False)
    monkeypatch.setenv("HSTLC_HOME_DIR", str(site_home))
    return site_home


def test_a_query_has_units_types_and_masks(stored: Path) -> None:
    table = hstlc.query("SELECT filename, exptime_s, lead, cenwave, proposid FROM light_curve ORDER BY product_id")
    assert str(table["exptime_s"].unit) == "s"
    assert str(table["cenwave"].unit) == "Angstrom"
    assert table["lead"].dtype == bool
    assert any(table[name].description for name in table.colnames)
    assert QTable(table)["exptime_s"].to_value("min").sum() == pytest.approx(table["exptime_s"].sum() / 60)
    with pytest.warns(UserWarning, match="more than 3 rows"):
        few = hstlc.query("SELECT filename FROM light_curve", limit=3)
    assert len(few) == 3
    assert few.meta["truncated"]
    with pytest.raises(UsageError) as caught:
        hstlc.query("SELECT 1", limit=0)
    assert caught.value.code == "usage.bad-option"


def test_a_query_without_a_store_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HSTLC_HOME_DIR", str(tmp_path / "nothing"))
    with pytest.raises(UsageError) as caught:
        hstlc.query("SELECT 1")
    assert caught.value.code == "usage.no-database"
    assert not (tmp_path / "nothing").exists()


def test_rows_become_columns() -> None:
    names = ["a", "a", "number", "big", "flag", "text", "mixed", "none"]
    rows = [(1, 2.5, 1, 2**70, 1, "x", 1, None), (None, None, 2.5, None, None, None, "y", None)]
    table = astropy_table(names, rows, units={"a": "s", "text": "s"}, booleans=frozenset({"flag"}))
    assert table.colnames == ["a", "a_2", "number", "big", "flag", "text", "mixed", "none"]
    assert [table[name].dtype.kind for name in table.colnames] == ["i", "f", "f", "O", "b", "U", "O", "O"]
    assert table["a"].mask.tolist() == [False, True]
    assert str(table["a"].unit) == "s"
    assert table["text"].unit is None
    assert astropy_table(["a"], [], units={"a": "s"})["a"].unit == "s"


def test_columns_that_differ_from_table_to_table_have_no_unit() -> None:
    known = known_columns()
    assert known["exptime_s"].unit == "s"
    assert known["interesting"].boolean
    assert not any(one.unit for name, one in known.items() if name in ("id", "kind", "filename"))


def test_plots_of_a_light_curve_of_the_store(stored: Path) -> None:
    rows = hstlc.query("SELECT filename, path, targname FROM light_curve WHERE mission = 'hst' ORDER BY product_id")
    name, target = str(rows["filename"][0]), str(rows["targname"][0])
    ax = Figure().add_subplot()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert hstlc.plot(name, ax=ax) is ax
    curve = hstlc.read_light_curve(stored / str(rows["path"][0]) / name)
    drawn = np.concatenate(
        [line.get_xdata() for line in ax.lines if len(line.get_xdata()) and line.get_marker() == "."]
    )
    assert len(drawn) == len(curve)
    assert all(line.get_linestyle() == "None" for line in ax.lines)  # nothing across a gap
    assert target in ax.get_title()
    assert "counts s" in ax.get_ylabel()
    assert "(s)" in ax.get_xlabel()
    layout = hstlc.plot(curve, height=500)
    assert sum(child[0].height for child in layout.children) == pytest.approx(500, abs=4)
    with pytest.raises(UsageError) as caught:
        hstlc.plot("nothing_curve.fits")
    assert caught.value.code == "usage.no-such-curve"
    with pytest.raises(UsageError) as caught:
        hstlc.plot(curve, bin_width=3)
    assert caught.value.code == "usage.bad-option"
    with pytest.raises(UsageError) as caught:
        hstlc.plot(curve, backend="bokeh", ax=ax)
    assert caught.value.code == "usage.bad-option"
