"""Few requests at once, and more when some take their time."""

import threading
import time

import anyio
from anyio import to_thread
from apart import run_apart

from hstlc.web.threads import limit_threads, taking_time


def at_once(number: int, *, slow: bool) -> int:
    """Return how many of some pieces of work were under way together."""
    guard, under_way, most = threading.Lock(), 0, 0

    def work() -> None:
        nonlocal under_way, most
        with guard:
            under_way += 1
            most = max(most, under_way)
        if slow:
            with taking_time():
                time.sleep(0.1)
        else:
            time.sleep(0.02)
        with guard:
            under_way -= 1

    async def all_of_them() -> int:
        limit_threads()
        usual = to_thread.current_default_thread_limiter().total_tokens
        async with anyio.create_task_group() as group:
            for _ in range(number):
                group.start_soon(to_thread.run_sync, work)
        assert to_thread.current_default_thread_limiter().total_tokens == usual
        return most

    return run_apart(all_of_them())


def test_quick_requests_wait_for_each_other() -> None:
    assert at_once(30, slow=False) == 3


def test_slow_ones_give_their_places_to_others_but_not_without_end() -> None:
    assert 3 < at_once(30, slow=True) <= 30
    assert at_once(80, slow=True) <= 46


def test_elsewhere_it_does_nothing() -> None:
    with taking_time():
        pass
