"""Light curves that are made again equal those that are stored; workers answer, give way, die and end."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from apart import run_apart
from server_process import server

from hstlc.db.engine import make_engine, reading
from hstlc.db.records import LIGHT_CURVES
from hstlc.errors import UsageError
from hstlc.formats.curve_fits import read_light_curve
from hstlc.lightcurves.composite import stack
from hstlc.web.rebin.engine import see
from hstlc.web.rebin.held import Held, array_bytes
from hstlc.web.rebin.parts import from_events, made_of_events, stored_curve
from hstlc.web.rebin.pool import BusyError, Pool, SupersededError
from hstlc.web.rebin.snippet import snippet
from hstlc.web.rebin.subject import Selection, find_subject
from hstlc.web.rebin.work import Job, do

PATIENCE_S = 120.0  # the machine may be busy with other tests


def subjects_of(settings, part="", *, every=True):
    """Return the light curves with a part in their names; else one of each mission, kind, instrument and band."""
    engine = make_engine(settings.db_connection_string)
    try:
        with reading(engine) as connection:
            query = LIGHT_CURVES.select().order_by(LIGHT_CURVES.c.filename)
            rows = [row for row in connection.execute(query).mappings() if part in row["filename"]]
            if not every:
                rows = {(r["mission"], r["kind"], r["source_name"] != "", r["band"], r["instrume"]): r for r in rows}
                rows = rows.values()
            return [find_subject(connection, row["filename"], settings.layout, settings) for row in rows]
    finally:
        engine.dispose()


def subject_of(settings, part):
    return subjects_of(settings, part, every=False)[0]


def nothing():
    pass


def equal(one, other):
    assert set(one) == set(other)
    for name in one:
        np.testing.assert_array_equal(one[name], other[name], err_msg=name)


def test_every_kind_of_light_curve_is_made_again_bit_for_bit(site_settings):
    held, missions = Held(10**8), set()
    for subject in subjects_of(site_settings, every=False):
        assert made_of_events(subject), subject.name
        curves = from_events(subject, Selection(), None, held, nothing)
        made = stack(curves) if subject.kind == "composite" else curves[0]
        equal(stored_curve(subject, held), made)
        missions.add((subject.mission, subject.kind))
    assert len(missions) == 6


def test_the_width_of_the_store_asked_for_by_number_gives_the_stored_light_curve(site_settings):
    held = Held(10**8)
    for part in ("ls0000a1q", "acisf", "_ep_broad_curve"):
        subject = subject_of(site_settings, part)
        stored = stored_curve(subject, held)
        equal(see(subject, Selection(bin_s=float(stored.meta["STEPSIZE"])), held).curve, stored)


def test_energies_given_as_numbers_are_the_band_of_that_name(site_settings):
    held = Held(10**8)
    for part in ("1bb96afd_soft", "_pn_soft_curve", "_ep_soft_curve"):
        subject = subject_of(site_settings, part)
        stored = stored_curve(subject, held)
        limits = float(stored.meta["EMIN"]), float(stored.meta["EMAX"])
        equal(see(subject, Selection(energy_kev=limits), held).curve, stored)


def test_a_composite_is_made_again_in_other_bins_and_wavelengths(site_settings):
    held = Held(10**8)
    subject = next(s for s in subjects_of(site_settings, "cos-fuv") if len(s.parts) > 1)
    stored = stored_curve(subject, held)
    wider = see(subject, Selection(bin_s=7.0), held).curve
    assert set(wider["dataset"]) == set(stored["dataset"])
    assert wider["gross"].sum() == pytest.approx(stored["gross"].sum())


def test_an_imported_light_curve_is_put_together_from_its_bins(site_settings):
    held = Held(10**8)
    subject = subject_of(site_settings, "ls0000a1q")
    imported = replace(subject, parts=tuple(replace(part, files=()) for part in subject.parts))
    seen = see(imported, Selection(bin_s=8.0), held)
    assert not seen.of_events
    assert seen.curve["gross"].sum() == pytest.approx(seen.stored["gross"].sum())
    with pytest.raises(UsageError) as caught:
        see(imported, Selection(wavelength_aa=(1200.0, 1300.0)), held)
    assert caught.value.code == "usage.band"


def test_a_file_that_is_another_one_is_told(site_settings):
    subject = subject_of(site_settings, "ls0000a1q")
    part = subject.parts[0]
    changed = replace(part, files=tuple((kind, path, size + 1) for kind, path, size in part.files))
    with pytest.raises(Exception, match="gone or another one"):
        see(replace(subject, parts=(changed,)), Selection(bin_s=10.0), Held(10**8))


@pytest.mark.parametrize(
    ("part", "selection"),
    [
        ("ls0000a1q", Selection(bin_s=7.0, wavelength_aa=(1200.0, 1400.0))),
        ("ls0000a1q", Selection(counts=40)),
        ("ls0000a1q", Selection(fold_s=5.0, phase_bins=10)),
        ("ls0000a1q", Selection()),
        ("1bb96afd_broad", Selection(bin_s=900.0, energy_kev=(0.5, 2.0))),
        ("1bb96afd_broad", Selection(blocks=0.05)),
        ("1bb96afd_broad", Selection(bin_s=300.0, band="soft", start_s=1000.0)),
        ("_m1_broad_curve", Selection(bin_s=300.0)),
        ("0001_curve", Selection(bin_s=300.0)),
    ],
)
def test_the_snippet_makes_what_is_seen(site_settings, tmp_path, part, selection):
    subject = subject_of(site_settings, part)
    seen = see(subject, selection, Held(10**8))
    for _, path, _ in subject.parts[0].files:
        (tmp_path / path.name).symlink_to(path)
    (tmp_path / subject.name).symlink_to(subject.path)
    text = snippet(subject, selection, seen)
    text += "from hstlc.formats.curve_fits import write_light_curve\n"
    text += "open('out.fits', 'wb').write(write_light_curve(curve))\n"
    environ = {name: value for name, value in os.environ.items() if not name.startswith("HSTLC_")}
    done = subprocess.run([sys.executable, "-c", text], cwd=tmp_path, env=environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr + text
    made = read_light_curve(tmp_path / "out.fits")
    for name in ("gross", "background", "exposure", "rate"):
        np.testing.assert_allclose(made[name], seen.curve[name], rtol=1e-9, err_msg=name)


def test_what_is_held_stays_within_its_bytes():
    held = Held(1000)
    for number in range(20):
        held.get(str(number), lambda: np.zeros(50))
        assert held.bytes <= 1000
    assert len(held) == 2
    made = []
    held.get("19", lambda: made.append(1))
    assert not made
    part = np.zeros(100)
    assert array_bytes([part, part[10:], {"again": part}]) == 800


@dataclass(frozen=True)
class Ask:
    """A job that a worker cannot do."""

    kind: str = "json"
    key: str = "1"


@pytest.fixture
def pool():
    made = Pool(1, PATIENCE_S, 10**8)
    yield made
    made.close()


def test_workers_answer_and_refuse(site_settings, pool):
    subject = subject_of(site_settings, "ls0000a1q")
    answer = run_apart(pool.run(Job("json", subject, Selection(bin_s=5.0))))
    expected = do(Job("json", subject, Selection(bin_s=5.0)), Held(10**8))
    assert answer.partition(b'"seconds"')[0] == expected.partition(b'"seconds"')[0]
    with pytest.raises(UsageError) as caught:
        run_apart(pool.run(Job("json", subject, Selection(bin_s=1e-6))))
    assert caught.value.code == "usage.bin-width"
    assert caught.value.hint
    with pytest.raises(RuntimeError):
        run_apart(pool.run(Ask()))


def test_a_newer_request_of_a_page_takes_the_place_of_older_ones(site_settings, pool):
    subject = subject_of(site_settings, "ls0000a1q")

    async def ask():
        jobs = [Job("json", subject, Selection(bin_s=3.0 + number)) for number in range(5)]
        asked = [asyncio.create_task(pool.run(job, "page")) for job in jobs]
        other = asyncio.create_task(pool.run(Job("periodogram", subject, Selection()), "page"))
        return await asyncio.gather(*asked, other, return_exceptions=True)

    *older, newest, other = run_apart(ask())
    assert isinstance(newest, bytes)
    assert isinstance(other, bytes)
    assert all(isinstance(one, SupersededError) and one.code == "web.superseded" for one in older)


def test_a_client_that_is_gone_is_not_waited_for(site_settings, pool):
    subject = subject_of(site_settings, "ls0000a1q")

    async def gone():
        return True

    with pytest.raises(SupersededError):  # while the first worker starts
        run_apart(pool.run(Job("json", subject, Selection()), gone=gone))


def test_workers_start_before_they_are_asked(site_settings, pool):
    pool.warm()
    before = _soon(lambda: pool.processes)
    assert isinstance(run_apart(pool.run(Job("json", subject_of(site_settings, "ls0000a1q"), Selection()))), bytes)
    assert pool.processes == before


def test_a_server_starts_its_worker_before_the_first_request(site_home):
    with server(site_home) as (process, _):
        assert _soon(
            lambda: [n for path in Path(f"/proc/{process.pid}/task").glob("*/children") if (n := path.read_text())]
        )


def test_a_worker_that_dies_is_started_again(site_settings, pool):
    subject = subject_of(site_settings, "ls0000a1q")
    job = Job("json", subject, Selection())
    run_apart(pool.run(job))
    (before,) = pool.processes
    os.kill(before, signal.SIGKILL)
    assert isinstance(run_apart(pool.run(job)), bytes)
    (after,) = pool.processes
    assert after != before


def test_what_takes_too_long_is_ended_with_its_process(site_settings):
    pool = Pool(1, PATIENCE_S, 10**8)
    subject = subject_of(site_settings, "ls0000a1q")
    try:
        run_apart(pool.run(Job("json", subject, Selection())))
        (process,) = pool.processes
        os.kill(process, signal.SIGSTOP)
        pool._timeout_s = 0.5
        with pytest.raises(BusyError) as caught:
            run_apart(pool.run(Job("json", subject, Selection())))
        assert caught.value.code == "web.rebin-timeout"
        pool._timeout_s = PATIENCE_S
        assert isinstance(run_apart(pool.run(Job("json", subject, Selection()))), bytes)
        assert pool.processes != [process]
    finally:
        pool.close()


def test_no_process_is_left(site_settings):
    pool = Pool(2, PATIENCE_S, 10**8)
    subject = subject_of(site_settings, "ls0000a1q")
    run_apart(pool.run(Job("json", subject, Selection())))
    processes = pool.processes
    assert processes
    pool.close()
    assert not any(Path(f"/proc/{process}").exists() for process in processes)
    with pytest.raises(BusyError):
        run_apart(pool.run(Job("json", subject, Selection())))


def test_workers_end_with_a_server_that_is_killed(site_home):
    text = (
        "import asyncio, sys, time\n"
        "from hstlc.web.rebin.pool import Pool\n"
        "from dataclasses import dataclass\n"
        "if __name__ == '__main__':\n"
        "    from hstlc.config import load\n"
        "    from hstlc.web.site import open_site\n"
        "    from hstlc.web.rebin.subject import Selection, find_subject\n"
        "    from hstlc.web.rebin.work import Job\n"
        "    settings = load(None)\n"
        "    site = open_site(settings)\n"
        "    with site.reading() as connection:\n"
        "        subject = find_subject(connection, 'ls0000a1q_curve.fits', site.layout, settings)\n"
        "    pool = Pool(1, 120.0, 10**8)\n"
        "    asyncio.run(pool.run(Job('json', subject, Selection())))\n"
        "    print(*pool.processes, flush=True)\n"
        "    time.sleep(60)\n"
    )
    script = site_home / "asks.py"
    script.write_text(text)
    environ = {**os.environ, "HSTLC_HOME_DIR": str(site_home)}
    with subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True, env=environ) as server:
        worker = int(server.stdout.readline())
        server.kill()
        server.wait()
    for _ in range(1000):
        if not _runs(worker):
            break
        time.sleep(0.1)
    assert not _runs(worker)


def _soon(found):
    end = time.monotonic() + PATIENCE_S
    while not found():
        assert time.monotonic() < end
        time.sleep(0.02)
    return found()


def _runs(process):
    try:
        return ") Z" not in Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return False
