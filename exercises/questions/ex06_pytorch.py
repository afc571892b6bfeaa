"""Exercise 6: a BatchNorm module, what it keeps, loops with the modes right, a lasting freeze."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn

from bncheck.question import (
    Exercise,
    Inputs,
    Law,
    Mistake,
    Probe,
    Question,
    Section,
    source,
    value_question,
    wrong,
)
from exercises.questions.inputs import affine, batch
from exercises.questions.laws import mean_is_beta, spread_is_gamma, sums_to_zero

CHAPTER = "06_pytorch"
SHAPES = Section(CHAPTER, "Which layer for which shape")
NETWORK = Section(CHAPTER, "The notes' network on a real task")
TRAPS = Section(CHAPTER, "Two traps in one line")
KEEPS = Section(CHAPTER, "What the layer keeps")
SAVED = Section(CHAPTER, "The state that is saved")
BY_HAND = Section("03_mechanism", "From the z-score to batch normalization, by hand")
EPSILON = Section("03_mechanism", "What ε does")
SHARED = Section("03_mechanism", "Which values share a mean?")
GRAPH = Section("04_backward", "The graph")
BACK = Section("04_backward", "Back through it, one node at a time")
MODES = Section("05_train_eval", "Two modes, two sets of numbers")
RUNNING = Section("05_train_eval", "Where the fixed numbers come from")
MOMENTUM = Section("05_train_eval", "Two meanings of momentum")
VARIANCES = Section("05_train_eval", "One variance to normalise, another to remember")
NO_GRAD = Section("05_train_eval", "`no_grad` is not `eval`")
DOWNHILL = Section("05_train_eval", "Case 3: after the first validation it goes downhill")
LOOKED = Section("05_train_eval", "Case 4: a harmless look before the start")
FORGOT = Section("05_train_eval", "Case 8: the file that forgot")
FREEZING = Section("09_edge_cases", "Freezing and fine-tuning")
LENGTHS = Section("09_edge_cases", "The (N, L, C) trap")

Batches = list[tuple[torch.Tensor, torch.Tensor]]


# The layer.


class BatchNorm(nn.Module):
    running_mean: torch.Tensor
    running_var: torch.Tensor
    num_batches_tracked: torch.Tensor

    def __init__(self, num_features: int, eps: float = 1e-5, momentum: float = 0.1) -> None:
        super().__init__()
        self.eps = eps
        self.momentum = momentum
        self.weight = nn.Parameter(torch.ones(num_features))
        self.bias = nn.Parameter(torch.zeros(num_features))
        self.register_buffer("running_mean", torch.zeros(num_features))
        self.register_buffer("running_var", torch.ones(num_features))
        self.register_buffer("num_batches_tracked", torch.tensor(0))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        axes = (0, *range(2, x.ndim))
        along = (1, -1) + (1,) * (x.ndim - 2)
        mu = x.mean(dim=axes)
        var = x.var(dim=axes, correction=0)
        training = self.training
        if training:
            unbiased = x.var(dim=axes, correction=1)
            self.move(mu, unbiased)
            mu = mu.reshape(along)
            var = var.reshape(along)
        else:
            mu = self.running_mean.reshape(along)
            var = self.running_var.reshape(along)
        x_hat = (x - mu) / torch.sqrt(var + self.eps)
        return self.weight.reshape(along) * x_hat + self.bias.reshape(along)

    def move(self, mu: torch.Tensor, var: torch.Tensor) -> None:
        new = self.momentum
        old = 1 - new
        mu = mu.detach()
        var = var.detach()
        self.running_mean = old * self.running_mean + new * mu
        self.running_var = old * self.running_var + new * var
        self.num_batches_tracked += 1


DOUBLE = "torch.set_default_dtype(torch.float64)\n"
AFFINE = """with torch.no_grad():
    layer.weight.copy_(torch.tensor(gamma))
    layer.bias.copy_(torch.tensor(beta))
"""
STATISTICS = """with torch.no_grad():
    layer.running_mean.copy_(torch.tensor(mean))
    layer.running_var.copy_(torch.tensor(var))
"""
BACKWARD = """x = torch.tensor(x, requires_grad=True)
y = layer(x)
(y * torch.tensor(dy)).sum().backward()
dx = x.grad
"""
IN_PLACE = "self.running_mean += new * (mu - self.running_mean)"
RUNNING_MU = "            mu = self.running_mean.reshape(along).clone()\n"
RUNNING_VAR = "            var = self.running_var.reshape(along).clone()\n"
ONE_EXAMPLE = frozenset({"one example in eval mode"})


def statistics(rng: np.random.Generator, channels: int) -> Inputs:
    """Running statistics, far from 0 and 1."""
    return {
        "mean": rng.uniform(-3.0, -1.0, channels).round(2),
        "var": rng.uniform(2.0, 6.0, channels).round(2),
    }


def eval_formula(inputs: Inputs, values: dict[str, Any]) -> str | None:
    """In eval mode the output follows from the running statistics that the probe has set."""
    x, along = inputs["x"], (1, -1) + (1,) * (inputs["x"].ndim - 2)
    x_hat = (x - inputs["mean"].reshape(along)) / np.sqrt(inputs["var"].reshape(along) + 1e-5)
    wanted = inputs["gamma"].reshape(along) * x_hat + inputs["beta"].reshape(along)
    worst = np.unravel_index(int(np.argmax(np.abs(values["out"] - wanted))), wanted.shape)
    if abs(values["out"][worst] - wanted[worst]) < 1e-6 * (1 + abs(wanted[worst])):
        return None
    return (
        f"in eval mode the output for x = {x[worst]:.4g} is {values['out'][worst]:.4g}, expected "
        f"{wanted[worst]:.4g} from running_mean = {inputs['mean'][worst[1]]:.4g} and running_var "
        f"= {inputs['var'][worst[1]]:.4g}: is it these that you use, with ε inside the root?"
    )


def starts_like_torch(inputs: Inputs, values: dict[str, Any]) -> str | None:
    """A new layer has γ = 1, β = 0, running mean 0 and running variance 1."""
    start = {"weight": 1, "bias": 0, "running_mean": 0, "running_var": 1}
    for name, wanted in start.items():
        found = values[f"layer.{name}"]
        if (found != wanted).any():
            return (
                f"a new layer has `{name}` = {found.round(3)}, expected {wanted} in each channel."
            )
    return None


LAYER = Question(
    name="layer",
    title="The layer as a module",
    names=("BatchNorm",),
    reference=source(BatchNorm),
    probes=(
        Probe(
            "three examples, two channels",
            "output",
            f"{DOUBLE}layer = BatchNorm(2)\n{AFFINE}y = layer(torch.tensor(x))",
            ("y",),
            lambda rng: {"x": batch(rng, 3, 2), **affine(rng, 2)},
        ),
        Probe(
            "a tiny spread",
            "output",
            f"{DOUBLE}layer = BatchNorm(2, eps=eps)\n{AFFINE}y = layer(torch.tensor(x))",
            ("y",),
            lambda rng: {
                "x": (1e-2 * rng.standard_normal((4, 2))).round(4),
                **affine(rng, 2),
                "eps": 1e-3,
            },
        ),
        Probe(
            "images",
            "output",
            f"{DOUBLE}layer = BatchNorm(3, eps=eps)\n{AFFINE}y = layer(torch.tensor(x))",
            ("y",),
            lambda rng: {"x": batch(rng, 4, 3, 2, 3), **affine(rng, 3), "eps": 1e-3},
        ),
        Probe(
            "gradients for vectors",
            "gradients",
            f"{DOUBLE}layer = BatchNorm(2)\n{AFFINE}{BACKWARD}",
            ("dx", "layer.weight.grad", "layer.bias.grad"),
            lambda rng: {
                "x": batch(rng, 4, 2),
                **affine(rng, 2),
                "dy": rng.standard_normal((4, 2)).round(2),
            },
        ),
        Probe(
            "a new layer",
            "state",
            f"{DOUBLE}layer = BatchNorm(3)\n"
            "saved = sorted(layer.state_dict())\n"
            "learned = sorted(name for name, _ in layer.named_parameters())\n"
            "shapes = {name: list(value.shape) for name, value in layer.state_dict().items()}\n"
            "whole = not torch.is_floating_point(torch.as_tensor(layer.num_batches_tracked))",
            (
                "saved",
                "learned",
                "shapes",
                "layer.weight",
                "layer.bias",
                "layer.running_mean",
                "layer.running_var",
                "int(layer.num_batches_tracked)",
                "whole",
            ),
        ),
        Probe(
            "one batch in train mode",
            "state",
            f"{DOUBLE}layer = BatchNorm(2)\nlayer(torch.tensor(x))",
            ("layer.running_mean", "layer.running_var", "int(layer.num_batches_tracked)"),
            lambda rng: {"x": batch(rng, 4, 2)},
        ),
        Probe(
            "two batches of images",
            "state",
            f"{DOUBLE}layer = BatchNorm(3, momentum=momentum)\n"
            "x = torch.tensor(x, requires_grad=True)\n"
            "layer(x)\n"
            "layer(2 * x)\n"
            "graph = layer.running_mean.requires_grad or layer.running_var.requires_grad",
            ("layer.running_mean", "layer.running_var", "int(layer.num_batches_tracked)", "graph"),
            lambda rng: {"x": batch(rng, 4, 3, 2, 3), "momentum": 0.3},
        ),
        Probe(
            "made in float32, moved to float64",
            "state",
            "layer = BatchNorm(2).double()\n"
            "tensors = [layer.weight, layer.bias, layer.running_mean, layer.running_var]\n"
            "dtypes = [str(tensor.dtype) for tensor in tensors]",
            ("dtypes",),
        ),
        Probe(
            "train mode under no_grad",
            "modes",
            f"{DOUBLE}layer = BatchNorm(2)\nwith torch.no_grad():\n    y = layer(torch.tensor(x))\n"
            "moved = bool((layer.running_mean != 0).any())",
            ("y", "moved"),
            lambda rng: {"x": batch(rng, 4, 2)},
        ),
        Probe(
            "one example in eval mode",
            "modes",
            f"{DOUBLE}layer = BatchNorm(2)\n{AFFINE}{STATISTICS}layer.eval()\n"
            "out = layer(torch.tensor(x))",
            ("out",),
            lambda rng: {"x": batch(rng, 1, 2), **affine(rng, 2), **statistics(rng, 2)},
        ),
        Probe(
            "images in eval mode",
            "modes",
            f"{DOUBLE}layer = BatchNorm(3)\n{AFFINE}{STATISTICS}layer.eval()\n"
            "out = layer(torch.tensor(x))",
            ("out", "layer.running_mean", "layer.running_var", "int(layer.num_batches_tracked)"),
            lambda rng: {"x": batch(rng, 4, 3, 2, 3), **affine(rng, 3), **statistics(rng, 3)},
        ),
    ),
    points={"output": 2, "gradients": 1, "state": 2, "modes": 1},
    mistakes=(
        Mistake(
            "the variance is divided by n − 1",
            "The normaliser divides by n. The correction n/(n−1) belongs to `running_var` alone. "
            "Torch's `var` corrects unless you switch it off.",
            VARIANCES,
            (("x.var(dim=axes, correction=0)", "x.var(dim=axes, correction=1)"),),
            number=1,
        ),
        Mistake(
            "ε outside the root",
            "ε is added to the variance, before the root. Outside of it, ε hardly counts where "
            "the spread is small.",
            EPSILON,
            (("torch.sqrt(var + self.eps)", "(torch.sqrt(var) + self.eps)"),),
            number=4,
        ),
        Mistake(
            "ε fixed at 1e-5",
            "The layer ignores the argument `eps`: keep it in `__init__`, and use what you kept.",
            EPSILON,
            (("self.eps = eps", "self.eps = 1e-5"),),
        ),
        Mistake(
            "γ and β forgotten",
            "You return x_hat. Multiply it by γ and add β, each reshaped to axis 1.",
            BY_HAND,
            (
                (
                    "return self.weight.reshape(along) * x_hat + self.bias.reshape(along)",
                    "return x_hat",
                ),
            ),
        ),
        Mistake(
            "γ and β on the wrong axis",
            "Broadcasting lays γ and β along the last axis. For images they belong to axis 1. "
            "Where the width is C, as here, no error tells you.",
            SHARED,
            (
                ("self.weight.reshape(along)", "self.weight"),
                ("self.bias.reshape(along)", "self.bias"),
            ),
            number=9,
        ),
        Mistake(
            "statistics over the batch axis alone",
            "Each position of an image gets statistics of its own. Average over N, H and W.",
            SHARED,
            (
                ("axes = (0, *range(2, x.ndim))", "axes = (0,)"),
                ("            mu = mu.reshape(along)\n", ""),
                ("            var = var.reshape(along)\n", ""),
            ),
            number=8,
        ),
        Mistake(
            "statistics over the batch axis alone, added in place",
            "For images your μ has the shape (C, H, W), one mean for each position, which does "
            "not fit into `running_mean`. A channel has one mean: average over N, H and W.",
            SHARED,
            (
                ("axes = (0, *range(2, x.ndim))", "axes = (0,)"),
                ("self.running_mean = old * self.running_mean + new * mu", IN_PLACE),
            ),
            number=8,
        ),
        Mistake(
            "statistics over height and width alone, added in place",
            "For images your μ has the shape (N, C), one mean for each image, which does not fit "
            "into `running_mean`. A channel has one mean: average over N as well.",
            SHARED,
            (
                ("axes = (0, *range(2, x.ndim))", "axes = (0,) if x.ndim == 2 else (2, 3)"),
                ("self.running_mean = old * self.running_mean + new * mu", IN_PLACE),
            ),
        ),
        Mistake(
            "the forward pass under no_grad",
            "Nothing of it is recorded, so no gradient arrives anywhere. Only what you do to the "
            "running statistics stays out of the graph.",
            KEEPS,
            (("    def forward(", "    @torch.no_grad()\n    def forward("),),
        ),
        Mistake(
            "γ and β as plain tensors",
            "A plain tensor is nobody's: the optimizer does not get it, no gradient arrives, it "
            "is not saved. Wrap γ and β in `nn.Parameter`.",
            KEEPS,
            (
                ("nn.Parameter(torch.ones(num_features))", "torch.ones(num_features)"),
                ("nn.Parameter(torch.zeros(num_features))", "torch.zeros(num_features)"),
            ),
        ),
        Mistake(
            "γ and β as tensors with requires_grad",
            "They get a gradient, but the module does not know them: they are missing from "
            "`parameters()` and from `state_dict`. Wrap γ and β in `nn.Parameter`.",
            KEEPS,
            (
                (
                    "nn.Parameter(torch.ones(num_features))",
                    "torch.ones(num_features, requires_grad=True)",
                ),
                (
                    "nn.Parameter(torch.zeros(num_features))",
                    "torch.zeros(num_features, requires_grad=True)",
                ),
            ),
        ),
        Mistake(
            "x is cut from the graph",
            "No gradient reaches x, so the layers below would learn nothing. Use x as it comes, "
            "without `detach` or `data`.",
            GRAPH,
            (
                ("        along = (1, -1)", "        x = x.detach()\n        along = (1, -1)"),
                # With γ and β as plain tensors no gradient at all is left: not a pair.
                ("self.bias = nn.Parameter(", "self.bias = nn.parameter.Parameter("),
            ),
        ),
        Mistake(
            "μ and σ taken as constants",
            "You cut the graph where the statistics enter the normaliser, so `dx` is that of a "
            "fixed rescaling. μ and σ² depend on x: detach only what goes into the running "
            "statistics.",
            GRAPH,
            (
                ("mu = x.mean(dim=axes)", "mu = x.mean(dim=axes).detach()"),
                ("x.var(dim=axes, correction=0)", "x.var(dim=axes, correction=0).detach()"),
            ),
            number=21,
        ),
        Mistake(
            "running statistics as Parameters",
            "Then `model.parameters()` hands them to the optimizer. They are state that no "
            "gradient moves: register them as buffers.",
            KEEPS,
            (
                (
                    'self.register_buffer("running_mean", torch.zeros(num_features))',
                    "self.running_mean = nn.Parameter(torch.zeros(num_features))",
                ),
                (
                    'self.register_buffer("running_var", torch.ones(num_features))',
                    "self.running_var = nn.Parameter(torch.ones(num_features))",
                ),
                ("self.running_mean = old", "self.running_mean.data = old"),
                ("self.running_var = old", "self.running_var.data = old"),
            ),
            number=11,
        ),
        Mistake(
            "running statistics as Parameters without gradient",
            "They still stand among `model.parameters()`, and whoever calls "
            "`requires_grad_(True)` on the model lets them learn. Register them as buffers.",
            KEEPS,
            (
                (
                    'self.register_buffer("running_mean", torch.zeros(num_features))',
                    "self.running_mean = nn.Parameter(torch.zeros(num_features), False)",
                ),
                (
                    'self.register_buffer("running_var", torch.ones(num_features))',
                    "self.running_var = nn.Parameter(torch.ones(num_features), False)",
                ),
                ("self.running_mean = old", "self.running_mean.data = old"),
                ("self.running_var = old", "self.running_var.data = old"),
            ),
            number=11,
        ),
        Mistake(
            "running statistics as Parameters, assigned anew",
            "PyTorch refuses to put a tensor where a Parameter is. The running statistics should "
            "not be Parameters at all: no gradient moves them. Register them as buffers, which "
            "you may assign anew.",
            KEEPS,
            (
                (
                    'self.register_buffer("running_mean", torch.zeros(num_features))',
                    "self.running_mean = nn.Parameter(torch.zeros(num_features))",
                ),
                (
                    'self.register_buffer("running_var", torch.ones(num_features))',
                    "self.running_var = nn.Parameter(torch.ones(num_features))",
                ),
            ),
            number=11,
        ),
        Mistake(
            "running statistics as plain attributes",
            "They are missing from `state_dict`, so a loaded model starts again at 0 and 1, and "
            "they do not follow `.to()` or `.double()`. Use `register_buffer` in `__init__`.",
            FORGOT,
            (
                (
                    'self.register_buffer("running_mean", torch.zeros(num_features))',
                    "self.running_mean = torch.zeros(num_features)",
                ),
                (
                    'self.register_buffer("running_var", torch.ones(num_features))',
                    "self.running_var = torch.ones(num_features)",
                ),
            ),
            number=12,
        ),
        Mistake(
            "running statistics not detached",
            "They carry the graph of the batches that they have seen, which grows with every "
            "step and keeps all of it in memory. Detach μ and σ² before they enter the running "
            "statistics.",
            KEEPS,
            (("        mu = mu.detach()\n", ""), ("        var = var.detach()\n", "")),
            number=13,
        ),
        Mistake(
            "statistics keep the averaged axes",
            "The batch's statistics enter the running ones with axes of length 1, so that these "
            "no longer have the shape (C,), and torch's layers cannot load them.",
            SAVED,
            (
                (
                    "self.move(mu, unbiased)",
                    "self.move(mu.reshape(along), unbiased.reshape(along))",
                ),
            ),
            number=14,
        ),
        Mistake(
            "the running variance is biased",
            "`running_var` takes the variance divided by n − 1, as in the paper and in torch; "
            "only the normaliser divides by n.",
            VARIANCES,
            (("unbiased = x.var(dim=axes, correction=1)", "unbiased = var"),),
            number=2,
        ),
        Mistake(
            "n counts the examples alone",
            "For images a channel has N·H·W values, so the correction is n/(n−1) with this n, "
            "and not N/(N−1).",
            VARIANCES,
            (
                (
                    "unbiased = x.var(dim=axes, correction=1)",
                    "unbiased = x.var(dim=axes, correction=0) * len(x) / (len(x) - 1)",
                ),
            ),
            number=26,
        ),
        Mistake(
            "n counts the values of all channels",
            "Count the values of one channel: N for vectors, N·H·W for images. You "
            "count those of all channels together.",
            VARIANCES,
            (
                (
                    "unbiased = x.var(dim=axes, correction=1)",
                    "unbiased = x.var(dim=axes, correction=0) * x.numel() / (x.numel() - 1)",
                ),
            ),
        ),
        Mistake(
            "momentum weighs the old value",
            "Here and in torch `momentum` is the weight of the new batch, 0.1. Other frameworks "
            "give the weight of the old value that name.",
            MOMENTUM,
            (("new = self.momentum", "new = 1 - self.momentum"),),
            number=3,
        ),
        Mistake(
            "momentum fixed at 0.1",
            "The layer ignores the argument `momentum`: keep it in `__init__`, and use what you "
            "kept.",
            RUNNING,
            (("self.momentum = momentum", "self.momentum = 0.1"),),
        ),
        Mistake(
            "the old running value keeps its full weight",
            "You add `momentum` times the batch's statistics, and take nothing away from the "
            "old value. The two weights add up to 1: the old value has 1 − `momentum`.",
            RUNNING,
            (("old = 1 - new", "old = 1"),),
        ),
        Mistake(
            "the running variance starts at 0",
            "Before the first batch `running_var` is 1 in each channel. With 0, a new layer in "
            "eval mode divides by √ε.",
            KEEPS,
            (
                (
                    'self.register_buffer("running_var", torch.ones(num_features))',
                    'self.register_buffer("running_var", torch.zeros(num_features))',
                ),
            ),
        ),
        Mistake(
            "the running statistics never move",
            "In train mode each batch moves `running_mean` and `running_var` towards its own "
            "statistics. Without that, eval mode has nothing to work with.",
            RUNNING,
            (
                (
                    "        self.running_mean = old * self.running_mean + new * mu\n"
                    "        self.running_var = old * self.running_var + new * var\n",
                    "",
                ),
            ),
        ),
        Mistake(
            "the counter never counts",
            "`num_batches_tracked` is the number of batches seen in train mode: add 1 for each.",
            KEEPS,
            (("        self.num_batches_tracked += 1\n", ""),),
        ),
        Mistake(
            "the counter as a plain number",
            "`num_batches_tracked` is missing from `state_dict`, so torch's layer refuses to "
            "load it. Make it a buffer too: a tensor without axes that holds 0.",
            SAVED,
            (
                (
                    'self.register_buffer("num_batches_tracked", torch.tensor(0))',
                    "self.num_batches_tracked = 0",
                ),
            ),
        ),
        Mistake(
            "the counter with an axis",
            "`num_batches_tracked` has the shape (1,), and torch's has no axis: one plain 0 "
            "inside `torch.tensor`.",
            SAVED,
            (("torch.tensor(0)", "torch.zeros(1, dtype=torch.long)"),),
        ),
        Mistake(
            "the counter as a decimal number",
            "`num_batches_tracked` counts, so it is a whole number: 0, not 0.0.",
            SAVED,
            (("torch.tensor(0)", "torch.tensor(0.0)"),),
        ),
        Mistake(
            "the counter as a decimal number with an axis",
            "`torch.zeros(1)` has the shape (1,) and holds a decimal number. The counter is a "
            "whole number without axes: one plain 0 inside `torch.tensor`.",
            SAVED,
            (("torch.tensor(0)", "torch.zeros(1)"),),
        ),
        Mistake(
            "γ and β under other names",
            "States interchange by name: torch calls γ `weight` and β `bias`.",
            SAVED,
            (
                ("self.weight = nn", "self.gamma = nn"),
                ("self.bias = nn", "self.beta = nn"),
                ("self.weight.reshape", "self.gamma.reshape"),
                ("self.bias.reshape", "self.beta.reshape"),
            ),
        ),
        Mistake(
            "batch statistics in eval mode",
            "In eval mode the layer normalises with `running_mean` and `running_var`. With the "
            "batch's own, the answer about one example depends on the others.",
            MODES,
            (
                ("mu = self.running_mean.reshape(along)", "mu = mu.reshape(along)"),
                ("var = self.running_var.reshape(along)", "var = var.reshape(along)"),
            ),
            number=16,
            loose=ONE_EXAMPLE,
        ),
        Mistake(
            "the mode is not asked",
            "Your layer does the same in train and in eval mode. Ask `self.training`, which "
            "`train()` and `eval()` of `nn.Module` set.",
            MODES,
            (("training = self.training", "training = True"),),
            number=16,
            loose=ONE_EXAMPLE,
        ),
        Mistake(
            "statistics updated in eval mode, before the output",
            "Eval mode leaves the running statistics alone. Here they take in the batch, and the "
            "output changes with it.",
            MODES,
            (
                (
                    "            mu = self.running_mean.reshape(along)\n",
                    "            self.move(mu, x.var(dim=axes))\n"
                    "            mu = self.running_mean.reshape(along)\n",
                ),
            ),
            number=17,
            loose=ONE_EXAMPLE,
        ),
        Mistake(
            "statistics updated in eval mode, after the output",
            "The output is right, but each batch in eval mode still moves the running statistics, "
            "so the next answer is another. Update them in train mode only.",
            MODES,
            (
                (
                    "            var = self.running_var.reshape(along)\n",
                    "            var = self.running_var.reshape(along)\n"
                    "            self.move(x.mean(dim=axes), x.var(dim=axes))\n",
                ),
            ),
            number=17,
        ),
        Mistake(
            "the mode taken from whether gradients are on",
            "`no_grad` tells autograd not to record; it says nothing about the mode. Ask "
            "`self.training`.",
            NO_GRAD,
            (("training = self.training", "training = torch.is_grad_enabled()"),),
            number=18,
            loose=ONE_EXAMPLE,
        ),
        Mistake(
            "the modes the wrong way round",
            "Train mode uses the batch's statistics and moves the running ones; eval mode uses "
            "the running ones. Yours does the opposite.",
            MODES,
            (("training = self.training", "training = not self.training"),),
            loose=ONE_EXAMPLE,
        ),
        Mistake(
            "running statistics in train mode, updated first",
            "In train mode the layer normalises with μ and σ² of the batch itself. You use the "
            "running statistics in both modes.",
            MODES,
            (
                ("            mu = mu.reshape(along)\n", RUNNING_MU),
                ("            var = var.reshape(along)\n", RUNNING_VAR),
            ),
        ),
        Mistake(
            "running statistics in train mode, updated afterwards",
            "In train mode the layer normalises with μ and σ² of the batch itself. You use the "
            "running statistics in both modes.",
            MODES,
            (
                ("            self.move(mu, unbiased)\n", ""),
                (
                    "            mu = mu.reshape(along)\n            var = var.reshape(along)\n",
                    "            mean = mu\n"
                    f"{RUNNING_MU}{RUNNING_VAR}"
                    "            self.move(mean, unbiased)\n",
                ),
            ),
        ),
        Mistake(
            "running statistics on the wrong axis",
            "In eval mode broadcasting lays `running_mean` and `running_var` along the last "
            "axis of the images. They belong to axis 1: reshape them as you do γ and β.",
            SHARED,
            (
                ("mu = self.running_mean.reshape(along)", "mu = self.running_mean"),
                ("var = self.running_var.reshape(along)", "var = self.running_var"),
            ),
            number=9,
        ),
    ),
    hints=(
        "Start with train mode and vectors. What is learned, what is merely kept, and what is "
        "neither?",
        "What gradients move is a parameter; what the batches move is a buffer. The module "
        "already knows its mode. Gradients come from autograd if the statistics in the "
        "normaliser stay in the graph, and those that you keep do not.",
        "In `__init__`: two of `nn.Parameter`, three of `register_buffer`. In forward: axes and "
        "a shape that fit any number of axes; in train mode mean and biased variance of x, and "
        "detached copies of the mean and the unbiased variance into the buffers; in eval mode "
        "the buffers. Then normalise, scale and shift, all reshaped to axis 1.",
    ),
    read=KEEPS,
    laws=(
        mean_is_beta("y"),
        spread_is_gamma("y", "x", "eps"),
        sums_to_zero("dx", "does some of the gradient not come through the statistics?"),
        Law("eval", eval_formula),
        Law("start", starts_like_torch),
    ),
    from_scratch=True,
)


# What a layer keeps.

LEARNED = value_question(
    "learned",
    "What is learned",
    16,
    (
        wrong(
            8,
            "γ without β",
            "Each of the 8 channels has a γ and also a β.",
            KEEPS,
        ),
        wrong(
            32,
            "running statistics counted as parameters",
            "You counted `running_mean` and `running_var` too. They are buffers: no gradient "
            "moves them.",
            KEEPS,
            number=11,
        ),
        wrong(
            33,
            "all of the state counted",
            "That is all that the layer keeps. Three of the five entries are buffers.",
            KEEPS,
        ),
        wrong(
            17,
            "the buffers counted",
            "That is what the buffers hold: 8 + 8 + 1. The question is about the parameters.",
            KEEPS,
        ),
        wrong(
            2,
            "entries counted in place of numbers",
            "There are two parameters, γ and β, and each is a vector.",
            KEEPS,
        ),
        wrong(
            2 * 8 * 28 * 28,
            "a pair for each pixel",
            "A pair γ, β belongs to a channel, and all pixels of the channel share it.",
            SHAPES,
        ),
    ),
    (
        "Which tensors of the layer does the optimizer move?",
        "There are two of them, and both are vectors over the channels.",
        "Count the channels once for the scale and once for the shift.",
    ),
    KEEPS,
)

STORED = value_question(
    "stored",
    "What is saved",
    33,
    (
        wrong(
            32,
            "the counter forgotten",
            "Four vectors of 8 make 32. There is one entry more, `num_batches_tracked`.",
            SAVED,
        ),
        wrong(
            16,
            "the buffers forgotten",
            "`state_dict` holds the buffers too: without them a loaded model could not be used "
            "in eval mode.",
            SAVED,
            number=12,
        ),
        wrong(
            17,
            "the parameters forgotten",
            "Those are the buffers. γ and β are saved as well.",
            SAVED,
        ),
        wrong(
            40,
            "the counter as a vector",
            "The counter counts batches, not channels: it is a single number.",
            SAVED,
        ),
        wrong(
            5,
            "entries counted in place of numbers",
            "There are five entries. The question is how many numbers they hold together.",
            SAVED,
        ),
    ),
    (
        "The state has five entries. Which of them are vectors?",
        "Four have one number for each channel. What does the fifth count?",
        "Four times the channels, and one.",
    ),
    SAVED,
)

MOVED = value_question(
    "moved",
    "What a forward pass changes",
    "c",
    (
        wrong(
            "a",
            "no_grad taken for eval mode",
            "`no_grad` tells autograd not to record. The layer is still in train mode, and moves "
            "its running statistics.",
            NO_GRAD,
            number=20,
        ),
        wrong(
            "b",
            "the counter forgotten",
            "Nearly: the layer also counts the batch, in `num_batches_tracked`.",
            KEEPS,
        ),
        wrong(
            "d",
            "a forward pass taken for a training step",
            "Only an optimizer moves γ and β, and there is no step here. A forward pass "
            "changes buffers, never parameters.",
            KEEPS,
        ),
    ),
    (
        "Two switches are in play. Which of them does the layer look at?",
        "The layer is in train mode. What does it keep of each batch?",
        "All buffers change with a batch in train mode. Parameters need an optimizer's step.",
    ),
    NO_GRAD,
    choices=("a", "b", "c", "d"),
)

SILENT = value_question(
    "silent",
    "Sequences with the channels at the end",
    "b",
    (
        wrong(
            "a",
            "(N, L, C) taken for (N, C, L)",
            "The layer looks at axis 1 and nothing else: these are the steps. It cannot know "
            "that you meant the last axis.",
            LENGTHS,
            number=10,
        ),
        wrong(
            "c",
            "an error expected",
            "The layer raises an error only where axis 1 has not 16 entries. Here it has: there "
            "are 16 steps.",
            SHAPES,
        ),
        wrong(
            "d",
            "all steps and channels taken together",
            "It still has one mean for each entry of axis 1, so 16 of them.",
            SHAPES,
        ),
    ),
    (
        "Which axis does every BatchNorm layer take for the channels?",
        "Compare the length of that axis with the number that the layer was made for.",
        "An error needs a length that does not fit. Here all fit: find out what stands on axis 1.",
    ),
    SHAPES,
    choices=("a", "b", "c", "d"),
)


# The loops.


def train_one_epoch(
    model: nn.Module,
    batches: Batches,
    optimizer: torch.optim.Optimizer,
    loss_function: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
) -> float:
    model.train()
    total = 0.0
    count = 0
    for x, y in batches:
        optimizer.zero_grad()
        logits = model(x).squeeze(1)
        loss = loss_function(logits, y)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(y)
        count += len(y)
    return total / count


def evaluate(
    model: nn.Module,
    batches: Batches,
    loss_function: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
) -> tuple[float, float]:
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    total = 0.0
    right = 0.0
    count = 0
    with torch.no_grad():
        for x, y in batches:
            logits = model(x).squeeze(1)
            loss = loss_function(logits, y)
            hits = (logits > 0) == y
            total += loss.item() * len(y)
            right += hits.sum().item()
            count += len(y)
    for module, training in modes:
        module.training = training
    return total / count, right / count


NET = """torch.set_default_dtype(torch.float64)
model = torch.nn.Sequential(torch.nn.BatchNorm1d(2), torch.nn.Linear(2, 1))
with torch.no_grad():
    model[1].weight.copy_(torch.tensor(w))
    model[1].bias.zero_()
x, y = torch.tensor(x), torch.tensor(y)
batches = list(zip(x.split(int(size)), y.split(int(size))))
loss_function = torch.nn.BCEWithLogitsLoss()
"""
# Written out: the first optimizer of torch.optim that is made imports a compiler, for seconds.
OPTIMIZER = """class SGD:
    steps = 0
    def zero_grad(self, *_, **__):
        for parameter in model.parameters():
            parameter.grad = None
    def step(self):
        self.steps += 1
        for parameter in model.parameters():
            if parameter.grad is not None:
                parameter.data -= 0.1 * parameter.grad
optimizer = SGD()
"""
EPOCH = "loss = train_one_epoch(model, batches, optimizer, loss_function)"
RESULT = "result = evaluate(model, batches, loss_function)"
TRAINED = (
    "model[0].weight",
    "model[0].bias",
    "model[1].weight",
    "model[1].bias",
    "model[0].running_mean",
)


def labelled(rng: np.random.Generator, n: int, size: int) -> Inputs:
    """Examples with two features, labels, and weights of a linear rule.

    Drawn until the ways to get an accuracy wrong give other numbers than the right way.
    """
    while True:
        x = (rng.standard_normal((n, 2)) * [1.0, 1.5] + [0.4, 0.2]).round(2)
        y = rng.integers(0, 2, n).astype(float)
        w = rng.uniform(0.4, 0.9, (1, 2)).round(2)
        logits = (x / np.sqrt(1 + 1e-5)) @ w[0]
        hits = (logits > 0) == y
        parts = [slice(i, i + size) for i in range(0, n, size)]
        crossed = [((logits[p, None] > 0) == y[p]).astype(float) for p in parts]
        weights = [len(y[p]) for p in parts]
        shares = [
            hits.mean(),
            np.mean([hits[p].mean() for p in parts]),
            ((logits > 0.5) == y).mean(),
            (y == 0).mean(),
            np.average([c.mean() for c in crossed], weights=weights),
            np.mean([c.mean() for c in crossed]),
            sum(c.sum() for c in crossed) / n,
        ]
        apart = np.abs(np.subtract.outer(shares, shares)) + np.eye(len(shares))
        if apart.min() > 0.01 and min(shares) > 0:
            return {"x": x, "y": y, "w": w, "size": size}


def examples(rng: np.random.Generator, n: int, size: int) -> Inputs:
    """Examples with two features, labels of both kinds, and weights of a linear rule."""
    return {
        "x": batch(rng, n, 2),
        "y": rng.permuted(np.arange(n) % 2).astype(float),
        "w": rng.uniform(0.4, 0.9, (1, 2)).round(2),
        "size": size,
    }


TRAIN = Question(
    name="train",
    title="One epoch of training",
    names=("train_one_epoch",),
    reference=source(train_one_epoch),
    probes=(
        Probe(
            "a batch of four and one of two",
            "learning",
            f"{NET}{OPTIMIZER}passes = []\n"
            "model[1].weight.register_hook(lambda _: passes.append(1))\n"
            f"{EPOCH}\n"
            "made = {'steps': optimizer.steps, 'backward passes': len(passes)}",
            (*TRAINED, "made"),
            lambda rng: examples(rng, 6, 4),
        ),
        Probe(
            "the loss that comes back",
            "loss",
            f"{NET}{OPTIMIZER}{EPOCH}",
            ("loss",),
            lambda rng: examples(rng, 6, 4),
        ),
        Probe(
            "gradients left over from before",
            "learning",
            f"{NET}{OPTIMIZER}"
            "for parameter in model.parameters():\n"
            "    parameter.grad = torch.ones_like(parameter)\n"
            f"{EPOCH}",
            TRAINED,
            lambda rng: examples(rng, 8, 3),
        ),
        Probe(
            "a model that comes in eval mode",
            "mode",
            f"{NET}{OPTIMIZER}model.eval()\n{EPOCH}",
            ("model[0].training", *TRAINED),
            lambda rng: examples(rng, 6, 4),
        ),
    ),
    points={"learning": 2, "loss": 1, "mode": 1},
    mistakes=(
        Mistake(
            "train mode is not switched on",
            "The model may come in eval mode, after a validation or a look at its shapes. Then "
            "it trains with fixed running statistics. Call `train()` at the start of each epoch.",
            LOOKED,
            (("    model.train()\n", ""),),
            number=19,
        ),
        Mistake(
            "trained in eval mode",
            "You call `eval()` before the batches: the layers use fixed running statistics, and "
            "never move them. Training needs `train()`.",
            LOOKED,
            (("model.train()", "model.eval()"),),
        ),
        Mistake(
            "gradients are not set to zero",
            "`backward` adds to the gradients that are there, so each step also repeats all "
            "earlier ones. Call `zero_grad` for each batch.",
            NETWORK,
            (("        optimizer.zero_grad()\n", ""),),
        ),
        Mistake(
            "gradients set to zero once, before the loop",
            "`backward` adds to the gradients, so from the second batch on each step repeats "
            "the ones before. Call `zero_grad` inside the loop.",
            NETWORK,
            (
                ("        optimizer.zero_grad()\n", ""),
                ("    total = 0.0\n", "    total = 0.0\n    optimizer.zero_grad()\n"),
            ),
        ),
        Mistake(
            "gradients set to zero after the step alone",
            "That serves the next batch. The first one finds whatever was left in the parameters "
            "before your function was called. Call `zero_grad` before `backward`.",
            NETWORK,
            (
                ("        optimizer.zero_grad()\n", ""),
                (
                    "        optimizer.step()\n",
                    "        optimizer.step()\n        optimizer.zero_grad()\n",
                ),
            ),
        ),
        Mistake(
            "the step finds no gradients",
            "`step` uses the gradients that are there when it is called, and then there are none: "
            "either `zero_grad` stands between `backward` and `step`, or `step` comes before "
            "`backward`. First clear, then go backward, then step.",
            NETWORK,
            (
                ("        optimizer.zero_grad()\n", ""),
                (
                    "        optimizer.step()\n",
                    "        optimizer.zero_grad()\n        optimizer.step()\n",
                ),
            ),
        ),
        Mistake(
            "no step",
            "The gradients are computed, but nobody moves the parameters: call `step` after "
            "`backward`.",
            NETWORK,
            (("        optimizer.step()\n", ""),),
        ),
        Mistake(
            "no backward pass",
            "Without `backward` there are no gradients, and `step` has nothing to do.",
            NETWORK,
            (("        loss.backward()\n", ""),),
        ),
        Mistake(
            "one step per epoch",
            "The step stands after the loop: it uses the gradient of the last batch only. Make "
            "a step for each batch.",
            NETWORK,
            (
                ("        optimizer.step()\n", ""),
                ("    return total", "    optimizer.step()\n    return total"),
            ),
        ),
        Mistake(
            "the axis of length 1 is left on",
            "The model gives logits of shape (n, 1), the labels have the shape (n,): the loss "
            "refuses. Remove the axis with `squeeze(1)`.",
            TRAPS,
            (("model(x).squeeze(1)", "model(x)"),),
        ),
        Mistake(
            "the forward pass under no_grad",
            "`no_grad` keeps autograd from recording, so there is nothing to go back through. "
            "It belongs to evaluation.",
            NO_GRAD,
            (
                (
                    "        logits = model(x).squeeze(1)\n",
                    "        with torch.no_grad():\n            logits = model(x).squeeze(1)\n",
                ),
            ),
        ),
        Mistake(
            "sigmoid in front of a loss that takes logits",
            "`loss_function` is given logits, as the model returns them. Your probabilities are "
            "taken for logits, and squashed once more.",
            NETWORK,
            (("model(x).squeeze(1)", "torch.sigmoid(model(x)).squeeze(1)"),),
        ),
        Mistake(
            "logits and labels swapped",
            "`loss_function` takes the logits first, then the labels. With the two swapped the "
            "labels are taken for logits, and no error tells you.",
            NETWORK,
            (("loss_function(logits, y)", "loss_function(y, logits)"),),
        ),
        Mistake(
            "a second forward pass for the loss",
            "You call the model once more to get the loss. In train mode each call also moves "
            "the running statistics, and after the step the loss is another one. Take the loss "
            "that you went backward from.",
            NETWORK,
            (
                (
                    "total += loss.item() * len(y)",
                    "total += loss_function(model(x).squeeze(1), y).item() * len(y)",
                ),
            ),
        ),
        Mistake(
            "`return` inside the loop",
            "The function ends after the first batch: your `return` is indented as far as the "
            "body of the loop. Move it to the left, behind the loop.",
            NETWORK,
            (("        count += len(y)\n", "        count += len(y)\n        break\n"),),
        ),
        Mistake(
            "the model comes back in eval mode",
            "You call `eval()` before you return. The model is to be in train mode; the "
            "evaluation looks after its own.",
            DOWNHILL,
            (("    return total", "    model.eval()\n    return total"),),
        ),
        Mistake(
            "the loss averaged over the batches",
            "The last batch is smaller, and its examples count for more in your mean. Weigh "
            "each batch's loss by its number of examples.",
            NETWORK,
            (
                ("total += loss.item() * len(y)", "total += loss.item()"),
                ("count += len(y)", "count += 1"),
            ),
        ),
        Mistake(
            "mean losses divided by the number of examples",
            "Each batch's loss is a mean already. Multiply it by the number of its examples "
            "before you add, if you divide by all examples in the end.",
            NETWORK,
            (("total += loss.item() * len(y)", "total += loss.item()"),),
        ),
        Mistake(
            "the losses are summed",
            "The mean over the examples is asked for: divide by their number.",
            NETWORK,
            (("return total / count", "return total"),),
        ),
        Mistake(
            "weighted losses divided by the number of batches",
            "You have multiplied each loss by the number of its examples, so divide the sum by "
            "the number of all examples, not of batches.",
            NETWORK,
            (
                ("total += loss.item() * len(y)", "total += loss.item() * y.shape[0]"),
                ("return total / count", "return total / len(batches)"),
            ),
        ),
        Mistake(
            "the sum starts anew with each batch",
            "Your total holds the last batch only: each batch overwrites the one before. Add to "
            "it.",
            NETWORK,
            (("total += loss.item() * len(y)", "total = loss.item() * len(y)"),),
        ),
        Mistake(
            "the loss of the last batch alone",
            "You return the last batch's loss. The mean over all examples of the epoch is asked "
            "for.",
            NETWORK,
            (("return total / count", "return loss.item()"),),
        ),
        Mistake(
            "the loss is kept with its graph",
            "You add up tensors, so the graphs of all batches stay in memory until the end. Take "
            "the number out with `item()`.",
            NETWORK,
            (("total += loss.item() * len(y)", "total += loss * len(y)"),),
        ),
    ),
    hints=(
        "In which mode must the model be, and can you rely on it when your function is called?",
        "For each batch there are five things to do, in a fixed order. Which of them clears "
        "what the batch before has left?",
        "Switch the mode once. For each batch: clear the gradients, go forward and squeeze axis "
        "1, take the loss, go backward, step. Add up the losses times the batch sizes, as "
        "numbers, and divide by the number of examples.",
    ),
    read=NETWORK,
)


EVALUATE = Question(
    name="evaluate",
    title="An evaluation that leaves no trace",
    names=("evaluate",),
    reference=source(evaluate),
    probes=(
        Probe(
            "a batch of four and one of two",
            "result",
            f"{NET}{RESULT}",
            ("result",),
            lambda rng: labelled(rng, 6, 4),
        ),
        Probe(
            "a last batch of one",
            "result",
            f"{NET}{RESULT}",
            ("result",),
            lambda rng: labelled(rng, 7, 3),
        ),
        Probe(
            "what is left behind",
            "no trace",
            f"{NET}recorded = []\n"
            "model.register_forward_hook(lambda m, i, out: recorded.append(out.requires_grad))\n"
            f"{RESULT}\n"
            "learns = all(parameter.requires_grad for parameter in model.parameters())",
            (
                "any(recorded)",
                "learns",
                "torch.is_grad_enabled()",
                "model[0].running_mean",
                "model[0].running_var",
                "int(model[0].num_batches_tracked)",
            ),
            lambda rng: examples(rng, 6, 3),
        ),
        Probe(
            "a model in train mode",
            "mode",
            f"{NET}{RESULT}",
            ("model.training", "model[0].training"),
            lambda rng: examples(rng, 6, 3),
        ),
        Probe(
            "a model in eval mode",
            "mode",
            f"{NET}model.eval()\n{RESULT}",
            ("model.training", "model[0].training"),
            lambda rng: examples(rng, 6, 3),
        ),
        Probe(
            "a model in train mode, one layer of it in eval mode",
            "mixed modes",
            f"{NET}model[0].eval()\n{RESULT}",
            ("model.training", "model[0].training"),
            lambda rng: examples(rng, 6, 3),
        ),
    ),
    points={"result": 2, "no trace": 1, "mode": 1, "mixed modes": 1},
    mistakes=(
        Mistake(
            "no_grad taken for eval mode",
            "`no_grad` tells autograd not to record; the layers stay in train mode. They use the "
            "statistics of each validation batch, and take them into their running ones. Call "
            "`eval()` too.",
            NO_GRAD,
            (("    model.eval()\n", ""),),
            number=20,
        ),
        Mistake(
            "gradients are recorded",
            "`eval()` does not stop autograd, which records a graph that nobody needs. Put the "
            "loop under `torch.no_grad()`.",
            NO_GRAD,
            (("with torch.no_grad():", "if True:"),),
        ),
        Mistake(
            "the parameters are left frozen",
            "You switched off the gradients of the parameters, and they stay off: the model no "
            "longer learns. `torch.no_grad()` holds only for the block below it.",
            NO_GRAD,
            (
                (
                    "    with torch.no_grad():",
                    "    model.requires_grad_(False)\n    with torch.no_grad():",
                ),
            ),
        ),
        Mistake(
            "autograd is left switched off",
            "`set_grad_enabled(False)` holds for the whole program until someone switches it "
            "back, and the next `backward` fails. `with torch.no_grad()` ends with its block.",
            NO_GRAD,
            (("    with torch.no_grad():", "    torch.set_grad_enabled(False)\n    if True:"),),
        ),
        Mistake(
            "the mode is not restored",
            "The model stays in eval mode, and the next epoch trains with fixed running "
            "statistics. Note the modes first, and put them back at the end.",
            DOWNHILL,
            (("        module.training = training\n", "        pass\n"),),
            number=19,
        ),
        Mistake(
            "left in train mode",
            "You call `train()` at the end, whatever the mode was before. A model that was in "
            "eval mode would come back in train mode.",
            DOWNHILL,
            (
                (
                    "    for module, training in modes:\n        module.training = training\n",
                    "    model.train()\n",
                ),
            ),
        ),
        Mistake(
            "one mode for the whole model",
            "You restore the mode of the model with `train`, which sets all of its layers. A "
            "layer that was kept in eval mode on purpose, say a frozen one, is then in train "
            "mode. Note and restore the mode of each of `model.modules()`.",
            FREEZING,
            (
                (
                    "    for module, training in modes:\n        module.training = training\n",
                    "    model.train(modes[0][1])\n",
                ),
            ),
        ),
        Mistake(
            "only the model's own mode restored",
            "You set `training` of the model alone, and its layers stay in eval mode. Restore the "
            "mode of each of `model.modules()`.",
            DOWNHILL,
            (
                (
                    "    for module, training in modes:\n        module.training = training\n",
                    "    model.training = modes[0][1]\n",
                ),
            ),
        ),
        Mistake(
            "the mode of the model itself is not restored",
            "Its layers have their modes back, the model itself has not. `modules()` begins with "
            "the model; `children()` and a choice by class leave it out.",
            DOWNHILL,
            (("in model.modules()]", "in model.children()]"),),
        ),
        Mistake(
            "sigmoid in front of a loss that takes logits",
            "`loss_function` is given logits, as the model returns them. Your probabilities are "
            "taken for logits, and squashed once more.",
            NETWORK,
            (("loss_function(logits, y)", "loss_function(torch.sigmoid(logits), y)"),),
        ),
        Mistake(
            "logits and labels swapped",
            "`loss_function` takes the logits first, then the labels. With the two swapped the "
            "labels are taken for logits, and no error tells you.",
            NETWORK,
            (("loss_function(logits, y)", "loss_function(y, logits)"),),
        ),
        Mistake(
            "the loss averaged over the batches",
            "The last batch is smaller, and its examples count for more in your mean. Weigh "
            "each batch's loss by its number of examples.",
            NETWORK,
            (
                ("total += loss.item() * len(y)", "total += loss.item()"),
                ("return total / count", "return total / len(batches)"),
            ),
        ),
        Mistake(
            "mean losses divided by the number of examples",
            "Each batch's loss is a mean already. Multiply it by the number of its examples "
            "before you add, if you divide by all examples in the end.",
            NETWORK,
            (("total += loss.item() * len(y)", "total += loss.item()"),),
        ),
        Mistake(
            "accuracies averaged over the batches",
            "An example in a small last batch counts for more than the others. Count the right "
            "answers of all batches, and divide once.",
            NETWORK,
            (
                ("hits.sum().item()", "hits.double().mean().item()"),
                ("right / count", "right / len(batches)"),
            ),
        ),
        Mistake(
            "the logit is compared with 0.5",
            "The model returns logits, not probabilities. The probability is above one half "
            "where the logit is above 0.",
            NETWORK,
            (("logits > 0", "logits > 0.5"),),
        ),
        Mistake(
            "argmax of a single output",
            "The model has one output, so `argmax` over axis 1 is always 0, and every prediction "
            "is class 0. Ask whether the logit is above 0.",
            NETWORK,
            (("(logits > 0) == y", "(logits.unsqueeze(1).argmax(1)) == y"),),
        ),
        Mistake(
            "every prediction against every label",
            "Predictions of shape (n, 1) and labels of shape (n,) are stretched to (n, n), and no "
            "error tells you. Remove the axis with `squeeze(1)` before you compare.",
            TRAPS,
            (("hits = (logits > 0) == y", "hits = (logits[:, None] > 0) == y"),),
        ),
        Mistake(
            "every prediction against every label, averaged",
            "Predictions of shape (n, 1) and labels of shape (n,) are stretched to (n, n), and "
            "their mean is near one half for any model. Remove the axis with `squeeze(1)` before "
            "you compare.",
            TRAPS,
            (
                ("hits = (logits > 0) == y", "hits = (logits[:, None] > 0) == y"),
                ("hits.sum().item()", "hits.double().mean().item() * len(y)"),
            ),
        ),
        Mistake(
            "`squeeze()` without an axis",
            "It removes every axis of length 1: for a last batch of one example also that of the "
            "batch, and the loss refuses. Write `squeeze(1)`.",
            TRAPS,
            ((".squeeze(1)", ".squeeze()"),),
        ),
        Mistake(
            "the axis of length 1 is left on",
            "The model gives logits of shape (n, 1), the labels have the shape (n,): the loss "
            "refuses. Remove the axis with `squeeze(1)`.",
            TRAPS,
            (("model(x).squeeze(1)", "model(x)"),),
        ),
        Mistake(
            "accuracy in percent",
            "The share of right answers is asked for, a number from 0 to 1.",
            NETWORK,
            (("right / count", "100 * right / count"),),
        ),
        Mistake(
            "the right answers are counted",
            "The share of right answers is asked for: divide their number by that of all examples.",
            NETWORK,
            (("right / count", "right"),),
        ),
        Mistake(
            "right answers divided by the number of batches",
            "You count the right answers of all batches: divide by the number of all examples, "
            "not of batches.",
            NETWORK,
            (("right / count", "right / len(batches)"),),
        ),
        Mistake(
            "weighted losses divided by the number of batches",
            "You have multiplied each loss by the number of its examples, so divide the sum by "
            "the number of all examples, not of batches.",
            NETWORK,
            (
                ("total += loss.item() * len(y)", "total += loss.item() * y.shape[0]"),
                ("return total / count", "return total / len(batches)"),
            ),
        ),
        Mistake(
            "the results are swapped",
            "First the loss, then the accuracy.",
            NETWORK,
            (("return total / count, right / count", "return right / count, total / count"),),
        ),
    ),
    hints=(
        "Two switches are needed, one for the layers and one for autograd. What must be as it "
        "was when your function returns?",
        "Every module has an attribute `training`. Note it for all of them before you switch. "
        "And a batch of two is not worth as much as a batch of four.",
        "Note the modes of all modules; switch to eval mode; under `no_grad` go through the "
        "batches, squeeze axis 1, add up loss times size, right answers and examples; put back "
        "each module's mode; return the two quotients.",
    ),
    read=NO_GRAD,
)


# The freeze.


def freeze(model: nn.Module) -> None:
    kinds = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
    layers = [layer for layer in model.modules() if isinstance(layer, kinds)]
    for layer in layers:
        layer.weight.requires_grad_(False)
        layer.bias.requires_grad_(False)
        layer.eval()

        def stay(mode: bool = True, layer: nn.Module = layer) -> nn.Module:
            return layer

        layer.train = stay  # type: ignore[method-assign, assignment]


FROZEN = f"""{OPTIMIZER}model.train()
for _ in range(2):
    optimizer.zero_grad()
    (model(x) ** 2).sum().backward()
    optimizer.step()
state = model.state_dict()
"""
BLOCKS = """torch.set_default_dtype(torch.float64)
block = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.BatchNorm1d(3), torch.nn.Dropout())
model = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.BatchNorm1d(2), block)
x = torch.tensor(x, requires_grad=True)
model(x)
freeze(model)
"""
IMAGES = """torch.set_default_dtype(torch.float64)
model = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 2), torch.nn.BatchNorm2d(2))
x = torch.tensor(x, requires_grad=True)
model(x)
freeze(model)
"""
VOLUMES = """torch.set_default_dtype(torch.float64)
model = torch.nn.Sequential(torch.nn.Conv3d(1, 2, 2), torch.nn.BatchNorm3d(2))
x = torch.tensor(x, requires_grad=True)
model(x)
freeze(model)
"""

FREEZE = Question(
    name="freeze",
    title="A freeze that lasts",
    names=("freeze",),
    reference=source(freeze),
    probes=(
        Probe(
            "one layer, straight after the freeze",
            "statistics",
            "torch.set_default_dtype(torch.float64)\n"
            "model = torch.nn.Sequential(torch.nn.BatchNorm1d(2))\n"
            "x = torch.tensor(x)\n"
            "model(x)\n"
            "freeze(model)\n"
            "y = model(x)\n"
            "state = model.state_dict()",
            ("y", "state['0.running_mean']", "state['0.running_var']"),
            lambda rng: {"x": batch(rng, 4, 2)},
        ),
        Probe(
            "one layer, then train()",
            "statistics",
            "torch.set_default_dtype(torch.float64)\n"
            "model = torch.nn.Sequential(torch.nn.BatchNorm1d(2))\n"
            "x = torch.tensor(x)\n"
            "model(x)\n"
            "freeze(model)\n"
            "model.train()\n"
            "y = model(x)\n"
            "state = model.state_dict()",
            ("y", "state['0.running_mean']", "state['0.running_var']"),
            lambda rng: {"x": batch(rng, 4, 2)},
        ),
        Probe(
            "γ and β after two steps",
            "γ and β",
            f"{BLOCKS}{FROZEN}",
            ("state['1.weight']", "state['1.bias']"),
            lambda rng: {"x": batch(rng, 5, 2)},
        ),
        Probe(
            "the other layers after two steps",
            "the rest",
            f"{BLOCKS}before = [layer.weight.tolist() for layer in (model[0], block[0])]\n{FROZEN}"
            "after = [layer.weight.tolist() for layer in (model[0], block[0])]\n"
            "learned = [one != other for one, other in zip(before, after)]",
            ("learned",),
            lambda rng: {"x": batch(rng, 5, 2)},
        ),
        Probe(
            "dropout after train() and eval()",
            "the rest",
            f"{BLOCKS}model.train()\nin_train = model[2][2].training\n"
            "model.eval()\nin_eval = model[2][2].training",
            ("in_train", "in_eval"),
            lambda rng: {"x": batch(rng, 5, 2)},
        ),
        Probe(
            "a layer inside a block",
            "every layer",
            f"{BLOCKS}{FROZEN}",
            ("state['2.1.running_mean']", "state['2.1.weight']", "state['2.1.bias']"),
            lambda rng: {"x": batch(rng, 5, 2)},
        ),
        Probe(
            "a layer for images",
            "every layer",
            f"{IMAGES}{FROZEN}",
            ("state['1.running_mean']", "state['1.weight']", "state['1.bias']"),
            lambda rng: {"x": batch(rng, 4, 1, 3, 4)},
        ),
        Probe(
            "a layer for volumes",
            "every layer",
            f"{VOLUMES}{FROZEN}",
            ("state['1.running_mean']", "state['1.weight']", "state['1.bias']"),
            lambda rng: {"x": batch(rng, 2, 1, 2, 3, 3)},
        ),
        Probe(
            "eval(), then train() again",
            "statistics",
            "torch.set_default_dtype(torch.float64)\n"
            "model = torch.nn.Sequential(torch.nn.BatchNorm1d(2))\n"
            "x = torch.tensor(x)\n"
            "model(x)\n"
            "freeze(model)\n"
            "model.eval()\n"
            "in_eval = model(x)\n"
            "model.train()\n"
            "in_train = model(2 * x)\n"
            "state = model.state_dict()",
            ("in_eval", "in_train", "state['0.running_mean']", "state['0.running_var']"),
            lambda rng: {"x": batch(rng, 4, 2)},
        ),
    ),
    points={"statistics": 1, "γ and β": 1, "the rest": 1, "every layer": 1},
    mistakes=(
        Mistake(
            "frozen by requires_grad alone",
            "Now γ and β stay, but the statistics are buffers: no gradient moves them, the forward "
            "pass in train mode does. The layers must stay in eval mode as well.",
            FREEZING,
            (
                (
                    "        layer.bias.requires_grad_(False)\n        layer.eval()\n",
                    "        layer.bias.requires_grad_(requires_grad=False)\n",
                ),
                ("        layer.train = stay", "        stay()"),
            ),
            number=29,
        ),
        Mistake(
            "eval() undone by train()",
            "You put the layers into eval mode, and the next `model.train()` puts them back: the "
            "statistics move again. A freeze that lasts needs a layer whose own `train` does "
            "nothing, or one that goes back to eval mode by itself.",
            FREEZING,
            (("        layer.train = stay", "        stay()"),),
            number=30,
        ),
        Mistake(
            "nothing is frozen",
            "The statistics still move, and γ and β still learn. If you set both switches, your "
            "condition finds no layer: in a `Sequential` the names are numbers, so ask for the "
            "class with `isinstance`.",
            FREEZING,
            (("    for layer in layers:\n", "    for layer in layers[:0]:\n"),),
        ),
        Mistake(
            "`train` replaced by `eval`",
            "`model.train()` calls the layer's `train` with the mode, True or False, and `eval` "
            "takes none. Give the layer a function that takes a mode and ignores it.",
            FREEZING,
            (("        layer.train = stay", "        layer.train = layer.eval"),),
        ),
        Mistake(
            "a `train` that takes no mode",
            "`model.train()` calls the layer's `train` with the mode, True or False, and your "
            "function takes none. Let it take a mode and ignore it.",
            FREEZING,
            (("        layer.train = stay", "        layer.train = lambda: None"),),
        ),
        Mistake(
            "`train` of the whole model replaced",
            "You replaced `train` of the model, so `train()` and `eval()` reach no layer at all, "
            "and dropout stays as it was. Replace it in the batch normalization layers alone.",
            FREEZING,
            (("        layer.train = stay", "        model.train = lambda mode=True: model"),),
        ),
        Mistake(
            "γ and β still learn",
            "The statistics are fixed, but eval mode stops no gradient: the optimizer still "
            "moves γ and β. Switch off their gradients too.",
            FREEZING,
            (
                ("        layer.weight.requires_grad_(False)\n", ""),
                ("        layer.bias.requires_grad_(False)\n", ""),
            ),
            number=31,
        ),
        Mistake(
            "only γ is frozen",
            "The shift β still learns: switch off the gradients of both.",
            FREEZING,
            (("        layer.bias.requires_grad_(False)\n", ""),),
        ),
        Mistake(
            "all parameters are frozen",
            "You switched off the gradients of the whole model, so the other layers learn "
            "nothing. Only the batch normalization layers are to stay.",
            FREEZING,
            (
                (
                    "    for layer in layers:\n",
                    "    model.requires_grad_(False)\n    for layer in layers:\n",
                ),
            ),
        ),
        Mistake(
            "the whole model stays in eval mode",
            "`model.train()` no longer reaches the other layers, so dropout stays off in "
            "training. Only the batch normalization layers are to stay in eval mode.",
            FREEZING,
            (
                (
                    "    for layer in layers:\n",
                    "    for module in model.modules():\n"
                    "        module.eval()\n"
                    "        module.train = lambda mode=True: model\n"
                    "    for layer in layers:\n",
                ),
            ),
        ),
        Mistake(
            "layers inside blocks missed",
            "`children()` gives the layers directly below the model. Layers inside a block are "
            "found with `modules()`.",
            FREEZING,
            (("in model.modules() if", "in model.children() if"),),
        ),
        Mistake(
            "layers for images missed",
            "`BatchNorm2d` is a class of its own and no kind of `BatchNorm1d`: ask for 1d, 2d and "
            "3d.",
            SHAPES,
            (
                (
                    "kinds = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)",
                    "kinds = nn.BatchNorm1d",
                ),
            ),
        ),
        Mistake(
            "layers for vectors missed",
            "`BatchNorm1d` is a class of its own and no kind of `BatchNorm2d`: ask for 1d, 2d and "
            "3d.",
            SHAPES,
            (
                (
                    "kinds = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)",
                    "kinds = nn.BatchNorm2d",
                ),
            ),
        ),
        Mistake(
            "layers for volumes missed",
            "`BatchNorm3d` is a class of its own and no kind of `BatchNorm2d`: ask for 1d, 2d and "
            "3d.",
            SHAPES,
            (("nn.BatchNorm2d, nn.BatchNorm3d)", "nn.BatchNorm2d)"),),
        ),
        Mistake(
            "the statistics stay, but the batch normalises",
            "With momentum 0, or without tracking, the running statistics no longer move. But in "
            "train mode the layer goes on using the batch's own. The layers must be in eval mode.",
            MODES,
            (
                ("        layer.eval()\n", "        layer.momentum = 0.0\n"),
                ("        layer.train = stay", "        stay()"),
            ),
        ),
        Mistake(
            "the statistics stay, but after train() the batch normalises",
            "With momentum 0, or without tracking, the running statistics no longer move. But "
            "`model.train()` undoes your `eval()`, and the layer uses the batch's own again. The "
            "layers must stay in eval mode.",
            MODES,
            (
                ("        layer.eval()\n", "        layer.eval()\n        layer.momentum = 0.0\n"),
                ("        layer.train = stay", "        stay()"),
            ),
        ),
        Mistake(
            "the statistics are reset",
            "A frozen layer keeps what it has learned. You set its statistics back to 0 and 1.",
            FREEZING,
            (
                (
                    "        layer.eval()\n",
                    "        layer.eval()\n        layer.reset_running_stats()\n",
                ),
            ),
        ),
    ),
    hints=(
        "Two things must stay, and different switches hold them. Which one does `model.train()` "
        "turn back?",
        "γ and β stay without gradients. The statistics stay in eval mode, and `model.train()` "
        "calls `train` of each layer: that is where a layer can refuse.",
        "Go through all modules, and pick the layers of the three classes. Switch off the "
        "gradients of the two parameters, put the layer into eval mode, and give this one layer "
        "a `train` that takes a mode, does nothing and returns the layer.",
    ),
    read=FREEZING,
)

EXERCISE = Exercise(
    "ex06_pytorch",
    "BatchNorm in PyTorch",
    (LAYER, LEARNED, STORED, MOVED, SILENT, TRAIN, EVALUATE, FREEZE),
)
