import errno
import io
import logging
import os
from datetime import UTC, datetime, timedelta, timezone

import pytest

from hstlc import logs
from hstlc.errors import StoreError

CANARY = "c4nary-p4ss"


@pytest.fixture(autouse=True)
def _closed():
    yield
    logs.close()


def content(path):
    return path.read_text("utf-8")


def test_file_name_has_command_utc_time_and_process(tmp_path):
    now = datetime(2024, 3, 1, 1, 2, 3, tzinfo=timezone(timedelta(hours=2)))
    path = logs.configure(tmp_path, "build-stats", now=now)
    assert path == tmp_path / f"build-stats_2024-02-29-23-02-03_{os.getpid()}.log"


def test_a_hostile_command_stays_in_the_folder(tmp_path):
    assert logs.configure(tmp_path, "../../x").parent == tmp_path


def test_header_names_versions_and_machine(tmp_path):
    text = content(logs.configure(tmp_path, "ingest", "ERROR"))  # present whatever the level
    for package in ("python", "hstlc", "numpy", "astropy", "sqlalchemy"):
        assert f"{package} " in text
    assert f"process {os.getpid()}" in text


def test_a_package_that_is_missing_is_said_so(monkeypatch):
    monkeypatch.setattr(logs, "PACKAGES", ("no-such-package",))
    assert "no-such-package not installed" in logs.header_lines("x")[1]


def test_lines_are_in_utc_and_carry_the_action(tmp_path, monkeypatch):
    path = logs.configure(tmp_path, "ingest")
    logger = logging.getLogger("hstlc.pipeline")
    record = logger.makeRecord(logger.name, logging.INFO, "f", 1, "made %s", ("a",), None, extra={"action": "extract"})
    record.created = datetime(2024, 7, 1, 12, 0, 5, tzinfo=UTC).timestamp()
    logger.handle(record)
    logger.info("plain")
    assert "2024-07-01T12:00:05Z INFO extract hstlc.pipeline: made a\n" in content(path)
    assert "INFO - hstlc.pipeline: plain\n" in content(path)


@pytest.mark.parametrize(
    ("verbosity", "seen"),
    [
        (-1, ["error"]),
        (0, ["warning", "error"]),
        (1, ["info", "warning", "error"]),
        (2, ["debug", "info", "warning", "error"]),
    ],
)
def test_console_and_file_have_levels_of_their_own(tmp_path, capsys, verbosity, seen):
    path = logs.configure(tmp_path, "ingest", "WARNING", verbosity=verbosity)
    logger = logging.getLogger("hstlc.x")
    for level in ("debug", "info", "warning", "error"):
        getattr(logger, level)("a %s", level)
    captured = capsys.readouterr()
    assert captured.err.splitlines() == [f"{level.upper()}: a {level}" for level in seen]
    assert captured.out == ""
    assert [line.rsplit(" ", 1)[1] for line in content(path).splitlines() if " hstlc.x: " in line] == [
        "warning",
        "error",
    ]


def test_configuring_again_ends_the_first_log(tmp_path):
    first = logs.configure(tmp_path, "one")
    second = logs.configure(tmp_path, "two")
    logging.getLogger("hstlc").error("after")
    assert "after" not in content(first)
    assert content(second).count("after") == 1
    logs.close()
    assert logging.getLogger("hstlc").handlers == []


def test_a_folder_that_cannot_be_written(tmp_path):
    with pytest.raises(StoreError) as caught:
        logs.configure(tmp_path / "missing", "ingest")
    assert caught.value.code == "store.log"
    assert str(tmp_path / "missing") in caught.value.context["path"]
    assert "log_dir" in caught.value.hint


def test_a_full_disk_is_said_once_and_stops_nothing(tmp_path, capsys, monkeypatch):
    class Full(io.StringIO):
        def write(self, _):
            raise OSError(errno.ENOSPC, "No space left on device")

    path = logs.configure(tmp_path, "ingest", verbosity=-1)
    handler = next(h for h in logging.getLogger("hstlc").handlers if isinstance(h, logging.FileHandler))
    handler.stream.close()
    handler.stream = Full()
    for _ in range(3):
        logging.getLogger("hstlc.x").info("line")
    lines = capsys.readouterr().err.splitlines()
    assert lines == [f"WARNING: {path}: the log is incomplete: No space left on device"]


SECRETS = [
    f"postgresql://writer:{CANARY}@db.example/hstlc",
    f"postgresql+psycopg2://writer:{CANARY}/x@y@db.example:5432/hstlc",
    f"postgresql://:{CANARY}@/hstlc",
    f"https://user:{CANARY}@archive.example/file.fits?x=1",
    f"password={CANARY} host=db",
    f"host=db password='{CANARY} {CANARY}'",
    f"{{'mast_password': '{CANARY}', 'a': 1}}",
    f'{{"password": "{CANARY}\'x"}}',
    f"HSTLC_TOKEN={CANARY}",
    f"MAST_API_TOKEN: {CANARY}",
    f"https://archive.example/get?uri=a&token={CANARY}&b=c",
    f"https://bucket.example/x?X-Amz-Signature={CANARY}&X-Amz-Credential={CANARY}",
    f"Authorization: token {CANARY}",
    f"Authorization: Bearer {CANARY}",
    f"{{'Authorization': 'Bearer {CANARY}'}}",
    f"Authorization: Bearer {CANARY.replace('4', 'a')} {CANARY}",
    f"api_key = {CANARY}",
    f"https://archive.example/aio?obsno=1&AIOUSER=me&AIOPWD={CANARY}&level=PPS",
    f"https://archive.example/f?mast_token={CANARY}",
    f"https://archive.example/login?next=%2Ff%3Ftoken%3D{CANARY}",
    f"https://archive.example/login?next=https%3A%2F%2Fme%3A{CANARY}%40archive.example%2Ff",
    f"Cookie: mast_token={CANARY}; other={CANARY}",
    f"Set-Cookie: JSESSIONID={CANARY}; Path=/; HttpOnly",
    f"{{'Cookie': 'JSESSIONID={CANARY}; a={CANARY}'}}",
    f"aws_secret_access_key={CANARY}",
    f"PGPASSWORD={CANARY}",
    f"-----BEGIN RSA PRIVATE KEY-----\n{CANARY}\n{CANARY}\n-----END RSA PRIVATE KEY-----",
    f"-----BEGIN PRIVATE KEY-----\n{CANARY}",
]


@pytest.mark.parametrize("text", SECRETS)
def test_redaction(text):
    assert CANARY not in logs.redact(text)
    assert "***" in logs.redact(text)


@pytest.fixture
def told(monkeypatch):
    monkeypatch.setattr(logs, "_known", set())


@pytest.mark.parametrize("written", ["{}", "https://archive.example/{}?a=1", "you sent {}, which is wrong"])
def test_a_secret_that_is_known_is_hidden_wherever_it_stands(told, written):
    for secret, spelled in (
        ("word&91 c3/e", ("word&91 c3/e", "word%2691%20c3/e", "word%2691+c3%2Fe")),
        ("plain91", ("plain91",)),
    ):
        logs.hide(secret)
        for text in map(written.format, spelled):
            assert logs.redact(text) == logs.redact_bytes(text.encode()).decode() == written.format("***")


def test_a_short_secret_hides_no_words(told):
    for secret in ("", "me", "guest"):
        logs.hide(secret)
    assert logs.redact("a message for guests") == "a message for guests"


@pytest.mark.parametrize(
    "text",
    [
        "sqlite:////data/hstlc/hstlc.db",
        "https://archive.example:443/file.fits",
        "postgresql://reader@db.example/hstlc",
        "did you mean the key rule?",
        "3 passes, tokenized 5 names",
        "basic statistics of GJ-436",
    ],
)
def test_what_is_no_secret_stays(text):
    assert logs.redact(text) == text


@pytest.mark.parametrize("text", SECRETS)
def test_no_secret_reaches_file_or_console(tmp_path, capsys, text):
    path = logs.configure(tmp_path, "ingest", verbosity=2)
    logger = logging.getLogger("hstlc.x")
    logger.info(text.replace("%", "%%"))
    logger.info("argument %s", text)
    logger.info("object %r", {"value": text, "url": text})
    try:
        try:
            raise ConnectionError(text)
        except ConnectionError as cause:
            raise RuntimeError(f"wrapped: {text}") from cause
    except RuntimeError:
        logger.exception("failed", stack_info=True)
    written = content(path) + capsys.readouterr().err
    assert "wrapped" in written
    assert "ConnectionError" in written
    assert CANARY not in written


def test_text_that_is_not_unicode_does_not_break_the_log(tmp_path, monkeypatch):
    monkeypatch.setattr(logging.getLogger("hstlc"), "propagate", False)  # pytest's own capture cannot carry it
    path = logs.configure(tmp_path, "ingest")
    logging.getLogger("hstlc.x").info("file %s", os.fsdecode(b"caf\xe9.fits"))
    assert "caf\\udce9.fits" in content(path)


def age(path, days):
    then = datetime.now(UTC) - timedelta(days=days)
    os.utime(path, (then.timestamp(), then.timestamp()))
    return then.date()


def test_a_daily_log_is_added_to_by_the_next_process(tmp_path):
    path = logs.configure(tmp_path, "daemon", daily=True)
    assert path == tmp_path / "daemon.log"
    logging.getLogger("hstlc.x").info("first")
    logs.configure(tmp_path, "daemon", daily=True)
    logging.getLogger("hstlc.x").info("second")
    assert [word in content(path) for word in ("first", "second")] == [True, True]
    assert [path.name for path in tmp_path.iterdir()] == ["daemon.log"]


def test_a_daily_log_gets_another_name_when_its_day_is_over(tmp_path):
    path = logs.configure(tmp_path, "daemon", daily=True)
    logging.getLogger("hstlc.x").info("password=%s of the first day", CANARY)
    first = age(path, 1)
    logging.getLogger("hstlc.x").info("of the second day")
    old = tmp_path / f"daemon.log.{first}"
    assert "of the first day" in content(old)
    assert "of the second day" not in content(old)
    assert "of the second day" in content(path)
    assert CANARY not in content(old)


def test_a_log_of_an_earlier_day_is_put_aside_at_the_start(tmp_path):
    (tmp_path / "daemon.log").write_text("long ago\n")
    first = age(tmp_path / "daemon.log", 40)
    path = logs.configure(tmp_path, "daemon", daily=True)
    assert content(tmp_path / f"daemon.log.{first}") == "long ago\n"
    assert "long ago" not in content(path)


def test_a_daily_log_that_another_process_renamed_is_followed(tmp_path):
    path = logs.configure(tmp_path, "daemon", daily=True)
    logging.getLogger("hstlc.x").info("before")
    path.rename(tmp_path / "elsewhere")
    logging.getLogger("hstlc.x").info("after")
    assert "after" in content(path)
    assert "after" not in content(tmp_path / "elsewhere")


def test_a_daily_log_whose_old_name_is_taken_goes_on(tmp_path):
    path = logs.configure(tmp_path, "daemon", daily=True)
    first = age(path, 1)
    (tmp_path / f"daemon.log.{first}").write_text("kept\n")
    logging.getLogger("hstlc.x").info("goes on")
    assert content(tmp_path / f"daemon.log.{first}") == "kept\n"
    assert "goes on" in content(path)
