"""Small networks with layers of either family, and what the laws compare."""

from __future__ import annotations

import itertools
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, relu

import bnlib.nn

FAMILIES = {"torch": nn, "bnlib": bnlib.nn}


def randomised(model: nn.Module, seed: int = 0) -> Any:
    """The model in float64 and evaluation, with parameters and statistics that no default hides."""
    g = torch.Generator().manual_seed(seed)
    model = model.double().eval()
    with torch.no_grad():
        for name, v in itertools.chain(model.named_parameters(), model.named_buffers()):
            if name.endswith("running_var"):
                v.copy_(torch.rand(v.shape, generator=g) + 0.5)
            elif v.is_floating_point():
                fan_in = max(1, v[0].numel()) if v.dim() else 1
                v.copy_(torch.randn(v.shape, generator=g, dtype=v.dtype) / fan_in**0.5)
    return model


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def images(n: int = 6, size: int = 9, seed: int = 0) -> Tensor:
    return 2 + 3 * normal(n, 3, size, size, seed=seed)


def net(family: Any) -> Any:
    """Two layers with dropout and an activation between them, a linear at the end."""
    return randomised(
        nn.Sequential(
            nn.Conv2d(3, 4, 3),
            family.BatchNorm2d(4),
            nn.ReLU(),
            nn.Dropout(0.5),
            nn.Conv2d(4, 6, 3),
            family.BatchNorm2d(6, momentum=None),
            nn.ReLU(),
        )
    )


class Functional(nn.Module):
    """Every kind of neighbour, joined by functional calls: relu, cat, +, mean."""

    def __init__(self, family: Any) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1, bias=False)
        self.bn = family.BatchNorm2d(4)
        self.up = nn.ConvTranspose2d(4, 6, 3, groups=2, output_padding=0)
        self.up_bn = family.BatchNorm2d(6)
        self.both_bn = family.BatchNorm2d(10)
        self.grouped = nn.Conv2d(10, 4, 2, groups=2)
        self.head = nn.Linear(4, 4)
        self.head_bn = family.BatchNorm1d(4)

    def forward(self, x: Tensor) -> Tensor:
        a = relu(self.bn(self.conv(x)))
        b = self.up_bn(self.up(a))
        a = interpolate(a, size=b.shape[-2:])
        c = self.grouped(self.both_bn(torch.cat([a, b], 1)))
        return self.head_bn(self.head(relu(c).mean((2, 3)) + 1))


def buffers(model: nn.Module) -> dict[str, Tensor]:
    return {name: b.clone() for name, b in model.named_buffers()}


def far(a: Tensor, b: Tensor) -> float:
    """The largest difference, in units of the largest value."""
    a, b = a.detach(), b.detach()
    return float((a - b).abs().max() / b.abs().max().clamp(min=1))
