"""Tests of the migrations run the migrations."""

import pytest
from schema_once import really_migrate

from hstlc.db import migrate, reset


@pytest.fixture(autouse=True)
def _schema_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (migrate, reset):
        monkeypatch.setattr(module, "run_migrations", really_migrate)
