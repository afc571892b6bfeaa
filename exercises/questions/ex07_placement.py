"""Exercise 7: blocks in two orders, zero-initialised γ, the bias, folding."""

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

CHAPTER = "07_placement"
ORDERS = Section(CHAPTER, "Two orders")
MEASURED = Section(CHAPTER, "Before or after, measured")
BIAS = Section(CHAPTER, "The bias that does nothing")
FOLDING = Section(CHAPTER, "Folding it into the layer before it")
RESIDUAL_BLOCKS = Section(CHAPTER, "Residual blocks")
QUIZ = Section(CHAPTER, "Check yourself")
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
            336,
            "γ and β counted too",
            "Keep γ and β: β does what the bias was meant to do, and γ what nothing else does. "
            "Only the biases of the convolutions go.",
            BIAS,
        ),
        wrong(
            64,
            "the last convolution alone",
            "That is the bias of one convolution. BN stands behind all three.",
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


PARTS = """net = block(2, 3, order)
shapes = " ".join(sorted(str(tuple(p.shape)) for p in net.parameters()))
"""
IN_EVAL = "\nnet.eval()\ny_eval = net(torch.tensor(x))"
CHANNELS = (2, 3)


def _output(sizes: str) -> str:
    return f"net = block({sizes}, order).double()\n{FILL}y = net(torch.tensor(x))"


def _in_order(order: str, *shape: int) -> Callable[[np.random.Generator], Inputs]:
    if not shape:
        return lambda rng: {"order": order}
    return lambda rng: {"x": batch(rng, *shape), "order": order}


def _parts(inputs: Inputs, values: dict[str, Any]) -> str | None:
    inside, outside = CHANNELS
    after = inputs["order"] == "after"
    kernel, vector = (outside, inside, 3, 3), (outside,)
    if values["shapes"] == " ".join(map(str, [kernel, vector, vector] + [vector] * after)):
        return None
    return (
        f"the parameters have the shapes {values['shapes']}. From {inside} to {outside} channels "
        f"the block has a kernel of shape {kernel} {'and a bias' if after else 'and no bias'}, and "
        f"γ and β with {outside} numbers each."
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
            "more images, BN before the activation, then in eval mode",
            "before",
            _output("3, 3") + IN_EVAL,
            ("y", "y_eval"),
            _in_order("before", 4, 3, 4, 5),
        ),
        Probe(
            "more images, BN after the activation, then in eval mode",
            "after",
            _output("3, 3") + IN_EVAL,
            ("y", "y_eval"),
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
            "batch norm without running statistics",
            "With `track_running_stats=False` the layer keeps no running mean and variance, and "
            "takes those of the batch in eval mode too.",
            SHAPES,
            (
                (
                    "nn.BatchNorm2d(out_channels)",
                    "nn.BatchNorm2d(out_channels, track_running_stats=False)",
                ),
            ),
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
            "BN in front of the convolution, with the wrong number of channels",
            "You hand BN over first, so it gets the channels that come in, and it was made for "
            "those that go out. With the order “before”, it stands between the convolution and the "
            "ReLU.",
            ORDERS,
            (
                (
                    "return nn.Sequential(conv, norm, activation)",
                    "return nn.Sequential(norm, conv, activation)",
                ),
            ),
        ),
        Mistake(
            "BN and ReLU in front of the convolution",
            "“Before” means before the activation, not before the convolution. The convolution "
            "comes first in both orders: convolution, BN, ReLU.",
            ORDERS,
            (
                (
                    "return nn.Sequential(conv, norm, activation)",
                    "return nn.Sequential(norm, activation, conv)",
                ),
            ),
        ),
        Mistake(
            "the convolution at the end",
            "With the order “after”, only BN and the ReLU change places. The convolution stays "
            "first: convolution, ReLU, BN.",
            ORDERS,
            (
                (
                    "return nn.Sequential(conv, activation, norm)",
                    "return nn.Sequential(activation, norm, conv)",
                ),
            ),
        ),
        Mistake(
            "nothing is returned",
            "Your function makes the block and ends without `return`, so it gives None.",
            ORDERS,
            (
                (
                    "return nn.Sequential(conv, norm, activation)",
                    "return None",
                ),
                (
                    "return nn.Sequential(conv, activation, norm)",
                    "return None",
                ),
            ),
        ),
        Mistake(
            "nothing is returned for one of the orders",
            "For the order “after” your function ends without `return`, so it gives None.",
            ORDERS,
            (
                ('norm_first = order == "before"', 'norm_first = order != "after"'),
                (
                    "return nn.Sequential(conv, activation, norm)",
                    "nn.Sequential(conv, activation, norm)",
                ),
            ),
        ),
        Mistake(
            "a list of layers in place of a block",
            "You return the layers in a list. Hand them to `nn.Sequential`, one after the other, "
            "and return that: only then can the block be called.",
            ORDERS,
            (
                (
                    "return nn.Sequential(conv, norm, activation)",
                    "return [conv, norm, activation]",
                ),
                (
                    "return nn.Sequential(conv, activation, norm)",
                    "return [conv, activation, norm]",
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

START = """net = Residual(2)
layers = {"conv1": net.conv1, "norm1": net.norm1, "conv2": net.conv2, "norm2": net.norm2}
parameters = " ".join(f"{n}.{p}" for n in layers for p, _ in layers[n].named_parameters())
count = len(list(net.parameters()))
learns = all(p.requires_grad for p in net.parameters())
gamma = [net.norm1.weight, net.norm2.weight]
beta = [net.norm1.bias, net.norm2.bias]
all_zero = [not conv.weight.any() for conv in (net.conv1, net.conv2)]
kernels = " ".join(str(tuple(conv.weight.shape)) for conv in (net.conv1, net.conv2))
"""
ALL = "conv1.weight norm1.weight norm1.bias conv2.weight norm2.weight norm2.bias"

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


def _one_channel(rng: np.random.Generator) -> Inputs:
    """So small that all of it is printed; γ is positive, and x of both signs and never 0."""
    return {
        "x": rng.permutation(np.arange(-2.5, 5.5)).reshape(2, 1, 2, 2),
        "w1": rng.standard_normal((1, 1, 3, 3)).round(1),
        "w2": rng.standard_normal((1, 1, 3, 3)).round(1),
        "gamma1": np.array([2.0]),
        "beta1": np.array([0.5]),
        "gamma2": np.array([3.0]),
        "beta2": np.array([-0.5]),
    }


def _first_step(rng: np.random.Generator) -> Inputs:
    """The same at the start, with a gradient from above."""
    made = _one_channel(rng)
    return {
        **{name: made[name] for name in ("x", "w1", "w2")},
        "dy": rng.permutation(np.arange(1.0, 9.0)).reshape(2, 1, 2, 2),
    }


def _learns(inputs: Inputs, values: dict[str, Any]) -> str | None:
    if all(np.abs(values[key]).sum() > 1e-9 for key in ("dgamma", "dbeta")):
        return None
    return (
        "in the first step the last γ or the last β gets no gradient, so the branch cannot start "
        "to learn."
    )


def _parameters(inputs: Inputs, values: dict[str, Any]) -> str | None:
    found, wanted = values["parameters"].split(), ALL.split()
    more = [name for name in found if name not in wanted]
    missing = [name for name in wanted if name not in found]
    if more:
        return (
            f"the block has {', '.join(more)}, which should not be there: neither convolution has "
            "a bias."
        )
    if missing:
        return f"the block lacks {', '.join(missing)}: both norms have γ (`weight`) and β (`bias`)."
    if values["count"] != len(wanted):
        return (
            f"the block has {values['count']} parameters, expected {len(wanted)}: the weights of "
            "two convolutions, and γ and β of two norms."
        )
    if values["kernels"] != "(2, 2, 3, 3) (2, 2, 3, 3)":
        return (
            f"the weights of the convolutions have the shapes {values['kernels']}, expected "
            "(2, 2, 3, 3) for both, with 2 channels."
        )
    return None if values["learns"] else "a parameter of the block has `requires_grad` False."


NO_AFFINE = (
    "With `affine=False` a norm has no γ and no β. The block needs both in both norms: a last γ "
    "that starts at 0 and learns is what makes it silent at first."
)


def _keeps_x(inputs: Inputs, values: dict[str, Any]) -> str | None:
    if "x" not in values or np.array_equal(values["x"], inputs["x"]):
        return None
    return (
        "your block writes into `x`: whoever calls it may still need that. Look for `+=` and for "
        "calls that end in `_`, and make a new tensor."
    )


def _starts(inputs: Inputs, values: dict[str, Any]) -> str | None:
    gamma, beta = values["gamma"], values["beta"]
    for name, got, wanted in (
        ("the γ of `norm1`", gamma[0], 1),
        ("the γ of `norm2`", gamma[1], 0),
        ("the β of `norm1`", beta[0], 0),
        ("the β of `norm2`", beta[1], 0),
    ):
        if not (got == wanted).all():
            starts = ", ".join(f"{number:.4g}" for number in got)
            return f"{name} starts at {starts}, expected {wanted} in every channel."
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
            START,
            ("parameters", "count", "kernels", "learns", "gamma", "beta", "all_zero"),
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
            "one channel, after training",
            "branch",
            f"net = Residual(1).double()\n{WEIGHTS}{TRAINED}y = net(x)",
            ("y", "x"),
            _one_channel,
        ),
        Probe(
            "one channel, the first step",
            "branch",
            f"net = Residual(1).double()\n{WEIGHTS}y = net(x)\n"
            "(y * torch.tensor(dy)).sum().backward()\n"
            "dgamma, dbeta = net.norm2.weight.grad, net.norm2.bias.grad",
            ("y", "dgamma", "dbeta"),
            _first_step,
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
            "one norm under both names",
            "`norm1` and `norm2` are the same layer, so they have one γ together, which cannot "
            "start at 1 and at 0. Make two layers.",
            RESIDUAL_BLOCKS,
            (("self.norm2 = nn.BatchNorm2d(channels)", "self.norm2 = self.norm1"),),
        ),
        Mistake(
            "the last norm without γ and β",
            NO_AFFINE,
            RESIDUAL_BLOCKS,
            (
                (
                    "self.norm2 = nn.BatchNorm2d(channels)\n"
                    "        nn.init.zeros_(self.norm2.weight)\n",
                    "self.norm2 = nn.BatchNorm2d(channels, affine=False)\n",
                ),
            ),
        ),
        Mistake(
            "batch norm without γ and β",
            NO_AFFINE,
            RESIDUAL_BLOCKS,
            (
                (
                    "self.norm1 = nn.BatchNorm2d(channels)\n",
                    "self.norm1 = nn.BatchNorm2d(channels, affine=False)\n",
                ),
                (
                    "self.norm2 = nn.BatchNorm2d(channels)\n"
                    "        nn.init.zeros_(self.norm2.weight)\n",
                    "self.norm2 = nn.BatchNorm2d(channels, affine=False)\n",
                ),
            ),
        ),
        Mistake(
            "the last γ is frozen",
            "A parameter of the block cannot learn: `requires_grad` is False. The last γ starts at "
            "0 and has to leave it, or the branch stays silent for ever.",
            RESIDUAL_BLOCKS,
            (
                (
                    "nn.init.zeros_(self.norm2.weight)\n",
                    "nn.init.zeros_(self.norm2.weight)\n"
                    "        self.norm2.weight.requires_grad = False\n",
                ),
            ),
        ),
        Mistake(
            "BatchNorm1d for images",
            "Images have four axes, (N, C, H, W): the layer for them is `nn.BatchNorm2d`.",
            SHAPES,
            (
                ("self.norm1 = nn.BatchNorm2d(", "self.norm1 = nn.BatchNorm1d("),
                ("self.norm2 = nn.BatchNorm2d(", "self.norm2 = nn.BatchNorm1d("),
            ),
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
            "BN and ReLU in front of the convolutions",
            "That is another order, norm, ReLU, convolution. Here each norm stands behind its "
            "convolution: conv1, norm1, ReLU, conv2, norm2.",
            RESIDUAL_BLOCKS,
            (
                ("first = self.norm1(self.conv1(x))", "first = self.norm1(x)"),
                ("between = torch.relu(first)", "between = self.conv1(torch.relu(first))"),
                ("z = self.conv2(between)", "z = torch.relu(self.norm2(between))"),
                ("branch = self.norm2(z)", "branch = self.conv2(z)"),
            ),
        ),
        Mistake(
            "the first norm in front of the first convolution",
            "In the formula BN₁ is applied to W₁x: `conv1` first, then `norm1`.",
            RESIDUAL_BLOCKS,
            (("first = self.norm1(self.conv1(x))", "first = self.conv1(self.norm1(x))"),),
        ),
        Mistake(
            "the first norm behind the ReLU",
            "In the formula the ReLU takes what comes out of BN₁: conv1, norm1, then the ReLU.",
            RESIDUAL_BLOCKS,
            (
                ("first = self.norm1(self.conv1(x))", "first = torch.relu(self.conv1(x))"),
                ("between = torch.relu(first)", "between = self.norm1(first)"),
            ),
        ),
        Mistake(
            "no norm behind the first convolution",
            "`conv1` goes into the ReLU without BN. `norm1` stands between them.",
            RESIDUAL_BLOCKS,
            (("first = self.norm1(self.conv1(x))", "first = self.conv1(x)"),),
        ),
        Mistake(
            "no norm behind the second convolution",
            "You add what `conv2` gives. `norm2` stands behind it, and its γ of 0 is what silences "
            "the branch.",
            RESIDUAL_BLOCKS,
            (("branch = self.norm2(z)", "branch = z"),),
        ),
        Mistake(
            "the last norm behind the sum",
            "You normalise x + branch, so γ = 0 silences x too. `norm2` belongs to the branch, "
            "before the sum.",
            RESIDUAL_BLOCKS,
            (
                ("branch = self.norm2(z)", "branch = z"),
                ("total = x + branch", "total = self.norm2(x + branch)"),
            ),
        ),
        Mistake(
            "the two norms exchanged",
            "`norm2` stands behind `conv1` in your block, and `norm1` behind `conv2`. So the γ of "
            "0 stands in the wrong place.",
            RESIDUAL_BLOCKS,
            (
                ("first = self.norm1(self.conv1(x))", "first = self.norm2(self.conv1(x))"),
                ("branch = self.norm2(z)", "branch = self.norm1(z)"),
            ),
        ),
        Mistake(
            "the second norm is used twice",
            "`norm1` is not used. It stands behind `conv1`, and `norm2` behind `conv2`.",
            RESIDUAL_BLOCKS,
            (
                ("first = self.norm1(self.conv1(x))", "first = self.norm2(self.conv1(x))"),
                ("branch = self.norm2(z)", "branch = self.norm2(1 * z)"),
            ),
        ),
        Mistake(
            "the two convolutions exchanged",
            "`conv2` gets x in your block, and `conv1` comes second: it is the other way round.",
            RESIDUAL_BLOCKS,
            (
                ("first = self.norm1(self.conv1(x))", "first = self.norm1(self.conv2(x))"),
                ("z = self.conv2(between)", "z = self.conv1(between)"),
            ),
        ),
        Mistake(
            "a ReLU on the input",
            "You apply a ReLU to x before anything else, so negative numbers never enter the "
            "block. x goes into `conv1` and into the sum as it is.",
            RESIDUAL_BLOCKS,
            (
                (
                    "first = self.norm1(self.conv1(x))",
                    "x = torch.relu(x)\n        first = self.norm1(self.conv1(x))",
                ),
            ),
        ),
        Mistake(
            "no gradient through the branch",
            "The values are right, but the branch is cut off from the gradient (`detach`, or "
            "`no_grad` in `forward`), so it can never learn.",
            RESIDUAL_BLOCKS,
            (("branch = self.norm2(z)", "branch = self.norm2(z).detach()"),),
        ),
        Mistake(
            "the second convolution gets x",
            "You hand x to `conv2`, so what `conv1` and `norm1` compute is lost. `conv2` takes "
            "what comes out of the first ReLU.",
            RESIDUAL_BLOCKS,
            (("z = self.conv2(between)", "z = self.conv2(x)"),),
        ),
        Mistake(
            "the branch is subtracted",
            "The block adds the branch to x.",
            RESIDUAL_BLOCKS,
            (("total = x + branch", "total = x - branch"),),
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
        Law("x", _keeps_x),
        Law("parameters", _parameters),
        Law("start", _starts),
        Law("the first step", _learns),
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
            1.2,
            "0.3 subtracted",
            "You subtracted 0.3: that is β, or the bias divided by the standard deviation. Neither "
            "belongs here. What BN gets becomes smaller by the whole bias, 0.6.",
            QUIZ,
        ),
        wrong(
            -0.9,
            "the difference the wrong way round",
            "You subtracted the running mean from the bias. It is the running mean that becomes "
            "smaller, by the bias.",
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


NO_BIAS = (
    "Where the layer has no bias, `bias` is None, and None cannot be computed with. Ask "
    "`bias is None`, and take zeros then."
)
CALL = "out = fold(weight, bias, gamma, beta, running_mean, running_var, eps)"
CAREFUL = f'try:\n    {CALL}\nexcept ValueError:\n    out = "an error: the shapes do not fit"'

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
            FOLDING,
            (("shift = shift + bias\n", "shift = shift + bias / scale\n"),),
            number=34,
        ),
        Mistake(
            "the layer's own bias is forgotten",
            "The layer adds a bias before BN sees its result: it belongs into the new bias, less "
            "the running mean and scaled.",
            FOLDING,
            (("shift = shift + bias\n", "pass\n"),),
        ),
        Mistake(
            "the layer's own bias is counted twice",
            "It enters once with the running mean, scaled, and you add it a second time as it is.",
            FOLDING,
            (("shift = shift + bias\n", "shift = shift + bias + bias / scale\n"),),
        ),
        Mistake(
            "the running mean is forgotten",
            "BN subtracts the running mean before it scales. Folded, this is a part of the bias: "
            "minus the running mean, times γ over the root.",
            FOLDING,
            (("shift = -running_mean\n", "shift = np.zeros_like(running_mean)\n"),),
        ),
        Mistake(
            "the running mean is added",
            "BN subtracts the running mean: its sign in the new bias is minus.",
            FOLDING,
            (("shift = -running_mean\n", "shift = running_mean\n"),),
        ),
        Mistake(
            "the running mean is not scaled",
            "BN subtracts the mean first and scales then, so in the new bias the mean is "
            "multiplied by γ over the root.",
            FOLDING,
            (("shift = -running_mean\n", "shift = -running_mean / scale\n"),),
        ),
        Mistake(
            "β left out",
            "BN adds β at the end, after the scaling: it belongs into the new bias as it is.",
            FOLDING,
            (("scale * shift + beta", "scale * shift"),),
        ),
        Mistake(
            "β added before the scaling",
            "You scale β too. It is added after the scaling.",
            FOLDING,
            (("scale * shift + beta", "scale * (shift + beta)"),),
        ),
        Mistake(
            "the root left out",
            "You scale by γ alone. BN also divides by the root of running variance plus ε.",
            FOLDING,
            (("scale = gamma / root", "scale = gamma"),),
        ),
        Mistake(
            "the weights are not scaled",
            "The weights come back as they went in. BN multiplies what they compute by γ over the "
            "root, so the new weights carry that factor.",
            FOLDING,
            (("folded_weight = weight * scale.reshape(shape)", "folded_weight = weight.copy()"),),
        ),
        Mistake(
            "γ left out",
            "The factor is γ over the root, and you use 1 over the root.",
            FOLDING,
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
            FOLDING,
            (("np.sqrt(running_var + eps)", "(running_var + eps)"),),
            number=6,
        ),
        Mistake(
            "the scale along the input axis",
            "You scale the columns. Channels of BN are the layer's *outputs*, and those are axis 0 "
            "of the weight. With as many inputs as outputs no error tells you.",
            FOLDING,
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
            FOLDING,
            (("shape = (-1,) + (1,) * (weight.ndim - 1)", "shape = (-1,)"),),
        ),
        Mistake(
            "the scale shaped for a matrix only",
            "The shape (out, 1) fits a matrix. For a kernel of shape (out, in, kh, kw) NumPy lays "
            "it along the rows of the kernel: there it must be (out, 1, 1, 1).",
            FOLDING,
            (("shape = (-1,) + (1,) * (weight.ndim - 1)", "shape = (-1, 1)"),),
        ),
        Mistake(
            "the scale shaped for a kernel only",
            "The shape (out, 1, 1, 1) fits the kernel of a convolution. A matrix has two axes: "
            "there it must be (out, 1). Take the number of axes from `weight.ndim`.",
            FOLDING,
            (("shape = (-1,) + (1,) * (weight.ndim - 1)", "shape = (-1, 1, 1, 1)"),),
        ),
        Mistake(
            "γ left out of the weights",
            "You divide the weights by the root and stop there. They are multiplied by γ too, as "
            "the bias is.",
            FOLDING,
            (
                ("scale = gamma / root", "plain = 1 / root\n    scale = gamma * plain"),
                ("weight * scale.reshape(shape)", "weight * plain.reshape(shape)"),
            ),
        ),
        Mistake(
            "γ left out of the bias",
            "In the new bias you divide by the root and stop there. It is multiplied by γ too, as "
            "the weights are.",
            FOLDING,
            (
                ("scale = gamma / root", "plain = 1 / root\n    scale = gamma * plain"),
                ("scale * shift + beta", "plain * shift + beta"),
            ),
        ),
        Mistake(
            "the difference the wrong way round",
            "You subtract the bias from the running mean. BN subtracts the running mean from what "
            "comes in, and the bias comes in.",
            FOLDING,
            (("scale * shift + beta", "-scale * shift + beta"),),
        ),
        Mistake(
            "β subtracted",
            "You subtract β. BN adds β at the end.",
            FOLDING,
            (("scale * shift + beta", "scale * shift - beta"),),
        ),
        Mistake(
            "the bias left as it was",
            "Your new bias is that of the layer. BN changes it: it subtracts the running mean, "
            "multiplies by γ over the root, and adds β.",
            FOLDING,
            (
                (
                    "return folded_weight, folded_bias",
                    "return folded_weight, 0 * beta if bias is None else bias",
                ),
            ),
        ),
        Mistake(
            "ε fixed in the function",
            "You add 0.00001 whatever is asked for. Use the argument `eps`.",
            EPSILON,
            (("np.sqrt(running_var + eps)", "np.sqrt(running_var + 1e-5)"),),
        ),
        Mistake(
            "results in the wrong order",
            "The weight comes first, then the bias: you return them the other way round.",
            FOLDING,
            (("return folded_weight, folded_bias", "return folded_bias, folded_weight"),),
        ),
        Mistake(
            "the running mean is forgotten where there is no bias",
            "Without a bias of its own, the layer still has its running mean subtracted. The new "
            "bias is minus the running mean, times γ over the root, plus β.",
            FOLDING,
            (
                (
                    "if bias is not None:\n",
                    "if bias is None:\n        shift = 0 * shift\n    else:\n",
                ),
            ),
        ),
        Mistake(
            "a missing bias is not handled",
            NO_BIAS,
            FOLDING,
            (
                (
                    "if bias is not None:\n        shift = shift + bias\n",
                    "shift = bias - running_mean\n",
                ),
            ),
        ),
        Mistake(
            "a missing bias is multiplied",
            NO_BIAS,
            FOLDING,
            (
                (
                    "if bias is not None:\n        shift = shift + bias\n",
                    "shift = bias * 1.0 - running_mean\n",
                ),
            ),
        ),
        Mistake(
            "zeros for a missing bias, as many as inputs",
            "For a missing bias you take as many zeros as the layer has inputs. A bias has one "
            "number per output: the length of γ, or of axis 0 of the weight.",
            FOLDING,
            (
                (
                    "if bias is not None:\n",
                    "if bias is None:\n"
                    "        shift = shift + np.zeros(weight.shape[1])\n"
                    "    else:\n",
                ),
            ),
        ),
        Mistake(
            "the bias asked for its truth",
            "An array has no single truth value, so `if bias` and `bias == None` raise an error. "
            "Ask `bias is None`.",
            FOLDING,
            (("if bias is not None:", "if bias:"),),
        ),
        Mistake(
            "no bias where the layer had none",
            "The folded layer needs a bias even if the old one had none: the running mean and β "
            "have to go somewhere.",
            FOLDING,
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
    read=FOLDING,
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
