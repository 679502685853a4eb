import errno
import gzip
import hashlib
import io
import json
import tarfile
import threading

import pytest
from hand_clock import HandClock, fails, network
from hypothesis import given
from hypothesis import strategies as st

from hstlc.archives import download as download_module
from hstlc.archives import parts
from hstlc.archives.base import Request
from hstlc.archives.download import discard, download, safe_filename
from hstlc.archives.http import Http
from hstlc.archives.limits import DownloadSettings
from hstlc.archives.verify import verify_fits
from hstlc.errors import ArchiveError, IntegrityError, ProprietaryError, RejectedError, TransientError
from hstlc.testing.archive import StandIn, fault

CANARY = "c4nary-t0ken"
BODY = b"SIMPLE  =                    T" + bytes(n * 7 % 256 for n in range(100_000))
HALF = len(BODY) // 2
SIMULATED = b"".join(
    card.ljust(80)
    for card in (
        b"SIMPLE  =                    T",
        b"BITPIX  =                    8",
        b"NAXIS   =                    1",
        b"NAXIS1  =                28800",
        b"SIMULATD=                    T",
        b"END",
    )
).ljust(2880) + bytes(28800)


def limits(**changes):
    return DownloadSettings(**{"deadline": "10 s", "minimum_rate_time": "5 s", **changes})


@pytest.fixture
def stand_in():
    with StandIn() as server:
        server.serve("/f", BODY)
        yield server


class Fetch:
    """A download of /f into a folder."""

    def __init__(self, server, folder, http=None, **options):
        self.server, self.folder = server, folder
        self.http = http or Http(network())
        self.request = Request(server.url + "/f", {"token": CANARY}, **options)

    def __call__(self, **options):
        options = {"limits": limits(), **options}
        return download(self.http, self.request, self.folder, "x.1", **options)

    @property
    def part(self):
        return self.folder / "x.1.part"

    @property
    def notes(self):
        return self.folder / "x.1.part.json"


@pytest.fixture
def fetch(stand_in, tmp_path):
    return Fetch(stand_in, tmp_path)


def is_whole(got, body=BODY):
    return got.part.read_bytes() == body and got.size == len(body) and got.sha256 == hashlib.sha256(body).hexdigest()


def test_a_file_comes_whole_with_all_that_is_known_of_it(fetch):
    got = fetch(expected_bytes=len(BODY))
    assert is_whole(got)
    assert got.part == fetch.part
    assert (got.status, got.bytes_read, got.resumed_from, got.warnings) == (200, len(BODY), 0, ())
    assert got.etag.startswith('"')
    assert got.last_modified.endswith("GMT")
    assert got.content_type == "application/fits"
    assert CANARY not in fetch.notes.read_text()
    discard(got.part)
    assert list(fetch.folder.iterdir()) == []


def test_another_size_than_the_catalogue_says_is_a_warning(fetch):
    got = fetch(expected_bytes=7)
    assert is_whole(got)
    assert got.warnings == (f"the catalogue says 7 bytes, the file has {len(BODY)}",)


def test_a_file_without_length_is_taken(stand_in, fetch):
    stand_in.serve("/f", BODY, length=False)
    assert is_whole(fetch())


@pytest.mark.parametrize(
    ("kind", "arguments", "wanted", "code"),
    [
        *((f"status:{one}", {}, TransientError, "archive.status") for one in (500, 502, 503, 504, 508, 429)),
        ("reset", {}, TransientError, "archive.no-answer"),
        ("reset", {"after": 1000}, TransientError, "archive.no-answer"),
        ("hang", {"seconds": 2}, TransientError, "archive.timeout"),
        ("stall", {"seconds": 2}, TransientError, "archive.timeout"),
        ("truncate", {}, IntegrityError, "archive.truncated"),
        ("wrong_length", {}, IntegrityError, "archive.truncated"),
        ("chunk_cut", {}, IntegrityError, "archive.truncated"),
        ("html_200", {}, TransientError, "archive.wrong-answer"),
        ("empty_file", {}, TransientError, "archive.wrong-answer"),
        ("gzip_corrupt", {}, IntegrityError, "archive.bad-gzip"),
    ],
)
@pytest.mark.parametrize("ranges", [True, False])
def test_what_may_pass_is_tried_again_and_named_when_it_stays(
    stand_in, tmp_path, kind, arguments, wanted, code, ranges
):
    stand_in.serve("/f", BODY, ranges=ranges)
    fetch = Fetch(stand_in, tmp_path, filename="f.fits")
    stand_in.faults.add(fault(kind, arguments=arguments))
    assert is_whole(fetch())
    assert fetch.http.traffic.retries >= 1
    discard(fetch.part)
    stand_in.faults.add(fault(kind, arguments=arguments, times=None))
    fetch.http = Http(network(tries=3))
    error = fails(wanted, code, fetch)
    assert {"status", "bytes_read", "resumed_from"} <= set(error.context)
    assert CANARY not in str(error) + repr(error.context)
    if not ranges:
        assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        (400, RejectedError, "archive.rejected"),
        (401, ProprietaryError, "archive.forbidden"),
        (404, RejectedError, "archive.no-product"),
    ],
)
def test_what_cannot_pass_is_tried_once(stand_in, fetch, status, kind, code):
    stand_in.faults.add(fault(f"status:{status}", times=None))
    error = fails(kind, code, fetch)
    assert error.context["status"] == status
    assert fetch.http.traffic.requests == 1


def test_a_sentence_instead_of_a_file_is_an_answer_for_the_archive_to_read(stand_in, fetch):
    said = "Data protected by proprietary rights. Please check your credentials"
    stand_in.serve("/f", said.encode(), content_type="text/html")
    error = fails(TransientError, "archive.wrong-answer", fetch)
    assert error.context["body"] == said
    assert error.context["content_type"] == "text/html"
    assert fetch.http.traffic.requests == 1
    assert list(fetch.folder.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "several", "taken"),
    [
        (b"SIMPLE  =                    T", False, True),
        (gzip.compress(b"x" * 100, mtime=0), False, True),
        (b"SIMPLE = T", False, False),
        (b"\x1f", False, False),
        (b"PK\x03\x04", True, False),
        (b'{"error": "no such file"}', False, False),
        (bytes(10_240), True, False),
        ("tar", True, True),
        ("tar", False, False),
    ],
)
def test_the_first_bytes_tell_what_a_file_is(stand_in, tmp_path, content, several, taken):
    content = a_tar() if content == "tar" else content
    stand_in.serve("/f", content)
    fetch = Fetch(stand_in, tmp_path, http=Http(network(tries=1)), several=several)
    if taken:
        assert is_whole(fetch(), content)
    else:
        fails(TransientError, "archive.wrong-answer", fetch)
        assert list(tmp_path.iterdir()) == []


def a_tar():
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as tar:
        member = tarfile.TarInfo("a/b.fits")
        member.size = 5
        tar.addfile(member, io.BytesIO(b"12345"))
    return content.getvalue()


def test_what_was_cut_off_is_gone_on_with(stand_in, fetch):
    stand_in.faults.add(fault("truncate"))
    got = fetch()
    assert is_whole(got)
    assert (got.resumed_from, got.bytes_read, got.status) == (HALF, len(BODY), 206)
    second = stand_in.log.entries[1]
    assert second.headers["range"] == f"bytes={HALF}-"
    assert second.headers["if-range"] == got.etag


def test_a_later_run_goes_on_too(stand_in, fetch):
    stand_in.faults.add(fault("stall", arguments={"seconds": 2}))
    fetch.http = Http(network(tries=1))
    fails(TransientError, "archive.timeout", fetch)
    assert json.loads(fetch.notes.read_text())["size"] == fetch.part.stat().st_size == HALF
    got = fetch()
    assert is_whole(got)
    assert got.resumed_from == HALF


def test_without_etag_the_date_says_whether_the_file_is_the_same(stand_in, fetch):
    stand_in.serve("/f", BODY, headers={"ETag": 'W/"weak"'})
    stand_in.faults.add(fault("truncate"))
    assert is_whole(fetch())
    second = stand_in.log.entries[1]
    assert second.headers["if-range"].endswith("GMT")


def test_where_a_server_cannot_go_on_one_starts_over(stand_in, fetch):
    stand_in.serve("/f", BODY, ranges=False)
    stand_in.faults.add(fault("truncate"))
    got = fetch()
    assert is_whole(got)
    assert got.resumed_from == 0
    assert ["range" in entry.headers for entry in stand_in.log.entries] == [False, False]


@pytest.mark.parametrize("kind", ["etag_change", "ignore_range", "bad_content_range"])
def test_what_does_not_fit_behind_the_part_starts_over(stand_in, fetch, kind):
    stand_in.faults.add(fault("truncate"))
    stand_in.faults.add(fault(kind, nth=2))
    got = fetch()
    assert is_whole(got)
    assert got.resumed_from == 0


def test_a_file_that_was_replaced_between_two_tries_is_the_new_one(stand_in, fetch):
    stand_in.faults.add(fault("truncate", arguments={"size": 60_000}))
    versions = iter([BODY, BODY[::1].replace(b"SIMPLE", b"SIMPLE")[:-9] + b"different"])
    current = [next(versions)]
    stand_in.serve("/f", lambda: current[0])
    fetch.http = Http(network(tries=1))
    fails(IntegrityError, "archive.truncated", fetch)
    current[0] = next(versions)
    assert is_whole(fetch(), current[0])


def test_a_part_that_is_whole_is_asked_for_its_last_byte(stand_in, fetch):
    fetch()
    got = fetch()
    assert is_whole(got)
    assert (got.resumed_from, got.bytes_read) == (len(BODY) - 1, len(BODY) - (len(BODY) - 1))


def test_after_a_power_cut_only_what_is_certainly_on_the_disk_counts(stand_in, fetch):
    fetch()
    notes = json.loads(fetch.notes.read_text())
    fetch.notes.write_text(json.dumps({**notes, "size": 1000}))
    fetch.part.write_bytes(BODY[:1000] + bytes(50_000))
    got = fetch()
    assert is_whole(got)
    assert got.resumed_from == 1000


@pytest.mark.parametrize(
    "notes",
    [
        "",
        "{",
        "[]",
        '{"url": "other"}',
        '{"unknown": 1}',
        '{"size": "x"}',
        '{"url": 1, "validator": 1, "ranges": true, "total": "x", "size": 5}',
    ],
)
def test_notes_that_are_broken_or_of_something_else_are_not_trusted(stand_in, fetch, notes):
    fetch()
    fetch.part.write_bytes(b"y" * 500)
    fetch.notes.write_text(notes)
    got = fetch()
    assert is_whole(got)
    assert got.resumed_from == 0


def test_notes_of_another_address_are_not_trusted(stand_in, fetch):
    fetch()
    fetch.part.write_bytes(b"y" * 500)
    stand_in.serve("/g", BODY)
    fetch.request = Request(stand_in.url + "/g")
    got = fetch()
    assert is_whole(got)
    assert got.resumed_from == 0


def test_the_part_is_kept_where_the_process_ends(stand_in, tmp_path):
    stop = threading.Event()
    fetch = Fetch(stand_in, tmp_path, Http(network(), stop=stop))
    stand_in.faults.add(fault("slow", arguments={"bytes_per_s": 5000}))

    def end_it_under_way():
        while not (fetch.part.exists() and fetch.part.stat().st_size) and not stop.wait(0.01):
            pass
        stop.set()

    watcher = threading.Thread(target=end_it_under_way)
    watcher.start()
    fails(TransientError, "archive.stopped", fetch)
    watcher.join()
    kept = fetch.part.stat().st_size
    assert 0 < kept < len(BODY)
    fetch.http = Http(network())
    got = fetch()
    assert is_whole(got)
    assert got.resumed_from == kept


def test_a_download_that_is_too_slow_is_ended_and_gone_on_with(stand_in, fetch):
    stand_in.faults.add(fault("slow", arguments={"bytes_per_s": 4000}))
    got = fetch(limits=limits(minimum_rate="20 kB/s", minimum_rate_time="0.6 s"))
    assert is_whole(got)
    assert 0 < got.resumed_from < len(BODY)


def test_a_drip_of_the_first_bytes_is_too_slow_as_well(stand_in, fetch):
    stand_in.faults.add(fault("slow", arguments={"bytes_per_s": 20}, times=None))
    fetch.http = Http(network(tries=1))
    slow = limits(minimum_rate="1 kB/s", minimum_rate_time="0.3 s", deadline="60 s")
    error = fails(TransientError, "archive.timeout", lambda: fetch(limits=slow))
    assert "1000 bytes/s" in error.message


def test_a_download_has_a_deadline_that_grows_with_its_size(stand_in, fetch):
    stand_in.faults.add(fault("slow", arguments={"bytes_per_s": 2000}, times=None))
    fetch.http = Http(network(tries=1))
    soon = limits(deadline="0.2 s", deadline_rate="500 kB/s")
    error = fails(TransientError, "archive.timeout", lambda: fetch(limits=soon))
    assert f"{0.2 + len(BODY) / 500_000:g} s" in error.message


def test_a_full_disk_is_an_error_of_the_disk_and_leaves_nothing(fetch, monkeypatch):
    def full(file, block):
        file.write(block[:100])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(download_module, "_write", full)
    with pytest.raises(OSError, match="No space left") as caught:
        fetch()
    assert caught.value.errno == errno.ENOSPC
    assert not isinstance(caught.value, ArchiveError)
    assert list(fetch.folder.iterdir()) == []
    assert fetch.http.traffic.requests == 1


def test_a_disk_that_refuses_at_the_end_is_not_passed_over(fetch, monkeypatch):
    def broken(number):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(parts.os, "fsync", broken)
    with pytest.raises(OSError, match="Input/output error"):
        fetch()
    assert list(fetch.folder.iterdir()) == []


def test_a_missing_folder_is_an_error_of_the_disk(fetch):
    fetch.folder = fetch.folder / "none"
    with pytest.raises(FileNotFoundError):
        fetch()


def test_a_compression_for_the_way_is_undone(stand_in, tmp_path):
    stand_in.serve("/f", SIMULATED)
    stand_in.faults.add(fault("gzip_encoding", times=None))
    got = Fetch(stand_in, tmp_path, filename="a.fits")()
    assert is_whole(got, SIMULATED)
    assert "gzip" in got.warnings[0]
    assert not verify_fits(got.part).packed


def test_a_compressed_file_stays_as_it_is(stand_in, tmp_path):
    packed = gzip.compress(SIMULATED)
    stand_in.serve("/f", packed, headers={"Content-Encoding": "gzip"})
    assert is_whole(Fetch(stand_in, tmp_path, filename="a_evt2.fits.gz")(), packed)
    discard(tmp_path / "x.1.part")
    disposition = {"Content-Encoding": "gzip", "Content-Disposition": 'inline; filename="A.FTZ"'}
    stand_in.serve("/f", packed, headers=disposition)
    got = Fetch(stand_in, tmp_path)()
    assert is_whole(got, packed)
    assert got.filename == "A.FTZ"


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, br"])
def test_an_encoding_that_nobody_asked_for_is_refused(stand_in, fetch, encoding):
    stand_in.serve("/f", BODY, headers={"Content-Encoding": encoding})
    fails(TransientError, "archive.wrong-answer", fetch)


def test_a_pause_of_the_host_comes_through(stand_in, fetch):
    stand_in.faults.add(fault("status:503", arguments={"retry_after": 5000}))
    fetch.http = Http(network(), HandClock())
    error = fails(TransientError, "archive.paused", fetch)
    assert error.context["until"] == fetch.http.paused_until(stand_in.url)


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        ('inline; filename="P0301730401.FTZ"', "P0301730401.FTZ"),
        ("attachment; filename=solo_L1_V01.fits", "solo_L1_V01.fits"),
        ("attachment; filename*=UTF-8''a%2Db.fits", "a-b.fits"),
        ('attachment; filename="../../etc/cron.d/x"', "x"),
        ('attachment; filename="C:\\\\Windows\\\\x.fits"', "x.fits"),
        ('attachment; filename="/abs/x.fits"', "x.fits"),
        ('attachment; filename=".."', ""),
        ('attachment; filename=".hidden"', ""),
        ('attachment; filename="a b.fits"', ""),
        ('attachment; filename="a;rm.fits"', ""),
        ('attachment; filename="' + "x" * 300 + '"', ""),
        ('attachment; filename=""', ""),
        ("attachment", ""),
        ("", ""),
    ],
)
def test_a_file_name_is_plain_or_none(disposition, name):
    assert safe_filename(disposition) == name


@given(st.text(max_size=80))
def test_no_disposition_leads_out_of_the_folder(text):
    for disposition in (text, f'attachment; filename="{text}"', f"attachment; filename*=UTF-8''{text}"):
        name = safe_filename(disposition)
        assert "/" not in name
        assert "\\" not in name
        assert not name.startswith(".")
        assert name.isascii()


@pytest.mark.parametrize("kind", ["truncate", "reset", "chunk_cut", "wrong_length", "html_200"])
@pytest.mark.parametrize("seed", range(3))
def test_storms_of_faults_end_in_the_right_bytes(stand_in, tmp_path, kind, seed):
    fetch = Fetch(stand_in, tmp_path, Http(network(tries=20, failures_to_pause=99)), filename="f.fits")
    stand_in.faults.storm(0.6, [kind, "status:503", "etag_change", "bad_content_range"], seed)
    assert is_whole(fetch())
