"""Workers: what they do with honest work, and that hostile work gains and breaks nothing."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from bncheck.grading.inside.limits import MIB, Limits
from bncheck.grading.inside.messages import Channel, Damaged, Gone, Late
from bncheck.grading.outside.sandbox import make_library, starts
from bncheck.grading.outside.workers import NoWorkers, Workers
from bncheck.judge import judge
from bncheck.observe import Task
from bncheck.plain import bare
from exercises.questions import COURSE
from tests.bncheck.grading.hostile import HOSTILE, WRONG

LIMITS = Limits(cell=60, submission=300, memory=1024 * MIB)
QUICK = replace(LIMITS, cell=1, grace=1)
RIGHT = """
import numpy as np
def batch_statistics(x):
    axes = (0, *range(2, x.ndim))
    return x.mean(axes), x.var(axes)
"""
NAMES = ["batch_statistics"]

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux's ways only")


@pytest.fixture(scope="module")
def boxed():
    try:
        with Workers(COURSE, LIMITS, "require", modules=()) as workers:
            yield workers
    except NoWorkers as error:
        pytest.skip(f"no sandbox here: {error}")


@pytest.fixture(scope="module")
def unboxed():
    with Workers(COURSE, LIMITS, "off", modules=()) as workers:
        yield workers


@pytest.fixture(params=["boxed", "unboxed"])
def workers(request):
    return request.getfixturevalue(request.param)


def family(workers):
    """The ids of all processes that come from this warm process."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                stat = (entry / "stat").read_text().rpartition(")")[2].split()
                parents[int(entry.name)] = int(stat[1])
    found = {workers._process.pid}
    while more := {p for p, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def settles(condition, seconds=20.0):
    """Whether a condition comes true: what the kernel still has to do takes its moment."""
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


def points(seen, name="ex03.statistics"):
    bank = COURSE.bank(name, 0)
    return judge(bank, seen.observations).points if seen.observations else 0


def graded(workers, cells, ready_made=True):
    """The points of these cells, and what was seen."""
    with workers.open(ready_made) as session:
        reports = session.execute(cells)
        seen = session.observe(NAMES, COURSE.bank("ex03.statistics", 0).tasks)
    return points(seen), reports, seen


# Honest work


def test_a_right_answer_earns_all_points(workers):
    for ready_made in (True, False):
        earned, reports, seen = graded(workers, [RIGHT], ready_made)
        assert earned == COURSE.bank("ex03.statistics", 0).question.out_of
        assert [report.state for report in reports] == ["ok"]
        assert seen.complete and seen.ended is None


def test_definitions_stay_and_the_last_one_counts(workers):
    cells = [RIGHT, "n = 3", "def f(): return n", "n = 4"]
    look = Task("look", "out = f()", ("out",), {}, 5.0, False)
    with workers.open() as session:
        session.execute(cells)
        seen = session.observe(["f"], [look])
        other = session.observe({"f": "batch_statistics"})
    assert bare(seen.observations[0].values["out"]) == 4
    assert other.kinds == {"f": "callable"}


def test_a_cell_that_fails_is_reported_and_the_rest_goes_on(workers):
    cells = ["a = 1\nb = 1 / 0\nc = 2", "def (:", "print('later', a)", "a = c"]
    with workers.open() as session:
        first, second, third, fourth = session.execute(cells)
    assert (first.state, first.type, first.line, first.text) == (
        "failed",
        "ZeroDivisionError",
        2,
        "b = 1 / 0",
    )
    assert (second.type, second.line) == ("SyntaxError", 1)
    assert (third.state, third.printed) == ("ok", "later 1\n")
    assert fourth.type == "NameError"


def test_a_cell_may_await(workers):
    cell = "import asyncio\nawait asyncio.sleep(0)\nfound = 1\nprint(found)"
    with workers.open() as session:
        assert session.execute([cell])[0].printed == "1\n"


def test_names_that_are_missing_or_undone_are_told_apart(workers):
    with workers.open() as session:
        session.execute(["undone = ...\nnumber = 3\nclass Layer: pass\ndef f(): pass"])
        names = ["gone", "undone", "number", "Layer", "f"]
        seen = session.observe(names, COURSE.bank("ex03.statistics", 0).tasks)
    assert seen.kinds == dict(
        zip(names, ["missing", "undone", "value", "class", "callable"], strict=True)
    )
    assert not seen.complete and not seen.observations and seen.ended is None


def test_checks_hints_and_scores_do_nothing(workers):
    cell = (
        "from exercises.questions import CheckFailed, check, hint, score\n"
        "check('ex03.statistics', None)\nhint('ex03.n')\nscore('ex03', write='points.json')\n"
        "import os\nprint(os.path.exists('points.json'))"
    )
    with workers.open() as session:
        report = session.execute([cell])[0]
    assert (report.state, report.printed) == ("ok", "False\n")


def test_bnlib_can_be_used_where_it_is_allowed(workers):
    cell = (
        "import bnlib.functional, bnlib.nn, bncourse.models, bncourse.training, torch\n"
        "y = bnlib.nn.BatchNorm1d(3)(torch.randn(4, 3))\nprint(tuple(y.shape))"
    )
    with workers.open() as session:
        report = session.execute([cell])[0]
    assert (report.state, report.printed) == ("ok", "(4, 3)\n")


def test_a_statement_with_ready_made_normalisation_is_left_out_where_it_is_taken_out(workers):
    cell = (
        "import torch, bnlib.nn\nfrom bnlib.functional import batch_norm\n"
        "layer = torch.nn.BatchNorm1d(3)\ny = layer(torch.randn(4, 3))\n"
        "z = bnlib.nn.BatchNorm1d(3)\n"
        "print(*(name in globals() for name in ('y', 'z', 'layer')))"
    )
    with workers.open(ready_made=False) as session:
        report = session.execute([cell])[0]
    assert (report.state, report.type) == ("ok", "Forbidden")
    assert report.printed.splitlines()[-1] == "False False True"


@pytest.mark.parametrize(
    "call",
    [
        "torch.nn.BatchNorm1d(3)(x)",
        "torch.nn.BatchNorm1d(3).eval()(x)",
        "F.batch_norm(x, None, None, training=True)",
        "torch.batch_norm(x, None, None, None, None, True, 0.1, 1e-5, False)",
        "torch.ops.aten.native_batch_norm(x, None, None, None, None, True, 0.1, 1e-5)",
        "torch.ops.aten._native_batch_norm_legit(x, None, None, True, 0.1, 1e-5)",
        "torch._batch_norm_impl_index(x, None, None, None, None, True, 0.1, 1e-5, False)",
        "torch.vmap(lambda a: F.batch_norm(a, None, None, training=True))(x[None])",
        "F.layer_norm(x.T, (4,))",
        "F.group_norm(x, 1)",
        "F.instance_norm(x[None])",
        "F.rms_norm(x, (3,))",
        "torch._decomp.decompositions.native_batch_norm(x, None, None, None, None, True, 0.1, 1)",
        "bnlib.functional.batch_norm(x.numpy(), 1, 0)",
        "bnlib.nn.BatchNorm1d(3)",
        "bncourse.experiments.ch06_pytorch.bnnet.anything(x)",
    ],
)
def test_every_way_to_ready_made_normalisation_is_closed(workers, call):
    cell = (
        "import torch, bnlib.functional, bnlib.nn, bncourse.experiments.ch06_pytorch.bnnet\n"
        f"from torch.nn import functional as F\nx = torch.randn(4, 3)\ny = {call}\nprint('through')"
    )
    with workers.open(ready_made=False) as session:
        session.execute([cell])
        assert session.observe(["x", "y"]).kinds == {"x": "value", "y": "missing"}


def test_sessions_in_several_threads_do_not_mix(boxed):
    look = Task("look", "out = (n, os.listdir('.'))", ("out",), {}, 20.0, False)

    def one(number):
        with boxed.open() as session:
            session.execute([f"import os\nn = {number}\nopen(f'file{{n}}', 'w').close()"])
            return bare(session.observe(["n", "os"], [look]).observations[0].values["out"])

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(one, range(12)))
    assert found == [(n, (f"file{n}",)) for n in range(12)]


def test_a_worker_sees_nothing_of_the_one_before(boxed):
    cells = [
        "import os\nfor place in ('/tmp', '/dev/shm', '.'):\n    try:\n"
        "        print(os.listdir(place)); open(place + '/left', 'w').close()\n"
        "    except OSError as error: pass"
    ]
    with boxed.open() as first, boxed.open() as second:
        assert first.execute(cells)[0].printed.count("[]") >= 1
        assert "left" not in second.execute(cells)[0].printed.splitlines()[0]


# Hostile work


@linux
@pytest.mark.parametrize("submission", HOSTILE, ids=str)
def test_hostile_work_gains_nothing_and_leaves_nothing(submission, boxed):
    grade_hostile(submission, boxed)


@linux
@pytest.mark.parametrize("submission", [h for h in HOSTILE if not h.boxed], ids=str)
def test_hostile_work_gains_nothing_without_a_sandbox(submission, unboxed):
    grade_hostile(submission, unboxed)


def grade_hostile(submission, workers):
    before = family(workers)
    tasks = COURSE.bank("ex03.statistics", 0).tasks
    if submission.quick:
        tasks = [replace(task, seconds=1.0) for task in tasks]
    limits = QUICK if submission.quick else LIMITS
    with workers.open(submission.ready_made, limits) as session:
        reports = session.execute(submission.cells)
        seen = session.observe(NAMES, tasks)
    said = [(report.state, report.type, report.message) for report in reports]
    assert points(seen) == 0
    for observation in seen.observations:
        values = [bare(value) for value in observation.values.values()]
        found = [v for v in values if isinstance(v, str) and v.startswith("found:")]
        assert all(value.strip() == "found:" for value in found)
    if submission.state != "any":
        assert reports[-1].state == submission.state, said
    if submission.ended != "any":
        assert (seen.ended.kind if seen.ended else None) == submission.ended, (seen.ended, said)
    assert settles(lambda: family(workers) <= before)
    earned, _, _ = graded(workers, [RIGHT])
    assert earned == COURSE.bank("ex03.statistics", 0).question.out_of


def test_a_stalled_session_does_not_hold_up_another(boxed):
    stalled = boxed.open()
    thread = threading.Thread(target=stalled.execute, args=(["import time; time.sleep(1000)"],))
    thread.start()
    try:
        assert graded(boxed, [RIGHT])[0] > 0
        assert thread.is_alive()
    finally:
        stalled.close()
        thread.join()


def test_the_time_for_a_submission_ends(boxed):
    with boxed.open(limits=replace(LIMITS, submission=3.0)) as session:
        reports = session.execute(["import time", *["time.sleep(1.2)"] * 5])
    states = [report.state for report in reports]
    stopped = states.index("too long")
    assert set(states[:stopped]) <= {"ok"} and set(states[stopped + 1 :]) == {"not run"}
    assert session.ended.kind == "too long" and "in all" in session.ended.detail


def test_the_warm_process_is_started_again_when_it_is_killed(boxed):
    for pid in family(boxed) - {boxed._process.pid}:
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGKILL)
    boxed._process.wait(20)
    assert graded(boxed, [RIGHT])[0] > 0


# Ends


SCRIPT = """
import signal, sys
from bncheck.grading.outside.workers import Workers
from bncheck.grading.inside.limits import Limits
signal.signal(signal.SIGINT, signal.default_int_handler)
from exercises.questions import COURSE
with Workers(COURSE, Limits(cell=1000, submission=1000), sys.argv[1], modules=()) as workers:
    session = workers.open()
    print(workers._process.pid, workers._folder, flush=True)
    print('running', flush=True)
    session.execute(["import time\\nwhile True: time.sleep(1)"])
"""


@linux
@pytest.mark.parametrize("sandbox", ["require", "off"])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_nothing_is_left_when_the_judge_ends_early(sandbox, number, request):
    request.getfixturevalue("boxed" if sandbox == "require" else "unboxed")  # or skip
    judge = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, sandbox],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=Path(__file__).resolve().parents[4],
    )
    with judge:
        try:
            pid, folder = judge.stdout.readline().split()
            judge.stdout.readline()

            class Theirs:
                _process = type("Process", (), {"pid": int(pid)})

            assert settles(lambda: len(family(Theirs)) >= 3)
            theirs = family(Theirs)
        finally:
            judge.send_signal(number)
        judge.wait()
    assert settles(lambda: not any(Path(f"/proc/{p}").exists() for p in theirs))
    if number == signal.SIGINT:
        assert not Path(folder).exists()
    else:  # nobody was left to remove it: the next judge does
        with Workers(COURSE, LIMITS, "off", modules=()):
            assert not Path(folder).exists()


@linux
def test_close_may_be_repeated_and_leaves_nothing():
    with Workers(COURSE, LIMITS, "auto", modules=()) as workers:
        folder, first = workers._folder, workers.open()
        theirs = family(workers)
        first.execute(["x = 1"])
        first.close()
        first.close()
        assert first.execute(["y = 1"])[0].state == "not run"
    workers.close()
    assert settles(lambda: not any(Path(f"/proc/{p}").exists() for p in theirs))
    assert not folder.exists()
    with pytest.raises(NoWorkers, match="with Workers"):
        workers.open()


# What is said


def test_without_a_sandbox_a_warning_says_so(unboxed, boxed):
    assert not unboxed.sandboxed
    assert "WITHOUT a sandbox" in unboxed.warning and "trust" in unboxed.warning
    assert boxed.sandboxed and boxed.warning == ""


def test_a_sandbox_that_is_required_and_missing_is_refused(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(NoWorkers, match="install the package `bubblewrap`"):
        Workers(COURSE, sandbox="require").start()
    with pytest.raises(ValueError, match="need sandbox"):
        starts("maybe")


def test_a_sandbox_that_does_not_work_is_noticed(monkeypatch, tmp_path):
    fake = tmp_path / "bwrap"
    fake.write_text("#!/bin/sh\necho 'bwrap: No permissions' >&2\nexit 1\n")
    fake.chmod(0o755)
    monkeypatch.setattr("bncheck.grading.outside.sandbox.BUBBLEWRAP", str(fake))
    with Workers(COURSE, LIMITS, "auto", modules=()) as workers:
        assert not workers.sandboxed
        assert "No permissions" in workers.warning and "user namespaces" in workers.warning
    with pytest.raises(NoWorkers, match="No permissions"):
        Workers(COURSE, LIMITS, "require", modules=()).start()


@pytest.mark.parametrize("sandbox", ["require", "off"])
def test_a_missing_filter_is_said_or_refused(sandbox, request, monkeypatch):
    request.getfixturevalue("boxed" if sandbox == "require" else "unboxed")  # or skip

    def unfiltered(folder, course):
        make_library(folder, course)
        path = folder / "bncheck" / "grading" / "inside" / "seccomp.py"
        path.write_text("def forbid():\n    return False\n")

    monkeypatch.setattr("bncheck.grading.outside.workers.make_library", unfiltered)
    workers = Workers(COURSE, LIMITS, sandbox, modules=())
    if sandbox == "off" and os.geteuid() == 0:
        with pytest.raises(NoWorkers, match="grade as another user"):
            workers.start()
        return
    with workers:
        assert "cannot be filtered" in workers.warning


def test_a_cell_that_is_too_long_to_send_fails_alone(boxed):
    with boxed.open() as session:
        first, second = session.execute(["x = '" + "x" * LIMITS.message + "'", "y = 1"])
    assert (first.state, first.type, second.state) == ("failed", "TooLarge", "ok")


def test_limits_are_above_zero():
    with pytest.raises(ValueError, match="the limit 'cell' must be above 0"):
        Limits(cell=0)


# Messages


@pytest.fixture
def pair():
    here, there = socket.socketpair()
    with here, there:
        yield Channel(here, 1000), there


def packed(body):
    return struct.pack("!I", len(body)) + body


def test_a_message_arrives_as_it_was_sent(pair):
    channel, there = pair
    other = Channel(there, 1000)
    other.send({"x": [1, 2.5, "ü", None]})
    assert channel.receive(5) == {"x": [1, 2.5, "ü", None]}


@pytest.mark.parametrize(
    "sent",
    [
        packed(b"x" * 1001),
        packed(b"not JSON"),
        packed(b"[1, 2]"),
        packed(b"[" * 900),
        packed(b"\xff\xfe"),
        packed(b'{"x": ' + b"9" * 900)[:500],
        packed(b'{"x": ' + b"9" * 900 + b"}"),
        b"\x00\x00",
    ],
)
def test_what_is_no_message_is_damaged(pair, sent):
    channel, there = pair
    there.sendall(sent)
    there.close()
    if sent[4:].startswith(b'{"x": 9') and sent.endswith(b"}"):
        assert isinstance(channel.receive(5)["x"], int)  # long, but a number
    else:
        with pytest.raises(Damaged):
            channel.receive(5)


def test_waiting_for_a_message_ends(pair):
    channel, there = pair
    with pytest.raises(Late):
        channel.receive(0.05)
    there.sendall(packed(json.dumps({"x": 1}).encode())[:7])
    with pytest.raises(Late):
        channel.receive(0.05)


def test_a_closed_line_and_a_long_message_are_refused(pair):
    channel, there = pair
    with pytest.raises(ValueError, match="at most 1000 bytes"):
        channel.send({"x": "x" * 1000})
    assert not channel.unasked()
    there.sendall(b"x")
    assert channel.unasked()
    there.close()
    with pytest.raises(Gone):
        channel.send({})
        channel.send({})


def test_wrong_work_stays_wrong(boxed):
    assert graded(boxed, [WRONG])[0] == 0
