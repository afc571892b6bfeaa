"""Laws of the fused kernels: the plain form is their contract.

Triton's interpreter runs them on the CPU. It has to be chosen before they are imported, so each
test starts a process of its own.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("triton")

ROOT = Path(__file__).parents[3]
CELLS = """
import torch
from bnlib.nn import formulas, triton_kernels

def same(got, expected, tolerance):
    for a, b in zip(got, expected, strict=True):
        assert a.shape == b.shape and a.dtype == b.dtype
        scale = b.float().abs().max().clamp(min=1)
        torch.testing.assert_close(a / scale, b / scale, rtol=0, atol=tolerance)

def agree(shape, dtype, last, training, affine):
    torch.manual_seed(0)
    x, dy = (3 * torch.randn(shape) + 5).to(dtype), torch.randn(shape).to(dtype)
    x = x.to(memory_format=torch.channels_last) if last else x
    c, tolerance = shape[1], 1e-5 if dtype == torch.float32 else 1e-2
    gamma, beta = (torch.randn(c), torch.randn(c)) if affine else (None, None)
    given = None
    if not training:
        given = tuple(formulas.spread(v, x) for v in (torch.randn(c), torch.rand(c) + 0.1))
    mu, var = given or formulas.moments(x)
    rstd = (var + 1e-5).rsqrt()
    y = formulas.normalise(x, gamma, beta, mu, rstd)
    got = triton_kernels.forward(x, gamma, beta, 1e-5, given)
    assert got[0].stride() == x.stride()
    same(got, (y, mu, var, rstd), tolerance)
    got = triton_kernels.backward(dy, x, gamma, mu, rstd, not training)
    same(got, formulas.gradients(dy, x, gamma, mu, rstd, not training), tolerance)
"""
# tiles that are full, cut off below and on the right; sums of one part and of several
SHAPES = [(2, 1), (70, 130), (3, 4, 7), (4, 3, 5, 2), (64, 6, 9, 16), (2, 3, 4, 5, 3)]


def interpret(program: str) -> None:
    """Run a program after CELLS in Triton's interpreter."""
    environment = os.environ | {"TRITON_INTERPRET": "1", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", CELLS + program],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.parametrize("training", [True, False])
def test_kernels_compute_the_plain_form_in_every_shape_type_and_layout(training):
    interpret(
        f"for shape in {SHAPES}:\n"
        "    for dtype in (torch.float32, torch.bfloat16):\n"
        "        for last in {False, len(shape) == 4}:\n"
        "            for affine in (True, False):\n"
        f"                agree(shape, dtype, last, {training}, affine)\n"
    )


def test_large_mean_costs_the_variance_no_accuracy():
    interpret(
        "x = 1e4 + torch.randn(64, 2, 9, 16)\n"
        "var = triton_kernels.forward(x, None, None, 1e-5, None)[2].flatten()\n"
        "exact = x.double().var((0, 2, 3), correction=0).float()\n"
        "torch.testing.assert_close(var, exact, rtol=1e-4, atol=0)\n"
    )


def test_constant_channel_has_no_variance_and_nan_stays_in_its_channel():
    interpret(
        "x = torch.randn(5, 3, 4, 4)\n"
        "x[:, 0], x[1, 1, 2, 2] = 1e6, float('nan')\n"
        "y, _, var, _ = triton_kernels.forward(x, None, None, 1e-5, None)\n"
        "assert var[0, 0] == 0 and not y[:, 0].any()\n"
        "assert y[:, 1].isnan().all() and y[:, 2].isfinite().all()\n"
    )


def test_kernels_leave_float64_and_empty_batches_to_the_plain_form():
    interpret(
        "for dtype in (torch.float32, torch.float16, torch.bfloat16):\n"
        "    assert triton_kernels.fit(torch.zeros(2, 3, dtype=dtype))\n"
        "assert not triton_kernels.fit(torch.zeros(2, 3).double())\n"
        "assert not triton_kernels.fit(torch.zeros(0, 3))\n"
    )
