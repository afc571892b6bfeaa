"""Speed and memory of bnlib's layers against torch's, over shapes, types and layouts, on a CPU.

Prints ratios, ours over torch's: below 1 is faster, or smaller. In every round both run once, in
random order, and the ratio is taken within the round; the table has the median over the rounds.
Ratios above their target are marked with a star.

    python benchmarks/bench_layers.py [--rounds 40] [--threads 2] [--kernels] [--eager]
        [--memory]

--kernels builds the kernels in C++ and uses them; --eager leaves out torch.compile, which takes
most of the time; --memory prints peaks in place of times.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import random
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # the profiler looks for a GPU, loudly

import torch
from torch import Tensor

import bnlib.nn
from bnlib.nn import cpu_kernels

Step = Callable[[], Any]

SHAPES = (
    (32, 64),
    (256, 512),
    (4096, 512),
    (8, 512, 7, 7),
    (128, 16, 8, 8),
    (32, 64, 16, 16),
    (64, 128, 16, 16),
    (32, 64, 32, 32),
    (16, 32, 64, 64),
    (4, 64, 56, 56),
    (2, 256, 28, 28),
    (2, 16, 128, 128),
)
SMALL = 2**16  # numbers of (N, C) below which Python's own time is the floor
MEMORY_TARGET = 1.0
SECONDS = 0.002  # of a measurement at least


def target(column: str, shape: tuple[int, ...], dtype: torch.dtype) -> float:
    """The ratio to stay below."""
    if column == "compiled":
        return 1.0
    if column == "eval":
        return 1.3
    if dtype == torch.bfloat16:
        return 2.0
    return 2.1 if len(shape) == 2 and shape[0] * shape[1] <= SMALL else 1.5


def layers(shape: tuple[int, ...], training: bool = True) -> tuple[torch.nn.Module, ...]:
    """Ours and torch's, for that number of axes."""
    name = "BatchNorm2d" if len(shape) == 4 else "BatchNorm1d"
    made = [getattr(module, name)(shape[1]) for module in (bnlib.nn, torch.nn)]
    return tuple(layer.train(training) for layer in made)


def step(call: Callable[[Tensor], Tensor], layer: torch.nn.Module, x: Tensor, dy: Tensor) -> Step:
    """One forward and one backward pass."""
    wanted = [x, layer.weight, layer.bias]
    return lambda: torch.autograd.grad(call(x), wanted, dy)


def evaluation(layer: torch.nn.Module, x: Tensor) -> Step:
    def run() -> Tensor:
        with torch.no_grad():
            return layer(x)

    return run


def inputs(
    shape: tuple[int, ...], dtype: torch.dtype = torch.float32, last: bool = False
) -> tuple[Tensor, Tensor]:
    """A batch that needs a gradient, and an upstream gradient; last: in channels_last."""
    generator = torch.Generator().manual_seed(0)
    layout = torch.channels_last if last else torch.contiguous_format
    x, dy = (
        torch.randn(shape, generator=generator).to(dtype).contiguous(memory_format=layout)
        for _ in range(2)
    )
    return x.requires_grad_(), dy


def ratio(ours: Step, theirs: Step, rounds: int) -> float:
    """The median over the rounds of our time by torch's."""
    pair, shuffle = [ours, theirs], random.Random(0).shuffle
    for one in pair:
        one()
    start = time.perf_counter()
    theirs()
    repeats = max(1, int(SECONDS / (time.perf_counter() - start)))
    ratios = []
    for _ in range(rounds):
        order, seconds = [0, 1], [0.0, 0.0]
        shuffle(order)
        for i in order:
            start = time.perf_counter()
            for _ in range(repeats):
                pair[i]()
            seconds[i] = time.perf_counter() - start
        ratios.append(seconds[0] / seconds[1])
    return statistics.median(ratios)


def bench_speed(rounds: int, eager: bool) -> None:
    """Print the ratios of time of every cell: a training step, evaluation, both compiled."""
    columns = ["step", "eval"] if eager else ["step", "eval", "compiled"]
    print(f"{'shape':14} {'type':9} {'layout':13}" + "".join(f"{name:>10}" for name in columns))
    over = 0
    for shape in SHAPES:
        for dtype in (torch.float32, torch.bfloat16):
            for last in (False, True) if len(shape) == 4 else (False,):
                x, dy = inputs(shape, dtype, last)
                ours, theirs = layers(shape)
                found = {
                    "step": ratio(step(ours, ours, x, dy), step(theirs, theirs, x, dy), rounds)
                }
                pair = [evaluation(layer, x) for layer in layers(shape, training=False)]
                found["eval"] = ratio(pair[0], pair[1], rounds)
                if not eager:
                    torch.compiler.reset()
                    pair = [step(torch.compile(one), one, x, dy) for one in layers(shape)]
                    found["compiled"] = ratio(pair[0], pair[1], rounds)
                line = f"{'×'.join(map(str, shape)):14} {str(dtype)[6:]:9} "
                line += f"{'channels_last' if last else 'contiguous':13}"
                for name in columns:
                    missed = found[name] > target(name, shape, dtype)
                    over += missed
                    line += f"{found[name]:9.2f}{'*' if missed else ' '}"
                print(line, flush=True)
    print(f"{over} ratios above their target (*)")


def peak_memory(step: Step) -> int:
    """Bytes that a step holds at its worst moment, besides what was there before."""
    step()
    activities = [torch.profiler.ProfilerActivity.CPU]
    with torch.profiler.profile(activities=activities, profile_memory=True) as profile:
        step()
    with tempfile.TemporaryDirectory() as folder:
        trace = Path(folder) / "trace.json"
        profile.export_chrome_trace(str(trace))
        events = json.loads(trace.read_text())["traceEvents"]
    changes = sorted((e["ts"], e["args"]["Bytes"]) for e in events if e["name"] == "[memory]")
    held = peak = 0
    for _, change in changes:
        held += change
        peak = max(peak, held)
    return peak


def bench_memory() -> None:
    """Print the ratios of peak memory of every cell, in training and in evaluation."""
    print("peak memory of a step, besides x and dy, by torch's; in sizes of x")
    for shape in SHAPES:
        for dtype in (torch.float32, torch.bfloat16):
            for training in (True, False):
                x, dy = inputs(shape, dtype)
                ours, theirs = (
                    peak_memory(step(layer, layer, x, dy)) for layer in layers(shape, training)
                )
                size = x.numel() * x.element_size()
                star = "*" if ours > MEMORY_TARGET * theirs else " "
                print(
                    f"{'×'.join(map(str, shape)):14} {str(dtype)[6:]:9} "
                    f"{'train' if training else 'eval':5} {ours / theirs:5.2f}{star}  "
                    f"{ours / size:.2f} and {theirs / size:.2f}"
                )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=40, help="measurements of a cell")
    parser.add_argument("--threads", type=int, default=2, help="threads of torch (default 2)")
    parser.add_argument("--kernels", action="store_true", help="with the kernels in C++")
    parser.add_argument("--eager", action="store_true", help="without torch.compile")
    parser.add_argument("--memory", action="store_true", help="peaks in place of times")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    if arguments.kernels:
        cpu_kernels.build()
    warnings.filterwarnings("ignore", module="torch")
    logging.getLogger("torch.utils.cpp_extension").setLevel(logging.ERROR)  # it misses a GPU
    load = os.getloadavg()[0]
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, load {load:.1f}")
    if load > 1:
        print("  something else is running: the ratios will be noisy, and ours higher than alone")
    if arguments.memory:
        bench_memory()
    else:
        bench_speed(arguments.rounds, arguments.eager)


if __name__ == "__main__":
    main()
