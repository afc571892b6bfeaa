"""What surrounds a learner's code while it runs: a time limit, quiet, and what it may not call."""

from __future__ import annotations

import _thread
import contextlib
import importlib
import inspect
import io
import random
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import FrameType
from typing import Any

import numpy as np

PRINTED = 10_000


@dataclass(frozen=True)
class ReadyMade:
    """What a question that asks for work from scratch forbids.

    operators: parts of the names of torch's operators, as in "layer_norm".
    packages: those whose functions may not be called, by their import names.
    """

    operators: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()

    def package_of(self, module: str) -> str:
        """The package of these that a module belongs to; empty for any other."""
        return next((p for p in self.packages if f"{module}.".startswith(f"{p}.")), "")

    def to_json(self) -> dict[str, list[str]]:
        return {name: list(value) for name, value in vars(self).items()}

    @classmethod
    def from_json(cls, sent: Mapping[str, Any]) -> ReadyMade:
        return cls(**{name: tuple(value) for name, value in sent.items()})


class TookTooLong(BaseException):
    """The time limit has passed.  No Exception, so that `except Exception` lets it through."""


class Forbidden(BaseException):
    """The code called what the question asks to write."""


class Printed(io.StringIO):
    """Keeps the beginning of what is printed, and forgets the rest."""

    def write(self, text: str) -> int:
        super().write(text[: max(0, PRINTED - self.tell())])
        return len(text)


@contextlib.contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise TookTooLong in this thread when `seconds` have passed; again each second after.

    The limit works through an interrupt, so only in the main thread; elsewhere there is none.
    A call that stays inside compiled code is interrupted when it returns.  In a browser, which
    has no threads, the page ends the whole interpreter instead.
    """
    if sys.platform == "emscripten" or threading.current_thread() is not threading.main_thread():
        yield
        return
    over = threading.Event()  # the limit has passed: an interrupt is ours and not the user's
    done = threading.Event()

    def watch() -> None:
        wait = seconds
        while not done.wait(wait):
            over.set()
            _interrupt()
            wait = 1.0

    def interrupted(number: int, frame: FrameType | None) -> None:
        if not over.is_set():
            signal.default_int_handler(number, frame)
        if not done.is_set():
            raise TookTooLong

    before = signal.signal(signal.SIGINT, interrupted)
    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()
        signal.signal(signal.SIGINT, before)


def _interrupt() -> None:
    if hasattr(signal, "pthread_kill"):  # ends a sleep too
        main = threading.main_thread().ident
        assert main is not None
        signal.pthread_kill(main, signal.SIGINT)
    else:
        _thread.interrupt_main()


def installed_torch() -> Any:
    """torch, or None where it is not installed, as in a browser."""
    try:
        return importlib.import_module("torch")
    except ModuleNotFoundError as error:
        if error.name != "torch":  # it is there, and broken: no check could judge
            raise
        return None


@contextlib.contextmanager
def quiet() -> Iterator[Printed]:
    """Catch what is printed, hide warnings, and leave the random generators as they were."""
    printed = Printed()
    states = random.getstate(), np.random.get_state()
    with (
        contextlib.redirect_stdout(printed),
        contextlib.redirect_stderr(printed),
        warnings.catch_warnings(),
        np.errstate(all="ignore"),
        _torch_as_it_was(),
    ):
        warnings.simplefilter("ignore")
        random.seed(0)
        np.random.seed(0)
        try:
            yield printed
        finally:
            random.setstate(states[0])
            np.random.set_state(states[1])


@contextlib.contextmanager
def _torch_as_it_was() -> Iterator[None]:
    """Begin with torch's generator at 0, and leave torch's settings as they are."""
    if (torch := installed_torch()) is None:
        yield
        return
    grad, dtype = torch.is_grad_enabled(), torch.get_default_dtype()
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(0)  # that of the CPU: torch.manual_seed asks for all
        try:
            yield
        finally:
            torch.set_grad_enabled(grad)
            torch.set_default_dtype(dtype)


@contextlib.contextmanager
def no_ready_made(forbidden: ReadyMade | None) -> Iterator[list[str]]:
    """Raise Forbidden when the code calls an operator of torch or a function that is forbidden.

    Yields a list in which the names of such calls are noted, even if the code swallows the error.
    torch's are seen below its Python functions, where all of them arrive; those of packages by
    the modules that define them.
    """
    called: list[str] = []
    if forbidden is None:
        yield called
        return

    def refuse(name: str) -> None:
        called.append(name)
        raise Forbidden(name)

    def profile(frame: FrameType, event: str, argument: Any) -> None:
        function = frame.f_code.co_flags & inspect.CO_OPTIMIZED  # modules and classes may load
        if event == "call" and function:
            package = forbidden.package_of(str(frame.f_globals.get("__name__")))
            if package:
                refuse(f"{package}'s {frame.f_code.co_name}")

    before = sys.getprofile()
    with _no_operators(forbidden.operators, refuse):
        sys.setprofile(profile)
        try:
            yield called
        finally:
            sys.setprofile(before)


def _no_operators(
    operators: tuple[str, ...], refuse: Callable[[str], None]
) -> contextlib.AbstractContextManager[Any]:
    """Refuse these operators of torch."""
    if installed_torch() is None:
        return contextlib.nullcontext()
    from torch.utils._python_dispatch import TorchDispatchMode

    class Refuse(TorchDispatchMode):
        @classmethod
        def _should_skip_dynamo(cls) -> bool:
            return False  # to ask the compiler to skip it would import the compiler: seconds

        def __torch_dispatch__(
            self, func: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            if any(name in str(func) for name in operators):
                refuse(f"torch's {str(func).split('.')[1].strip('_')}")
            return func(*args, **(kwargs or {}))

    return Refuse()
