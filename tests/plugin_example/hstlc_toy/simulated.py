"""Files of the toy mission with known answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from astropy.io import fits

from hstlc.testing.examples import BadExample, GoodExample

RA_DEG, DEC_DEG = 83.0, -5.0

#: Name, offset to the north in arcsec, net counts per second.
SOURCES = (("TOY A", 0.0, 2.0), ("TOY B", 120.0, 0.5), ("TOY FAINT", -120.0, 0.0))
GAP = ((0.0, 400.0), (500.0, 900.0))


def write_exposure(
    path: Path, number: int, good: Sequence[tuple[float, float]] = ((0.0, 800.0),), *, rate: float = 1.0
) -> Path:
    """Write an exposure and return its path: its sources ``rate`` times as bright, no photons where that is 0."""
    random = np.random.default_rng(number)
    live = sum(stop - start for start, stop in good)
    x, y, energy = [np.zeros(0)], [np.zeros(0)], [np.zeros(0)]
    for _, offset, ct_s in SOURCES:
        counts = round(ct_s * live * rate)
        x.append(random.normal(1.0, 1.0, counts))
        y.append(random.normal(1.0 + offset, 1.0, counts))
        energy.append(random.uniform(0.6, 7.9, counts))
    placed = np.concatenate(x), np.concatenate(y), np.concatenate(energy)
    live_s = np.sort(random.uniform(0.0, live, len(placed[0])))
    times = np.interp(live_s, *_clock(good))
    order = random.permutation(len(times))
    primary = fits.PrimaryHDU()
    primary.header.update(
        {
            "TELESCOP": "TOY", "INSTRUME": "WATCHER", "OBS_ID": f"{number:04d}", "OBJECT": "TOY FIELD",
            "RA_PNT": RA_DEG, "DEC_PNT": DEC_DEG, "MJDREF": 60000.0 + number, "PROPOSID": 1, "CAL_VER": "1.0",
            "DATE": "2023-03-01T00:00:00", "SIMULATD": "T",
        }
    )  # fmt: skip
    columns = zip(("TIME", "X", "Y", "ENERGY"), ("s", "pixel", "pixel", "keV"), (times, *placed), strict=True)
    events = [
        fits.Column(name, "D", unit, array=values if name == "TIME" else values[order])
        for name, unit, values in columns
    ]
    start, stop = np.array(good).reshape(-1, 2).T
    times_good = [fits.Column("START", "D", "s", array=start), fits.Column("STOP", "D", "s", array=stop)]
    listed = [
        fits.Column("NAME", "16A", array=np.array([name for name, _, _ in SOURCES])),
        fits.Column("RA", "D", "deg", array=np.full(len(SOURCES), RA_DEG)),
        fits.Column("DEC", "D", "deg", array=np.array([DEC_DEG + offset / 3600 for _, offset, _ in SOURCES])),
        fits.Column("RADIUS", "D", "arcsec", array=np.full(len(SOURCES), 8.0)),
    ]
    tables = {"EVENTS": events, "GTI": times_good, "SOURCES": listed}
    made = [fits.BinTableHDU.from_columns(table, name=name) for name, table in tables.items()]
    fits.HDUList([primary, *made]).writeto(path)
    return path


def _clock(good: Sequence[tuple[float, float]]) -> tuple[list[float], list[float]]:
    """Return live times and the times at which they are reached."""
    live, clock = [0.0], [good[0][0]]
    for start, stop in good:
        if start > clock[-1]:
            live.append(np.nextafter(live[-1], np.inf))
            clock.append(start)
        live.append(live[-1] + stop - start)
        clock.append(stop)
    return live, clock


class ToyExamples:
    """Exposures for the contract of missions."""

    def good(self, folder: Path) -> Mapping[str, GoodExample]:
        """Write one without and one with a gap."""
        rate = sum(ct_s for _, _, ct_s in SOURCES)
        paths = (write_exposure(folder / "toy_0001.fits", 1), write_exposure(folder / "toy_0002.fits", 2, GAP))
        return {name: GoodExample((path,), 800.0, rate) for name, path in zip(("plain", "gap"), paths, strict=True)}

    def bad(self, folder: Path) -> Mapping[str, BadExample]:
        """Write one for each reason."""
        empty = write_exposure(folder / "toy_0003.fits", 3, rate=0.0)
        cut = write_exposure(folder / "toy_0004.fits", 4)
        cut.write_bytes(cut.read_bytes()[:-5000])
        image = folder / "toy_image.fits"
        primary = fits.PrimaryHDU(np.zeros((3, 3)))
        primary.header.update({"TELESCOP": "TOY", "OBS_ID": "0005"})
        primary.writeto(image)
        return {
            "no events": BadExample((empty,), "No events"),
            "cut": BadExample((cut,), "Unreadable file"),
            "image": BadExample((image,), "Not an event list"),
        }
