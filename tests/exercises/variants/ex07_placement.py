"""Answers to exercise 7 in other styles."""

from collections import OrderedDict

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from bnlib.nn import BatchNorm2d
from tests.exercises.variants import right, wrong


@right("ex07.block")
def block_from_a_list():
    def block(in_channels, out_channels, order):
        after = order == "after"
        parts = [
            nn.Conv2d(in_channels, out_channels, (3, 3), padding="same", bias=after),
            nn.ReLU(inplace=True),
        ]
        parts.insert(2 if after else 1, nn.BatchNorm2d(out_channels))
        return nn.Sequential(*parts)

    return block


@right("ex07.block")
def block_with_names_and_a_bias_set_to_none():
    def block(in_channels, out_channels, order):
        layers = {
            "conv": nn.Conv2d(in_channels, out_channels, 3, 1, 1),
            "norm": nn.BatchNorm2d(out_channels),
            "relu": nn.ReLU(),
        }
        if order == "before":
            layers["conv"].bias = None
            names = ("conv", "norm", "relu")
        else:
            names = ("conv", "relu", "norm")
        return nn.Sequential(OrderedDict((name, layers[name]) for name in names))

    return block


@right("ex07.block")
def block_as_a_module_with_the_layer_of_the_course():
    class Block(nn.Module):
        def __init__(self, channels, width, order):
            super().__init__()
            self.norm = BatchNorm2d(width)
            self.conv = nn.Conv2d(channels, width, 3, padding=1, bias=order != "before")
            self.order = order

        def forward(self, x):
            z = self.conv(x)
            return F.relu(self.norm(z)) if self.order == "before" else self.norm(F.relu(z))

    return Block


@wrong("ex07.block", "a bias directly in front of batch norm")
def block_with_the_default_bias():
    def block(in_channels, out_channels, order):
        net = nn.Sequential(nn.Conv2d(in_channels, out_channels, 3, padding=1))
        rest = [nn.BatchNorm2d(out_channels), nn.ReLU()]
        for layer in rest if order == "before" else reversed(rest):
            net.append(layer)
        return net

    return block


@wrong("ex07.block", "no bias in front of the activation")
def block_that_never_has_a_bias():
    def block(in_channels, out_channels, order):
        rest = [nn.BatchNorm2d(out_channels), nn.ReLU()]
        if order == "after":
            rest.reverse()
        conv = nn.Conv2d(in_channels, out_channels, 3, padding=1, bias=False)
        return nn.Sequential(conv, *rest)

    return block


@wrong("ex07.block", "batch norm sized for the input channels", "the convolution without padding")
def block_with_two_mistakes():
    def block(in_channels, out_channels, order):
        norm = nn.BatchNorm2d(in_channels)
        if order == "after":
            return nn.Sequential(nn.Conv2d(in_channels, out_channels, 3), nn.ReLU(), norm)
        conv = nn.Conv2d(in_channels, out_channels, 3, bias=False)
        return nn.Sequential(conv, norm, nn.ReLU())

    return block


@right("ex07.residual")
def residual_in_small_steps():
    class Residual(nn.Module):
        def __init__(self, channels):
            super().__init__()
            self.norm1 = nn.BatchNorm2d(channels)
            self.norm2 = nn.BatchNorm2d(channels)
            self.norm2.weight.data.zero_()
            self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
            self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)

        def forward(self, x):
            out = self.conv1(x)
            out = self.norm1(out)
            out = out.clamp(min=0)
            out = self.conv2(out)
            out = self.norm2(out)
            out += x
            return out.relu_()

    return Residual


@right("ex07.residual")
def residual_with_a_branch_in_a_sequential():
    class Residual(nn.Module):
        def __init__(self, channels):
            super().__init__()
            convs = [
                nn.Conv2d(channels, channels, kernel_size=3, padding="same", bias=False)
                for _ in range(2)
            ]
            self.conv1, self.conv2 = convs
            self.norm1, self.norm2 = (nn.BatchNorm2d(channels) for _ in range(2))
            with torch.no_grad():
                self.norm2.weight.fill_(0.0)

        def forward(self, x):
            layers = (self.conv1, self.norm1, F.relu, self.conv2, self.norm2)
            branch = x
            for layer in layers:
                branch = layer(branch)
            return F.relu(torch.add(x, branch))

    return Residual


@right("ex07.residual")
def residual_with_the_layers_of_the_course():
    class Residual(nn.Module):
        def __init__(self, channels):
            nn.Module.__init__(self)
            for number in ("1", "2"):
                conv = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
                self.add_module("conv" + number, conv)
                self.add_module("norm" + number, BatchNorm2d(channels))
            self.norm2.weight = nn.Parameter(torch.zeros(channels))
            self.relu = nn.ReLU()

        def forward(self, x):
            return self.relu(self.norm2(self.conv2(self.relu(self.norm1(self.conv1(x))))) + x)

    return Residual


class _Layers(nn.Module):
    """The layers of a residual block as torch makes them."""

    def __init__(self, channels):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(channels)
        self.norm2 = nn.BatchNorm2d(channels)


@wrong("ex07.residual", "the last γ starts at 1")
def residual_with_the_last_beta_at_zero():
    class Residual(_Layers):
        def __init__(self, channels):
            super().__init__(channels)
            nn.init.zeros_(self.norm2.bias)

        def forward(self, x):
            return F.relu(x + self.norm2(self.conv2(F.relu(self.norm1(self.conv1(x))))))

    return Residual


@wrong("ex07.residual", "the last convolution starts at 0 and not γ")
def residual_with_a_silent_convolution():
    class Residual(_Layers):
        def __init__(self, channels):
            super().__init__(channels)
            self.conv2.weight.data *= 0

        def forward(self, x):
            h = self.norm1(self.conv1(x)).relu()
            return (self.norm2(self.conv2(h)) + x).relu()

    return Residual


@wrong("ex07.residual", "no ReLU after the sum", "a ReLU behind the last norm of the branch")
def residual_with_the_relu_before_the_sum():
    class Residual(_Layers):
        def __init__(self, channels):
            super().__init__(channels)
            nn.init.constant_(self.norm2.weight, 0.0)

        def forward(self, x):
            branch = F.relu(self.norm1(self.conv1(x)))
            branch = F.relu(self.norm2(self.conv2(branch)))
            return x + branch

    return Residual


@wrong("ex07.residual", "the input is overwritten")
def residual_that_adds_into_its_input():
    class Residual(_Layers):
        def __init__(self, channels):
            super().__init__(channels)
            self.norm2.weight.data.zero_()

        def forward(self, x):
            branch = F.relu(self.norm1(self.conv1(x)))
            branch = self.norm2(self.conv2(branch))
            x += branch
            return F.relu(x)

    return Residual


@right("ex07.fold")
def fold_by_loops():
    def fold(weight, bias, gamma, beta, running_mean, running_var, eps):
        new_weight, new_bias = np.empty_like(weight), []
        for c, row in enumerate(weight):
            factor = gamma[c] * (running_var[c] + eps) ** -0.5
            new_weight[c] = factor * row
            own = 0.0 if bias is None else bias[c]
            new_bias.append(beta[c] + factor * own - factor * running_mean[c])
        return new_weight, np.array(new_bias)

    return fold


@right("ex07.fold")
def fold_by_einsum():
    def fold(weight, bias, gamma, beta, running_mean, running_var, eps):
        scale = gamma / np.sqrt(running_var + eps)
        shifted = -running_mean if bias is None else bias - running_mean
        return np.einsum("o,o...->o...", scale, weight), np.einsum("o,o->o", scale, shifted) + beta

    return fold


@right("ex07.fold")
def fold_by_a_diagonal_matrix():
    def fold(weight, bias, gamma, beta, running_mean, running_var, eps):
        scale = np.diag(gamma / np.sqrt(running_var + eps))
        rows = weight.reshape(len(weight), -1)
        offset = beta - scale @ running_mean
        if bias is not None:
            offset += scale @ bias
        return (scale @ rows).reshape(weight.shape), offset

    return fold


@right("ex07.fold")
def fold_in_place_on_copies():
    def fold(weight, bias, gamma, beta, running_mean, running_var, eps):
        weight = weight.copy()
        bias = np.zeros(weight.shape[0]) if bias is None else bias.copy()
        bias -= running_mean
        for of_channels in (weight.T, bias):
            of_channels *= gamma
            of_channels /= np.sqrt(running_var + eps)
        bias += beta
        return weight, bias

    return fold


@wrong("ex07.fold", "the layer's own bias is not scaled")
def fold_that_adds_the_bias_as_it_is():
    def fold(weight, bias, gamma, beta, running_mean, running_var, eps):
        std = np.sqrt(running_var + eps)
        new_weight = ((gamma / std) * weight.T).T
        new_bias = beta - gamma * running_mean / std
        return new_weight, new_bias if bias is None else new_bias + bias

    return fold


@wrong("ex07.fold", "the layer's own bias is not scaled", "the running mean is not scaled")
def fold_that_scales_the_weights_alone():
    def fold(weight, bias, gamma, beta, running_mean, running_var, eps):
        std = np.sqrt(running_var + eps)
        own = np.zeros(len(weight)) if bias is None else bias
        return ((gamma / std) * weight.T).T, own - running_mean + beta

    return fold


@wrong("ex07.fold", "the scale along the last axis")
def fold_without_a_reshape():
    def fold(weight, bias, gamma, beta, running_mean, running_var, eps):
        if bias is None:
            bias = np.zeros_like(beta)
        factor = gamma / np.sqrt(running_var + eps)
        return factor * weight, (bias - running_mean) * factor + beta

    return fold


@wrong("ex07.fold", "ε outside the root", "β left out")
def fold_with_two_mistakes():
    def fold(weight, bias, gamma, beta, running_mean, running_var, eps):
        factor = gamma / (running_var**0.5 + eps)
        centred = (0 if bias is None else bias) - running_mean
        return np.stack([f * w for f, w in zip(factor, weight, strict=True)]), factor * centred

    return fold


@wrong("ex07.block", "BN and ReLU in front of the convolution")
def block_in_the_order_of_pre_activation():
    def block(in_channels, out_channels, order):
        conv = nn.Conv2d(in_channels, out_channels, 3, padding=1, bias=order == "after")
        bn, relu = nn.BatchNorm2d(out_channels), nn.ReLU()
        layers = {"before": [bn, relu, conv], "after": [conv, relu, bn]}[order]
        return nn.Sequential(*layers)

    return block


class _Branch(nn.Module):
    def __init__(self, channels):
        super().__init__()
        for i in ("1", "2"):
            setattr(self, "conv" + i, nn.Conv2d(channels, channels, 3, padding=1, bias=False))
            setattr(self, "norm" + i, nn.BatchNorm2d(channels))
        self.norm2.weight.data.zero_()


@wrong("ex07.residual", "the first norm behind the ReLU")
def residual_with_the_first_norm_behind_the_relu():
    class Residual(_Branch):
        def forward(self, x):
            h = self.norm1(self.conv1(x).clamp(min=0))
            return (x + self.norm2(self.conv2(h))).clamp(min=0)

    return Residual


@wrong("ex07.residual", "the last γ is frozen")
def residual_with_a_constant_in_place_of_gamma():
    class Residual(_Branch):
        def __init__(self, channels):
            super().__init__(channels)
            self.norm2.weight = nn.Parameter(torch.zeros(channels), requires_grad=False)

        def forward(self, x):
            h = self.conv2(self.norm1(self.conv1(x)).clamp(min=0))
            return (x + self.norm2(h)).clamp(min=0)

    return Residual


@right("ex07.residual")
def residual_with_its_layers_in_a_branch():
    class Residual(nn.Module):
        def __init__(self, channels):
            super().__init__()
            kernel = {"kernel_size": 3, "padding": 1, "bias": False}
            self.branch = nn.Sequential(
                nn.Conv2d(channels, channels, **kernel),
                nn.BatchNorm2d(channels),
                nn.ReLU(),
                nn.Conv2d(channels, channels, **kernel),
                nn.BatchNorm2d(channels),
            )
            self.conv1, self.norm1, _, self.conv2, self.norm2 = self.branch
            nn.init.constant_(self.norm2.weight, 0)

        def forward(self, x):
            return torch.relu(self.branch(x) + x)

    return Residual


@wrong("ex07.fold", "a missing bias is not handled")
def fold_that_expects_a_bias():
    def fold(weight, bias, gamma, beta, running_mean, running_var, eps):
        s = gamma / (running_var + eps) ** 0.5
        return np.einsum("o,o...->o...", s, weight), (bias - running_mean) * s + beta

    return fold


@wrong("ex07.fold", "the bias asked for its truth")
def fold_that_asks_an_array_for_its_truth():
    def fold(weight, bias, gamma, beta, running_mean, running_var, eps):
        s = gamma / (running_var + eps) ** 0.5
        if not bias:
            bias = np.zeros(len(weight))
        return np.einsum("o,o...->o...", s, weight), (bias - running_mean) * s + beta

    return fold
