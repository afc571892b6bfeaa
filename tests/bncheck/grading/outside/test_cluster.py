"""Grading on a cluster: workers may be lost, and a poisonous submission takes its own row alone."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest

from bncheck.grading.inside.limits import Limits
from bncheck.grading.outside.cluster import Cluster, Order, grade_one
from bncheck.grading.outside.command import BAD_CALL, DONE, main
from bncheck.grading.outside.grade import run_digest
from bncheck.grading.outside.run import Run, Settings
from bncheck.grading.outside.submissions import find
from bncheck.grading.outside.workers import NoWorkers
from bncheck.grading.results.files import Folder
from exercises.questions import COURSE
from tests.bncheck.grading.outside.quick_task import quickly
from tests.bncheck.grading.outside.test_run import contents, hand_in, rows

distributed = pytest.importorskip("distributed")

NAME = "exercises.questions:COURSE"
ORDER = Order(NAME, Limits(), "auto", 0, None, run_digest(COURSE, 0, Limits(), None))


@pytest.fixture(scope="module")
def cluster():
    """Three processes, which come again when they end."""
    import dask

    often = {"distributed.scheduler.allowed-failures": 1}  # fewer new processes than by default
    with (
        dask.config.set(often),
        distributed.LocalCluster(
            n_workers=3,
            threads_per_worker=1,
            processes=True,
            dashboard_address=None,
            host="127.0.0.1",
        ) as made,
    ):
        yield made


def class_of(folder, *names):
    first = hand_in(folder, names[0])
    for name in names[1:]:
        (folder / f"{name}.ipynb").write_bytes(first.read_bytes())
    return find([folder])


def states(cluster, folder, out, progress=lambda *ignored: None, warn=lambda text: None):
    engine = Cluster(cluster.scheduler_address, replace(ORDER, course=NAME), warn, quickly)
    engine._order = replace(ORDER, course=str(out.parent / "mark"))  # where `quickly` looks
    graded = Run(engine, Folder(out), Settings()).grade_all(folder, progress)
    return {one.id: one.state for one in graded}


def test_a_worker_that_is_lost_costs_no_grade(cluster, tmp_path):
    """One of three is killed when half of 2,000 are done, and its tasks run again."""
    found = class_of(tmp_path / "class", *(f"fine{number:04d}" for number in range(2000)))
    counted = []

    def progress(done, total, grade):
        counted.append((done, total))
        if done == total // 2:
            os.kill(next(nanny.pid for nanny in cluster.workers.values()), 9)

    assert set(states(cluster, found, tmp_path / "out", progress).values()) == {"graded"}
    assert counted == [(done, 2000) for done in range(1, 2001)], "progress is told, each once"


def test_a_poisonous_submission_takes_its_own_row_alone(cluster, tmp_path):
    names = [f"fine{number:02d}" for number in range(40)]
    found = class_of(tmp_path / "class", *names[:10], "poison", *names[10:], "once", "broken")
    said = []
    assert states(cluster, found, tmp_path / "out", warn=said.append) == {
        **dict.fromkeys([*names, "once"], "graded"),
        "poison": "crashed",
        "broken": "unjudged",
    }
    assert said == ["a warning"], "once for all workers"


def test_a_machine_that_cannot_run_submissions_ends_the_run(cluster, tmp_path):
    found = class_of(tmp_path / "class", "fine", "unable")
    with pytest.raises(NoWorkers, match="no sandbox"):
        states(cluster, found, tmp_path / "out")


def test_a_worker_with_another_course_is_refused():
    job = None
    with pytest.raises(NoWorkers, match="the same versions"):
        grade_one(replace(ORDER, digest="another"), job)


def test_the_files_are_those_of_a_run_on_one_machine(cluster, tmp_path):
    """With the real task: sandbox, judge and all.  One submission: each worker makes the bank."""
    folder = tmp_path / "class"
    hand_in(folder, "wrong", "def batch_norm(x, gamma, beta, eps):\n    return x")
    (folder / "empty.ipynb").write_text("")
    call = ["grade", str(folder), "--course", NAME, "--out"]
    assert main([*call, str(tmp_path / "local")]) == DONE
    address = cluster.scheduler_address
    assert main([*call, str(tmp_path / "dask"), "--dask", address]) == DONE
    assert contents(tmp_path / "dask") == contents(tmp_path / "local")
    assert rows(tmp_path / "dask")["wrong"]["state"] == "graded"


def test_an_address_where_nobody_is_is_explained(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("bncheck.grading.outside.cluster.SECONDS", 0.5)
    path = hand_in(tmp_path / "class", "solved")
    call = ["grade", str(path), "--out", str(tmp_path / "out"), "--dask", "tcp://127.0.0.1:9"]
    assert main(call) == BAD_CALL
    assert "no worker at tcp://127.0.0.1:9" in capsys.readouterr().err
