"""bnlib.doctor: an examination changes nothing, reads what people have, and refuses in words."""

import copy
import json
import random

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from bnlib.doctor import Finding, Report, examine
from bnlib.doctor.report import Cost
from bnlib.nn import convert
from tests.bnlib.doctor.models import LOSS, batches, data, network


def test_model_and_random_state_are_bitwise_as_they_were(net):
    net.train().bn1.eval()
    net.bn0.running_mean[0] = float("nan")
    x, y = data()
    g = torch.Generator().manual_seed(3)
    loader = DataLoader(TensorDataset(x, y), 32, shuffle=True, generator=g)
    before = {k: v.numpy().tobytes() for k, v in net.state_dict().items()}
    modes = [module.training for module in net.modules()]
    states = torch.get_rng_state(), g.get_state(), np.random.get_state(), random.getstate()
    examine(net, loader, LOSS)
    assert before == {k: v.numpy().tobytes() for k, v in net.state_dict().items()}
    assert modes == [module.training for module in net.modules()]
    assert torch.equal(states[0], torch.get_rng_state()) and torch.equal(states[1], g.get_state())
    assert np.array_equal(states[2][1], np.random.get_state()[1])
    assert states[3] == random.getstate()
    assert not any(m._forward_pre_hooks or m._forward_hooks for m in net.modules())
    assert all(p.grad is None for p in net.parameters())


def test_an_examination_twice_gives_the_same_report(net):
    net.bn1.running_var *= 30
    assert str(examine(net, batches(), LOSS)) == str(examine(net, batches(), LOSS))


def test_our_layers_are_examined_like_torchs(net):
    net.bn1.running_var *= 30
    theirs = examine(net, batches(), LOSS).findings
    ours = examine(convert(copy.deepcopy(net)), batches(), LOSS).findings
    assert [(f.kind, f.where) for f in ours] == [(f.kind, f.where) for f in theirs] != []


def test_unequal_batches_give_the_statistics_of_all_values(net):
    from bnlib.doctor.lab import Lab
    from bnlib.doctor.verdict import Verdict

    x, y = data()
    parts = list(zip(x.split([100, 40, 116]), y.split([100, 40, 116]), strict=True))
    estimate = Verdict(Lab(net, parts, parts, LOSS)).estimate["bn0"]
    values = net.fc0(x).detach().double()
    torch.testing.assert_close(estimate.mean, values.mean(0), rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(estimate.var, values.var(0, correction=0), rtol=1e-5, atol=1e-6)


class Named(nn.Module):
    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, pixels):
        return {"logits": self.net(pixels)}


class WithLoss(nn.Module):
    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, pixels, labels):
        return {"loss": F.cross_entropy(self.net(pixels), labels)}


def test_inputs_by_name_are_taken_by_name(net):
    net.bn1.running_var *= 30
    loader = [{"pixels": x, "label": y} for x, y in batches()]
    report = examine(Named(net).eval(), loader, lambda out, y: LOSS(out["logits"], y))
    assert [f.where for f in report.faults] == ["net.bn1"]


def test_a_dict_can_be_the_input_itself(net):
    class Whole(Named):
        def forward(self, batch):
            return self.net(batch["a"] + batch["b"])

    loader = [{"a": x / 2, "b": x / 2, "y": y} for x, y in batches()]
    assert examine(Whole(net).eval(), loader, LOSS).findings == []


def test_the_loss_of_the_output_is_taken_where_none_is_given(net):
    net.bn1.running_var *= 30

    class Both(WithLoss):
        def forward(self, pixels):
            return super().forward(pixels["x"], pixels["t"])

    report = examine(Both(net).eval(), [{"x": x, "t": y} for x, y in batches()])
    assert [f.where for f in report.faults] == ["net.bn1"] and report.faults[0].cost


def test_several_inputs_come_before_the_target(net):
    class Two(Named):
        def forward(self, a, b):
            return self.net(a + b)

    assert examine(Two(net).eval(), [(x, 0 * x, y) for x, y in batches()], LOSS).findings == []


def test_lazy_layers_are_examined_and_left_lazy():
    net = network(bn0=nn.LazyBatchNorm1d(), fc1=nn.LazyLinear(16, bias=False))
    report = examine(net, batches(), LOSS)
    assert [f.kind for f in report.findings if f.where == "bn0"] == ["lazy-layer"]
    assert report.faults == [] and net.bn0.has_uninitialized_params()


def test_frozen_kinds_are_told_and_not_blamed(net):
    class FrozenBatchNorm1d(nn.BatchNorm1d):
        pass

    net.bn1.__class__ = FrozenBatchNorm1d
    (finding,) = examine(net, batches(), LOSS).findings
    assert (finding.kind, finding.where, finding.level) == ("frozen-batch-norm", "bn1", "note")


def test_layers_without_statistics_are_told():
    net = network(bn0=nn.BatchNorm1d(16, track_running_stats=False))
    report = examine(net, batches(), LOSS)
    assert [f.where for f in report.findings if f.kind == "no-running-statistics"] == ["bn0"]


def test_paths_are_those_of_the_wrapped_model(net):
    net.bn1.running_var *= 30
    assert examine(nn.DataParallel(net).eval(), batches(), LOSS).faults[0].where == "module.bn1"


def test_a_model_without_batch_norm_has_nothing_to_report():
    report = examine(nn.Linear(8, 3), batches(), LOSS)
    assert report.findings == [] and "no such layer" in report.unknown[0]


def test_batches_of_one_are_joined_for_the_measurements(net):
    assert examine(net, batches(1, 128), LOSS).findings == []


# ------------------------------------------------------------------------------- the report


def report() -> Report:
    cost = Cost.of(torch.tensor([2.0, 2.2]), torch.tensor([1.0, 1.1]))
    fault = Finding("statistics-misfit", "a<b", "fault", "far", "mend it", cost)
    notes = [Finding("bias-before-norm", f"fc{i}", "note", "of 3", "bias=False") for i in range(5)]
    return Report([*notes, fault], ["more"])


def test_faults_come_first_and_long_lists_are_cut_in_the_table_alone():
    text = str(report())
    assert text.startswith("1 fault, 5 notes\n\nFAULT  statistics-misfit  a<b")
    assert "fc2 (and 2 more)" in text and "fc3" not in text
    assert len(report().to_dict()["findings"]) == 6


def test_the_dict_is_plain_data():
    content = json.loads(json.dumps(report().to_dict()))
    assert content["exit_status"] == 1
    fields = {"kind", "where", "level", "measured", "cost", "remedy"}
    assert all(finding.keys() == fields for finding in content["findings"])


def test_the_notebook_shows_names_as_they_are():
    page = report()._repr_html_()
    assert "a&lt;b" in page and "a<b" not in page and page.count("<tr>") == 5


def test_the_interval_is_students():
    cost = Cost.of(torch.tensor([1.0, 2.0, 3.0]), torch.zeros(3))
    assert cost.high == pytest.approx(2 + 4.30 / 3**0.5, rel=1e-6)
    assert not cost.material and Cost.of(torch.ones(3), torch.zeros(3)).material


def test_one_batch_has_no_interval_and_proves_nothing():
    cost = Cost.of(torch.ones(1), torch.zeros(1))
    assert cost.low is None and not cost.material


def test_a_kind_that_is_not_documented_is_refused():
    with pytest.raises(ValueError, match="must be one of"):
        Finding("boredom", "", "note", "", "")


# ------------------------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        (("net", batches()), TypeError, "model must be an nn.Module, got str"),
        ((network(), 3), TypeError, "loader must yield batches, got int"),
        ((network(), torch.zeros(4, 8)), TypeError, "a list of batches"),
        ((network(), iter(batches())), TypeError, "which this would use up"),
        ((network(), []), ValueError, "at least 1 batch"),
        ((network(), batches(), 3), TypeError, "loss must be called as"),
    ],
)
def test_bad_arguments_are_refused_with_the_rule_and_the_way_out(arguments, error, words):
    with pytest.raises(error, match=words):
        examine(*arguments)


@pytest.mark.parametrize(
    ("options", "words"),
    [({"optimizer": 1}, "Optimizer"), ({"ema": 1}, "ema"), ({"checkpoint": "a.pt"}, "torch.load")],
)
def test_bad_options_are_refused(options, words):
    with pytest.raises(TypeError, match=words):
        examine(network(), batches(), LOSS, **options)


@pytest.mark.parametrize("name", ["accumulate", "replicas", "batches"])
def test_counts_start_at_one(name):
    with pytest.raises(ValueError, match=f"{name} must be a whole number from 1, got 0"):
        examine(network(), batches(), LOSS, **{name: 0})


def test_a_crash_of_the_model_is_told_with_the_place(net):
    with pytest.raises(RuntimeError, match=r"the model itself raised RuntimeError in fc0.*32, 5"):
        examine(net, [torch.zeros(32, 5)])


def test_a_crash_of_the_loss_is_told_as_its_own(net):
    with pytest.raises(RuntimeError, match="the loss itself raised KeyError"):
        examine(net, batches(), lambda output, target: {}["x"])
    with pytest.raises(TypeError, match="loss must return a tensor or a number, got str"):
        examine(net, batches(), lambda output, target: "low")


def test_a_crash_of_the_loader_is_told_as_its_own(net):
    class Broken:
        def __iter__(self):
            yield from batches()[:2]
            raise KeyError("row 7")

    with pytest.raises(RuntimeError, match=r"the loader itself raised KeyError at batch 2"):
        examine(net, Broken(), LOSS)


def test_a_model_that_cannot_be_copied_is_refused(net):
    net.lock = (i for i in range(3))
    with pytest.raises(TypeError, match=r"copy\.deepcopy"):
        examine(net, batches(), LOSS)
