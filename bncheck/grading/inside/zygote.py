"""The warm process: has torch imported already, and forks a keeper and a worker per submission.

The keeper starts the worker, in namespaces of its own where that is possible, kills it when the
judge closes its end of the line (or is gone), and says how the worker ended.  It runs none of the
submission's code, and the worker cannot reach it.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
from pathlib import Path
from typing import Any, NoReturn

from bncheck.grading.inside import namespaces, seccomp
from bncheck.grading.inside.limits import Limits
from bncheck.grading.inside.messages import Channel, Damaged, Gone
from bncheck.guard import ReadyMade

LIBRARY = Path(__file__).resolve().parents[3]  # the copy of what is needed here, without answers


def main(line: int) -> None:
    """Serve the judge on the socket of this number until it closes."""
    control = Channel(socket.socket(fileno=line), 2**16)
    order = control.receive()
    if order["user"] is not None:
        namespaces.become(order["user"])
    elif order["boxed"]:
        namespaces.drop_rights()
    _forget_other_copies()
    _warm(order["modules"])
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # keepers leave no zombies
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the judge's
    control.send({"ready": True})
    while True:
        try:
            wanted = control.receive()
            _, lines, _, _ = socket.recv_fds(control.end, 1, 2)
        except Gone:
            return
        if os.fork() == 0:
            control.end.close()  # this copy alone
            limits = Limits(**wanted.pop("limits"))
            _keep(wanted | {"boxed": order["boxed"]}, limits, *lines)
        for number in lines:
            os.close(number)


def _forget_other_copies() -> None:
    """Take other homes of the library's packages off the path: the copy comes first, and alone.

    Where they are installed among other packages, these stay, and ours are found in the copy.
    """
    names = [path.name for path in LIBRARY.iterdir()]

    def holds_one(place: str) -> bool:
        return any((Path(place) / name).is_dir() for name in names)

    rest = [p for p in sys.path if p != str(LIBRARY)]
    rest = [p for p in rest if p.endswith("-packages") or not holds_one(p)]
    sys.path[:] = [str(LIBRARY), *rest]
    sys.meta_path[:] = [f for f in sys.meta_path if "editable" not in getattr(f, "__module__", "")]
    sys.path_hooks[:] = [h for h in sys.path_hooks if "editable" not in h.__module__]
    sys.path_importer_cache.clear()


def _warm(modules: list[str]) -> None:
    """Do once what every worker would do: import, and run a probe."""
    import numpy as np
    import torch

    from bncheck.grading.inside import ready_made, worker  # noqa: F401
    from bncheck.observe import Task, observe
    from bncheck.plain import plain

    torch.set_num_threads(1)
    for name in modules:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    inputs = {"x": plain(np.ones((2, 3)))}
    code = "y = torch.tensor(x) * 2\nz = np.einsum('ij->j', x)"
    observe({}, [Task("warm", code, ("y", "z"), inputs, 5.0, True)])
    gc.collect()
    gc.freeze()


def _keep(order: dict[str, Any], limits: Limits, judge: int, talk: int) -> NoReturn:
    """Start the worker, wait for its end or for the judge's, say how it ended."""
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        namespaces.die_with_parent()
        if order["boxed"]:
            namespaces.separate()
        else:
            os.setsid()
            namespaces.adopt_orphans()
        worker = os.fork()
        if worker == 0:
            _become_worker(order, limits, judge, talk)
        os.close(talk)
        status = _wait(worker, judge)
        if not order["boxed"]:  # a pid namespace has ended with its first process
            _sweep(worker)
        code = os.waitstatus_to_exitcode(status)
        said: dict[str, Any] = {"exit": code} if code >= 0 else {"signal": -code}
    except BaseException as error:
        said = {"error": f"{type(error).__name__}: {error}"}
    with contextlib.suppress(OSError):
        os.write(judge, json.dumps(said).encode() + b"\n")
    os._exit(0)


def _wait(worker: int, judge: int) -> int:
    """The worker's status: kills it as soon as the judge hangs up."""
    watched = [judge]
    pause: float | None = 0.02
    with contextlib.suppress(AttributeError, OSError):
        watched.append(os.pidfd_open(worker))
        pause = None
    while True:
        if judge in select.select(watched, [], [], pause)[0]:
            os.kill(worker, signal.SIGKILL)
            return os.waitpid(worker, 0)[1]
        done, status = os.waitpid(worker, os.WNOHANG)
        if done:
            return status


def _sweep(worker: int) -> None:
    """Kill what the worker left behind: its group, and on Linux all that came from it."""
    with contextlib.suppress(OSError):
        os.killpg(worker, signal.SIGKILL)
    children = Path(f"/proc/self/task/{os.getpid()}/children")
    with contextlib.suppress(OSError):
        while left := [int(pid) for pid in children.read_text().split()]:
            for pid in left:
                with contextlib.suppress(OSError):
                    os.kill(pid, signal.SIGKILL)
                    os.waitpid(pid, 0)


def _become_worker(order: dict[str, Any], limits: Limits, judge: int, talk: int) -> NoReturn:
    """Shut this process in, then serve."""
    from bncheck.grading.inside import worker

    try:
        # The parent may have ended before this; then its id has changed already
        namespaces.die_with_parent()
        null = os.open(os.devnull, os.O_RDWR)
        for number in (0, 1, 2):
            os.dup2(null, number)
        home, taken = order["scratch"], namespaces.size()
        sent = order["without"]
        without = None if sent is None else ReadyMade.from_json(sent)
        if order["boxed"]:
            namespaces.cover(home, limits.scratch)
            if without is not None:
                namespaces.cover(str(LIBRARY))
            namespaces.cover("/proc")
        else:
            os.setpgid(0, 0)
        os.chdir(home)
        os.environ.update(dict.fromkeys(("HOME", "TMPDIR", "TMP", "TEMP", "MPLCONFIGDIR"), home))
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        if sys.platform.startswith("linux"):
            namespaces.drop_rights()
            namespaces.die_with_parent()
        if talk != 3:
            os.dup2(talk, 3)
        os.closerange(4, 4096)
        namespaces.limit(limits, taken)
        filtered = seccomp.forbid()
        channel = Channel(socket.socket(fileno=3), limits.message)
        worker.serve(channel, limits, without, filtered)
    except (Gone, Damaged):
        os._exit(0)
    except BaseException as error:
        with contextlib.suppress(BaseException):
            os.write(judge, f"{type(error).__name__}: {error}".encode()[:500])
        os._exit(97)
    os._exit(0)
