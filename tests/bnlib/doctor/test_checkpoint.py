"""python -m bnlib.doctor: what a checkpoint alone tells, and the exit status."""

import json

import pytest
import torch
from torch import nn

from bnlib.doctor.__main__ import main
from bnlib.doctor.checkpoint import examine_state


@pytest.fixture
def save(tmp_path):
    def write(content):
        torch.save(content, tmp_path / "checkpoint.pt")
        return str(tmp_path / "checkpoint.pt")

    return write


def test_a_healthy_checkpoint_exits_with_0_and_says_what_it_needs(net, save, capsys):
    assert main([save(net.state_dict())]) == 0
    output = capsys.readouterr().out
    assert output.startswith("0 faults, 0 notes") and "that needs data and a loss" in output


@pytest.mark.parametrize("key", ["state_dict", "model", "model_state_dict"])
def test_a_fault_exits_with_1_also_one_level_down(net, save, capsys, key):
    net.bn1.running_var[0] = float("inf")
    assert main([save({key: net.state_dict(), "epoch": 3}), "--json"]) == 1
    (finding,) = json.loads(capsys.readouterr().out)["findings"]
    assert (finding["kind"], finding["where"]) == ("statistics-not-finite", "bn1")


def test_a_file_that_is_none_exits_with_2(tmp_path, save, capsys):
    (tmp_path / "text").write_text("hello")
    assert main([str(tmp_path / "absent.pt")]) == 2
    assert main([str(tmp_path / "text")]) == 2
    assert main([save([1, 2])]) == 2
    assert main([save(nn.Linear(2, 2))]) == 2  # a whole model: code, which is not run
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 4 and all(line.startswith("bnlib.doctor: need a") for line in errors)


def test_a_call_without_a_file_exits_with_2():
    with pytest.raises(SystemExit) as stopped:
        main([])
    assert stopped.value.code == 2


@pytest.mark.parametrize(
    ("change", "kind", "level"),
    [
        (lambda s: s.pop("bn1.running_var"), "buffers-missing", "fault"),
        (lambda s: s["bn1.weight"].zero_(), "gamma-dead", "fault"),
        (lambda s: s["bn1.running_var"][:2].zero_(), "channel-without-spread", "note"),
        (
            lambda s: (s["bn1.running_mean"].zero_(), s["bn1.running_var"].fill_(1)),
            "statistics-never-updated",
            "fault",
        ),
        (
            lambda s: s.update({"bn1.running_var": s["bn1.running_var"].half()}),
            "half-precision-statistics",
            "note",
        ),
    ],
)
def test_what_the_state_shows_is_named(net, change, kind, level):
    state = net.state_dict()
    change(state)
    assert [(f.kind, f.where, f.level) for f in examine_state(state).findings] == [
        (kind, "bn1", level)
    ]


def test_layers_that_may_have_lost_their_buffers_are_mentioned(net):
    state = {k: v for k, v in net.state_dict().items() if not k.startswith("bn1.running")}
    del state["bn1.num_batches_tracked"]
    report = examine_state(state)
    assert report.findings == [] and "'bn1'" in report.unknown[0]
    assert "no such layer" in examine_state(nn.Linear(2, 2).state_dict()).unknown[0]
