"""The notes' BNNet and training loop on a real binary task (notes 3.1 and 6.1)."""

import copy
import functools
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from torch import Tensor, nn

from bncourse.data import Data, load
from bncourse.evidence import SEEDS, Claim, Result, measures, weigh
from bncourse.experiments.arms import generator
from bncourse.models import BNNet, initialise
from bncourse.training import accuracy, batches

ODD = (1, 3, 5, 7, 9)
EPOCHS = 8
BATCH = 64
ON = "digits, odd against even (450 test images per split)"


def task(seed: int = 0) -> Data:
    """The digits with two classes, 1 for odd and 0 for even; `seed` draws the split."""
    return load(seed=seed).binary(ODD)


def new_net(seed: int, hidden_dim: int = 64) -> BNNet:
    """The notes' BNNet for 64 pixels, drawn as torch draws it, but from a seed of its own."""
    net = BNNet(input_dim=64, hidden_dim=hidden_dim)
    initialise(net, generator(seed), "torch")
    return net


def loader(data: Data, shuffle: torch.Generator, size: int = BATCH) -> Iterator[tuple[Tensor, ...]]:
    """One pass over the training images in shuffled batches: (Xb, yb), `(size, 64)` and `(size,)`.

    A shorter last batch is left out.
    """
    order = torch.randperm(len(data.train_y), generator=shuffle)
    for index in batches(order, size):
        yield data.train_x[index], data.train_y[index]


def train(net: nn.Module, data: Data, seed: int, epochs: int = EPOCHS) -> dict[str, np.ndarray]:
    """The notes' training loop, section 3.1, with `squeeze(1)` for `squeeze()`.

    Returns `loss` per step, and `test` and `train`, accuracies in percent after each epoch. The
    net ends in eval mode, as in the notes.
    """
    criterion = nn.BCEWithLogitsLoss()
    optimizer = torch.optim.Adam(net.parameters(), lr=0.001)
    shuffle = generator(seed, stream=1)
    seen: dict[str, list[float]] = {"loss": [], "test": [], "train": []}
    for _ in range(epochs):
        net.train()
        for xb, yb in loader(data, shuffle):
            optimizer.zero_grad()
            loss = criterion(net(xb).squeeze(1), yb.float())
            loss.backward()
            optimizer.step()
            seen["loss"].append(loss.item())
        net.eval()
        seen["test"].append(100 * accuracy(net, data.test_x, data.test_y))
        seen["train"].append(100 * accuracy(net, data.train_x, data.train_y))
    return {name: np.array(values) for name, values in seen.items()}


@functools.cache
def _trained(seed: int) -> tuple[BNNet, dict[str, np.ndarray]]:
    net = new_net(seed)
    return net, train(net, task(seed), seed)


def trained(seed: int) -> BNNet:
    """BNNet after training on the split of `seed`, in eval mode; a new copy at every call."""
    return copy.deepcopy(_trained(seed)[0])


def baselines(data: Data) -> dict[str, float]:
    """Test accuracy in percent of always naming the larger class, and of logistic regression."""
    x, y = data.train_x.numpy(), data.train_y.numpy()
    linear = LogisticRegression(max_iter=2000).fit(x, y)
    larger = int(data.train_y.float().mean() > 0.5)
    return {
        "larger class": 100 * float((data.test_y == larger).float().mean()),
        "logistic regression": 100 * float(linear.score(data.test_x.numpy(), data.test_y.numpy())),
    }


@measures(
    Claim(
        id="bnnet-learns",
        text="The notes' network, with BN after each hidden linear layer, learns a binary task.",
        notes="3.1",
        chapter="06_pytorch",
        effect=f"test accuracy of BNNet after {EPOCHS} epochs, less that of logistic regression",
        above=1,
        unit="points",
    )
)
def bnnet_learns(seeds: Sequence[int] = SEEDS) -> Result:
    runs = [_trained(seed)[1] for seed in seeds]
    plain = [baselines(task(seed)) for seed in seeds]
    effects = [
        run["test"][-1] - base["logistic regression"] for run, base in zip(runs, plain, strict=True)
    ]
    arms = {name: [run[name].tolist() for run in runs] for name in ("loss", "test", "train")}
    arms |= {name: [base[name] for base in plain] for name in plain[0]}
    return weigh(bnnet_learns.claim, effects, data=ON, seeds=seeds, arms=arms)


def pairs(net: BNNet) -> dict[str, Tensor]:
    """(γ, β) of each hidden neuron, per BN layer: `(hidden_dim, 2)`."""
    return {
        name: torch.stack([layer.weight, layer.bias], 1).detach()
        for name, layer in (("bn1", net.bn1), ("bn2", net.bn2))
    }


def distinct_share(values: Tensor) -> float:
    """Number of different rows of `(neurons, 2)`, per neuron."""
    return len(torch.unique(values, dim=0)) / len(values)


@measures(
    Claim(
        id="one-pair-per-neuron",
        text="nn.BatchNorm1d(hidden_dim) learns a separate γ and β for each hidden neuron.",
        notes="3.1",
        chapter="06_pytorch",
        effect="different (γ, β) pairs after training, per hidden neuron",
        above=0.99,
    )
)
def one_pair_per_neuron(seeds: Sequence[int] = SEEDS) -> Result:
    effects = [
        float(np.mean([distinct_share(values) for values in pairs(trained(seed)).values()]))
        for seed in seeds
    ]
    return weigh(one_pair_per_neuron.claim, effects, data=ON, seeds=seeds)


def moved_share(net: BNNet, by: float = 0.0) -> float:
    """Share of the γ further than `by` from 1 and the β further than `by` from 0, in percent."""
    start = torch.tensor([1.0, 0.0])
    distances = torch.cat([(values - start).abs().flatten() for values in pairs(net).values()])
    return 100 * float((distances > by).float().mean())


@measures(
    Claim(
        id="learned-by-backprop",
        text="γ and β are parameters of the model, updated by backprop.",
        notes="6.1",
        chapter="06_pytorch",
        effect=f"γ and β that training moved away from 1 and 0 in {EPOCHS} epochs",
        above=99,
        unit="%",
    )
)
def learned_by_backprop(seeds: Sequence[int] = SEEDS) -> Result:
    nets = [trained(seed) for seed in seeds]
    arms: dict[str, list] = {
        name: [pairs(net)[name].tolist() for net in nets] for name in ("bn1", "bn2")
    }
    arms["far"] = [moved_share(net, 0.01) for net in nets]
    effects = [moved_share(net) for net in nets]
    return weigh(learned_by_backprop.claim, effects, data=ON, seeds=seeds, arms=arms)
