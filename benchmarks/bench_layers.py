"""Speed and memory of bnlib.nn.BatchNorm2d against torch.nn.BatchNorm2d, forward + backward.

Prints ratios, ours over torch's: below 1 is faster, or smaller. In every round all layers run
once, in random order, and the ratio is taken within the round; a fixed order alone can shift a
ratio by 0.3. The median over the rounds stands beside the middle half of them, and beside the ratio
of the best times, which a busy machine disturbs least.

    python benchmarks/bench_layers.py [--quick] [--threads 2]
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

os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # the profiler looks for a GPU, loudly

import torch
from torch import Tensor

from bnlib.nn import BatchNorm2d

Step = Callable[[], None]

# shape: the ratios to stay below, eager and compiled
TARGETS = {
    (32, 64, 32, 32): (1.5, 0.8),
    (128, 16, 8, 8): (1.5, 1.0),
    (64, 128, 16, 16): (1.5, 0.8),
}
MEMORY_TARGET = 1.0


def make_step(call: torch.nn.Module, layer: torch.nn.Module, x: Tensor, dy: Tensor) -> Step:
    """One forward and one backward pass."""
    wanted = [x, layer.weight, layer.bias]

    def step() -> None:
        torch.autograd.grad(call(x), wanted, dy)

    return step


def inputs(shape: tuple[int, ...], dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor]:
    """A batch that needs a gradient, and an upstream gradient."""
    generator = torch.Generator().manual_seed(0)
    x, dy = (torch.randn(shape, generator=generator).to(dtype) for _ in range(2))
    return x.requires_grad_(), dy


def time_rounds(steps: dict[str, Step], rounds: int, repeats: int) -> dict[str, list[float]]:
    """Seconds per step in every round; each round runs all of them in an order of its own."""
    order, seconds = list(steps), {name: [] for name in steps}
    shuffle = random.Random(0).shuffle
    for step in steps.values():
        for _ in range(3 * repeats):
            step()
    for _ in range(rounds):
        shuffle(order)
        for name in order:
            start = time.perf_counter()
            for _ in range(repeats):
                steps[name]()
            seconds[name].append((time.perf_counter() - start) / repeats)
    return seconds


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


def where_the_time_goes(step: Step, rows: int = 8) -> str:
    """The operations that take most of a step, with their share of the time and their calls."""
    steps = 20
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
        for _ in range(steps):
            step()
    table = sorted(profile.key_averages(), key=lambda e: -e.self_cpu_time_total)
    total = sum(e.self_cpu_time_total for e in table)
    return "\n".join(
        f"      {e.self_cpu_time_total / total:5.0%}  {e.count / steps:4.0f} calls  {e.key}"
        for e in table[:rows]
    )


def row(name: str, ours: list[float], theirs: list[float], target: float) -> tuple[str, bool]:
    """A line of the table, and whether the median ratio keeps to the target."""
    ratios = [a / b for a, b in zip(ours, theirs, strict=True)]
    low, median, high = statistics.quantiles(ratios, n=4)
    best, micro = min(ours) / min(theirs), 1e6 * statistics.median(theirs)
    verdict = "PASS" if median <= target else "OVER"
    line = (
        f"  {name:<10} {median:5.2f}   middle half {low:5.2f} .. {high:5.2f}   best {best:5.2f}   "
        f"target {target:.1f}  {verdict}   torch {micro:8.0f} µs"
    )
    return line, median <= target


def compiled_step(shape: tuple[int, ...], x: Tensor, dy: Tensor) -> Step | str:
    """A step of our layer under torch.compile, or why there is none."""
    torch.compiler.reset()
    layer = BatchNorm2d(shape[1])
    step = make_step(torch.compile(layer, fullgraph=True), layer, x, dy)
    try:
        step()
    except Exception as error:
        cause = str(error).strip().splitlines()[0][:150]
        return f"{type(error).__name__}: {cause} (it needs a C++ compiler, such as g++)"
    return step


def bench_speed(quick: bool) -> None:
    """Print the ratios of time for every shape, eager and compiled."""
    for shape, (eager_target, compiled_target) in TARGETS.items():
        small = shape[0] * shape[1] * shape[2] * shape[3] < 2**20
        rounds, repeats = (20 if quick else 200, 10) if small else (10 if quick else 100, 1)
        x, dy = inputs(shape)
        theirs, ours = torch.nn.BatchNorm2d(shape[1]), BatchNorm2d(shape[1])
        steps = {"torch": make_step(theirs, theirs, x, dy), "eager": make_step(ours, ours, x, dy)}
        compiled = compiled_step(shape, x, dy)
        if not isinstance(compiled, str):
            steps["compiled"] = compiled
        print(f"{'×'.join(map(str, shape))}: time of a step, {rounds} rounds of {repeats}")
        seconds = time_rounds(steps, rounds, repeats)
        line, kept = row("eager", seconds["eager"], seconds["torch"], eager_target)
        print(line)
        if "compiled" in steps:
            print(row("compiled", seconds["compiled"], seconds["torch"], compiled_target)[0])
        else:
            print(f"  compiled   not measured: {compiled}")
        if not kept:
            print("    where the time of our eager step goes:")
            print(where_the_time_goes(steps["eager"]))
            print("    and that of torch's:")
            print(where_the_time_goes(steps["torch"], rows=4))


def bench_memory() -> None:
    """Print the ratios of peak memory for every shape, in training and in evaluation."""
    print("peak memory of a step, besides x and dy")
    for dtype in (torch.float32, torch.bfloat16):
        for shape in TARGETS:
            for training in (True, False):
                x, dy = inputs(shape, dtype)
                peaks = []
                for kind in (BatchNorm2d, torch.nn.BatchNorm2d):
                    layer = kind(shape[1]).train(training)
                    peaks.append(peak_memory(make_step(layer, layer, x, dy)))
                ratio = peaks[0] / peaks[1]
                verdict = "PASS" if ratio <= MEMORY_TARGET else "OVER"
                size = x.numel() * x.element_size()
                print(
                    f"  {'×'.join(map(str, shape)):<13} {str(dtype)[6:]:<8} "
                    f"{'train' if training else 'eval':<5} {ratio:5.2f}   target "
                    f"{MEMORY_TARGET:.1f}  {verdict}   {peaks[0] / size:.2f} and torch's "
                    f"{peaks[1] / size:.2f} times x"
                )


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a tenth of the rounds")
    parser.add_argument("--threads", type=int, default=2, help="threads of torch (default 2)")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    warnings.filterwarnings("ignore", module="torch")
    logging.getLogger("torch.utils.cpp_extension").setLevel(logging.ERROR)  # it misses a GPU
    load = os.getloadavg()[0]
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, load {load:.1f}")
    if load > 1:
        print("  something else is running: the ratios will be noisy, and ours higher than alone")
    bench_speed(arguments.quick)
    bench_memory()


if __name__ == "__main__":
    main()
