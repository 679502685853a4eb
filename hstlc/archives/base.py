"""What an archive is to the rest of the system: search a window for datasets, list their products, request one.

An archive client owns addresses, query languages and column names. It holds no state beyond its settings, touches no
disk and no database, and talks through :class:`hstlc.archives.http.Http` alone, which is patient and polite for it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from hstlc.archives.limits import ArchiveSettings
from hstlc.clock import Clock, SystemClock

if TYPE_CHECKING:
    from hstlc.archives.http import Http
    from hstlc.errors import ArchiveError

__all__ = [
    *("Archive", "Fact", "Identity", "Page", "RemoteDataset", "RemoteProduct"),
    *("Request", "Selection", "Stream", "Window"),
]


@dataclass(frozen=True, slots=True)
class Stream:
    """One way in which an archive tells what is new, with a watermark of its own.

    Attributes
    ----------
    name : str
        Such as ``archive`` (by the date of archiving) or ``release`` (by the date of publication).
    overlap_s : float, seconds
        How far before the watermark the next window begins.
    full : bool
        Walks everything that is visible: a known dataset that it does not meet is missing.
    """

    name: str
    overlap_s: float = 0.0
    full: bool = False


@dataclass(frozen=True, slots=True)
class Window:
    """What to ask a stream for: from ``since`` (None: from the beginning) to ``until``, both included."""

    stream: str
    since: datetime | None
    until: datetime


@dataclass(frozen=True, slots=True)
class Selection:
    """A place on the sky, or a name, that somebody wants everything of.

    Attributes
    ----------
    target : str
        Name; '' for a place without one.
    ra_deg, dec_deg : float or None, degrees
        Place, ICRS; None where only the name is known.
    radius_deg : float, degrees
        Around it.
    minimum_significance : float or None
        Of catalogued sources; archives without such a number ignore it.
    name : str
        Under which a person stored it; '' for one that is not stored.
    """

    target: str = ""
    ra_deg: float | None = None
    dec_deg: float | None = None
    radius_deg: float = 2.0 / 60.0
    minimum_significance: float | None = None
    name: str = ""


@dataclass(frozen=True, slots=True)
class RemoteDataset:
    """An observation, or detection, in an archive.

    Attributes
    ----------
    key : str
        Its name there.
    version : str
        Changes when the archive processed it again.
    target, instrument : str
    ra_deg, dec_deg : float or None, degrees
    start, release : datetime or None
        When it was observed; when it is or was made public.
    columns : mapping
        What the archive said of it, plain values, for people and for :meth:`Archive.products`.
    """

    key: str
    version: str
    target: str = ""
    instrument: str = ""
    ra_deg: float | None = None
    dec_deg: float | None = None
    start: datetime | None = None
    release: datetime | None = None
    columns: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RemoteProduct:
    """Something to download.

    Attributes
    ----------
    dataset : str
        Key of its dataset.
    name : str
        Its name, unique in the archive together with ``version``; of a file, or of a request for several.
    version : str
        Changes when the archive made it again.
    kind : str
        Role, such as ``corrtag_a``.
    group : str
        What it is processed together with, such as the exposure; files of one group are of one processing.
    locator : mapping of str to str
        What :meth:`Archive.request` needs to know.
    size : int or None, bytes
        As the archive says; not always true.
    """

    dataset: str
    name: str
    version: str
    kind: str
    group: str = ""
    locator: Mapping[str, str] = field(default_factory=dict)
    size: int | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """A part of the answer to a search.

    Attributes
    ----------
    datasets : tuple of RemoteDataset
        Those that fulfil every condition, which the client has looked at itself.
    watermark : datetime or None
        Latest value of what the stream goes by; None where the page has none.
    reply : bytes
        The answer as it came, and ``suffix`` such as ``.json`` for a file of it.
    """

    datasets: tuple[RemoteDataset, ...]
    watermark: datetime | None = None
    reply: bytes = b""
    suffix: str = ".json"


@dataclass(frozen=True, slots=True)
class Request:
    """How to get the bytes of a product.

    Attributes
    ----------
    url : str
    params : mapping of str to str
    headers : mapping of str to str
    filename : str
        Under which it is stored, without path; '' where the answer says (Content-Disposition).
    several : bool
        The answer may be a tar of files.
    redirect_hosts : tuple of str
        Further hosts to which the answer may lead.
    """

    url: str
    params: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    filename: str = ""
    several: bool = False
    redirect_hosts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Identity:
    """What a downloaded file says of itself.

    Attributes
    ----------
    epoch : str
        When it was processed, in a form that sorts; '' where it does not say. Files of one group must agree.
    rejection : str
        Why it is not to be taken in, though it is what was asked for; '' when it is.
    """

    epoch: str = ""
    rejection: str = ""


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that is believed of an archive, and whether it holds.

    Attributes
    ----------
    name : str
        Such as ``column sci_release_date``.
    holds : bool or None
        None: could not be told.
    found : str
        What was seen.
    setting : str
        Key of the configuration to change when it does not hold; '' where there is none.
    """

    name: str
    holds: bool | None
    found: str = ""
    setting: str = ""


SettingsT = TypeVar("SettingsT", bound=ArchiveSettings)


class Archive(ABC, Generic[SettingsT]):
    """A client of one archive.

    Parameters
    ----------
    settings : ArchiveSettings
        The section ``archives.<name>``.
    http : Http
    clock : Clock, optional
    """

    name: ClassVar[str]
    title: ClassVar[str]
    mission: ClassVar[str]
    settings_model: ClassVar[type[ArchiveSettings]]

    #: Columns without which no answer of the archive can be understood.
    required: ClassVar[frozenset[str]] = frozenset()

    #: Most datasets in one call of :meth:`products`.
    batch: ClassVar[int] = 200

    @property
    def relist_after_s(self) -> float | None:
        """Age in seconds at which a list of products is due again, though its dataset looks the same; None: never.

        For archives that put a new file in the place of an old one and change nothing else.
        """
        return None

    def __init__(self, settings: SettingsT, http: Http, clock: Clock | None = None) -> None:
        self.settings = settings
        self.http = http
        self.clock = clock or SystemClock()

    @abstractmethod
    def streams(self) -> tuple[Stream, ...]:
        """Return the streams to poll; none where an archive has selections alone."""

    @abstractmethod
    def columns(self) -> Mapping[str, str]:
        """Return the names and types of the columns that the archive has now, to notice when they change."""

    @abstractmethod
    def search(self, window: Window) -> Iterator[Page]:
        """Yield all datasets of a window, page by page, in the order of what the stream goes by.

        Raises
        ------
        ArchiveError
        """

    @abstractmethod
    def find(self, selection: Selection) -> Iterator[Page]:
        """Yield all datasets of a place or name; see :meth:`search`."""

    @abstractmethod
    def products(self, datasets: Sequence[RemoteDataset]) -> list[RemoteProduct]:
        """Return the products that are wanted of some datasets, at most :attr:`batch` of them.

        Raises
        ------
        ArchiveError
        """

    @abstractmethod
    def request(self, product: RemoteProduct) -> Request:
        """Return how to get the bytes of a product."""

    def accepts(self, filename: str, product: RemoteProduct) -> bool:  # noqa: ARG002
        """Tell whether a file of that name, in the answer for ``product``, is what was asked for."""
        return True

    def refusal(self, error: ArchiveError, product: RemoteProduct, now: datetime) -> ArchiveError:  # noqa: ARG002
        """Return what an error means here, for archives that say the same of what is secret and what is not there."""
        return error

    @abstractmethod
    def identify(self, path: Path, product: RemoteProduct) -> Identity:
        """Return what a whole file says of itself.

        Raises
        ------
        IntegrityError
            ``archive.wrong-file``: it is not the product, or lacks an extension that it must have.
        """

    @abstractmethod
    def facts(self) -> Iterator[Fact]:
        """Ask the archive, with few small requests, whether what is believed of it holds."""
