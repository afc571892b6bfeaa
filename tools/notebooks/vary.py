"""Change numbers of a notebook as a reader may, run it from there, and report what raises.

    python -m tools.notebooks.vary NOTEBOOK [--most 8] [--all] [--only cell:name]

One process runs the notebook once.  Before a cell whose number is to be changed it is forked, and
the copy runs this cell and those after it that the change can reach.  It ends in one of four ways:

    fine       all cells ran; `calm` counts the sentences that say that they no longer hold
    explained  the packages of the course refused it, with the rule, the value and the way out
    slow       the cells after it took longer than a reader waits
    raised     anything else: a fault of the notebook; the exit code is 1
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import re
import select
import shutil
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import nbformat

from tools.notebooks import closure, execution, store
from tools.notebooks.affected import to_run
from tools.notebooks.numbers import RAISES, Change, changes, choice

PATIENCE = 120  # seconds
EXPLAINED = re.compile(r".*\bgot\b.*", re.DOTALL)
OWN = tuple(f"{execution.ROOT / name}{os.sep}" for name in closure.PACKAGES)


@dataclass(frozen=True)
class Outcome:
    """What a change led to.  said: of an exception, its cell, kind and message."""

    kind: str
    said: str = ""
    calm: int = 0
    seconds: float = 0.0


def environment(root: Path, results: Path) -> dict[str, str]:
    """A reader's: results of experiments are kept, sentences calm, figures not shown."""
    wanted = execution.kernel_environment(root, results)
    for name in ("BNCOURSE_STRICT", "BNCOURSE_FIGURES", "BNCOURSE_FIGURE_FORMATS"):
        del wanted[name]
    return wanted | {"MPLBACKEND": "agg"}


def vary(path: Path, chosen: Sequence[Change], patience: float = PATIENCE) -> Iterator[Outcome]:
    """The outcome of each change, which must be in the order of the cells.

    Raises RuntimeError where the notebook fails as it is.
    """
    cells = nbformat.read(path, as_version=4).cells
    places = [place for place, cell in enumerate(cells) if _runs(cell)]
    sources = [cells[place].source for place in places]
    shell = _shell()
    for count, place in enumerate(places):
        for change in [change for change in chosen if change.cell == place]:
            changed = change.apply(sources[count])
            rest = to_run([*sources[:count], changed, *sources[count + 1 :]], count, shell.user_ns)
            run = [(changed if i == count else sources[i], cells[places[i]]) for i in rest]
            yield _forked(shell, run, patience)
        if not any(change.cell > place for change in chosen):
            return
        outcome = _run(shell, [(sources[count], cells[place])])
        if outcome.kind != "fine":
            raise RuntimeError(f"{path.name}, cell {place}, as it is: {outcome.said}")


def _runs(cell: Any) -> bool:
    return cell.cell_type == "code" and "install" not in cell.metadata.get("tags", [])


def _shell() -> Any:
    """IPython without its terminal; figures are drawn by `_run`, and not shown."""
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    class Shell(InteractiveShell):
        def run_line_magic(self, magic_name: str, *arguments: Any, **more: Any) -> Any:
            if magic_name not in ("matplotlib", "config"):
                return super().run_line_magic(magic_name, *arguments, **more)

        def showtraceback(self, *arguments: Any, **more: Any) -> None:
            pass

        showsyntaxerror = showtraceback

    config = Config()
    config.HistoryManager.enabled = False
    return Shell.instance(config=config)


def _run(shell: Any, cells: Sequence[tuple[str, Any]]) -> Outcome:
    """Execute these sources of these cells, until one raises."""

    from bncourse import prose

    calm = 0
    for source, cell in cells:
        with (
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("ignore")
            done = shell.run_cell(source)
            error = done.error_before_exec or done.error_in_exec or _drawn()
        if error is not None and RAISES not in cell.metadata.get("tags", []):
            first = source.strip().splitlines()[0]
            said = f"{type(error).__name__}: {error}  (in the cell {cell.id} that begins {first!r})"
            return Outcome("explained" if is_explained(error) else "raised", said, calm)
        shown = done.result
        calm += isinstance(shown, prose.Markdown) and prose.CHANGED in str(shown.data)
    return Outcome("fine", "", calm)


def _drawn() -> Exception | None:
    """Draw the figures of a cell, as a notebook does after it; returns what that raised."""
    import matplotlib.pyplot as plt

    try:
        for number in plt.get_fignums():
            plt.figure(number).canvas.draw()
    except Exception as error:
        return error
    finally:
        plt.close("all")
    return None


def is_explained(error: BaseException) -> bool:
    """Whether a package of the course refused a value: it says which one it got, and the rule."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = bool(frames) and frames[-1].filename.startswith(OWN)
    return ours and isinstance(error, ValueError) and bool(EXPLAINED.match(str(error)))


def _forked(shell: Any, rest: Sequence[tuple[str, Any]], patience: float) -> Outcome:
    """`_run` in a process of its own, which starts with the state of this one."""
    started = time.perf_counter()
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        outcome = Outcome("raised", "the process ended")
        try:
            outcome = _run(shell, rest)
        except BaseException as error:
            outcome = Outcome("raised", f"outside of the cells: {error!r}")
        finally:
            os.write(write, json.dumps(asdict(outcome)).encode()[:60_000])
            os._exit(0)
    os.close(write)
    answered, _, _ = select.select([read], [], [], patience)
    with os.fdopen(read, "rb") as pipe:
        text = pipe.read() if answered else b""
    if not answered:
        os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    seconds = time.perf_counter() - started
    if not answered:
        return Outcome("slow", f"more than {patience:g} s", 0, seconds)
    return Outcome(**{**json.loads(text or b'{"kind": "raised"}'), "seconds": seconds})


@contextlib.contextmanager
def results(root: Path) -> Iterator[Path]:
    """A folder with the results of experiments that fit the present code; not the book's own."""
    with tempfile.TemporaryDirectory() as folder:
        kept = store.folder(root) / "results"
        for module in store.fitting(root):
            shutil.copytree(kept / module, Path(folder) / module)
        yield Path(folder)


def report(path: Path, chosen: Sequence[Change]) -> int:
    """Vary a notebook and print a line for each change; returns how many raised."""
    count: dict[str, int] = {}
    for change, outcome in zip(chosen, vary(path, chosen), strict=True):
        count[outcome.kind] = count.get(outcome.kind, 0) + 1
        calm = f"  {outcome.calm} no longer hold" if outcome.calm else ""
        print(f"{outcome.kind:9} {outcome.seconds:5.1f} s  {change}{calm}", flush=True)
        if outcome.said:
            print(f"          {outcome.said}", flush=True)
    print(f"{path.name}: {len(chosen)} changes: " + ", ".join(f"{n} {k}" for k, n in count.items()))
    return count.get("raised", 0)


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("notebook", type=Path)
    parser.add_argument(
        "--most", type=int, default=8, help="so many changes, spread over the cells"
    )
    parser.add_argument("--all", action="store_true", help="all changes")
    parser.add_argument("--list", action="store_true", help="say which, and run none")
    parser.add_argument("--cell", type=int, help="only changes of this cell, counted from 0")
    options = parser.parse_args(arguments)
    path = options.notebook.resolve()
    found = changes(nbformat.read(path, as_version=4).cells)
    if options.cell is not None:
        found = [change for change in found if change.cell == options.cell]
    chosen = choice(found, len(found) if options.all or options.cell is not None else options.most)
    if options.list:
        print("\n".join(map(str, chosen)))
        return 0
    with results(execution.ROOT) as folder:
        (execution.ROOT / "_build" / "ipython").mkdir(parents=True, exist_ok=True)
        os.environ.pop("BNCOURSE_STRICT", None)
        os.environ.update(environment(execution.ROOT, folder))
        return int(report(path, chosen) > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
