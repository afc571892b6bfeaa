"""Take what is ready-made out of a worker, before it runs a submission.

torch's operators: in the dispatcher, where every way to call them arrives (layers, functions,
`torch.ops`, TorchScript, a saved reference to a C function).  Packages: a module of theirs that
is imported is a hollow one, whose functions and classes refuse to be called.  Importing and
naming them stays possible, so that a cell that only mentions them goes on.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib.abc
import importlib.machinery
import sys
from collections.abc import Sequence
from types import CodeType, FunctionType, ModuleType
from typing import Any

from bncheck.guard import Forbidden, ReadyMade

KEYS = ("CPU", "MkldnnCPU")
SOURCES = ("torch._decomp.decompositions", "torch._refs", "torch._refs.nn.functional")


def remove(ready_made: ReadyMade) -> int:
    """Make all of it refuse, for good; returns how many operators of torch were replaced."""
    _hollow(ready_made)
    _replace_python_versions(ready_made.operators)
    return _replace_operators(ready_made.operators)


def _replace_operators(ready: Sequence[str]) -> int:
    import torch

    done = 0
    libraries: dict[str, Any] = {}
    for full in torch._C._dispatch_get_all_op_names():
        space, _, name = full.partition("::")
        if not any(part in name for part in ready) or _in_terms_of_others(full):
            continue
        if space not in libraries:
            libraries[space] = torch._C._dispatch_library("IMPL", space, "")
        for key in KEYS:
            with contextlib.suppress(Exception):  # no such operator on this kind of tensor
                libraries[space].impl(name, key, _refusal(name.partition(".")[0]))
                done += 1
    for library in libraries.values():
        # It lives for ever, and nothing in Python refers to it: so nobody can undo it
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(library))
    return done


def _in_terms_of_others(name: str) -> bool:
    """Whether an operator only calls others: these refuse."""
    import torch

    composite = torch._C._dispatch_has_kernel_for_dispatch_key(name, "CompositeImplicitAutograd")
    return bool(composite) and "rms_norm" not in name


def _refusal(name: str) -> Any:
    said = f"torch's {name.strip('_')}"

    def refuse(*arguments: Any, **named: Any) -> Any:
        raise Forbidden(said)

    return refuse


def _replace_python_versions(ready: Sequence[str]) -> None:
    """The same operators written in Python, where they are loaded."""
    for module in filter(None, map(sys.modules.get, SOURCES)):
        for name, value in list(vars(module).items()):
            if any(part in name for part in ready) and callable(value):
                setattr(module, name, _refusal(name))


class Hollow(ModuleType):
    """A module in which everything has a name and nothing can be called."""

    __path__: list[str] = []  # noqa: RUF012 (a module's own convention)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        made = _called(self.__name__, "__init__" if name[0].isupper() else name)
        if name[0].isupper():
            made = type(name, (), {"__init__": made})
        setattr(self, name, made)
        return made


def _called(module: str, name: str) -> Any:
    """A function of this name that refuses; the profile of `guard` sees it as the module's, too."""

    def refuse(*arguments: Any, **named: Any) -> Any:
        raise Forbidden(f"{package}'s {sys._getframe().f_code.co_name}")

    package = module.partition(".")[0]
    code: CodeType = refuse.__code__.replace(co_name=name)
    space = {"__name__": module, "Forbidden": Forbidden, "sys": sys}
    return FunctionType(code, space, name, closure=refuse.__closure__)


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds the modules of packages that are taken out, and makes hollow ones of them."""

    def __init__(self, ready_made: ReadyMade) -> None:
        self.ready_made = ready_made

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if self.ready_made.package_of(name):
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        return Hollow(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Nothing is in it."""


def _hollow(ready_made: ReadyMade) -> None:
    for name in list(sys.modules):
        if ready_made.package_of(name):
            del sys.modules[name]
            parent = sys.modules.get(name.rpartition(".")[0])
            if parent is not None:
                vars(parent).pop(name.rpartition(".")[2], None)
    sys.meta_path.insert(0, _Finder(ready_made))
