"""What the page for teachers shows, and the example files for batch systems, do what they say."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from pathlib import Path

import nbformat
import pytest
import yaml

from bncheck.grading.outside.command import COMMANDS, parser
from bncheck.grading.results.policy import Policy, read_policy
from bncheck.grading.results.shards import Shard

EXERCISES = Path(__file__).resolve().parents[3] / "exercises"
SLURM = EXERCISES / "grade.slurm"
KUBERNETES = EXERCISES / "grade.k8s.yml"


@pytest.fixture
def bncheck(tmp_path):
    """A command of this name that writes down how it was called, a line for each argument."""
    path = tmp_path / "bncheck"
    path.write_text('#!/usr/bin/env bash\nprintf "%s\\n" "$@"\n', encoding="utf-8")
    path.chmod(0o755)
    return path


def asked(said):
    command, *arguments = said.splitlines()
    assert command == "grade"
    return parser().parse_args(arguments)


def run(command, **settings):
    environment = {"PATH": os.environ["PATH"], **{k: str(v) for k, v in settings.items()}}
    return subprocess.run(command, env=environment, capture_output=True, text=True)


def test_the_array_of_slurm_is_a_division(bncheck):
    (first, last) = re.search(r"^#SBATCH --array=(\d+)-(\d+)$", SLURM.read_text(), re.M).groups()
    count = int(last) - int(first) + 1
    shards, outs = set(), set()
    for number in range(int(first), int(last) + 1):
        done = run(
            ["bash", str(SLURM), "the class", "parts"],
            BNCHECK=bncheck,
            SLURM_ARRAY_TASK_ID=number,
            SLURM_ARRAY_TASK_MIN=first,
            SLURM_ARRAY_TASK_COUNT=count,
            SLURM_CPUS_PER_TASK=4,
        )
        options = asked(done.stdout)
        assert options.submissions == [Path("the class")] and options.jobs == 4
        shards.add(Shard.parse(options.shard))
        outs.add(options.out)
    assert shards == {Shard(number, count) for number in range(1, count + 1)}
    assert len(outs) == count and {out.parent for out in outs} == {Path("parts")}


def test_the_array_of_slurm_says_what_it_needs(bncheck):
    done = run(["bash", str(SLURM), "class"], BNCHECK=bncheck, SLURM_ARRAY_TASK_ID=1)
    assert done.returncode and "need a folder for the parts" in done.stderr


def test_the_pods_of_kubernetes_are_a_division(bncheck):
    job, policy = yaml.safe_load_all(KUBERNETES.read_text(encoding="utf-8"))
    spec = job["spec"]
    assert (job["kind"], spec["completionMode"]) == ("Job", "Indexed")
    pod = spec["template"]["spec"]
    (container,) = pod["containers"]
    shards, outs = set(), set()
    for index in range(spec["completions"]):
        done = run(
            [*container["command"], *container["args"]],
            PATH=f"{bncheck.parent}:{os.environ['PATH']}",
            JOB_COMPLETION_INDEX=index,
        )
        options = asked(done.stdout)
        shards.add(Shard.parse(options.shard))
        outs.add(options.out)
        assert options.submissions == [Path("/class")]
    count = spec["completions"]
    assert shards == {Shard(number, count) for number in range(1, count + 1)}
    assert len(outs) == count
    mounted = {mount["mountPath"] for mount in container["volumeMounts"]}
    assert mounted == {"/class", "/parts"} and {out.parent for out in outs} == {Path("/parts")}
    names = {volume["name"] for volume in pod["volumes"]}
    assert names == {mount["name"] for mount in container["volumeMounts"]}
    chosen = policy["spec"]["podSelector"]["matchLabels"].items()
    assert chosen <= spec["template"]["metadata"]["labels"].items()
    assert set(policy["spec"]) == {"podSelector", "policyTypes"}, "no rule: nothing may pass"


# -- the page for teachers ------------------------------------------------------------------------


def blocks(language):
    page = nbformat.read(EXERCISES / "teachers.ipynb", as_version=4)
    text = "\n".join(cell.source for cell in page.cells if cell.cell_type == "markdown")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.M | re.S)


def test_the_page_for_teachers_shows_commands_that_exist():
    lines = [line for block in blocks("sh") for line in block.splitlines() if line]
    calls = [shlex.split(line, comments=True) for line in lines]
    files = {name for call in calls if call[0] == "sbatch" for name in call if "/grade." in name}
    assert files == {"exercises/grade.slurm"}
    for name, command, *arguments in (call for call in calls if call[0] != "sbatch"):
        assert name == "bncheck" and command in COMMANDS
        if command == "grade":
            parser().parse_args(arguments)


def test_the_policy_on_the_page_for_teachers_is_one(tmp_path):
    (block,) = blocks("toml")
    (tmp_path / "policy.toml").write_text(block, encoding="utf-8")
    policy = read_policy(tmp_path / "policy.toml")
    for name in ("attempts", "weights", "dropped", "bonus", "late", "replaced"):
        assert getattr(policy, name) != getattr(Policy(), name), "each is shown"
