"""The name resolver, without a network."""

import logging

import pytest

from hstlc.archives.http import Reply
from hstlc.archives.limits import NetworkSettings
from hstlc.archives.sesame import impatient, place_of, read_answer, sesame
from hstlc.errors import RejectedError, TransientError
from hstlc.model.same_target import Answer

ADDRESS = "https://cds.example/nph-sesame/-oxpI?"
KNOWN = (
    b'<?xml version="1.0"?><Sesame xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><Target option="SNV">'
    b"<name>GJ 436</name><Resolver name='S=Simbad'><INFO>Zero (0) answers</INFO></Resolver><Resolver name='V=VizieR'>"
    b"<jradeg>175.546</jradeg><jdedeg>26.7066</jdedeg><oname>GJ 436</oname><alias>Ross 905</alias></Resolver>"
    b"</Target></Sesame>"
)
UNKNOWN = b"<Sesame><Target><name>nothing</name><INFO>*** Nothing found *** </INFO></Target></Sesame>"
PLACELESS = b"<Sesame><Target><Resolver><oname>GJ 436</oname></Resolver></Target></Sesame>"
NO_ANSWERS = [b"", b"%J 1 2", b"<html><body/></html>", b"<!DOCTYPE a [<!ENTITY b 'c'>]><Sesame/>"]


class FakeHttp:
    def __init__(self, answer):
        self.answer, self.asked = answer, []

    def get(self, url):
        self.asked.append(url)
        if isinstance(self.answer, Exception):
            raise self.answer
        return Reply(url, 200, {}, self.answer)


def test_an_answer_gives_all_names_and_the_place():
    assert read_answer(KNOWN) == Answer(("GJ 436", "Ross 905"), (175.546, 26.7066))
    assert read_answer(UNKNOWN) is None
    assert read_answer(PLACELESS) == Answer(("GJ 436",), None)


@pytest.mark.parametrize("content", NO_ANSWERS)
def test_what_is_no_answer_is_not_taken_for_an_unknown_name(content):
    with pytest.raises(ValueError, match="an answer"):
        read_answer(content)
    with pytest.raises(TransientError) as caught:
        place_of(FakeHttp(content), ADDRESS, "GJ 436")
    assert caught.value.code == "archive.wrong-answer"


def test_a_name_is_quoted():
    http = FakeHttp(KNOWN)
    assert sesame(http, ADDRESS)("A & B/C") is not None
    assert http.asked == [f"{ADDRESS}A%20%26%20B%2FC"]


@pytest.mark.parametrize("answer", [*NO_ANSWERS, TransientError("archive.no-answer", "down")])
def test_after_a_failure_nothing_more_is_asked(answer, caplog):
    http = FakeHttp(answer)
    ask = sesame(http, ADDRESS)
    with caplog.at_level(logging.WARNING):
        assert [ask("GJ 436"), ask("GJ 1214")] == [None, None]
    assert len(http.asked) == 1
    assert ADDRESS in caplog.text


def test_an_unknown_name_is_no_failure():
    http = FakeHttp(UNKNOWN)
    ask = sesame(http, ADDRESS)
    assert [ask("X"), ask("Y")] == [None, None]
    assert len(http.asked) == 2


def test_the_place_of_a_name():
    assert place_of(FakeHttp(KNOWN), ADDRESS, "GJ 436") == (175.546, 26.7066)


@pytest.mark.parametrize("content", [UNKNOWN, PLACELESS])
def test_a_name_without_a_place_is_an_error_that_names_it(content):
    with pytest.raises(RejectedError) as caught:
        place_of(FakeHttp(content), ADDRESS, "GJ 436")
    assert caught.value.code == "archive.unknown-name"
    assert "'GJ 436'" in caught.value.message
    assert "right ascension" in caught.value.hint


def test_a_question_that_work_can_go_on_without_is_asked_once_and_shortly():
    settings = impatient(NetworkSettings(connect_timeout="3 s"))
    assert (settings.tries, settings.connect_timeout_s, settings.query_deadline_s) == (1, 3.0, 10.0)
