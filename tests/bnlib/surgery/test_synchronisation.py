"""Laws of surgery.synchronise, on four replicas: shards of a batch are one batch."""

from __future__ import annotations

import copy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from bnlib import surgery
from tests.bnlib.surgery.nets import FAMILIES, far, normal
from tests.bnlib.surgery.replicas import CASES, REPLICAS, SHARDS, build, data, train

TINY = 1e-10
ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def replicas(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What each rank computed."""
    folder = tmp_path_factory.mktemp("replicas")
    command = [sys.executable, "-m", "tests.bnlib.surgery.replicas", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    return [torch.load(folder / f"{rank}.pt") for rank in range(REPLICAS)]


def agree(parts: list[dict[str, Tensor]], whole: dict[str, Tensor], tolerance: float) -> None:
    """Outputs and dx are those of the shards in turn, gradients their sum, buffers the same."""
    for name, wanted in whole.items():
        values = [part[name] for part in parts]
        if name in ("y", "dx"):
            assert far(torch.cat(values), wanted) < tolerance, name
        elif name.startswith("d"):
            assert far(sum(values, torch.zeros(())), wanted) < tolerance, name
        else:
            for value in values:
                assert far(value, wanted) < tolerance, name


@pytest.mark.parametrize("shards", SHARDS)
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("family", FAMILIES)
def test_unequal_shards_equal_one_process_on_the_whole_batch(replicas, family, case, shards):
    whole = train(build(family, case), *data(case, shards))
    agree([result[f"{family} {case} {shards}"] for result in replicas], whole, TINY)


def test_each_layer_communicates_once_forward_and_once_backward(replicas):
    assert all(result["calls"] == (3, 3) for result in replicas)


def test_evaluation_and_reestimation_communicate_not_at_all(replicas):
    assert all(result["calls in evaluation"] == 0 for result in replicas)


def test_a_group_shares_its_statistics_and_no_others(replicas):
    x, weights = data("vectors", "unequal")
    cut = sum(SHARDS["unequal"][:2])
    for ranks, part in ((slice(0, 2), slice(cut)), (slice(2, 4), slice(cut, None))):
        whole = train(build("torch", "vectors"), x[part], weights[part])
        agree([result["group"] for result in replicas[ranks]], whole, TINY)


def test_ddp_takes_the_mean_of_the_gradients_of_the_whole_batch(replicas):
    whole = train(build("bnlib", "net"), *(t[:4] for t in data("net", "empty")))
    for result in replicas:
        for name, wanted in whole.items():
            if name.startswith("d") and name != "dx":
                assert far(result["ddp"][f"dmodule.{name[1:]}"] * REPLICAS, wanted) < TINY


def test_a_large_mean_costs_no_digits(replicas):
    wanted = (1e4 + 0.01 * normal(64, 3)).float().double().var(0)
    for result in replicas:
        assert (result["large mean"] / wanted - 1).abs().max() < 1e-6


def test_half_precision_is_computed_in_float32_and_rounded_once(replicas):
    whole = train(nn.BatchNorm1d(3), *(t.bfloat16().float() for t in data("vectors", "unequal")))
    parts = [result["half"] for result in replicas]
    assert all(part["y"].dtype == part["dx"].dtype == torch.bfloat16 for part in parts)
    agree([{k: v.float() for k, v in p.items()} for p in parts], whole, 2**-8)


def test_one_value_over_all_replicas_is_refused_by_all_of_them(replicas):
    for result in replicas:
        said = result["refusals"]
        assert said["one"].startswith("ValueError: need more than 1 value per channel over all")
        assert said["channels"].startswith("RuntimeError: need 3 channels, got 4")
        assert said["moved"] == "False"


def test_report_names_what_is_left(replicas):
    assert replicas[0]["refusals"]["report"].splitlines() == [
        "synchronise: 1 layer changed, 2 left alone",
        "  0    statistics over 4 replicas",
        "  1    left alone: SyncBatchNorm is synchronised already",
        "  2    left alone: it is Split already: take a fresh layer",
    ]


def test_no_process_group_is_refused_at_once():
    with pytest.raises(RuntimeError, match=r"torch\.distributed\.init_process_group\(\) first"):
        surgery.synchronise(nn.BatchNorm1d(3))


def test_layer_taken_out_of_its_processes_evaluates_and_says_what_training_needs(monkeypatch):
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.distributed, "get_world_size", lambda group: 4)
    layer = surgery.synchronise(nn.BatchNorm1d(3)).model
    monkeypatch.undo()
    with pytest.raises(RuntimeError, match=r"or eval\(\)"):
        copy.deepcopy(layer).train()(torch.ones(4, 3))
    assert torch.equal(layer.eval()(torch.ones(4, 3)), nn.BatchNorm1d(3).eval()(torch.ones(4, 3)))
