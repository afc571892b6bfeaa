"""The networks of the course: the notes' BNNet, an MLP, a small CNN and a small ResNet.

All but `BNNet` take a *norm factory*: a callable from the number of channels to a module, such as
`bnlib.nn.BatchNorm1d`, `partial(nn.GroupNorm, 8)` or None for no normalisation. Their weights are
drawn from a `torch.Generator` that you pass, never from the global seed.
"""

import math
from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, nn

NormFactory = Callable[[int], nn.Module]
Placement = Literal["before", "after"]
Scheme = Literal["he", "lecun", "glorot", "torch"]

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "relu": nn.ReLU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "gelu": nn.GELU,
    "identity": nn.Identity,
}


def initialise(
    model: nn.Module, generator: torch.Generator, scheme: Scheme = "he", gain: float = 1.0
) -> nn.Module:
    """Draw the weights of every linear and convolution layer anew, in place; biases become 0.

    scheme: the standard deviation of a weight, with fan_in inputs and fan_out outputs:
        `he` sqrt(2 / fan_in), `lecun` sqrt(1 / fan_in), `glorot` sqrt(2 / (fan_in + fan_out)),
        all normal; `torch` draws weights and biases as nn.Linear does by itself, uniformly from
        +-sqrt(1 / fan_in).
    gain: multiplies the weights afterwards.

    Normalisation layers keep what they have. Returns the model.
    He et al. 2015; LeCun et al. 1998; Glorot & Bengio 2010.
    """
    with torch.no_grad():
        for module in model.modules():
            if not isinstance(module, nn.Linear | nn.modules.conv._ConvNd):
                continue
            fan_in, fan_out = nn.init._calculate_fan_in_and_fan_out(module.weight)
            if scheme == "torch":
                bound = math.sqrt(1 / fan_in)
                module.weight.uniform_(-bound, bound, generator=generator)
                if module.bias is not None:
                    module.bias.uniform_(-bound, bound, generator=generator)
            else:
                variance = {"he": 2 / fan_in, "lecun": 1 / fan_in, "glorot": 2 / (fan_in + fan_out)}
                if scheme not in variance:
                    raise ValueError(
                        f"unknown scheme, got {scheme!r}: choose he, lecun, glorot or torch"
                    )
                module.weight.normal_(0, math.sqrt(variance[scheme]), generator=generator)
                if module.bias is not None:
                    module.bias.zero_()
            module.weight.mul_(gain)
    return model


class BNNet(nn.Module):
    """The network of the lecture notes, section 3.1: two hidden layers, each with BatchNorm1d.

    Input `(N, input_dim)`, output `(N, 1)`: one logit for binary classification.
    """

    def __init__(self, input_dim: int = 20, hidden_dim: int = 64) -> None:
        super().__init__()

        self.fc1 = nn.Linear(input_dim, hidden_dim)
        self.bn1 = nn.BatchNorm1d(hidden_dim)  # BN after fc1
        self.relu = nn.ReLU()

        self.fc2 = nn.Linear(hidden_dim, hidden_dim)
        self.bn2 = nn.BatchNorm1d(hidden_dim)  # BN after fc2

        self.out = nn.Linear(hidden_dim, 1)  # final layer for binary classification

    def forward(self, x: Tensor) -> Tensor:
        x = self.fc1(x)
        x = self.bn1(x)  # apply BN
        x = self.relu(x)  # activation

        x = self.fc2(x)
        x = self.bn2(x)  # BN again
        x = self.relu(x)

        x = self.out(x)
        return x


class MLP(nn.Module):
    """A plain multi-layer perceptron; `depth` hidden layers of `width` units each.

    Input `(N, in_features)`, output `(N, out_features)`. Each hidden layer is a block with the
    submodules `linear`, `norm`, `activation`, run as linear, norm, activation
    (`placement="before"`) or linear, activation, norm (`placement="after"`). Without a norm
    factory there is no `norm`. `bias` is that of the hidden linear layers.

    scheme, gain: see `initialise`; the output layer always gets `lecun` with gain 1.
    Raises ValueError for a depth below 1, an unknown activation or placement.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        depth: int,
        width: int,
        generator: torch.Generator,
        norm: NormFactory | None = None,
        activation: str = "relu",
        placement: Placement = "before",
        bias: bool = True,
        scheme: Scheme = "he",
        gain: float = 1.0,
    ) -> None:
        super().__init__()
        if depth < 1:
            raise ValueError(f"need at least 1 hidden layer, got depth={depth}: use depth=1")
        if activation not in ACTIVATIONS:
            raise ValueError(
                f"unknown activation, got {activation!r}: choose one of {', '.join(ACTIVATIONS)}"
            )
        if placement not in ("before", "after"):
            raise ValueError(f"unknown placement, got {placement!r}: choose 'before' or 'after'")
        blocks = []
        for layer in range(depth):
            linear = nn.Linear(in_features if layer == 0 else width, width, bias=bias)
            parts = {"linear": linear, "activation": ACTIVATIONS[activation]()}
            if norm is not None:
                parts["norm"] = norm(width)
            order = ["linear", "norm", "activation"]
            if placement == "after":
                order = ["linear", "activation", "norm"]
            block = nn.Sequential()
            for name in order:
                if name in parts:
                    block.add_module(name, parts[name])
            blocks.append(block)
        self.hidden = nn.Sequential(*blocks)
        self.output = nn.Linear(width, out_features)
        initialise(self.hidden, generator, scheme, gain)
        initialise(self.output, generator, "lecun")

    def forward(self, x: Tensor) -> Tensor:
        return self.output(self.hidden(x))


class SmallCNN(nn.Module):
    """Three 3 x 3 convolutions, the last two with stride 2, then global average pooling.

    Input `(N, in_channels, H, W)`, output `(N, out_features)`. With a norm factory each
    convolution is followed by its norm and has no bias of its own.
    """

    def __init__(
        self,
        in_channels: int,
        out_features: int,
        *,
        generator: torch.Generator,
        width: int = 16,
        norm: NormFactory | None = None,
    ) -> None:
        super().__init__()
        channels = [in_channels, width, 2 * width, 2 * width]
        layers: list[nn.Module] = []
        for i in range(3):
            stride = 1 if i == 0 else 2
            layers.append(_conv(channels[i], channels[i + 1], stride, bias=norm is None))
            if norm is not None:
                layers.append(norm(channels[i + 1]))
            layers.append(nn.ReLU())
        self.features = nn.Sequential(*layers)
        self.output = nn.Linear(2 * width, out_features)
        initialise(self.features, generator)
        initialise(self.output, generator, "lecun")

    def forward(self, x: Tensor) -> Tensor:
        return self.output(self.features(x).mean((2, 3)))


class ResidualBlock(nn.Module):
    """x + norm(conv(relu(norm(conv(x))))), then ReLU: the basic block of He et al. 2016.

    Input and output `(N, width, H, W)`. `norm2` is the last layer of the branch, the one whose
    gamma is set to 0 for a block that starts as the identity (Goyal et al. 2017).
    """

    def __init__(self, width: int, norm: NormFactory | None) -> None:
        super().__init__()
        self.conv1 = _conv(width, width, 1, bias=norm is None)
        self.norm1 = norm(width) if norm else nn.Identity()
        self.conv2 = _conv(width, width, 1, bias=norm is None)
        self.norm2 = norm(width) if norm else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        branch = torch.relu(self.norm1(self.conv1(x)))
        return torch.relu(x + self.norm2(self.conv2(branch)))


class ResNet(nn.Module):
    """A stem convolution with stride 2, `blocks` residual blocks, global average pooling.

    Input `(N, in_channels, H, W)`, output `(N, out_features)`.
    zero_gamma: start gamma of the last norm in each branch at 0 (needs a norm with a `weight`).
    """

    def __init__(
        self,
        in_channels: int,
        out_features: int,
        *,
        generator: torch.Generator,
        blocks: int = 3,
        width: int = 16,
        norm: NormFactory | None = None,
        zero_gamma: bool = False,
    ) -> None:
        super().__init__()
        self.stem = nn.Sequential(_conv(in_channels, width, 2, bias=norm is None))
        if norm is not None:
            self.stem.append(norm(width))
        self.stem.append(nn.ReLU())
        self.blocks = nn.Sequential(*(ResidualBlock(width, norm) for _ in range(blocks)))
        self.output = nn.Linear(width, out_features)
        initialise(self.stem, generator)
        initialise(self.blocks, generator)
        initialise(self.output, generator, "lecun")
        if zero_gamma:
            for block in self.blocks:
                gamma = getattr(block.norm2, "weight", None)
                if not isinstance(gamma, nn.Parameter):
                    raise ValueError(
                        f"zero_gamma needs a norm with a weight, got {block.norm2}: "
                        "pass a norm factory such as BatchNorm2d"
                    )
                nn.init.zeros_(gamma)

    def forward(self, x: Tensor) -> Tensor:
        return self.output(self.blocks(self.stem(x)).mean((2, 3)))


def _conv(in_channels: int, out_channels: int, stride: int, bias: bool) -> nn.Conv2d:
    return nn.Conv2d(in_channels, out_channels, 3, stride=stride, padding=1, bias=bias)
