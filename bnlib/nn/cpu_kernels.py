"""Fused kernels for the CPU, in C++: built on demand, and off until then.

    from bnlib.nn import cpu_kernels

    cpu_kernels.build()

They take float32 and bfloat16, contiguous and channels_last; everything else goes through torch's
operations as before. cpu_kernels.cpp holds the formulas; this file compiles and calls it.
"""

import ctypes
import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from bnlib.nn.formulas import memory_format

SOURCE = Path(__file__).with_suffix(".cpp")
FLAGS = ("-O3", "-march=native", "-fno-math-errno", "-fopenmp", "-std=c++17", "-shared", "-fPIC")
_TYPES = {torch.float32: "float32", torch.bfloat16: "bfloat16"}

_VECTOR = ctypes.c_void_p
_SIZES = (*(ctypes.c_int64,) * 3, *(ctypes.c_int,) * 2)
_ARGUMENTS = {
    "forward": (*_SIZES, *(_VECTOR,) * 3, ctypes.c_double, ctypes.c_int, *(_VECTOR,) * 4),
    "backward": (*_SIZES, *(_VECTOR,) * 5, ctypes.c_int, *(_VECTOR,) * 3),
}

_library: ctypes.CDLL | None = None


def build() -> Path:
    """Compile the kernels, where that has not been done, and use them from now on.

    Returns the library's path, in the cache folder of the user: $XDG_CACHE_HOME/bnlib, or
    ~/.cache/bnlib. The compiler is $CXX, else c++, g++ or clang++, with OpenMP; it takes some
    seconds once.
    Raises RuntimeError where there is none, or where it fails: with what it said.
    """
    global _library
    names = [os.environ.get("CXX", ""), "c++", "g++", "clang++"]
    compiler = next((found for name in names if name and (found := shutil.which(name))), None)
    if compiler is None:
        raise RuntimeError("need a C++ compiler, found none of c++, g++, clang++: install one")
    own = [SOURCE.read_text(), *FLAGS, compiler, platform.node(), platform.processor()]
    key = hashlib.sha256("\0".join(own).encode()).hexdigest()[:16]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "bnlib"
    library = cache / f"cpu_kernels-{key}.so"
    if not library.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as folder:  # whole, or not there
            new = Path(folder) / library.name
            command = [compiler, *FLAGS, "-o", str(new), str(SOURCE)]
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode:
                raise RuntimeError(
                    f"need a C++ compiler that knows OpenMP and C++17, {compiler} failed: set CXX "
                    f"to another one\n{done.stderr}"
                )
            new.replace(library)
    _library = ctypes.CDLL(str(library))
    return library


def fit(x: Tensor) -> bool:
    """Whether the kernels are there, and take x: they read its memory, so it must be plain."""
    plain = type(x) in (Tensor, torch.nn.Parameter) and x.device.type == "cpu"
    return _library is not None and plain and x.dtype in _TYPES and x.numel() > 0


def forward(
    x: Tensor,
    gamma: Tensor | None,
    beta: Tensor | None,
    eps: float,
    given: tuple[Tensor, Tensor] | None,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """What `formulas.forward` returns, for x that fits."""
    layout = memory_format(x)
    x = x.contiguous(memory_format=layout)
    y, along = torch.empty_like(x), (1, -1, *(1,) * (x.dim() - 2))
    if given is None:
        mu, var, rstd = torch.empty(3, x.size(1)).unbind()
    else:
        mu, var = map(_dense, given)
        rstd = torch.empty_like(var)
    gamma, beta = _float(gamma), _float(beta)
    _function("forward", x)(
        *_sizes(x, layout), _at(x), _at(gamma), _at(beta), eps, given is not None,
        _at(mu), _at(var), _at(rstd), _at(y),
    )  # fmt: skip
    return y, mu.view(along), var.view(along), rstd.view(along)


def backward(
    dy: Tensor, x: Tensor, gamma: Tensor | None, mu: Tensor, rstd: Tensor, fixed: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """What `formulas.backward` returns, for x that fits."""
    layout = memory_format(x)
    x = x.contiguous(memory_format=layout)
    dy, gamma = dy.to(x.dtype).contiguous(memory_format=layout), _float(gamma)
    mu, rstd = _dense(mu), _dense(rstd)
    dx = torch.empty_like(x)
    dgamma, dbeta = torch.empty(2, x.size(1)).unbind()
    _function("backward", x)(
        *_sizes(x, layout), _at(dy), _at(x), _at(gamma), _at(mu), _at(rstd), fixed,
        _at(dgamma), _at(dbeta), _at(dx),
    )  # fmt: skip
    return dx, dgamma, dbeta


def _function(name: str, x: Tensor) -> Any:
    """The kernel for the type of x, which knows the types of its arguments."""
    function = getattr(_library, f"{name}_{_TYPES[x.dtype]}")
    function.argtypes = _ARGUMENTS[name]
    return function


def _sizes(x: Tensor, layout: torch.memory_format) -> tuple[int, int, int, bool, int]:
    """N, C, positions, whether the channels lie together, threads."""
    n, c = x.shape[:2]
    last = x.dim() == 2 or layout is not torch.contiguous_format
    return n, c, x.numel() // (n * c), last, torch.get_num_threads()


def _dense(v: Tensor) -> Tensor:
    """A vector as the kernels read it: float32, one number behind the other."""
    return v.float().contiguous()


def _float(v: Tensor | None) -> Tensor | None:
    return None if v is None else _dense(v)


def _at(v: Tensor | None) -> int | None:
    return None if v is None else v.data_ptr()
