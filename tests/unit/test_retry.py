"""When a product that could not be had is tried again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from hstlc.archives.limits import DownloadSettings
from hstlc.errors import ArchiveError, IntegrityError, ProprietaryError, RejectedError, StoreError, TransientError
from hstlc.pipeline.retry import retry

NOW = datetime(2026, 3, 1, tzinfo=UTC)
LIMITS = DownloadSettings()
PENDING = {"queued", "forbidden", "missing", "failed", "deferred"}
ERRORS: list[Exception] = [
    TransientError("archive.timeout", "silent"),
    IntegrityError("archive.truncated", "short"),
    RejectedError("archive.no-product", "404"),
    RejectedError("archive.rejected", "400"),
    ProprietaryError("archive.forbidden", "401"),
    StoreError("store.full", "no room"),
    ValueError("a bug"),
]


def row(attempts: int = 0, since: datetime | None = None, release: datetime | None = None) -> dict[str, object]:
    return {"id": 7, "name": "a.fits", "attempts": attempts, "failing_since_at": since, "release_date": release}


@given(st.sampled_from(ERRORS), st.integers(0, 10_000), st.none() | st.floats(0, 40))
def test_a_product_is_tried_again_later_or_given_up_and_told(error, attempts, days):
    since = None if days is None else NOW - timedelta(days=days)
    decision = retry(error, row(attempts, since), NOW, LIMITS)
    again = decision.values["next_try_at"]
    assert decision.values["state"] in PENDING
    if again is None:
        assert isinstance(error, (ArchiveError, ValueError))
        assert days is not None
        assert days * 86400.0 >= LIMITS.give_up_after_s
        assert decision.severity == "error"
        assert decision.values["state"] in ("failed", "missing")
    else:
        assert NOW < again <= NOW + timedelta(days=3.75)
    assert retry(error, row(attempts, since), NOW, LIMITS) == decision


def test_what_is_forbidden_or_has_no_room_does_not_count_as_failing():
    for error in (ProprietaryError("archive.forbidden", "401"), StoreError("store.full", "no room")):
        assert "failing_since_at" not in retry(error, row(), NOW, LIMITS).values


def test_an_embargo_is_waited_for_however_long():
    release = NOW + timedelta(days=400)
    decision = retry(ProprietaryError("archive.forbidden", "401"), row(release=release), NOW, LIMITS)
    assert (decision.values["next_try_at"], decision.severity) == (release, None)


def test_products_that_fail_together_are_not_all_tried_at_the_same_moment():
    error = TransientError("archive.timeout", "silent")
    times = {retry(error, {**row(), "id": number}, NOW, LIMITS).values["next_try_at"] for number in range(20)}
    assert len(times) == 20
