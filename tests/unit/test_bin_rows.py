"""Sums of events that come in blocks are, to the last digit, the sums of all of them at once."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hstlc.events.bin_rows import BinRows
from hstlc.lightcurves import Photons, Region, Response, RunningSums, region_sums
from hstlc.lightcurves.lookup import Lookup

BINS = 9


def blocks_of(index, values, cuts):
    """Sum values block by block; cuts are where a block ends."""
    total, count, reached = np.zeros(BINS), np.zeros(BINS), 0
    for part, weight in zip(np.split(index, cuts), np.split(values, cuts), strict=True):
        rows = BinRows(part, reached)
        rows.add(total, weight)
        rows.count(count, np.arange(len(part)))
        reached = rows.reached
    return total, count


@given(
    st.lists(st.integers(0, BINS - 1), max_size=60),
    st.lists(st.integers(0, 60), max_size=5),
    st.integers(0, 2**32 - 1),
    st.booleans(),
)
def test_blocks_give_the_sum_of_the_whole(bins, cuts, seed, ordered):
    index = np.array(sorted(bins) if ordered else bins, dtype=np.int64)
    values = np.random.default_rng(seed).lognormal(0, 9, len(index))
    total, count = blocks_of(index, values, sorted(min(cut, len(index)) for cut in cuts))
    assert np.array_equal(total, np.bincount(index, weights=values, minlength=BINS))
    assert np.array_equal(count, np.bincount(index, minlength=BINS))


def test_a_bin_that_goes_on_in_the_next_block_is_summed_in_order():
    values = np.array([1e16, 1.0, 1.0, -1e16])
    total, _ = blocks_of(np.zeros(4, dtype=np.int64), values, [2])
    assert total[0] == np.bincount([0, 0, 0, 0], weights=values)[0] == 0.0


@given(st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_regions_in_blocks_are_the_regions_at_once(size, seed):
    rng = np.random.default_rng(seed)
    n = 100
    index, weight = np.sort(rng.integers(0, BINS, n)), rng.uniform(0.5, 1.5, n)
    wavelength = rng.uniform(1290, 1410, n)
    response = Response(np.linspace(1300, 1400, 50), rng.uniform(1e-16, 2e-16, 50), 100.0)
    kinds = rng.integers(0, 4, (2, n))  # neither, source, background, both

    def photons(where):
        rows = np.flatnonzero(where)
        return Photons(rows, wavelength[rows])

    regions = [Region(photons(kind % 2 == 1), photons(kind > 1), 0.3, response) for kind in kinds]
    whole = region_sums(BINS, index, weight, regions)
    running = RunningSums(BINS, [0.3, 0.3], [response, response])
    for start in range(0, n, size):
        here = slice(start, start + size)

        def part(photons, here=here):
            inside = (photons.row >= here.start) & (photons.row < here.stop)
            return Photons(photons.row[inside] - here.start, photons.wavelength_aa[inside])

        running.add(index[here], weight[here], [(part(r.source), part(r.background)) for r in regions])
    for name in ("events", "gross", "background", "variance", "fluence", "fluence_variance"):
        assert np.array_equal(getattr(running.sums(), name), getattr(whole, name)), name


# --- interpolation in a table


@given(st.integers(1, 300), st.integers(0, 2**32 - 1), st.booleans())
def test_a_lookup_is_the_linear_interpolation_of_numpy(points, seed, even):
    rng = np.random.default_rng(seed)
    grid = np.linspace(1100.0, 1400.0, points) if even else np.sort(rng.uniform(1100.0, 1400.0, points))
    values = rng.uniform(0.0, 1.0, points)
    x = np.concatenate((rng.uniform(1090, 1410, 200), grid, np.nextafter(grid, 0), np.nextafter(grid, 9999)))
    assert np.array_equal(Lookup(grid, values)(x), np.interp(x, grid, values, left=0.0, right=0.0))


def test_what_is_no_number_is_outside():
    lookup = Lookup(np.array([1.0, 2.0]), np.array([3.0, 4.0]))
    assert lookup(np.array([np.nan, np.inf, -np.inf, 1.5])) == pytest.approx([0.0, 0.0, 0.0, 3.5])
