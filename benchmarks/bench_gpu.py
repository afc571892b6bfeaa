"""Speed of bnlib.nn on a GPU against torch.nn: single layers, and a training step of ResNet-18.

First the layer is compared with the plain formulas, cell by cell; a wrong layer is not timed. The
ratios are ours over torch's: below 1 is faster. Ours and torch's run in turns, and the best times
are compared. Without a GPU small shapes run on the CPU: a trial of this script, not a measurement.

    python benchmarks/bench_gpu.py [--out results.json]

It needs torch and nothing else.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

sys.path.insert(0, str(Path(__file__).parents[1]))
from bnlib.nn import BatchNorm2d, convert, formulas

GPU = torch.cuda.is_available()
DEVICE = "cuda" if GPU else "cpu"
SHAPES = [(128, 64, 56, 56), (128, 256, 14, 14), (128, 512, 7, 7), (32, 64, 112, 112)]
SMALL = [(4, 8, 6, 6), (3, 16, 5, 7)]
FORMATS = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last}
DTYPES = (torch.float32, torch.bfloat16)
Step = Callable[[], Any]


def batch(shape: tuple[int, ...], dtype: torch.dtype, layout: str) -> tuple[Tensor, Tensor]:
    """x, which needs a gradient, and an upstream gradient."""
    torch.manual_seed(0)
    x, dy = (
        torch.randn(shape, device=DEVICE).to(dtype).to(memory_format=FORMATS[layout])
        for _ in range(2)
    )
    return (x + 2).requires_grad_(), dy


def largest_error(shape: tuple[int, ...], dtype: torch.dtype, layout: str, training: bool) -> float:
    """The largest difference of the layer's y, dx, dgamma and dbeta from the plain formulas'.

    Each relative to its largest value; the plain formulas are computed in float64.
    """
    x, dy = batch(shape, dtype, layout)
    layer = BatchNorm2d(shape[1], device=DEVICE).train(training)
    with torch.no_grad():
        layer.weight.uniform_(0.5, 2)
        layer.bias.normal_()
        layer.running_mean.normal_()
    exact_x, exact_dy = x.detach().double(), dy.double()
    mean, var = (formulas.spread(v, exact_x) for v in (layer.running_mean, layer.running_var))
    if training:
        mean, var = formulas.moments(exact_x)
    rstd = (var + layer.eps).rsqrt()
    gamma, beta = layer.weight.detach().double(), layer.bias.detach().double()
    expected = [
        formulas.normalise(exact_x, gamma, beta, mean, rstd),
        *formulas.gradients(exact_dy, exact_x, gamma, mean, rstd, not training),
    ]
    y = layer(x)
    got = [y.detach(), *torch.autograd.grad(y, [x, layer.weight, layer.bias], dy)]
    return max(
        float((a.double() - b).abs().max() / b.abs().max().clamp(min=1))
        for a, b in zip(got, expected, strict=True)
    )


def check() -> list[dict[str, Any]]:
    """The errors of all cells. Exits where one is too large."""
    cells = []
    for shape in [*SMALL, *(SHAPES[1:3] if GPU else [])]:
        for dtype in DTYPES:
            for layout in FORMATS:
                for training in (True, False):
                    error = largest_error(shape, dtype, layout, training)
                    bound = 1e-4 if dtype == torch.float32 else 2e-2
                    where = f"{shape} {dtype} {layout} {'train' if training else 'eval'}"
                    if not error <= bound:
                        sys.exit(f"WRONG: {where}: error {error:.1e}, bound {bound:.0e}")
                    cells.append({"cell": where, "error": error})
    print(f"correct in {len(cells)} cells, largest error {max(c['error'] for c in cells):.1e}")
    return cells


def best_times(steps: dict[str, Step], seconds: float) -> dict[str, float]:
    """The best milliseconds of each step, measured in turns for some seconds in all."""
    best = dict.fromkeys(steps, float("inf"))
    for step in steps.values():
        for _ in range(3):
            step()
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        for name, step in steps.items():
            best[name] = min(best[name], timed(step))
    return best


def timed(step: Step, repeats: int = 5) -> float:
    """Milliseconds of a step, from start to end of what it has the GPU do."""
    if GPU:
        torch.cuda.synchronize()
    start = time.perf_counter()
    for _ in range(repeats):
        step()
    if GPU:
        torch.cuda.synchronize()
    return 1e3 * (time.perf_counter() - start) / repeats


def layer_step(layer: torch.nn.Module, x: Tensor, dy: Tensor) -> Step:
    """Forward and backward of one layer."""
    wanted = [x, *layer.parameters()]
    return lambda: torch.autograd.grad(layer(x), wanted, dy)


def bench_layers(seconds: float) -> list[dict[str, Any]]:
    """Print forward + backward of each shape, type and memory format."""
    rows = []
    print(
        f"{'forward + backward':<20} {'dtype':<9} {'layout':<14} {'ours ms':>8} {'torch':>8} ratio"
    )
    for shape in SHAPES if GPU else SMALL:
        for dtype in DTYPES:
            for layout in FORMATS:
                x, dy = batch(shape, dtype, layout)
                kinds = {"ours": BatchNorm2d, "torch": torch.nn.BatchNorm2d}
                layers = {k: kind(shape[1], device=DEVICE) for k, kind in kinds.items()}
                best = best_times({k: layer_step(v, x, dy) for k, v in layers.items()}, seconds)
                ratio = best["ours"] / best["torch"]
                name, kind = "×".join(map(str, shape)), str(dtype)[6:]
                print(
                    f"{name:<20} {kind:<9} {layout:<14} {best['ours']:8.3f} "
                    f"{best['torch']:8.3f} {ratio:5.2f}",
                    flush=True,
                )
                rows.append(
                    {"shape": shape, "dtype": kind, "layout": layout, "ratio": ratio, **best}
                )
    return rows


class Block(torch.nn.Module):
    """Two convolutions beside a shortcut: He et al. 2016, figure 5, left."""

    def __init__(self, inside: int, outside: int, stride: int) -> None:
        super().__init__()
        self.conv1 = torch.nn.Conv2d(inside, outside, 3, stride, 1, bias=False)
        self.bn1 = torch.nn.BatchNorm2d(outside)
        self.conv2 = torch.nn.Conv2d(outside, outside, 3, 1, 1, bias=False)
        self.bn2 = torch.nn.BatchNorm2d(outside)
        self.shortcut = torch.nn.Sequential()
        if stride > 1:
            conv = torch.nn.Conv2d(inside, outside, 1, stride, bias=False)
            self.shortcut = torch.nn.Sequential(conv, torch.nn.BatchNorm2d(outside))

    def forward(self, x: Tensor) -> Tensor:
        out = self.bn1(self.conv1(x)).relu()
        return (self.bn2(self.conv2(out)) + self.shortcut(x)).relu()


def resnet18() -> torch.nn.Module:
    """ResNet-18 for 1000 classes, with torch's layers."""
    stem = [torch.nn.Conv2d(3, 64, 7, 2, 3, bias=False), torch.nn.BatchNorm2d(64)]
    widths = [(64, 64, 1), (64, 64, 1), (64, 128, 2), (128, 128, 1)]
    widths += [(128, 256, 2), (256, 256, 1), (256, 512, 2), (512, 512, 1)]
    head = [torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(512, 1000)]
    pool = torch.nn.MaxPool2d(3, 2, 1)
    blocks = [Block(*width) for width in widths]
    return torch.nn.Sequential(*stem, torch.nn.ReLU(), pool, *blocks, *head)


def training_step(ours: bool, compiled: bool) -> Step:
    """One step of SGD in bfloat16 autocast, channels_last, on images of noise."""
    torch.manual_seed(0)
    model = resnet18()
    model = (convert(model) if ours else model).to(DEVICE, memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    n, size = (128, 224) if GPU else (2, 32)
    x = torch.randn(n, 3, size, size, device=DEVICE).to(memory_format=torch.channels_last)
    labels = torch.randint(1000, (n,), device=DEVICE)
    call = torch.compile(model) if compiled else model

    def step() -> None:
        optimizer.zero_grad()
        with torch.autocast(DEVICE, torch.bfloat16):
            loss = torch.nn.functional.cross_entropy(call(x), labels)
        loss.backward()
        optimizer.step()

    return step


def bench_resnet(seconds: float) -> list[dict[str, Any]]:
    """Print one training step of ResNet-18, eager and compiled."""
    rows = []
    for compiled in (False, True):
        steps = {name: training_step(name == "ours", compiled) for name in ("ours", "torch")}
        best = best_times(steps, seconds)
        name, ratio = "compiled" if compiled else "eager", best["ours"] / best["torch"]
        print(
            f"ResNet-18 step, {name:<9} ours {best['ours']:.2f} ms, "
            f"torch {best['torch']:.2f} ms, ratio {ratio:.2f}",
            flush=True,
        )
        rows.append({"mode": name, "ratio": ratio, **best})
    return rows


def main() -> None:
    """Check, measure, print, and write JSON if asked to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="a file for the results, as JSON")
    parser.add_argument("--seconds", type=float, default=1.0, help="for each cell (default 1)")
    arguments = parser.parse_args()
    triton = importlib.util.find_spec("triton") is not None
    device = torch.cuda.get_device_name() if GPU else "CPU: a trial, not a measurement"
    print(f"torch {torch.__version__}, Triton {'there' if triton else 'missing'}, {device}")
    results: dict[str, Any] = {"torch": torch.__version__, "triton": triton, "device": device}
    results["errors"] = check()
    results["layers"] = bench_layers(arguments.seconds)
    results["resnet18"] = bench_resnet(5 * arguments.seconds)
    if arguments.out:
        arguments.out.write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
