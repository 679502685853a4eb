"""Which part of a region lies on a detector that was live, told by where its events fell."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hstlc.regions.mask import Mask
from hstlc.regions.region import Region, samples
from hstlc.regions.shapes import Bounds

__all__ = ["Chip", "LiveMap"]

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

_FEWEST = 20  # events that tell where a chip is
_MOST = 600_000  # events that are looked at: of longer lists, every second, third, ...
_PER_CELL = 8.0  # events of a typical cell
_MISSED = 25.0  # events expected in an empty patch that make it dead
_POINTS = 25_000  # in the box of a component
_FARTHEST = 1e7  # pixels: positions beyond are marks of events that have none


@dataclass(frozen=True, slots=True, eq=False)
class Chip:
    """The live part of one CCD.

    Attributes
    ----------
    number : int
    sides : ndarray of float64, shape (m, 3)
        Sides of its convex outline: ``a x + b y + c <= 0`` inside.
    bounds : Bounds
    dead : ndarray of bool, shape (ny, nx)
        Cells where events are missing, half as wide as those that events are counted in.
    x, y, cell : float, pixels
        Lower left corner of the cells, and their width.
    """

    number: int
    sides: FloatArray
    bounds: Bounds
    dead: BoolArray
    x: float
    y: float
    cell: float

    @classmethod
    def of_events(cls, number: int, x: FloatArray, y: FloatArray) -> Chip | None:
        """Return the chip that has these events; None for fewer than 20, or all in a line.

        Its outline is the convex hull of the events, enlarged by the part that a hull of so many points misses: the
        mean number of its corners over the number of points (Efron 1965, Biometrika 52, 331), where points are
        counted at the typical density, so that bright sources do not matter.
        Then it is cut into cells so large that the median of those that lie whole in it has 8 events. An empty patch
        of cells whose middle is in it is dead where 25 events or more were to be expected in its whole ones; smaller
        patches are chance. The cells around are half dead, as they would be where the edge is anywhere in them.
        """
        from scipy.ndimage import binary_dilation, label
        from scipy.spatial import ConvexHull, QhullError

        points = np.column_stack((x, y))
        if len(points) < _FEWEST:
            return None
        try:
            hull = ConvexHull(points)
        except QhullError:
            return None
        area = float(hull.volume)
        low, high = points.min(axis=0), points.max(axis=0)
        cell = float(np.sqrt(_PER_CELL * area / len(points)))
        while True:
            shape = np.ceil((high - low) / cell).astype(np.intp) + 1
            place = ((points - low) / cell).astype(np.intp)
            counts = np.bincount(place[:, 1] * shape[0] + place[:, 0], minlength=shape.prod()).reshape(shape[::-1])
            whole, most = _cells(low, cell, counts.shape, hull.equations)
            typical = float(np.median(counts[whole])) if whole.any() else 0.0
            if typical >= _PER_CELL or cell > float((high - low).min()) / 3:
                break
            cell *= 1.25
        dead = np.zeros(counts.shape, dtype=bool)
        if typical > 0:
            patches, number_of = label(most & (counts == 0))
            large = np.bincount(patches[whole], minlength=number_of + 1) * typical >= _MISSED
            large[0] = False
            dead = large[patches]
        dead = binary_dilation(dead.repeat(2, axis=0).repeat(2, axis=1), np.ones((3, 3)))
        effective = max(typical / cell**2 * area, float(_FEWEST))
        growth = 1.0 / np.sqrt(1.0 - min(len(hull.vertices) / effective, 0.2))
        center = points[hull.vertices].mean(axis=0)
        sides = hull.equations.copy()
        sides[:, 2] = growth * (sides[:, 2] + sides[:, :2] @ center) - sides[:, :2] @ center
        low_x, low_y = center + (low - center) * growth
        high_x, high_y = center + (high - center) * growth
        bounds = (float(low_x), float(low_y), float(high_x), float(high_y))
        return cls(number, sides, bounds, dead, float(low[0]), float(low[1]), cell / 2)

    def inside(self, x: FloatArray, y: FloatArray) -> BoolArray:
        """Tell for each point whether it is on the live part."""
        low_x, low_y, high_x, high_y = self.bounds
        inside = (x >= low_x) & (x <= high_x) & (y >= low_y) & (y <= high_y)
        rows = np.flatnonzero(inside)
        near = np.column_stack((x[rows], y[rows]))
        live = _convex(near, self._sides_across(x, y))
        if self.dead.any():
            column = np.clip(((near[:, 0] - self.x) / self.cell).astype(np.intp), 0, self.dead.shape[1] - 1)
            line = np.clip(((near[:, 1] - self.y) / self.cell).astype(np.intp), 0, self.dead.shape[0] - 1)
            live &= ~self.dead[line, column]
        inside[rows] = live
        return inside

    def meets(self, box: Bounds) -> bool:
        """Tell whether a box may have a part on the chip."""
        (low_x, low_y, high_x, high_y), own = box, self.bounds
        return low_x <= own[2] and low_y <= own[3] and high_x >= own[0] and high_y >= own[1]

    def _sides_across(self, x: FloatArray, y: FloatArray) -> FloatArray:
        """Return the sides that some of the points may be beyond: those that do not have their whole box inside."""
        if not len(x):
            return self.sides[:0]
        box = np.array([[x.min(), y.min()], [x.max(), y.max()]])
        farthest = np.maximum(self.sides[:, :2] * box[0], self.sides[:, :2] * box[1]).sum(axis=1) + self.sides[:, 2]
        return np.asarray(self.sides[farthest > 0.0])

    def holds(self, box: Bounds) -> bool:
        """Tell whether all of a box is on the live part: its corners are, and no dead cell is in it."""
        low_x, low_y, high_x, high_y = box
        if low_x < self.bounds[0] or low_y < self.bounds[1] or high_x > self.bounds[2] or high_y > self.bounds[3]:
            return False
        corners = np.array([[low_x, low_y], [low_x, high_y], [high_x, low_y], [high_x, high_y]])
        if not _convex(corners, self.sides).all():
            return False
        column = np.clip(((corners[:, 0] - self.x) / self.cell).astype(np.intp), 0, self.dead.shape[1] - 1)
        line = np.clip(((corners[:, 1] - self.y) / self.cell).astype(np.intp), 0, self.dead.shape[0] - 1)
        return not self.dead[line.min() : line.max() + 1, column.min() : column.max() + 1].any()


def _cells(low: FloatArray, cell: float, shape: tuple[int, ...], sides: FloatArray) -> tuple[BoolArray, BoolArray]:
    """Tell for each cell of a grid whether its four corners, and whether its middle, are within a convex outline."""
    x, y = (low[axis] + cell * np.arange(0, shape[1 - axis] + 0.5, 0.5) for axis in (0, 1))
    points = np.column_stack((np.tile(x, len(y)), np.repeat(y, len(x))))
    within = _convex(points, sides).reshape(len(y), len(x))
    corners = within[::2, ::2]
    return corners[1:, 1:] & corners[1:, :-1] & corners[:-1, 1:] & corners[:-1, :-1], within[1::2, 1::2]


def _convex(points: FloatArray, sides: FloatArray) -> BoolArray:
    inside = np.ones(len(points), dtype=bool)
    for a, b, c in sides:
        inside &= a * points[:, 0] + b * points[:, 1] + c <= 1e-9
    return inside


@dataclass(frozen=True, slots=True, eq=False)
class LiveMap:
    """Where the detector was live, in the plane of the event list.

    Edges and gaps are those of the positions on the sky, with the motion of the telescope in them: what was ever seen
    is live. Bad columns and pixels narrower than the cells are not seen.

    Attributes
    ----------
    chips : tuple of Chip
    mask : Mask or None

    Examples
    --------
    >>> from hstlc.regions import Circle
    >>> x, y = np.random.default_rng(1).uniform(0.0, 100.0, (2, 4000))
    >>> live = LiveMap.of_events(x, y)
    >>> live.fraction(Region.of(Circle(50.0, 50.0, 10.0)))
    1.0
    >>> round(live.fraction(Region.of(Circle(0.0, 50.0, 10.0))), 1)
    0.5
    """

    chips: tuple[Chip, ...]
    mask: Mask | None = None

    @classmethod
    def of_events(cls, x: ArrayLike, y: ArrayLike, ccd: ArrayLike | None = None, mask: Mask | None = None) -> LiveMap:
        """Return the map that events tell.

        Parameters
        ----------
        x, y : array_like, shape (n,), pixels
            Of all energies, without those outside the field of view; events that have no position (not finite, or
            beyond 1e7) do not matter.
        ccd : array_like of int, shape (n,), or None
            Number of the CCD of each, so that gaps are seen; None: all are of one.
        mask : Mask or None
            Nothing outside it is live.
        """
        step = max(-(-np.size(x) // _MOST), 1)
        x, y = (np.asarray(values)[::step].astype(np.float64) for values in (x, y))
        number = np.zeros(len(x), dtype=np.uint8) if ccd is None else np.asarray(ccd)[::step]
        good = (np.abs(x) < _FARTHEST) & (np.abs(y) < _FARTHEST)
        x, y, number = x[good], y[good], number[good]
        chips = [Chip.of_events(int(which), x[number == which], y[number == which]) for which in np.unique(number)]
        return cls(tuple(chip for chip in chips if chip is not None), mask)

    @property
    def known(self) -> bool:
        """False where there are too few events to tell, and no mask: then all is taken as live."""
        return bool(self.chips) or self.mask is not None

    def inside(self, x: FloatArray, y: FloatArray) -> BoolArray:
        """Tell for each point whether it is live."""
        live = np.ones(len(x), dtype=bool) if self.mask is None else self.mask.inside(x, y)
        if self.chips and len(x):
            box = (float(x.min()), float(y.min()), float(x.max()), float(y.max()))
            seen = np.zeros(len(x), dtype=bool)
            for chip in self.chips:
                if chip.meets(box):
                    seen |= chip.inside(x, y)
            live &= seen
        return live

    def shares(self, region: Region) -> dict[int, float]:
        """Return which part of a region is on each CCD that has some of it; what two of them saw is shared evenly.

        Empty where nothing is live, and where :attr:`chips` is: see :meth:`fraction`.
        """
        x, y, weight = samples(region, _POINTS)
        live = np.array([chip.inside(x, y) for chip in self.chips], dtype=np.float64).reshape(len(self.chips), len(x))
        if self.mask is not None:
            live *= self.mask.inside(x, y)
        total = float(weight.sum())
        each = live / np.maximum(live.sum(axis=0), 1.0) @ weight
        return {
            chip.number: round(float(part) / total, 9) for chip, part in zip(self.chips, each, strict=True) if part > 0
        }

    def fraction(self, region: Region) -> float:
        """Return which part of a region is live, 0 to 1, by 25,000 points a component: good to 0.003."""
        if self.mask is None and any(chip.holds(region.bounds) for chip in self.chips):
            return 1.0
        x, y, weight = samples(region, _POINTS)
        return float(weight[self.inside(x, y)].sum() / weight.sum()) if len(weight) else 0.0

    def area(self, region: Region) -> float:
        """Return how much of a region is live, square pixels."""
        return region.area * self.fraction(region)
