"""Laws that hold for every operation of surgery."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from bnlib import surgery
from tests.bnlib.surgery.nets import FAMILIES, images, net

OPERATIONS = {
    "reestimate": lambda model: surgery.reestimate(model, [images()]),
    "fold": surgery.fold,
    "freeze": surgery.freeze,
    "unfreeze": surgery.unfreeze,
    "to_group_norm": lambda model: surgery.to_group_norm(model, 2),
    "split_statistics": lambda model: surgery.split_statistics(model, 2),
}
ALL = {**OPERATIONS, "synchronise": surgery.synchronise}


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("family", FAMILIES)
def test_report_names_every_layer_and_prints_a_line_for_each(name, family):
    result = OPERATIONS[name](net(FAMILIES[family]))
    model, report = result
    assert isinstance(model, nn.Module)
    assert report.to_dict() == {"operation": name, "changed": report.changed, "left": {}}
    assert list(report.changed) == ["1", "5"]
    lines = str(result).splitlines()
    assert lines[0] == f"{name}: 2 layers changed, 0 left alone" and len(lines) == 3
    assert lines[1].split() == ["1", *report.changed["1"].split()]


@pytest.mark.parametrize("name", ALL)
def test_what_is_no_model_is_refused(name):
    bad: Any = {"weight": torch.ones(3)}
    with pytest.raises(TypeError, match=r"need a torch\.nn\.Module, got dict"):
        ALL[name](bad)


@pytest.mark.parametrize("name", ALL)
def test_model_without_layers_is_refused(name):
    with pytest.raises(ValueError, match="got Sequential with none"):
        ALL[name](nn.Sequential(nn.Linear(3, 3), nn.InstanceNorm1d(3, track_running_stats=True)))


@pytest.mark.parametrize("name", ALL)
def test_lazy_layers_before_their_first_batch_are_refused(name):
    with pytest.raises(ValueError, match="got the lazy 0: run one batch"):
        ALL[name](nn.Sequential(nn.LazyBatchNorm1d()))
