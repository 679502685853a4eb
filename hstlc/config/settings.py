"""Every key of the configuration with its type, default and meaning; the missions add a section each."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    PlainSerializer,
    SerializeAsAny,
    model_validator,
)
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from hstlc.archives.limits import ArchiveSettings, DownloadSettings, NetworkSettings
from hstlc.config.daemon import DaemonSection
from hstlc.config.sections import HlspSection, StatsSection, TargetsSection, described
from hstlc.config.web import WebSection
from hstlc.logs import redact
from hstlc.store.layout import Layout
from hstlc.units import Bytes

__all__ = ["DIRECTORIES", "ENVIRONMENT_PREFIX", "RETIRED", "Settings", "is_secret"]

ENVIRONMENT_PREFIX = "HSTLC_"

# Key and its default below another key's folder, in the order in which they are resolved.
DIRECTORIES: dict[str, tuple[str, str]] = {
    "ingest_dir": ("home_dir", "ingest"),
    "filesystem_dir": ("home_dir", "filesystem"),
    "outputs_dir": ("home_dir", "outputs"),
    "composite_dir": ("outputs_dir", "composite"),
    "log_dir": ("home_dir", "logs"),
    "download_dir": ("home_dir", "download"),
    "plot_dir": ("home_dir", "plots"),
    "bad_data_dir": ("home_dir", "bad_data"),
}

# Keys of the archive requests of 2016: accepted so that an old file works, and ignored.
RETIRED = frozenset(
    {"mast_server", "mast_database", "mast_account", "mast_password", "archive_user"}
    | {"email", "host", "ftp_user", "dads_host", "archive"}
)

_DATABASE = re.compile(r"(sqlite|postgres|postgresql)(\+\w+)?://")
_SECRET = re.compile(r"pass|token|secret|api_key", re.IGNORECASE)


def _octal(value: object) -> int:
    if not isinstance(value, str) or not re.fullmatch(r"0?7[0-7]{2}", value):
        raise ValueError("octal digits in quotes are wanted, with all rights for the owner, such as '0770' or '0750'")
    return int(value, 8)


def _absolute(value: Path) -> Path:
    if not value.is_absolute():
        raise ValueError("the path of a folder is wanted")
    return value


def _database(value: str) -> str:
    if not _DATABASE.match(value):
        raise ValueError("sqlite:///PATH or postgresql://USER:PASSWORD@HOST/DATABASE is wanted")
    return value


Directory = Annotated[Path, AfterValidator(_absolute)]
Url = Annotated[str, AfterValidator(_database)]
Permissions = Annotated[int, BeforeValidator(_octal), PlainSerializer(lambda mode: f"{mode:04o}", return_type=str)]


def _directory(description: str) -> Any:
    return described(description, kind="path")


class Settings(BaseSettings):
    """The whole configuration. Made by :func:`hstlc.config.load`; constructing it reads nothing from anywhere."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, validate_default=False)

    home_dir: Directory = _directory("the data tree: everything below is inside it unless its own key says otherwise")
    db_connection_string: Url = described(
        "database to write to; an SQLite one is made on first use", kind="SQLite or PostgreSQL URL", repr=False
    )
    db_readonly_connection_string: Url | None = described(
        "the same database as a user without the right to write, for queries on PostgreSQL",
        None,
        kind="PostgreSQL URL",
        repr=False,
    )
    ingest_dir: Directory = _directory("new files are taken from here; the only folder that files are moved out of")
    filesystem_dir: Directory = _directory("ingested files, a folder a target")
    outputs_dir: Directory = _directory("light curves, a folder a target")
    composite_dir: Directory = _directory("light curves of several exposures")
    log_dir: Directory = _directory("a log file for every run")
    download_dir: Directory = _directory("what archives answered")
    plot_dir: Directory = _directory("plots and tables")
    bad_data_dir: Directory = _directory("files that a check rejected")
    num_cores: int = described(
        "worker processes", lambda: len(os.sched_getaffinity(0)), ge=1, le=4096, shown="the number of cores"
    )
    group: str | None = described("group of everything that is made; without it the one that the system chooses", None)
    permissions: Permissions = described(
        "rights to folders; files get the same without x", 0o770, kind="octal digits in quotes"
    )
    min_free_space: Bytes = described(
        "a run ends before less than this is free on the disk", 10**9, kind="size in B, kB, MB, GB, TB"
    )
    commit_batch: int = described("exposures a database transaction", 50, ge=1, le=100_000)
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = described(
        "lowest level that goes to the log file", "INFO"
    )
    stats: StatsSection = Field(StatsSection(), description="statistics of light curves")
    hlsp: HlspSection = Field(HlspSection(), description="composite light curves as products of an archive")
    targets: TargetsSection = Field(TargetsSection(), description="names of targets")
    network: NetworkSettings = Field(NetworkSettings(), description="requests to archives")
    downloads: DownloadSettings = Field(DownloadSettings(), description="downloads from archives")
    daemon: DaemonSection = Field(DaemonSection(), description="what is done how often")
    web: WebSection = Field(WebSection(), description="pages and interfaces")
    archives: dict[str, SerializeAsAny[ArchiveSettings]] = Field({}, description="a section for every archive")
    missions: dict[str, SerializeAsAny[BaseModel]] = Field({}, description="a section for every mission")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003
        init_settings: PydanticBaseSettingsSource,
        *_: PydanticBaseSettingsSource,
        **__: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take the arguments alone: :func:`hstlc.config.load` merges the sources and knows the place of each key."""
        return (init_settings,)

    @model_validator(mode="before")
    @classmethod
    def _fill_below_home(cls, values: dict[str, Any]) -> dict[str, Any]:
        values = dict(values)
        if "home_dir" in values:
            for key, (above, name) in DIRECTORIES.items():
                values.setdefault(key, f"{values[above]}/{name}")
            values.setdefault("db_connection_string", f"sqlite:///{values['home_dir']}/hstlc.db")
        return values

    @property
    def layout(self) -> Layout:
        """The folders in the form that :mod:`hstlc.store` takes."""
        return Layout(
            home=self.home_dir,
            ingest=self.ingest_dir,
            filesystem=self.filesystem_dir,
            outputs=self.outputs_dir,
            composite=self.composite_dir,
            bad_data=self.bad_data_dir,
            plots=self.plot_dir,
            download=self.download_dir,
            logs=self.log_dir,
            permissions=self.permissions,
            group=self.group,
        )

    def redacted(self) -> dict[str, Any]:
        """Return the settings as plain values, as they are written in YAML, without passwords, tokens and keys."""
        plain: dict[str, Any] = _without_secrets(self.model_dump(mode="json", by_alias=True))
        return plain


def is_secret(key: str) -> bool:
    """Tell from the name of a key whether its value must not be shown."""
    return bool(_SECRET.search(key))


def _without_secrets(value: Any, key: str = "") -> Any:
    if isinstance(value, Mapping):
        return {name: _without_secrets(item, name) for name, item in value.items()}
    if value is not None and is_secret(key):
        return "***"
    return redact(value) if isinstance(value, str) else value
