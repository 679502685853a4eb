"""The description of the interfaces, and whether they keep to it: schemathesis asks what it says may be asked."""

import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import Case
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from sqlalchemy import select
from starlette.testclient import TestClient

from hstlc.config import Settings
from hstlc.db.tables import LightCurveRow
from hstlc.web.app import create_app

ADDRESS = "/api/v1/openapi.json"
PATIENCE_S = 120.0  # the machine may be busy with other tests
CHECKS = [
    not_a_server_error,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
]


def contradictions(app: FastAPI, examples: int) -> tuple[list[str], int]:
    """Ask every operation so many times; return what contradicts the description, and how many were asked.

    Half of the requests are about something that exists.
    """
    with TestClient(app), app.state.site.reading() as connection:
        curves = list(connection.scalars(select(LightCurveRow.filename).order_by(LightCurveRow.product_id)))[::5]
        targets = list(connection.scalars(select(LightCurveRow.targname).distinct().order_by(LightCurveRow.targname)))
        return _contradictions(app, examples, {"targets": targets, "curves": curves})


def _contradictions(app: FastAPI, examples: int, known: dict[str, list[str]]) -> tuple[list[str], int]:
    schema = schemathesis.openapi.from_asgi(ADDRESS, app)
    found: list[str] = []
    asked = 0
    for result in schema.get_all_operations():
        operation = result.ok()
        names = [name for kind, some in known.items() if f"/{kind}/" in operation.path for name in (None, *some)]

        @settings(
            max_examples=examples,
            derandomize=True,
            deadline=None,
            database=None,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(), real=st.sampled_from(names) if names else st.none())
        def ask(case: Case, real: str | None) -> None:
            if real is not None and case.path_parameters and "name" in case.path_parameters:
                case.path_parameters["name"] = real
            case.call_and_validate(checks=CHECKS, timeout=PATIENCE_S)

        try:
            ask()
        except* Exception as group:  # the next operation has a right to be asked too
            found.extend(f"{operation.label}: {error}" for error in group.exceptions)
        asked += 1
    return found, asked


def test_every_address_is_described_once(site_settings: Settings) -> None:
    described = create_app(site_settings).openapi()
    assert described["info"]["title"] == "hstlc"
    names = [one["operationId"] for path in described["paths"].values() for one in path.values()]
    assert len(names) == len(set(names))
    for address, path in described["paths"].items():
        assert address.startswith(("/api/v1/", "/vo/", "/recalculate"))
        for method, one in path.items():
            assert one.get("summary"), f"{method} {address} says not what it is"


def test_the_interfaces_keep_to_their_description(site_settings: Settings) -> None:
    found, asked = contradictions(create_app(site_settings), 8)
    assert not found, "\n\n".join(found)
    assert asked > 15


@pytest.mark.soak
def test_the_interfaces_keep_to_their_description_in_many_examples(site_settings: Settings) -> None:
    found, asked = contradictions(create_app(site_settings), 200)
    print(f"{asked} operations, 200 examples each: {len(found)} contradict their description")
    assert not found, "\n\n".join(found)
