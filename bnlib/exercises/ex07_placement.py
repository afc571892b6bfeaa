"""Exercise 7: blocks in two orders, zero-initialised γ, the bias, folding."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn

from bnlib.exercises.inputs import affine, batch
from bnlib.exercises.question import (
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

CHAPTER = "07_placement"
ORDERS = Section(CHAPTER, "Two orders")
MEASURED = Section(CHAPTER, "Before or after, measured")
BIAS = Section(CHAPTER, "The bias that does nothing")
RESIDUAL_BLOCKS = Section(CHAPTER, "Residual blocks")
QUIZ = Section(CHAPTER, "Check yourself")
EVAL = Section("05_train_eval", "Two modes, two sets of numbers")
EPSILON = Section("03_mechanism", "What ε does")
SHAPES = Section("06_pytorch", "Which layer for which shape")


# The references.


def block(in_channels: int, out_channels: int, order: str) -> nn.Sequential:
    norm_first = order == "before"
    with_bias = not norm_first
    conv = nn.Conv2d(in_channels, out_channels, kernel_size=3, padding=1, bias=with_bias)
    norm = nn.BatchNorm2d(out_channels)
    activation = nn.ReLU()
    if norm_first:
        return nn.Sequential(conv, norm, activation)
    return nn.Sequential(conv, activation, norm)


class Residual(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, kernel_size=3, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, kernel_size=3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(channels)
        nn.init.zeros_(self.norm2.weight)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        first = self.norm1(self.conv1(x))
        between = torch.relu(first)
        z = self.conv2(between)
        branch = self.norm2(z)
        total = x + branch
        return torch.relu(total)


def fold(
    weight: np.ndarray,
    bias: np.ndarray | None,
    gamma: np.ndarray,
    beta: np.ndarray,
    running_mean: np.ndarray,
    running_var: np.ndarray,
    eps: float,
) -> tuple[np.ndarray, np.ndarray]:
    root = np.sqrt(running_var + eps)
    scale = gamma / root
    shape = (-1,) + (1,) * (weight.ndim - 1)
    folded_weight = weight * scale.reshape(shape)
    shift = -running_mean
    if bias is not None:
        shift = shift + bias
    folded_bias = scale * shift + beta
    return folded_weight, folded_bias


# The bias, counted.

SAVED = value_question(
    "saved",
    "The parameters that can go",
    112,
    (
        wrong(
            122,
            "the bias of the last layer counted too",
            "No batch norm follows the last linear layer, so its 10 biases work and must stay.",
            BIAS,
        ),
        wrong(
            51,
            "a bias per input channel",
            "A bias has one number per output channel: the convolution from 3 to 16 channels has "
            "16 of them.",
            BIAS,
        ),
        wrong(
            3,
            "one bias per layer",
            "A bias is a vector, with one number for each output channel.",
            BIAS,
        ),
        wrong(
            1008,
            "a bias per entry of the kernel",
            "The 9 positions of a 3 × 3 kernel have weights of their own, but they share one bias "
            "per output channel.",
            BIAS,
        ),
        wrong(
            224,
            "β counted too",
            "Keep β: it does what the bias was meant to do. Only the biases of the convolutions "
            "go.",
            BIAS,
        ),
    ),
    (
        "Which of these layers have batch norm directly behind them?",
        "Only a bias directly in front of batch norm is redundant. How long is the bias of a "
        "convolution?",
        "Add up the output channels of the three convolutions, and leave the last linear layer "
        "alone.",
    ),
    BIAS,
)


# Two orders.

FILL = """for p in net.parameters():
    p.data = torch.linspace(-1, 1.5, p.numel()).double().reshape(p.shape)
"""


PARTS = "net = block(2, 3, order)\nshapes = sorted(tuple(p.shape) for p in net.parameters())"
CHANNELS = (2, 3)


def _output(sizes: str) -> str:
    return f"net = block({sizes}, order).double()\n{FILL}y = net(torch.tensor(x))"


def _in_order(order: str, *shape: int) -> Callable[[np.random.Generator], Inputs]:
    if not shape:
        return lambda rng: {"order": order}
    return lambda rng: {"x": batch(rng, *shape), "order": order}


def _parts(inputs: Inputs, values: dict[str, Any]) -> str | None:
    shapes = [tuple(int(length) for length in shape) for shape in values["shapes"]]
    inside, outside = CHANNELS
    wanted = [(outside,), (outside,), (outside, inside, 3, 3)]
    if inputs["order"] == "after":
        wanted.insert(0, (outside,))
    if shapes == wanted:
        return None
    bias = "and a bias" if inputs["order"] == "after" else "and no bias"
    return (
        f"the parameters have the shapes {', '.join(map(str, shapes))}. From {inside} to {outside} "
        f"channels the block has a kernel of shape {wanted[-1]} {bias}, and γ and β with "
        f"{outside} numbers each."
    )


def _last_step(inputs: Inputs, values: dict[str, Any]) -> str | None:
    y = values["y"]
    if inputs["order"] == "before":
        if y.min() >= 0:
            return None
        return f"`y` goes down to {y.min():.4g}, but the last step is a ReLU."
    means, wanted = y.mean(axis=(0, 2, 3)), np.linspace(-1, 1.5, y.shape[1])
    worst = int(np.argmax(np.abs(means - wanted)))
    if abs(means[worst] - wanted[worst]) < 1e-6 * (1 + np.abs(y).max()):
        return None
    return (
        f"channel {worst} of `y` has the mean {means[worst]:.4g}, but the last step is BN, whose "
        f"output has the mean β, here {wanted[worst]:.4g}."
    )


BLOCK = Question(
    name="block",
    title="A block in two orders",
    names=("block",),
    reference=source(block),
    probes=(
        Probe(
            "the parameters, BN before the activation",
            "parameters",
            PARTS,
            ("shapes",),
            _in_order("before"),
        ),
        Probe(
            "the parameters, BN after the activation",
            "parameters",
            PARTS,
            ("shapes",),
            _in_order("after"),
        ),
        Probe(
            "BN before the activation",
            "before",
            _output("2, 3"),
            ("y",),
            _in_order("before", 2, 2, 2, 3),
        ),
        Probe(
            "BN after the activation",
            "after",
            _output("2, 3"),
            ("y",),
            _in_order("after", 2, 2, 2, 3),
        ),
        Probe(
            "more images, BN before the activation",
            "before",
            _output("3, 3"),
            ("y",),
            _in_order("before", 4, 3, 4, 5),
        ),
        Probe(
            "more images, BN after the activation",
            "after",
            _output("3, 3"),
            ("y",),
            _in_order("after", 4, 3, 4, 5),
        ),
    ),
    points={"parameters": 2, "before": 1, "after": 1},
    mistakes=(
        Mistake(
            "a bias directly in front of batch norm",
            "With the order “before”, the batch mean that BN subtracts contains the bias, so the "
            "bias cancels and its gradient is rounding noise. Leave it out there; β does its work.",
            BIAS,
            (("with_bias = not norm_first", "with_bias = True"),),
            number=36,
        ),
        Mistake(
            "no bias in front of the activation",
            "With the order “after”, a ReLU stands between the bias and BN. There the bias decides "
            "where each unit switches on, and BN cannot undo that: keep it.",
            QUIZ,
            (("with_bias = not norm_first", "with_bias = False"),),
        ),
        Mistake(
            "the bias in the wrong one of the two orders",
            "Your convolution has a bias where BN follows directly and cancels it, and none where "
            "the ReLU follows and it counts. Exchange the two.",
            BIAS,
            (("with_bias = not norm_first", "with_bias = norm_first"),),
        ),
        Mistake(
            "the two orders exchanged",
            "The name of the order says where BN stands: “before” is convolution, BN, ReLU, and "
            "“after” is convolution, ReLU, BN.",
            ORDERS,
            (('norm_first = order == "before"', 'norm_first = order == "after"'),),
        ),
        Mistake(
            "the order is ignored",
            "Your block puts BN before the ReLU whatever `order` says.",
            ORDERS,
            (('norm_first = order == "before"', "norm_first = True"),),
        ),
        Mistake(
            "BN stands after the activation whatever the order",
            "Your block ignores `order`: with “before”, BN comes directly after the convolution.",
            ORDERS,
            (('norm_first = order == "before"', "norm_first = False"),),
        ),
        Mistake(
            "the convolution without padding",
            "A 3 × 3 kernel without padding cuts a row or column off each side. With padding 1 the "
            "image keeps its size.",
            ORDERS,
            ((", padding=1", ""),),
        ),
        Mistake(
            "batch norm sized for the input channels",
            "BN stands behind the convolution, so it has one γ, β, mean and variance for each "
            "channel that comes *out* of it.",
            SHAPES,
            (("nn.BatchNorm2d(out_channels)", "nn.BatchNorm2d(in_channels)"),),
        ),
        Mistake(
            "the input and output channels exchanged",
            "`nn.Conv2d` takes the number of input channels first, then that of output channels.",
            ORDERS,
            (("nn.Conv2d(in_channels, out_channels", "nn.Conv2d(out_channels, in_channels"),),
        ),
        Mistake(
            "BatchNorm1d for images",
            "Images have four axes, (N, C, H, W): the layer for them is `nn.BatchNorm2d`.",
            SHAPES,
            (("nn.BatchNorm2d(", "nn.BatchNorm1d("),),
        ),
        Mistake(
            "batch norm without γ and β",
            "With `affine=False` the layer only standardises. Nothing then does the work of the "
            "bias that you removed: keep γ and β.",
            BIAS,
            (("nn.BatchNorm2d(out_channels)", "nn.BatchNorm2d(out_channels, affine=False)"),),
        ),
        Mistake(
            "BN in front of the convolution",
            "With the order “before”, BN stands between the convolution and the ReLU, so that it "
            "sets the scale of what enters the ReLU. Yours stands in front of the convolution.",
            ORDERS,
            (
                (
                    "return nn.Sequential(conv, norm, activation)",
                    "return nn.Sequential(nn.BatchNorm2d(in_channels), conv, activation)",
                ),
            ),
        ),
        Mistake(
            "a second ReLU behind BN",
            "With the order “after”, BN is the last step. A ReLU behind it takes away the centred "
            "inputs that the next layer was to get.",
            ORDERS,
            (
                (
                    "return nn.Sequential(conv, activation, norm)",
                    "return nn.Sequential(conv, activation, norm, nn.ReLU())",
                ),
            ),
        ),
        Mistake(
            "a kernel of 1 × 1",
            "The kernel is to have 3 × 3 entries: `kernel_size` is 3.",
            ORDERS,
            (("kernel_size=3", "kernel_size=1"),),
        ),
        Mistake(
            "the activation is missing",
            "Without the ReLU the block is linear but for the statistics.",
            ORDERS,
            (("nn.ReLU()", "nn.Identity()"),),
        ),
    ),
    hints=(
        "What is the same in both orders, and what is different? It is not only the place of BN.",
        "Directly in front of BN a bias cancels. With a ReLU in between it does not.",
        "Make the three parts, with padding 1, and with `bias` of `nn.Conv2d` true only for the "
        "order “after”. Then hand them to `nn.Sequential` in one of the two orders.",
    ),
    read=ORDERS,
    laws=(Law("parts", _parts), Law("last step", _last_step)),
    seconds=10,
)


# Residual blocks.

WEIGHTS = """net.conv1.weight.data.copy_(torch.tensor(w1))
net.conv2.weight.data.copy_(torch.tensor(w2))
x = torch.tensor(x)
"""
TRAINED = """net.norm1.weight.data.copy_(torch.tensor(gamma1))
net.norm1.bias.data.copy_(torch.tensor(beta1))
net.norm2.weight.data.copy_(torch.tensor(gamma2))
net.norm2.bias.data.copy_(torch.tensor(beta2))
"""


def _kernels(rng: np.random.Generator, channels: int) -> Inputs:
    shape = (channels, channels, 3, 3)
    return {
        "w1": rng.standard_normal(shape).round(2),
        "w2": rng.standard_normal(shape).round(2),
    }


def _trained(rng: np.random.Generator, channels: int) -> Inputs:
    first, second = affine(rng, channels), affine(rng, channels)
    return {
        "gamma1": first["gamma"],
        "beta1": (first["beta"] - 1.5).round(2),
        "gamma2": second["gamma"],
        "beta2": (second["beta"] - 2.5).round(2),
    }


def _starts(inputs: Inputs, values: dict[str, Any]) -> str | None:
    gamma, beta = values["gamma"], values["beta"]
    for name, got, wanted in (
        ("the γ of `norm1`", gamma[0], 1),
        ("the γ of `norm2`", gamma[1], 0),
        ("the β of `norm1`", beta[0], 0),
        ("the β of `norm2`", beta[1], 0),
    ):
        if not (got == wanted).all():
            return f"{name} starts at {got.tolist()}, expected {wanted} in every channel."
    return None


def _identity(inputs: Inputs, values: dict[str, Any]) -> str | None:
    if "gamma1" in inputs:
        return None
    off = np.abs(values["y"] - np.maximum(inputs["x"], 0)).max()
    if off < 1e-9:
        return None
    return (
        "at the start the branch is silent and the block gives relu(x), but your `y` is up to "
        f"{off:.4g} away from that."
    )


def _not_negative(inputs: Inputs, values: dict[str, Any]) -> str | None:
    lowest = values["y"].min()
    if lowest >= 0:
        return None
    return f"`y` goes down to {lowest:.4g}, but the last step is a ReLU."


RESIDUAL = Question(
    name="residual",
    title="A residual block that starts as the identity",
    names=("Residual",),
    reference=source(Residual),
    probes=(
        Probe(
            "the parameters at the start",
            "start",
            "net = Residual(2)\n"
            "shapes = sorted(tuple(p.shape) for p in net.parameters())\n"
            "gamma = [net.norm1.weight, net.norm2.weight]\n"
            "beta = [net.norm1.bias, net.norm2.bias]\n"
            "all_zero = [not conv.weight.any() for conv in (net.conv1, net.conv2)]",
            ("shapes", "gamma", "beta", "all_zero"),
        ),
        Probe(
            "what a ReLU hands on, at the start",
            "start",
            f"net = Residual(2).double()\n{WEIGHTS}y = net(x)",
            ("y", "x"),
            lambda rng: {"x": np.abs(batch(rng, 2, 2, 2, 3)), **_kernels(rng, 2)},
        ),
        Probe(
            "inputs of both signs, at the start",
            "start",
            f"net = Residual(2).double()\n{WEIGHTS}y = net(x)",
            ("y", "x"),
            lambda rng: {"x": batch(rng, 2, 2, 2, 3), **_kernels(rng, 2)},
        ),
        Probe(
            "γ and β as they may be after training",
            "branch",
            f"net = Residual(3).double()\n{WEIGHTS}{TRAINED}y = net(x)",
            ("y", "x"),
            lambda rng: {
                "x": batch(rng, 4, 3, 4, 5),
                **_kernels(rng, 3),
                **_trained(rng, 3),
            },
        ),
    ),
    points={"start": 2, "branch": 3},
    mistakes=(
        Mistake(
            "the last γ starts at 1",
            "The γ of `norm2` has to start at 0. torch starts γ at 1 and β at 0, so that at the "
            "start the branch already adds numbers of spread 1 to x.",
            RESIDUAL_BLOCKS,
            (("        nn.init.zeros_(self.norm2.weight)\n", ""),),
        ),
        Mistake(
            "the γ of both norms start at 0",
            "Only the last γ starts at 0. With the first one at 0 too, `conv2` gets only zeros, "
            "so the last x̂ is 0, the gradient of the last γ is 0 as well, and only the last β ever "
            "moves.",
            RESIDUAL_BLOCKS,
            (
                (
                    "nn.init.zeros_(self.norm2.weight)\n",
                    "nn.init.zeros_(self.norm2.weight)\n"
                    "        nn.init.zeros_(self.norm1.weight)\n",
                ),
            ),
        ),
        Mistake(
            "the first γ starts at 0 and not the last",
            "You set the γ of `norm1` to 0. The branch is silent because of its *last* layer: "
            "set the γ of `norm2`.",
            RESIDUAL_BLOCKS,
            (("nn.init.zeros_(self.norm2.weight)", "nn.init.zeros_(self.norm1.weight)"),),
        ),
        Mistake(
            "the last convolution starts at 0 and not γ",
            "The block is the identity at the start so too, but BN then divides by √ε: the first "
            "small change of the weights comes out large. Set the γ of `norm2` to 0, and leave the "
            "weights of the convolution as torch draws them.",
            RESIDUAL_BLOCKS,
            (("nn.init.zeros_(self.norm2.weight)", "nn.init.zeros_(self.conv2.weight)"),),
        ),
        Mistake(
            "a bias directly in front of batch norm",
            "Both convolutions stand directly in front of BN, which cancels their biases: "
            "`bias=False`.",
            BIAS,
            (
                (", bias=False)\n        self.norm1", ")\n        self.norm1"),
                (", bias=False)\n        self.norm2", ")\n        self.norm2"),
            ),
            number=36,
        ),
        Mistake(
            "no ReLU after the sum",
            "The last step is the ReLU of the sum, x + branch. Without it the block hands on "
            "negative numbers.",
            RESIDUAL_BLOCKS,
            (("return torch.relu(total)", "return total"),),
        ),
        Mistake(
            "a ReLU behind the last norm of the branch",
            "In the branch there is no ReLU behind the last BN: with one, a block could only make "
            "numbers larger.",
            RESIDUAL_BLOCKS,
            (("branch = self.norm2(z)", "branch = torch.relu(self.norm2(z))"),),
        ),
        Mistake(
            "no ReLU between the convolutions",
            "Between `norm1` and `conv2` stands a ReLU. Without it, the branch is one linear map "
            "but for the statistics.",
            RESIDUAL_BLOCKS,
            (("between = torch.relu(first)", "between = first"),),
        ),
        Mistake(
            "the shortcut is missing",
            "A residual block adds its input: the sum is x + branch.",
            RESIDUAL_BLOCKS,
            (("total = x + branch", "total = branch"),),
        ),
        Mistake(
            "the shortcut is a ReLU too early",
            "You add relu(x) and not x. Where x is negative, the sum is then too large.",
            RESIDUAL_BLOCKS,
            (("total = x + branch", "total = torch.relu(x) + branch"),),
        ),
        Mistake(
            "the shortcut starts inside the branch",
            "You add what comes out of the first ReLU. The shortcut goes from the input of the "
            "block to the sum: keep x under a name of its own.",
            RESIDUAL_BLOCKS,
            (("total = x + branch", "total = between + branch"),),
        ),
        Mistake(
            "the branch is multiplied by 0",
            "A factor 0 in `forward` silences the branch for ever: no gradient passes it. γ is a "
            "parameter that starts at 0 and learns.",
            RESIDUAL_BLOCKS,
            (("branch = self.norm2(z)", "branch = 0 * self.norm2(z)"),),
        ),
        Mistake(
            "BN in front of the convolutions",
            "Each norm stands behind its convolution: conv1, norm1, ReLU, conv2, norm2.",
            RESIDUAL_BLOCKS,
            (
                ("first = self.norm1(self.conv1(x))", "first = self.conv1(self.norm1(x))"),
                ("z = self.conv2(between)", "z = self.norm2(between)"),
                ("branch = self.norm2(z)", "branch = self.conv2(z)"),
            ),
        ),
        Mistake(
            "the first norm is used twice",
            "`norm1` stands behind `conv1` and `norm2` behind `conv2`. Two layers in one cannot "
            "have two γ, and its running statistics would be a mixture of both.",
            RESIDUAL_BLOCKS,
            (("branch = self.norm2(z)", "branch = self.norm1(z)"),),
        ),
        Mistake(
            "the first convolution is used twice",
            "The branch has two convolutions with weights of their own: `conv2` follows the ReLU.",
            RESIDUAL_BLOCKS,
            (("z = self.conv2(between)", "z = self.conv1(between)"),),
        ),
        Mistake(
            "the input is overwritten",
            "`x += …` writes into the tensor of the caller, who still needs it, as does the "
            "backward pass of `conv1`. Make a new one: `x + …`.",
            RESIDUAL_BLOCKS,
            (("total = x + branch", "total = x.add_(branch)"),),
        ),
        Mistake(
            "the convolution without padding",
            "Without padding the image shrinks in each convolution, and the branch no longer fits "
            "the x that it is added to.",
            RESIDUAL_BLOCKS,
            (
                (
                    ", padding=1, bias=False)\n        self.norm1",
                    ", bias=False)\n        self.norm1",
                ),
                (
                    ", padding=1, bias=False)\n        self.norm2",
                    ", bias=False)\n        self.norm2",
                ),
            ),
        ),
    ),
    hints=(
        "Follow the formula from the inside to the outside. How many ReLUs does it have?",
        "γ is called `weight` in torch's layer. Which of the two norms is the last of the branch?",
        "Four layers in the constructor, then `nn.init.zeros_` on one γ. In `forward`: conv1, "
        "norm1, ReLU, conv2, norm2, add x, ReLU.",
    ),
    read=RESIDUAL_BLOCKS,
    laws=(
        Law("start", _starts),
        Law("identity", _identity),
        Law("not negative", _not_negative),
    ),
    seconds=10,
)

FIRST_STEP = value_question(
    "first_step",
    "What learns in the first step",
    "c",
    (
        wrong(
            "a",
            "all parameters get a gradient",
            "On its way to the weights in front of it, the gradient is multiplied by γ, which is "
            "0. The convolutions and `norm1` get none in the first step.",
            RESIDUAL_BLOCKS,
        ),
        wrong(
            "b",
            "no parameter gets a gradient",
            "The gradient of the last γ is the sum of the upstream gradient times x̂, which is in "
            "general not zero. So γ leaves 0, and the rest follows.",
            QUIZ,
        ),
        wrong(
            "d",
            "the convolutions learn and the last γ stays",
            "It is the other way round: what stands *in front of* γ = 0 gets no gradient, γ itself "
            "does.",
            RESIDUAL_BLOCKS,
        ),
    ),
    (
        "Go backwards from the output. At which point is the gradient multiplied by γ?",
        "The branch ends in γ·x̂ + β. What is its derivative with respect to γ, to β and to x̂, "
        "at γ 0?",
        "With respect to x̂ it is γ, which is 0, so nothing passes further back. With respect to "
        "γ it is x̂, and with respect to β it is 1.",
    ),
    RESIDUAL_BLOCKS,
    choices=("a", "b", "c", "d"),
)


# Removing the bias later, and folding.

MOVED_MEAN = value_question(
    "moved_mean",
    "Removing the bias of a trained layer",
    0.9,
    (
        wrong(
            1.5,
            "the running mean unchanged",
            "The running mean was collected with the bias in it. If it stays, every output moves "
            "by −γ·0.6 over the root.",
            QUIZ,
            number=36,
        ),
        wrong(
            2.1,
            "the bias added to the running mean",
            "What BN gets becomes smaller by 0.6, so what it subtracts must become smaller too.",
            QUIZ,
        ),
        wrong(
            0.3,
            "the bias scaled by γ",
            "The factor γ is applied after the mean has been subtracted. The mean and the bias are "
            "both in front of it, in the same units.",
            QUIZ,
        ),
        wrong(
            0.6,
            "the running mean replaced by the bias",
            "Only the part of the mean that came from the bias goes; the rest of it stays.",
            QUIZ,
        ),
        wrong(
            0.0,
            "no running mean left",
            "The mean of the inputs' part, Wx, is still there to be subtracted.",
            QUIZ,
        ),
    ),
    (
        "In eval mode BN computes with the difference of what comes in and the running mean.",
        "What comes in becomes smaller by the bias. How must the running mean change so that the "
        "difference stays?",
        "Subtract the bias from the running mean. γ and the running variance have no say in it.",
    ),
    QUIZ,
)


def _running(rng: np.random.Generator, *shape: int, var: float = 1.0, eps: float = 1e-2) -> Inputs:
    out = shape[0]
    return {
        "weight": (rng.choice((-1.0, 1.0), shape) * rng.uniform(0.2, 2.0, shape)).round(2),
        "bias": rng.uniform(0.5, 2.0, out).round(2),
        **affine(rng, out),
        "running_mean": rng.uniform(-3.0, -0.5, out).round(2),
        "running_var": (var * rng.uniform(0.3, 4.0, out)).round(5),
        "eps": eps,
    }


def _rows_scaled(inputs: Inputs, values: dict[str, Any]) -> str | None:
    weight, folded = inputs["weight"], values["out"][0]
    scale = inputs["gamma"] / np.sqrt(inputs["running_var"] + inputs["eps"])
    for row in range(len(weight)):
        ratio = folded[row] / weight[row]
        if np.ptp(ratio) > 1e-6 * np.abs(ratio).max():
            return (
                f"the weights of output channel {row} are multiplied by factors from "
                f"{ratio.min():.4g} to {ratio.max():.4g}; all weights of a channel get the same "
                "one."
            )
        if abs(ratio.mean() - scale[row]) > 1e-6 * abs(scale[row]):
            return (
                f"the weights of output channel {row} are multiplied by {ratio.mean():.4g}, "
                f"expected {scale[row]:.4g}: that is γ over the root."
            )
    return None


def _zero_input(inputs: Inputs, values: dict[str, Any]) -> str | None:
    folded = values["out"][1]
    own = 0.0 if inputs["bias"] is None else inputs["bias"]
    root = np.sqrt(inputs["running_var"] + inputs["eps"])
    wanted = inputs["gamma"] * (own - inputs["running_mean"]) / root + inputs["beta"]
    worst = int(np.argmax(np.abs(folded - wanted)))
    if abs(folded[worst] - wanted[worst]) < 1e-6 * (1 + abs(wanted[worst])):
        return None
    return (
        f"for an input of zeros, the layer followed by BN gives {wanted[worst]:.4g} in channel "
        f"{worst}, and your folded layer gives its bias, {folded[worst]:.4g}."
    )


CALL = "out = fold(weight, bias, gamma, beta, running_mean, running_var, eps)"
CAREFUL = f'try:\n    {CALL}\nexcept ValueError:\n    out = "shapes that do not fit"'

FOLD = Question(
    name="fold",
    title="Folding batch norm into the layer before it",
    names=("fold",),
    reference=source(fold),
    probes=(
        Probe("two inputs, two outputs", "linear", CALL, ("out",), lambda rng: _running(rng, 2, 2)),
        Probe(
            "a layer without bias",
            "no bias",
            CALL,
            ("out",),
            lambda rng: {**_running(rng, 3, 3), "bias": None},
        ),
        Probe(
            "small running variances",
            "linear",
            CALL,
            ("out",),
            lambda rng: _running(rng, 3, 3, var=1e-3, eps=1e-3),
        ),
        Probe(
            "a convolution", "convolution", CALL, ("out",), lambda rng: _running(rng, 3, 3, 3, 3)
        ),
        Probe(
            "five inputs, three outputs, no bias",
            "no bias",
            CAREFUL,
            ("out",),
            lambda rng: {**_running(rng, 3, 5), "bias": None},
        ),
        Probe(
            "a convolution whose sizes all differ",
            "convolution",
            CAREFUL,
            ("out",),
            lambda rng: _running(rng, 4, 2, 3, 5),
        ),
    ),
    points={"linear": 3, "no bias": 1, "convolution": 2},
    mistakes=(
        Mistake(
            "the layer's own bias is not scaled",
            "BN scales everything that comes in, and the layer's bias is part of that: multiply "
            "it by γ over the root, as you do with the weights.",
            EVAL,
            (("shift = shift + bias\n", "shift = shift + bias / scale\n"),),
            number=34,
        ),
        Mistake(
            "the layer's own bias is forgotten",
            "The layer adds a bias before BN sees its result: it belongs into the new bias, less "
            "the running mean and scaled.",
            EVAL,
            (("shift = shift + bias\n", "pass\n"),),
        ),
        Mistake(
            "the layer's own bias is counted twice",
            "It enters once with the running mean, scaled, and you add it a second time as it is.",
            EVAL,
            (("shift = shift + bias\n", "shift = shift + bias + bias / scale\n"),),
        ),
        Mistake(
            "the running mean is forgotten",
            "BN subtracts the running mean before it scales. Folded, this is a part of the bias: "
            "minus the running mean, times γ over the root.",
            EVAL,
            (("shift = -running_mean\n", "shift = np.zeros_like(running_mean)\n"),),
        ),
        Mistake(
            "the running mean is added",
            "BN subtracts the running mean: its sign in the new bias is minus.",
            EVAL,
            (("shift = -running_mean\n", "shift = running_mean\n"),),
        ),
        Mistake(
            "the running mean is not scaled",
            "BN subtracts the mean first and scales then, so in the new bias the mean is "
            "multiplied by γ over the root.",
            EVAL,
            (("shift = -running_mean\n", "shift = -running_mean / scale\n"),),
        ),
        Mistake(
            "β left out",
            "BN adds β at the end, after the scaling: it belongs into the new bias as it is.",
            EVAL,
            (("scale * shift + beta", "scale * shift"),),
        ),
        Mistake(
            "β added before the scaling",
            "You scale β too. It is added after the scaling.",
            EVAL,
            (("scale * shift + beta", "scale * (shift + beta)"),),
        ),
        Mistake(
            "the root left out",
            "You scale by γ alone. BN also divides by the root of running variance plus ε.",
            EVAL,
            (("scale = gamma / root", "scale = gamma"),),
        ),
        Mistake(
            "the weights are not scaled",
            "The weights come back as they went in. BN multiplies what they compute by γ over the "
            "root, so the new weights carry that factor.",
            EVAL,
            (("folded_weight = weight * scale.reshape(shape)", "folded_weight = weight.copy()"),),
        ),
        Mistake(
            "γ left out",
            "The factor is γ over the root, and you use 1 over the root.",
            EVAL,
            (("scale = gamma / root", "scale = 1 / root"),),
        ),
        Mistake(
            "ε outside the root",
            "BN adds ε to the running variance, before the root.",
            EPSILON,
            (("np.sqrt(running_var + eps)", "np.sqrt(running_var) + eps"),),
            number=4,
        ),
        Mistake(
            "no ε",
            "BN divides by the root of the running variance plus ε. Where the variance is small, "
            "the folded layer is otherwise another function.",
            EPSILON,
            (("np.sqrt(running_var + eps)", "np.sqrt(running_var)"),),
            number=5,
        ),
        Mistake(
            "divided by the variance",
            "`running_var` is a variance: take the root of it, plus ε, before you divide.",
            EVAL,
            (("np.sqrt(running_var + eps)", "(running_var + eps)"),),
            number=6,
        ),
        Mistake(
            "the scale along the input axis",
            "You scale the columns. Channels of BN are the layer's *outputs*, and those are axis 0 "
            "of the weight. With as many inputs as outputs no error tells you.",
            EVAL,
            (
                (
                    "shape = (-1,) + (1,) * (weight.ndim - 1)",
                    "shape = (1, -1) + (1,) * (weight.ndim - 2)",
                ),
            ),
        ),
        Mistake(
            "the scale along the last axis",
            "Without a reshape, NumPy lays the factors along the last axis of the weight, and "
            "their place is axis 0, that of the output channels.",
            EVAL,
            (("shape = (-1,) + (1,) * (weight.ndim - 1)", "shape = (-1,)"),),
        ),
        Mistake(
            "the scale shaped for a matrix only",
            "The shape (out, 1) fits a matrix. For a kernel of shape (out, in, kh, kw) NumPy lays "
            "it along the rows of the kernel: there it must be (out, 1, 1, 1).",
            EVAL,
            (("shape = (-1,) + (1,) * (weight.ndim - 1)", "shape = (-1, 1)"),),
        ),
        Mistake(
            "no bias where the layer had none",
            "The folded layer needs a bias even if the old one had none: the running mean and β "
            "have to go somewhere.",
            EVAL,
            (
                (
                    "return folded_weight, folded_bias",
                    "return folded_weight, None if bias is None else folded_bias",
                ),
            ),
        ),
    ),
    hints=(
        "In eval mode BN is a fixed linear map in each channel: a factor and a shift. Write it so.",
        "Put z, weight times x plus bias, into the formula of eval mode and sort the terms: those "
        "with x and those without.",
        "The factor of a channel is γ over the root of running variance plus ε. It multiplies the "
        "weights of that output channel, axis 0, and it multiplies bias minus running mean; β is "
        "added last. Treat a missing bias as zeros.",
    ),
    read=EVAL,
    laws=(Law("rows", _rows_scaled), Law("zero input", _zero_input)),
)

WHICH_ORDER = value_question(
    "which_order",
    "What the measurement allows you to say",
    "c",
    (
        wrong(
            "a",
            "a rule that the runs contradict",
            "Averaged over the nine settings, before was not faster, and with the sigmoid most "
            "runs were faster with BN after.",
            MEASURED,
        ),
        wrong(
            "b",
            "an average taken for a rule",
            "An average depends on which settings are in it. Here a third of them are sigmoid "
            "networks; with tanh the deeper networks were faster with BN before.",
            MEASURED,
        ),
        wrong(
            "d",
            "single seeds taken for the whole",
            "Within one setting the seeds can disagree, but between the settings there is a "
            "difference that holds on seeds which were not used to find it.",
            MEASURED,
        ),
    ),
    (
        "Look at the rows of the figure, activation by activation.",
        "Is there one side of the line on which all settings lie?",
        "There are two claims with a verdict in that section: one on the average, one on how far "
        "the settings are apart. Choose the sentence that agrees with both.",
    ),
    MEASURED,
    choices=("a", "b", "c", "d"),
)

EXERCISE = Exercise(
    "ex07_placement",
    "Where in the network",
    (SAVED, BLOCK, RESIDUAL, FIRST_STEP, MOVED_MEAN, FOLD, WHICH_ORDER),
)
