"""A small trained network and its data, for the laws of the doctor."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

LOSS = nn.CrossEntropyLoss()


def data(n: int = 256, seed: int = 1) -> tuple[Tensor, Tensor]:
    """n noisy members of three classes, (N, 8), and their labels."""
    fixed, g = torch.Generator().manual_seed(7), torch.Generator().manual_seed(seed)
    y = torch.randint(3, (n,), generator=g)
    return torch.randn(3, 8, generator=fixed)[y] + 1.6 * torch.randn(n, 8, generator=g), y


def batches(size: int = 64, n: int = 512) -> list[tuple[Tensor, Tensor]]:
    """The data in batches."""
    x, y = data(n, seed=2)
    return list(zip(x.split(size), y.split(size), strict=True))


def network(**replaced: nn.Module) -> nn.Sequential:
    """fc0, bn0, act0, fc1, bn1, act1, head; any of them replaced."""
    parts: dict[str, nn.Module] = {
        "fc0": nn.Linear(8, 16, bias=False), "bn0": nn.BatchNorm1d(16), "act0": nn.ReLU(),
        "fc1": nn.Linear(16, 16, bias=False), "bn1": nn.BatchNorm1d(16), "act1": nn.ReLU(),
        "head": nn.Linear(16, 3),
    }  # fmt: skip
    net = nn.Sequential()
    for name, module in (parts | replaced).items():
        net.add_module(name, module)
    return net


def fit(net: nn.Module, steps: int = 120) -> nn.Module:
    """Train a network, with a learning rate that ends at 0, and put it in eval mode."""
    x, y = data(1024, seed=3)
    optimizer = torch.optim.Adam(net.parameters(), 1e-2)
    g = torch.Generator().manual_seed(4)
    net.train()
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = 1e-2 * (1 - step / steps)
        rows = torch.randint(len(x), (64,), generator=g)
        optimizer.zero_grad()
        F.cross_entropy(net(x[rows]), y[rows]).backward()
        optimizer.step()
    return net.eval()
