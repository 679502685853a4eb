"""Every error keeps its code, message, hint and context, also on its way out of a worker process."""

import pickle

import pytest

from hstlc import errors
from hstlc.errors import HstlcError


def all_errors(cls=HstlcError):
    return [cls, *(one for child in cls.__subclasses__() for one in all_errors(child))]


ALL = sorted({one for one in all_errors() if one.__module__ == errors.__name__}, key=lambda c: c.__name__)


def test_the_module_exports_the_whole_tree():
    assert {one.__name__ for one in ALL} == set(errors.__all__)
    for one in ALL:
        assert one.__name__ in errors.__doc__


@pytest.mark.parametrize("cls", ALL)
@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_pickling_keeps_everything(cls, protocol):
    error = cls("data.example", "a.fits: found 1, expected 2", "do this", path="/a b/ü.fits", number=3)
    back = pickle.loads(pickle.dumps(error, protocol))
    assert type(back) is cls
    assert (back.code, back.message, back.hint, back.context) == (error.code, error.message, error.hint, error.context)
    assert str(back) == str(error) == "a.fits: found 1, expected 2 (do this)"
    assert back.args == error.args


@pytest.mark.parametrize("cls", ALL)
def test_without_a_hint_the_message_stands_alone(cls):
    assert str(cls("code", "message")) == "message"


@pytest.mark.parametrize(
    ("cls", "builtin", "exit_code", "http_status"),
    [
        (errors.UsageError, ValueError, 2, 400),
        (errors.DataError, ValueError, 3, 422),
        (errors.UnreadableError, ValueError, 3, 422),
        (errors.StepError, RuntimeError, 4, 500),
        (errors.StoreError, OSError, 5, 503),
        (errors.DatabaseError, ConnectionError, 5, 503),
        (errors.LockHeldError, BlockingIOError, 6, 409),
    ],
)
def test_each_is_the_fitting_builtin_and_has_its_exit_code(cls, builtin, exit_code, http_status):
    assert issubclass(cls, builtin)
    assert (cls.exit_code, cls.http_status) == (exit_code, http_status)
