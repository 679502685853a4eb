"""What the tests of requests share: short times, time that passes by waiting, and errors looked at closely."""

import pickle
from datetime import UTC, datetime, timedelta

import pytest

from hstlc.archives.limits import NetworkSettings

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def network(**changes):
    quick = {
        "connect_timeout": "1 s",
        "answer_timeout": "0.4 s",
        "read_timeout": "0.4 s",
        "query_deadline": "5 s",
        "backoff": "0.01 s",
        "tries": 3,
    }
    return NetworkSettings(**{**quick, **changes})


class HandClock:
    """Time that passes only by waiting, and what was waited."""

    def __init__(self, now=NOON):
        self.present, self.waits = now, []

    def now(self):
        return self.present

    def sleep(self, seconds, stop=None):
        if stop is not None and stop.is_set():
            return True
        self.waits.append(seconds)
        self.present += timedelta(seconds=max(seconds, 0))
        return False


def fails(kind, code, ask):
    with pytest.raises(kind) as caught:
        ask()
    assert caught.value.code == code
    assert type(caught.value) is kind
    assert pickle.loads(pickle.dumps(caught.value)).code == code
    return caught.value
