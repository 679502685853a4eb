"""A process that lost its right to the store changes no name in it."""

from __future__ import annotations

import pytest

from hstlc.db.leader import lost
from hstlc.errors import LockHeldError
from hstlc.store import fence
from hstlc.store.publish import publish, remove, stage_bytes


@pytest.fixture
def shut():
    def refuse():
        raise lost(1, "another")

    fence.set_hook(refuse)
    yield
    fence.set_hook(None)


def test_nothing_is_published_replaced_or_removed_behind_the_fence(tmp_path, request):
    kept = publish(stage_bytes(b"kept", tmp_path, "kept", "h-1-1"))
    staged = [stage_bytes(b"new", tmp_path, name, "h-1-1") for name in ("new", "kept")]
    request.getfixturevalue("shut")
    for one, replace in zip(staged, (False, True), strict=True):
        with pytest.raises(LockHeldError) as caught:
            publish(one, replace=replace)
        assert caught.value.code == "lock.lost"
    with pytest.raises(LockHeldError):
        remove(kept)
    assert kept.read_bytes() == b"kept"
    assert not (tmp_path / "new").exists()


def test_without_a_hook_nobody_is_asked(tmp_path):
    fence.check()
    assert publish(stage_bytes(b"a", tmp_path, "a", "h-1-1")).read_bytes() == b"a"
