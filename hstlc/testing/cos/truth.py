"""What a right reduction of a synthetic exposure finds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

__all__ = ["SegmentTruth", "WrittenExposure"]


@dataclass(frozen=True, slots=True)
class SegmentTruth:
    """The answers for one segment, stripe or image.

    Attributes
    ----------
    name : str
        FUVA ... NUVC, '' for an image.
    counted : bool
        False for light that must not be used (second order).
    source_events, source_epsilon : int, float
        Source events in the file and the sum of their weights.
    gross_events, gross_epsilon : int, float
        The same with the background events in the source box: what a recount of the file finds outside airglow.
    net_rate_ct_s : float
        Expected weighted source rate, mean over the good times.
    background_rate_ct_s : float
        Expected weighted background rate in the source box, outside airglow.
    band_flux : float, erg s-1 cm-2
        Expected flux of the source over the useful wavelengths; NaN for an image.
    band_width_aa : float, Angstrom
        Width of the useful wavelengths; 0 for an image.
    """

    name: str
    counted: bool
    source_events: int
    source_epsilon: float
    gross_events: int
    gross_epsilon: float
    net_rate_ct_s: float
    background_rate_ct_s: float
    band_flux: float
    band_width_aa: float

    @property
    def flux_density(self) -> float:
        """Expected mean flux density, erg s-1 cm-2 Angstrom-1."""
        return self.band_flux / self.band_width_aa if self.band_width_aa else float("nan")


@dataclass(frozen=True, slots=True)
class WrittenExposure:
    """The files of a synthetic exposure and their truth.

    Attributes
    ----------
    corrtags : tuple of Path
        Event files: one a segment (FUV) or one for all stripes (NUV).
    x1d : Path or None
        The spectrum, where one was written.
    live_s : float, seconds
        Sum of the good times.
    segments : tuple of SegmentTruth
    """

    corrtags: tuple[Path, ...]
    x1d: Path | None
    live_s: float
    segments: tuple[SegmentTruth, ...]

    @property
    def paths(self) -> tuple[Path, ...]:
        """All files."""
        return self.corrtags if self.x1d is None else (*self.corrtags, self.x1d)

    @property
    def counted(self) -> tuple[SegmentTruth, ...]:
        """The segments whose light is used."""
        return tuple(segment for segment in self.segments if segment.counted)

    @property
    def source_events(self) -> int:
        """Source events of the counted segments."""
        return sum(segment.source_events for segment in self.counted)

    @property
    def source_epsilon(self) -> float:
        """Sum of the weights of the source events of the counted segments."""
        return sum(segment.source_epsilon for segment in self.counted)

    @property
    def gross_events(self) -> int:
        """Source and background events in the source boxes of the counted segments."""
        return sum(segment.gross_events for segment in self.counted)

    @property
    def gross_epsilon(self) -> float:
        """Sum of the weights of :attr:`gross_events`."""
        return sum(segment.gross_epsilon for segment in self.counted)

    @property
    def net_rate_ct_s(self) -> float:
        """Expected weighted source rate of the counted segments, counts per second."""
        return sum(segment.net_rate_ct_s for segment in self.counted)

    @property
    def flux_density(self) -> float:
        """Expected mean flux density over the useful wavelengths of the counted segments."""
        width = sum(segment.band_width_aa for segment in self.counted)
        return sum(segment.band_flux for segment in self.counted) / width if width else float("nan")
