"""bnlib.doctor: each fault is found by its name and in its place, and its healthy twin is not."""

import copy

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from bnlib.doctor import KINDS, examine
from tests.bnlib.doctor.models import LOSS, batches, data, fit, network


def diagnose(net, loader=None, **given):
    return examine(net, batches() if loader is None else loader, LOSS, **given)


def places(report, kind, level=None):
    return [
        f.where for f in report.findings if f.kind == kind and level in (None, f.level)
    ]  # fmt: skip


def never(net):
    net.bn1.reset_running_stats()


def misfit(net):
    net.bn1.running_var *= 30


def nan(net):
    net.bn1.running_mean[2] = float("nan")


def negative(net):
    net.bn1.running_var[2] = -1


def stays_in_train(net):
    net.bn1.train()


def deaf(net):
    net.bn1.train().train = lambda mode=True: net.bn1


def eval_behind_train(net):
    net.train().bn1.eval()


def frozen_in_train(net):
    net.train()
    net.fc1.requires_grad_(False)
    net.bn1.requires_grad_(False)


def dead(net):
    nn.init.zeros_(net.bn1.weight)


def drowned(net):
    net.bn1.eps = 1e3


def keras(net):
    net.bn1.momentum = 0.99


PLANTED = [
    ("statistics-never-updated", never, "fault"),
    ("statistics-misfit", misfit, "fault"),
    ("statistics-not-finite", nan, "fault"),
    ("statistics-not-finite", negative, "fault"),
    ("train-mode-at-evaluation", stays_in_train, "fault"),
    ("train-mode-at-evaluation", deaf, "fault"),
    ("eval-mode-in-training", eval_behind_train, "fault"),
    ("frozen-by-half", frozen_in_train, "fault"),
    ("gamma-dead", dead, "fault"),
    ("eps-dominates", drowned, "fault"),
    ("momentum-keras", keras, "fault"),
]


@pytest.mark.parametrize(
    ("kind", "plant", "level"), PLANTED, ids=lambda v: getattr(v, "__name__", v)
)
def test_a_fault_in_a_layer_is_named_with_its_place(net, kind, plant, level):
    plant(net)
    assert places(diagnose(net), kind, level) == ["bn1"]


@pytest.mark.parametrize("training", [True, False])
def test_a_healthy_network_has_no_finding(net, training):
    assert diagnose(net.train(training)).findings == []


def test_every_kind_that_is_documented_has_a_meaning():
    assert all(kind == kind.lower() and meaning for kind, meaning in KINDS.items())


def test_mended_statistics_gain_what_the_report_says(net):
    healthy = torch.stack([LOSS(net(x), y) for x, y in batches()]).mean().item()
    misfit(net)
    (fault,) = diagnose(net).faults
    assert fault.cost.mended == pytest.approx(healthy, rel=0.1)
    assert 0 < fault.cost.low < fault.cost.gain < fault.cost.high


def test_a_misfit_that_costs_nothing_is_a_note(net):
    misfit(net)
    with torch.no_grad():
        net.fc1.weight *= 0
        net.head.weight *= 0
    assert not places(diagnose(net), "statistics-misfit", "fault")


def test_a_misfit_without_a_loss_is_a_note(net):
    misfit(net)
    report = examine(net, [x for x, _ in batches()])
    assert places(report, "statistics-misfit", "note") == ["bn1"]
    assert any("pass loss=" in sentence for sentence in report.unknown)


def test_a_model_before_its_training_has_no_fault():
    report = diagnose(network())
    assert places(report, "statistics-never-updated") == [""] and not report.faults


def test_a_momentum_too_small_for_the_training_is_named():
    net = network()
    nn.init.normal_(net.fc1.weight, std=2)  # far from the 0 and 1 that statistics start with
    net.bn1.momentum = 0.002
    assert places(diagnose(fit(net)), "momentum-too-slow", "fault") == ["bn1"]


def test_inputs_of_another_scale_are_a_fault_of_the_data(net):
    assert places(diagnose(net, [(64 * x + 99, y) for x, y in batches()]), "data-shift") == [""]


def test_nan_in_the_data_is_named_and_nothing_blamed_on_the_layers(net):
    loader = batches()
    loader[2][0][0, 0] = float("nan")
    report = diagnose(net, loader)
    assert [f.kind for f in report.faults] == ["data-not-finite"]
    assert "batch 2" in report.faults[0].measured


@pytest.mark.parametrize(("training", "level"), [(True, "fault"), (False, "note")])
def test_half_precision_statistics_are_a_fault_in_training_alone(net, training, level):
    loader = [(x.bfloat16(), y) for x, y in batches()]
    report = diagnose(net.bfloat16().train(training), loader)
    assert places(report, "half-precision-statistics", level) == ["bn0", "bn1"]


def test_buffers_that_a_checkpoint_lacks_are_named(net):
    assert diagnose(net, checkpoint=net.state_dict()).findings == []
    report = diagnose(net, checkpoint=dict(net.named_parameters()))
    assert places(report, "buffers-missing", "fault") == ["bn0", "bn1"]


def test_averaged_weights_need_their_own_statistics(net):
    ema = copy.deepcopy(net)
    assert diagnose(net, ema=ema).findings == []
    ema.bn1.running_var *= 30
    assert places(diagnose(net, ema=ema), "ema-without-buffers", "fault") == [""]
    ema.bn1.reset_running_stats()
    assert places(diagnose(net, ema=ema), "ema-without-buffers", "fault") == [""]


def test_torchs_average_of_weights_is_recognised(net):
    average = torch.optim.swa_utils.AveragedModel(net).eval()
    assert diagnose(average).findings == []
    average.module.bn1.running_var *= 30
    assert places(diagnose(average), "ema-without-buffers", "fault") == [""]


def test_a_layer_in_two_places_is_told_when_its_inputs_differ():
    shared = nn.BatchNorm1d(16)
    assert places(diagnose(fit(network(bn0=shared, bn1=shared))), "layer-used-twice") == ["bn0"]


def test_a_layer_for_two_views_of_the_same_data_is_not_told(net):
    class Pair(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = net

        def forward(self, a, b):
            return self.net(a) + self.net(b)

    assert diagnose(Pair().eval(), [(x, x, y) for x, y in batches()]).faults == []


def test_a_norm_on_a_norm_is_named():
    twice = nn.Sequential(nn.BatchNorm1d(16), nn.BatchNorm1d(16))
    assert places(diagnose(fit(network(bn1=twice))), "double-normalisation") == ["bn1.1"]


def test_a_bias_in_front_is_a_note_where_nothing_stands_between():
    biased = fit(network(fc1=nn.Linear(16, 16)))
    assert places(diagnose(biased), "bias-before-norm") == ["fc1"]
    between = nn.Sequential(nn.Linear(16, 16), nn.Tanh())
    assert not places(diagnose(fit(network(fc1=between))), "bias-before-norm")


def test_a_bias_is_seen_through_a_view():
    class Tokens(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc, self.bn, self.head = nn.Linear(4, 6), nn.BatchNorm1d(6), nn.Linear(12, 3)

        def forward(self, x):
            x = self.fc(x.view(-1, 2, 4)).transpose(1, 2)
            return self.head(self.bn(x).flatten(1))

    assert places(diagnose(fit(Tokens())), "bias-before-norm") == ["fc"]


def test_a_change_in_place_parts_a_layer_from_what_was_in_front():
    class InPlace(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc, self.bn, self.head = nn.Linear(8, 6), nn.BatchNorm1d(6), nn.Linear(6, 3)

        def forward(self, x):
            return self.head(self.bn(self.fc(x).relu_()))

    assert not places(diagnose(fit(InPlace())), "bias-before-norm")


def test_a_norm_at_the_output_is_a_note():
    head = nn.Sequential(nn.Linear(16, 3, bias=False), nn.BatchNorm1d(3))
    assert places(diagnose(fit(network(head=head))), "norm-at-output", "note") == ["head.1"]


def test_dropout_in_front_is_measured_and_behind_is_not_told():
    dropped = fit(network(act0=nn.Sequential(nn.ReLU(), nn.Dropout(0.7))))
    report = diagnose(dropped)
    assert places(report, "dropout-before-norm", "fault") == ["bn1"]
    assert len(report.faults) == 1  # its statistics are those of training: no other fault
    behind = fit(network(act1=nn.Sequential(nn.ReLU(), nn.Dropout(0.7))))
    assert diagnose(behind).findings == []


def test_constant_channels_are_counted(net):
    nn.init.zeros_(net.fc1.weight[:3])
    report = diagnose(net)
    assert places(report, "channel-without-spread", "note") == ["bn1"]
    (told,) = [f for f in report.findings if f.kind == "channel-without-spread"]
    assert told.measured.startswith("3 of 16 channels")


@pytest.mark.parametrize(("size", "found"), [(2, ["bn0", "bn1"]), (4, ["bn0", "bn1"]), (32, [])])
def test_small_batches_are_a_fault_of_training(net, size, found):
    assert places(diagnose(net.train(), batches(size)), "batch-too-small") == found
    assert not places(diagnose(net.eval(), batches(size)), "batch-too-small")


def test_values_per_channel_count_not_samples():
    net = nn.Sequential(nn.Conv2d(1, 4, 3, bias=False), nn.BatchNorm2d(4), nn.Flatten())
    loader = [torch.randn(2, 1, 12, 12) for _ in range(4)]
    assert examine(net.train(), loader).faults == []


def test_a_last_batch_of_one_value_is_a_fault_of_training(net):
    x, y = data(33)

    def loader(**options):
        return DataLoader(TensorDataset(x, y), 16, **options)

    report = diagnose(net, loader(shuffle=True))
    assert places(report, "last-batch-of-one", "fault") == [""]
    assert places(diagnose(net, loader()), "last-batch-of-one", "note") == [""]
    assert not places(diagnose(net, loader(shuffle=True, drop_last=True)), "last-batch-of-one")


def test_accumulation_and_replicas_do_not_enlarge_a_batch(net):
    report = diagnose(net.train(), batches(4), accumulate=8, replicas=4)
    assert places(report, "accumulation-unseen", "fault") == ["bn0"]
    assert places(report, "replicas-unsynchronised", "fault") == ["bn0"]
    large = diagnose(net.train(), batches(32), accumulate=8, replicas=4)
    assert large.faults == [] and len(large.findings) == 2


def test_weight_decay_on_gamma_and_beta_is_a_note(net):
    decayed = torch.optim.AdamW(net.parameters(), weight_decay=0.1)
    assert places(diagnose(net, optimizer=decayed), "weight-decay-on-norm") == ["bn0", "bn1"]
    free = torch.optim.AdamW(net.parameters(), weight_decay=0)
    assert diagnose(net, optimizer=free).findings == []


def test_freezing_on_purpose_is_no_fault(net):
    net.train().bn0.eval().requires_grad_(False)
    assert diagnose(net).faults == []
    net.bn1.eval()
    assert diagnose(net).faults == []
