"""What the doctor finds: planted faults on five architectures, and healthy models.

Every plant has one right name and one right place. A fault is *found* where some finding has that
name, *named* where it has that place too. The plants KEPT APART were written down before the first
run, and nothing in the doctor was tuned to them.

    python benchmarks/bench_doctor.py [--each] [--others]

--each prints a line for each case; --others asks torch-audit, torchtest2 and torchdiag in place of
ours, those that are installed (mldoct reads scripts and logs of runs: it cannot be given a model).
They have names of their own, so their score is generous: a plant counts as *told* where a tool says
something that it does not say of the healthy model, whatever it is.
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import io
import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from bnlib.doctor import Report, examine
from bnlib.nn import convert

CLASSES = 4


# ---------------------------------------------------------------------------- data and models


def samples(images: bool, n: int, seed: int) -> tuple[Tensor, Tensor]:
    """Noisy members of four classes: (N, 3, 12, 12) or (N, 16), and labels."""
    fixed, g = torch.Generator().manual_seed(99), torch.Generator().manual_seed(seed)
    y = torch.randint(CLASSES, (n,), generator=g)
    if images:
        centre = F.interpolate(torch.randn(CLASSES, 3, 4, 4, generator=fixed), 12)
        return 0.35 * centre[y] + torch.randn(n, 3, 12, 12, generator=g), y
    mix = torch.randn(16, 16, generator=fixed) / 4
    centre = torch.randn(CLASSES, 16, generator=fixed)
    return (0.6 * centre[y] + torch.randn(n, 16, generator=g)) @ mix, y


def mlp(norm: Callable[..., nn.Module] = nn.BatchNorm1d, depth: int = 2) -> nn.Module:
    """Linear, norm, ReLU, `depth` times, and a last Linear."""
    net, width = nn.Sequential(), 16
    for i in range(depth):
        net.add_module(f"fc{i}", nn.Linear(width, 32, bias=False))
        net.add_module(f"bn{i}", norm(32))
        net.add_module(f"act{i}", nn.ReLU())
        width = 32
    net.add_module("head", nn.Linear(width, CLASSES))
    return net


def deep(norm: Callable[..., nn.Module] = nn.BatchNorm1d) -> nn.Module:
    """An MLP of ten layers."""
    return mlp(norm, 9)


def cnn(norm: Callable[..., nn.Module] = nn.BatchNorm2d) -> nn.Module:
    """Three convolutions."""
    net, width = nn.Sequential(), 3
    for i, out in enumerate((8, 16, 16)):
        net.add_module(f"conv{i}", nn.Conv2d(width, out, 3, 1 + (i == 1), 1, bias=False))
        net.add_module(f"bn{i}", norm(out))
        net.add_module(f"act{i}", nn.ReLU())
        width = out
    net.add_module("pool", nn.AdaptiveAvgPool2d(1))
    net.add_module("flat", nn.Flatten())
    net.add_module("head", nn.Linear(width, CLASSES))
    return net


class Block(nn.Module):
    """A residual block of two convolutions."""

    def __init__(self, width: int, norm: Callable[..., nn.Module]) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(width, width, 3, 1, 1, bias=False), norm(width)
        self.conv2, self.bn2 = nn.Conv2d(width, width, 3, 1, 1, bias=False), norm(width)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x))))))


def resnet(norm: Callable[..., nn.Module] = nn.BatchNorm2d) -> nn.Module:
    """A stem and three residual blocks."""
    net = nn.Sequential()
    net.add_module("conv", nn.Conv2d(3, 12, 3, 2, 1, bias=False))
    net.add_module("bn", norm(12))
    net.add_module("act", nn.ReLU())
    for i in range(3):
        net.add_module(f"block{i}", Block(12, norm))
    net.add_module("pool", nn.AdaptiveAvgPool2d(1))
    net.add_module("flat", nn.Flatten())
    net.add_module("head", nn.Linear(12, CLASSES))
    return net


class Mixer(nn.Module):
    """Attention between tokens behind LayerNorm, then a depthwise mix with batch norms."""

    def __init__(self, norm: Callable[..., nn.Module]) -> None:
        super().__init__()
        self.patch, self.bn = nn.Conv2d(3, 16, 3, 3, bias=False), norm(16)
        self.ln, self.attention = nn.LayerNorm(16), nn.MultiheadAttention(16, 2, batch_first=True)
        self.depth, self.bn1 = nn.Conv2d(16, 16, 3, 1, 1, groups=16, bias=False), norm(16)
        self.point, self.bn2 = nn.Conv2d(16, 16, 1, bias=False), norm(16)
        self.head = nn.Linear(16, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = F.gelu(self.bn(self.patch(x)))
        tokens = self.ln(x.flatten(2).transpose(1, 2))
        mixed = self.attention(tokens, tokens, tokens, need_weights=False)[0]
        x = x + mixed.transpose(1, 2).reshape(x.shape)
        x = x + F.gelu(self.bn1(self.depth(x)))
        return self.head(F.gelu(self.bn2(self.point(x))).mean((2, 3)))


def mixer(norm: Callable[..., nn.Module] = nn.BatchNorm2d) -> nn.Module:
    """A small Transformer-like network with depthwise convolutions."""
    return Mixer(norm)


BUILD: dict[str, Callable[..., nn.Module]] = {
    "mlp": mlp, "deep": deep, "cnn": cnn, "resnet": resnet, "mixer": mixer,
}  # fmt: skip


def fit(net: nn.Module, images: bool, steps: int = 150) -> nn.Module:
    """Train by Adam, and return the network."""
    x, y = samples(images, 2048, 1)
    g = torch.Generator().manual_seed(0)
    net.train()
    optimizer = torch.optim.Adam([p for p in net.parameters() if p.requires_grad], 3e-3)
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = 3e-3 * (1 - step / steps)
        rows = torch.randint(len(x), (64,), generator=g)
        loss = F.cross_entropy(net(x[rows]), y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return net


# ---------------------------------------------------------------------------- cases


@dataclass
class Case:
    """A model in the hands of a user: what is passed to `examine`."""

    arch: str
    model: nn.Module
    loader: Any
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def images(self) -> bool:
        return self.arch not in ("mlp", "deep")

    def layer(self, path: str) -> Any:
        return self.model.get_submodule(path)

    def batches(self, size: int, n: int = 512, shuffle: bool = False, **options: Any) -> None:
        """Load other batches."""
        data = TensorDataset(*samples(self.images, n, 2))
        g = torch.Generator().manual_seed(0)
        self.loader = DataLoader(data, size, shuffle=shuffle, generator=g, **options)

    def change(self, change: Callable[[Tensor], Tensor]) -> None:
        """Load other inputs."""
        self.loader = [(change(x), y) for x, y in self.loader]

    def retrain(self, **options: Any) -> None:
        """Train anew, after a change of the network."""
        for module in self.model.modules():
            if hasattr(module, "reset_parameters"):
                module.reset_parameters()
        torch.manual_seed(5)
        fit(self.model, self.images, **options).eval()


_trained: dict[str, nn.Module] = {}


def healthy(arch: str) -> Case:
    """A trained network in eval mode, and 512 new samples."""
    if arch not in _trained:
        torch.manual_seed(3)
        _trained[arch] = fit(BUILD[arch](), arch not in ("mlp", "deep")).eval()
    case = Case(arch, copy.deepcopy(_trained[arch]), None)
    case.batches(64)
    return case


Plant = tuple[str, str, str, Callable[[Case], Any]]  # kind, architecture, where, what is done


def swap(case: Case, path: str, *modules: nn.Module) -> None:
    """Put other modules in the place of one."""
    parent, _, name = path.rpartition(".")
    new = modules[0] if len(modules) == 1 else nn.Sequential(*modules)
    setattr(case.model.get_submodule(parent), name, new)


def fill(case: Case, path: str, name: str, value: Any, rows: slice = slice(None)) -> None:
    """Overwrite (part of) a tensor of a module."""
    with torch.no_grad():
        getattr(case.layer(path), name)[rows] = value


def scale(case: Case, path: str, name: str, factor: float) -> None:
    """Multiply a tensor of a module."""
    with torch.no_grad():
        getattr(case.layer(path), name).mul_(factor)


def momentum(case: Case, value: float, steps: int = 150) -> None:
    """Train with another momentum in all layers."""
    for module in case.model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.momentum = value
    case.retrain(steps=steps)


def reset_all(case: Case) -> None:
    for module in case.model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.reset_running_stats()


def half(case: Case) -> None:
    """Train on in bfloat16, norm layers and all."""
    case.model.bfloat16().train()
    case.loader = [(x.bfloat16(), y) for x, y in case.loader]


def frozen(case: Case, *paths: str) -> None:
    """Freeze parameters, leave everything in train mode."""
    case.model.train()
    for path in paths:
        case.layer(path).requires_grad_(False)


def eval_in_training(case: Case, path: str) -> None:
    case.model.train()
    case.layer(path).eval()


def averaged(case: Case) -> nn.Module:
    """Average weights from two ends of a training, with the buffers of its beginning."""
    early = BUILD[case.arch]()
    torch.manual_seed(11)
    ema = copy.deepcopy(fit(early, case.images, steps=15))
    for _ in range(2):
        fit(early, case.images, steps=40)
        with torch.no_grad():
            for a, b in zip(ema.parameters(), early.parameters(), strict=True):
                a.lerp_(b, 0.8)
    return ema.eval()


def averaged_model(case: Case) -> None:
    """The same in torch's own class."""
    model = averaged(case)
    case.model = torch.optim.swa_utils.AveragedModel(model).eval()


def small(case: Case, size: int, **extra: Any) -> None:
    """Train on with small batches."""
    case.batches(size, shuffle=True)
    case.model.train()
    case.extra.update(extra)


def shared(case: Case, first: str, second: str) -> None:
    """Let one layer stand in two places, behind inputs of unlike size."""
    swap(case, second, case.layer(first))
    case.retrain()


def stubborn(case: Case, path: str) -> None:
    """A layer that does not listen to eval()."""
    case.layer(path).train()
    case.layer(path).train = lambda mode=True: case.layer(path)


def decay(case: Case) -> None:
    case.model.train()
    case.extra["optimizer"] = torch.optim.AdamW(case.model.parameters(), weight_decay=0.05)


def parameters_only(case: Case) -> None:
    case.extra["checkpoint"] = dict(case.model.named_parameters())


def spoil(x: Tensor) -> Tensor:
    x = x.clone()
    x.view(len(x), -1)[3, 5] = float("nan")
    return x


def bias(case: Case, path: str) -> None:
    layer = case.layer(path)
    layer.bias = nn.Parameter(torch.zeros(layer.weight.size(0)))


def remainder(case: Case) -> None:
    case.batches(64, 257, shuffle=True)
    case.model.train()


KEPT_APART: list[Plant] = [
    ("statistics-never-updated", "mixer", "bn1", lambda c: c.layer("bn1").reset_running_stats()),
    ("statistics-misfit", "resnet", "block1.bn1", lambda c: scale(c, "block1.conv1", "weight", 4)),
    ("statistics-misfit", "deep", "bn6", lambda c: c.layer("bn6").running_mean.copy_(
        c.layer("bn6").running_mean.flip(0))),
    ("momentum-too-slow", "mlp", "bn0", lambda c: momentum(c, 0.002)),
    ("momentum-keras", "deep", "bn3", lambda c: momentum(c, 0.9)),
    ("data-shift", "resnet", "", lambda c: c.change(lambda x: x / 10 + 0.5)),
    ("statistics-not-finite", "cnn", "bn1",
     lambda c: fill(c, "bn1", "running_var", float("inf"), slice(2, 3))),
    ("data-not-finite", "mlp", "", lambda c: c.change(spoil)),
    ("half-precision-statistics", "mixer", "bn2", half),
    ("buffers-missing", "mlp", "bn1", parameters_only),
    ("ema-without-buffers", "resnet", "", lambda c: c.extra.update(ema=averaged(c))),
    ("train-mode-at-evaluation", "mixer", "bn1", lambda c: stubborn(c, "bn1")),
    ("eval-mode-in-training", "cnn", "bn2", lambda c: eval_in_training(c, "bn2")),
    ("frozen-by-half", "mlp", "bn0", lambda c: frozen(c, "fc0", "bn0")),
    ("layer-used-twice", "mlp", "bn0", lambda c: shared(c, "bn0", "bn1")),
    ("double-normalisation", "mixer", "bn2.1",
     lambda c: (swap(c, "bn2", nn.BatchNorm2d(16), nn.BatchNorm2d(16)), c.retrain())),
    ("bias-before-norm", "resnet", "block2.conv1", lambda c: bias(c, "block2.conv1")),
    ("norm-at-output", "mlp", "head.1",
     lambda c: (swap(c, "head", nn.Linear(32, 4), nn.BatchNorm1d(4)), c.retrain())),
    ("dropout-before-norm", "cnn", "bn2",
     lambda c: (swap(c, "act1", nn.ReLU(), nn.Dropout(0.6)), c.retrain())),
    ("gamma-dead", "mixer", "bn2", lambda c: fill(c, "bn2", "weight", 1e-6)),
    ("channel-without-spread", "mlp", "bn1",
     lambda c: fill(c, "fc1", "weight", 0.0, slice(4, 7))),
    ("eps-dominates", "deep", "bn4", lambda c: scale(c, "fc4", "weight", 1e-4)),
    ("batch-too-small", "deep", "bn0", lambda c: small(c, 5)),
    ("last-batch-of-one", "deep", "", lambda c: c.batches(64, 321, shuffle=True)),
    ("accumulation-unseen", "deep", "bn0", lambda c: small(c, 4, accumulate=16)),
    ("replicas-unsynchronised", "mlp", "bn0", lambda c: small(c, 4, replicas=8)),
    ("weight-decay-on-norm", "mixer", "bn", decay),
]  # fmt: skip

DEVELOPED: list[Plant] = [
    ("statistics-never-updated", "resnet", "block1.bn2",
     lambda c: c.layer("block1.bn2").reset_running_stats()),
    ("statistics-never-updated", "mlp", "bn0", reset_all),
    ("statistics-never-updated", "deep", "bn7", lambda c: c.layer("bn7").reset_running_stats()),
    ("statistics-misfit", "cnn", "bn1", lambda c: scale(c, "bn1", "running_var", 20)),
    ("statistics-misfit", "deep", "bn5", lambda c: c.layer("bn5").running_mean.add_(2)),
    ("statistics-misfit", "mixer", "bn2", lambda c: scale(c, "bn2", "running_var", 0.05)),
    ("statistics-misfit", "mlp", "bn1", lambda c: scale(c, "fc1", "weight", 3)),
    ("momentum-too-slow", "cnn", "bn0", lambda c: momentum(c, 0.001)),
    ("momentum-too-slow", "resnet", "block0.bn1", lambda c: momentum(c, 0.003)),
    ("momentum-keras", "resnet", "bn", lambda c: momentum(c, 0.99)),
    ("momentum-keras", "mlp", "bn1", lambda c: momentum(c, 0.99)),
    ("data-shift", "cnn", "", lambda c: c.change(lambda x: 64 * x + 128)),
    ("data-shift", "mlp", "", lambda c: c.change(lambda x: 3 * x + 2)),
    ("statistics-not-finite", "deep", "bn2",
     lambda c: fill(c, "bn2", "running_mean", float("nan"), slice(0, 1))),
    ("statistics-not-finite", "mixer", "bn",
     lambda c: fill(c, "bn", "running_var", -1.0, slice(0, 1))),
    ("data-not-finite", "cnn", "", lambda c: c.change(spoil)),
    ("half-precision-statistics", "cnn", "bn0", half),
    ("buffers-missing", "resnet", "block0.bn1", parameters_only),
    ("ema-without-buffers", "cnn", "", averaged_model),
    ("ema-without-buffers", "mlp", "", lambda c: c.extra.update(ema=averaged(c))),
    ("train-mode-at-evaluation", "mlp", "bn1", lambda c: c.layer("bn1").train()),
    ("train-mode-at-evaluation", "resnet", "block2.bn1", lambda c: c.layer("block2.bn1").train()),
    ("eval-mode-in-training", "deep", "bn4", lambda c: eval_in_training(c, "bn4")),
    ("eval-mode-in-training", "resnet", "block1.bn1", lambda c: eval_in_training(c, "block1.bn1")),
    ("frozen-by-half", "resnet", "bn", lambda c: frozen(c, "conv", "bn")),
    ("frozen-by-half", "cnn", "bn1", lambda c: frozen(c, "conv0", "bn0", "conv1", "bn1")),
    ("layer-used-twice", "deep", "bn1", lambda c: shared(c, "bn1", "bn6")),
    ("layer-used-twice", "cnn", "bn1", lambda c: shared(c, "bn1", "bn2")),
    ("double-normalisation", "mlp", "bn1.1",
     lambda c: (swap(c, "bn1", nn.BatchNorm1d(32), nn.BatchNorm1d(32)), c.retrain())),
    ("double-normalisation", "resnet", "block1.bn1.1",
     lambda c: (swap(c, "block1.bn1", nn.BatchNorm2d(12), nn.BatchNorm2d(12)), c.retrain())),
    ("bias-before-norm", "deep", "fc3", lambda c: bias(c, "fc3")),
    ("bias-before-norm", "cnn", "conv1", lambda c: bias(c, "conv1")),
    ("norm-at-output", "cnn", "head.1",
     lambda c: (swap(c, "head", nn.Linear(16, 4), nn.BatchNorm1d(4)), c.retrain())),
    ("norm-at-output", "deep", "head.1",
     lambda c: (swap(c, "head", nn.Linear(32, 4), nn.BatchNorm1d(4)), c.retrain())),
    ("dropout-before-norm", "mlp", "bn1",
     lambda c: (swap(c, "act0", nn.ReLU(), nn.Dropout(0.6)), c.retrain())),
    ("dropout-before-norm", "deep", "bn5",
     lambda c: (swap(c, "act4", nn.ReLU(), nn.Dropout(0.5)), c.retrain())),
    ("gamma-dead", "resnet", "block0.bn2", lambda c: fill(c, "block0.bn2", "weight", 0.0)),
    ("gamma-dead", "deep", "bn8", lambda c: fill(c, "bn8", "weight", 1e-5)),
    ("channel-without-spread", "cnn", "bn1",
     lambda c: fill(c, "conv1", "weight", 0.0, slice(0, 3))),
    ("channel-without-spread", "resnet", "block1.bn1",
     lambda c: fill(c, "block1.conv1", "weight", 0.0, slice(0, 2))),
    ("eps-dominates", "mlp", "bn1", lambda c: setattr(c.layer("bn1"), "eps", 30.0)),
    ("eps-dominates", "cnn", "bn0", lambda c: scale(c, "conv0", "weight", 1e-3)),
    ("batch-too-small", "mlp", "bn0", lambda c: small(c, 4)),
    ("batch-too-small", "deep", "bn0", lambda c: small(c, 2)),
    ("last-batch-of-one", "mlp", "", remainder),
    ("accumulation-unseen", "mlp", "bn0", lambda c: small(c, 4, accumulate=8)),
    ("replicas-unsynchronised", "cnn", "", lambda c: small(c, 16, replicas=8)),
    ("weight-decay-on-norm", "cnn", "bn0", decay),
]  # fmt: skip


# ---------------------------------------------------------------------------- healthy models


class FrozenBatchNorm2d(nn.Module):
    """What detection libraries call so: buffers, no statistics taken."""

    def __init__(self, layer: nn.BatchNorm2d) -> None:
        super().__init__()
        for name in ("weight", "bias", "running_mean", "running_var"):
            self.register_buffer(name, getattr(layer, name).detach().clone())

    def forward(self, x: Tensor) -> Tensor:
        factor = self.weight * (self.running_var + 1e-5).rsqrt()
        shift = self.bias - self.running_mean * factor
        return x * factor[:, None, None] + shift[:, None, None]


class Dictionary(nn.Module):
    """A model that takes its input by name."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, pixels: Tensor) -> Tensor:
        return self.net(pixels)


class Pair(nn.Module):
    """A siamese model: one network for two views."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        return (self.net(a) + self.net(b)) / 2


def average(case: Case) -> None:
    """Statistics that are the plain average of the last batches."""
    reset_all(case)
    x, y = samples(case.images, 30 * 64, 1)
    torch.optim.swa_utils.update_bn(DataLoader(TensorDataset(x, y), 64), case.model)
    case.model.eval()


def in_training(case: Case) -> None:
    case.batches(64, shuffle=True, drop_last=True)
    case.model.train()


def frozen_stage(case: Case) -> None:
    """The first stage frozen on purpose, the rest in training."""
    frozen(case, "conv0", "bn0")
    case.layer("bn0").eval()


def all_frozen(case: Case) -> None:
    """A model in training whose norm layers are frozen: statistics and parameters."""
    case.model.train()
    for module in case.model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.eval().requires_grad_(False)


def group_norm(case: Case) -> None:
    case.model = fit(cnn(lambda c: nn.GroupNorm(4, c)), True).eval()


def frozen_kind(case: Case) -> None:
    for path, module in list(case.model.named_modules()):
        if isinstance(module, nn.BatchNorm2d):
            swap(case, path, FrozenBatchNorm2d(module))


def zero_init(case: Case) -> None:
    """A new network, before its training, with the last gamma of each block at 0."""
    reset_all(case)
    for i in range(3):
        fill(case, f"block{i}.bn2", "weight", 0.0)
    in_training(case)


def averaged_rightly(case: Case) -> None:
    x, y = samples(case.images, 1024, 1)
    ema = averaged(case)
    torch.optim.swa_utils.update_bn(DataLoader(TensorDataset(x, y), 64), ema)
    case.extra["ema"] = ema.eval()


def by_name(case: Case) -> None:
    case.model = Dictionary(case.model).eval()
    case.loader = [{"pixels": x, "label": y} for x, y in case.loader]


def siamese(case: Case) -> None:
    case.model = Pair(case.model).eval()
    case.loader = [(x, x.flip(3), y) for x, y in case.loader]


def lazy(case: Case) -> None:
    for path in ("bn0", "bn1", "bn2"):
        swap(case, path, nn.LazyBatchNorm2d())
    in_training(case)


def dropout_at_the_end(case: Case) -> None:
    swap(case, "act1", nn.ReLU(), nn.Dropout(0.3))
    case.retrain()


def separate_groups(case: Case) -> None:
    """Weight decay on weights alone."""
    case.model.train()
    groups: tuple[list[Tensor], list[Tensor]] = ([], [])
    for p in case.model.parameters():
        groups[p.ndim <= 1].append(p)
    case.extra["optimizer"] = torch.optim.AdamW(
        [{"params": groups[0], "weight_decay": 0.05}, {"params": groups[1], "weight_decay": 0.0}]
    )


HEALTHY: list[tuple[str, str, Callable[[Case], Any]]] = [
    *[("in evaluation", arch, lambda c: None) for arch in BUILD],
    *[("in training", arch, in_training) for arch in BUILD],
    ("converted to bnlib", "cnn", lambda c: convert(c.model)),
    ("average of 30 batches", "resnet", average),
    ("first stage frozen", "cnn", frozen_stage),
    ("all norms frozen", "resnet", all_frozen),
    ("GroupNorm", "cnn", group_norm),
    ("FrozenBatchNorm2d", "resnet", frozen_kind),
    ("new, gamma 0 in blocks", "resnet", zero_init),
    ("averaged, statistics anew", "cnn", averaged_rightly),
    ("inputs by name", "mixer", by_name),
    ("siamese", "resnet", siamese),
    ("lazy, before training", "cnn", lazy),
    ("dropout after the norms", "mlp", dropout_at_the_end),
    ("evaluated one by one", "mlp", lambda c: c.batches(1, 256)),
    ("remainder 1, 144 places", "cnn", remainder),
    ("batch of 4, 36 places", "resnet", lambda c: small(c, 4)),
    ("decay on weights alone", "mixer", separate_groups),
    ("evaluated with remainder 1", "deep", lambda c: c.batches(64, 257)),
]  # fmt: skip


# ---------------------------------------------------------------------------- the others


def first(case: Case) -> tuple[Any, Any]:
    """A batch of a case: inputs and targets."""
    batch = next(iter(case.loader))
    if isinstance(batch, dict):
        batch = tuple(batch.values())
    return (batch[0], batch[-1]) if len(batch) == 2 else (batch[:-1], batch[-1])


def ask_torch_audit(case: Case) -> set[str]:
    import torch_audit

    x, _ = first(case)
    optimizer = case.extra.get("optimizer") or torch.optim.SGD(case.model.parameters(), lr=0.1)
    found = torch_audit.audit(case.model, batch=x, optimizer=optimizer).findings
    return {f"{one.rule_id} {one.module_path}" for one in found}


def ask_torchtest2(case: Case) -> set[str]:
    import torchtest2

    x, y = first(case)
    report = torchtest2.check_model(
        copy.deepcopy(case.model), x, y, loss_fn=F.cross_entropy, overfit_steps=0
    )
    told = [one for one in report.results if one.status.name in ("FAIL", "WARN")]
    return {re.sub(r"[-+\d.e]+", "#", f"{one.name} {one.message}") for one in told}


def ask_torchdiag(case: Case) -> set[str]:
    import torchdiag

    (x, y), model, said = first(case), copy.deepcopy(case.model), io.StringIO()
    with contextlib.redirect_stdout(said):
        F.cross_entropy(model(x), y).backward()
        torchdiag.check_gradients(model)
        torchdiag.check_dead_neurons(model, x)
    told = [line for line in said.getvalue().splitlines() if "•" in line]
    return {re.sub(r"[-+\d.e]+", "#", line) for line in told}


OTHERS: dict[str, Callable[[Case], set[str]]] = {
    "torch-audit": ask_torch_audit,
    "torchtest2": ask_torchtest2,
    "torchdiag": ask_torchdiag,
}


def told(tool: Callable[[Case], set[str]], case: Case) -> set[str]:
    """What a tool says of a case; that it raises is something, too."""
    try:
        return tool(case)
    except ImportError:
        raise
    except Exception as error:
        return {f"raised {type(error).__name__}"}


def judge_others(each: bool) -> None:
    """Print the score of every other tool that is installed."""
    print(f"{'tool':12}{'plants':>8}{'told':>6}{'healthy':>9}{'with a message':>16}")
    for name, tool in OTHERS.items():
        try:
            calm = {arch: told(tool, healthy(arch)) for arch in {p[1] for p in DEVELOPED}}
        except ImportError as error:
            print(f"{name:12}not installed: {error}")
            continue
        score = alarms = 0
        plants = [*DEVELOPED, *KEPT_APART]
        for kind, arch, _, plant in plants:
            case = healthy(arch)
            with torch.no_grad() if kind == "statistics-misfit" else contextlib.nullcontext():
                plant(case)
            if arch not in calm:
                calm[arch] = told(tool, healthy(arch))
            new = told(tool, case) - calm[arch]
            score += bool(new)
            if each:
                print(f"  {kind:27}{arch:8}{'; '.join(sorted(new))[:150]}")
        for _, arch, make in HEALTHY:
            case = healthy(arch)
            make(case)
            alarms += bool(told(tool, case))
        print(f"{name:12}{len(plants):8}{score:6}{len(HEALTHY):9}{alarms:16}", flush=True)


# ---------------------------------------------------------------------------- the table


@dataclass
class Score:
    """How one group of cases went."""

    cases: int = 0
    found: int = 0
    named: int = 0
    as_fault: int = 0
    seconds: float = 0.0
    missed: list[str] = field(default_factory=list)


def ask(case: Case) -> tuple[Report, float]:
    """Examine a case; the report, and the seconds it took."""
    start = time.perf_counter()
    report = examine(case.model, case.loader, F.cross_entropy, **case.extra)
    return report, time.perf_counter() - start


def judge(plants: Iterable[Plant], each: bool) -> Score:
    """Examine each plant, and count."""
    score = Score()
    for kind, arch, where, plant in plants:
        case = healthy(arch)
        with torch.no_grad() if kind == "statistics-misfit" else contextlib.nullcontext():
            plant(case)
        report, seconds = ask(case)
        same = [finding for finding in report.findings if finding.kind == kind]
        here = [finding for finding in same if finding.where == where]
        score.cases += 1
        score.found += bool(same)
        score.named += bool(here)
        score.as_fault += any(finding.level == "fault" for finding in here)
        score.seconds += seconds
        if not here:
            score.missed.append(f"{kind} in {arch} at {where!r}")
        if each:
            mark = "named" if here else "found" if same else "MISSED"
            others = sorted({f.kind for f in report.faults} - {kind})
            print(f"  {mark:7}{kind:27}{arch:8}{where:14}{seconds:5.2f} s  {', '.join(others)}")
    return score


def judge_healthy(each: bool) -> tuple[int, int, int, float]:
    """The healthy models: how many, false alarms, models with a note, seconds."""
    alarms = notes = 0
    total = 0.0
    for name, arch, make in HEALTHY:
        case = healthy(arch)
        make(case)
        report, seconds = ask(case)
        total += seconds
        alarms += bool(report.faults)
        notes += len(report.findings) > len(report.faults)
        if each or report.faults:
            told = ", ".join(f"{f.level} {f.kind} {f.where}" for f in report.findings)
            print(f"  {'ALARM' if report.faults else 'calm':7}{name:27}{arch:8}{told}")
    return len(HEALTHY), alarms, notes, total


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--each", action="store_true", help="print a line for each case")
    parser.add_argument("--others", action="store_true", help="ask the other tools instead")
    parser.add_argument("--group", choices=("developed", "apart", "healthy"))
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.others:
        judge_others(options.each)
        return
    groups = {"developed": DEVELOPED, "apart": KEPT_APART}
    rows = []
    for name, plants in groups.items():
        if options.group in (None, name):
            s = judge(plants, options.each)
            counts = f"{s.cases:6}{s.found:8}{s.named:8}{s.as_fault:10}"
            rows.append(f"{name:12}{counts}{s.seconds / s.cases:10.2f}")
            rows += [f"{'':12}missed: {text}" for text in s.missed]
    if rows:
        print(f"{'plants':12}{'cases':>6}{'found':>8}{'named':>8}{'as fault':>10}{'s each':>10}")
        print("\n".join(rows))
    if options.group in (None, "healthy"):
        cases, alarms, notes, seconds = judge_healthy(options.each)
        print(f"{'healthy':12}{cases:6} models, {alarms} false alarms, {notes} with a note, "
              f"{seconds / cases:.2f} s each")  # fmt: skip


if __name__ == "__main__":
    main()
