"""Execute the notebooks of the book, each once per state of the code that it uses.

What a notebook shows depends on its own cells, on the files of this repository that it imports or
reads, and on the libraries below.  The cells are jupyter-cache's key; `closure` finds the rest,
and `store` keeps to it.  Whether `closure` is right is checked at each execution: the kernel notes
what it reads, and a file that is not in the closure ends the build.

    python -m tools.notebooks.execution NOTEBOOK EXECUTED    execute one, write it with its outputs
"""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from importlib.util import source_from_cache
from pathlib import Path
from typing import Any

import nbformat

from tools.notebooks import closure, store

ROOT = Path(__file__).resolve().parents[2]
# Chapters that read what the others have measured: they run when the others are done.
LAST = ("11_ledger",)
LEARNERS = "exercises/ex*.ipynb"  # also in _config.yml
CELL_SECONDS = 300
CHAPTER_SECONDS = 45  # a reader's patience: reported, not enforced, since machines differ
WORKERS = 2
RECORDER = Path(__file__).with_name("kernel")  # of what a kernel reads: see sitecustomize there
NOT_OURS = re.compile(r"(_build|build|\.venv|\.git|[^/]*\.egg-info)/")


def kernel_environment(root: Path, results: Path) -> dict[str, str]:
    """What the kernels of the chapters need in their environment, so that two runs agree."""
    path = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    return {
        "BNCOURSE_RESULTS": str(results),
        "BNCOURSE_STRICT": "1",  # a sentence that does not hold ends the build
        "BNCOURSE_FIGURES": "static",  # interactive figures for pages without a kernel
        "PYTHONPATH": os.pathsep.join([str(root), *(p for p in path if p not in ("", str(root)))]),
        "PYTHONHASHSEED": "0",
        "OMP_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "SOURCE_DATE_EPOCH": "1767225600",  # the date in an SVG file: 2026, the book's year
        "IPYTHONDIR": str(root / "_build" / "ipython"),  # without the user's start-up files
        "JUPYTER_PREFER_ENV_PATH": "1",  # this environment's kernel, not the user's
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "BNCOURSE_FIGURE_FORMATS": "svg,png",  # for pages, and for slides
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",  # the debugger's warning about frozen modules
    }


@dataclass(frozen=True)
class Run:
    """What the execution of one chapter took."""

    chapter: str
    seconds: float
    cpu_seconds: float
    peak_mb: float


class ChapterFailed(RuntimeError):
    """A cell of a chapter raised; the message holds the cell and its traceback."""


def chapters(root: Path = ROOT, toc: Path | None = None) -> list[Path]:
    """The notebooks of the table of contents that are executed, in its order.

    Learners' notebooks are pages too, but wait for answers: only their solutions are executed.
    """
    import yaml

    def files(entry: dict[str, Any]) -> Iterator[str]:
        for key in ("root", "file"):
            if key in entry:
                yield entry[key]
        for key in ("parts", "chapters", "sections"):
            for child in entry.get(key, []):
                yield from files(child)

    outline = yaml.safe_load((toc or root / "_toc.yml").read_text(encoding="utf-8"))
    paths = [root / f"{name}.ipynb" for name in files(outline)]
    return [path for path in paths if path.exists() and not path.match(LEARNERS)]


def execute_missing(root: Path, paths: Sequence[Path], workers: int = WORKERS) -> list[Run]:
    """Execute those of `paths` that are not in the cache, `workers` at a time, the ledger last.

    Returns what each of them took.  Raises ChapterFailed, after all the others have been run,
    with the messages of those that failed.
    """
    from jupyter_cache.base import CacheBundleIn

    store.refresh(root, paths)
    folder = store.folder(root)
    cache = store.jupyter_cache(root)
    missing = []
    for path in paths:
        notebook = nbformat.read(path, as_version=4)
        try:
            cache.match_cache_notebook(notebook)
        except KeyError:
            missing.append(path)
    done: list[Run] = []
    failures: list[str] = []
    places = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(places)}
    scratch = folder / "executing"
    scratch.mkdir(parents=True, exist_ok=True)

    def execute(path: Path) -> tuple[Path, Path, subprocess.CompletedProcess[str]]:
        print(f"executing {path.relative_to(root)}", flush=True)
        target = scratch / path.name
        command = [sys.executable, "-m", __spec__.name, str(path), str(target), str(root)]
        run = subprocess.run(command, env=environment, capture_output=True, text=True)
        return path, target, run

    groups = [
        [path for path in missing if path.stem not in LAST],
        [path for path in missing if path.stem in LAST],
    ]
    pool = ThreadPoolExecutor(workers)
    try:
        for group in groups:
            for future in as_completed([pool.submit(execute, path) for path in group]):
                path, target, answer = future.result()
                name = path.relative_to(root).as_posix()
                if answer.returncode != 0:
                    failures.append(f"{name}:\n{answer.stdout}{answer.stderr}")
                    continue
                if unknown := not_in_closure(root, path, target.with_suffix(".loaded")):
                    failures.append(f"{name} reads what its key does not cover: {unknown}")
                    continue
                run = Run(chapter=name, **json.loads(answer.stdout.splitlines()[-1]))
                bundle = CacheBundleIn(
                    nbformat.read(target, as_version=4),
                    str(path),
                    data={"execution_seconds": run.seconds},
                )
                cache.cache_notebook_bundle(bundle, check_validity=False, overwrite=True)
                done.append(run)
    finally:
        pool.shutdown(cancel_futures=True)  # an interruption starts no further chapter
    shutil.rmtree(scratch)
    store.remember(root, store.keys(root, []))  # of what was measured on the way
    _remember(folder / "times.json", done)
    if failures:
        raise ChapterFailed("\n".join(failures))
    return done


def not_in_closure(root: Path, path: Path, loaded: Path) -> str:
    """The files of the repository that an execution read and its key does not cover, as text."""
    read = map(Path, loaded.read_text(encoding="utf-8").splitlines())
    files = {Path(source_from_cache(p)) if p.suffix == ".pyc" else p for p in read}
    own = {p for p in files if p.is_relative_to(root) and p.is_file()}
    own -= {path, *RECORDER.iterdir()}
    own = {p for p in own if not NOT_OURS.match(p.relative_to(root).as_posix())}
    covered = closure.of_notebook(root, nbformat.read(path, as_version=4))
    return ", ".join(sorted(p.relative_to(root).as_posix() for p in own - covered))


def export(root: Path, paths: Sequence[Path], target: Path) -> None:
    """Write `paths` with the outputs of their execution, which is in the cache, to `target`."""
    cache = store.jupyter_cache(root)
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for path in paths:
        _, notebook = cache.merge_match_into_notebook(nbformat.read(path, as_version=4))
        nbformat.write(notebook, target / path.name)


def _remember(path: Path, runs: Sequence[Run]) -> None:
    known = json.loads(path.read_text()) if path.exists() else {}
    known.update({run.chapter: asdict(run) for run in runs})
    part = path.with_suffix(".part")
    part.write_text(json.dumps(known, indent=1))
    part.replace(path)


def table(root: Path = ROOT) -> str:
    """The time and the memory that each chapter took when it was executed last."""
    path = store.folder(root) / "times.json"
    known = json.loads(path.read_text()) if path.exists() else {}
    lines = [f"{'chapter':36} {'seconds':>8} {'of CPU':>8} {'peak MB':>8}"]
    for name in (chapter.relative_to(root).as_posix() for chapter in chapters(root)):
        if name in known:
            run = Run(**known[name])
            numbers = f"{run.seconds:8.1f} {run.cpu_seconds:8.1f} {run.peak_mb:8.0f}"
            over = f"  over {CHAPTER_SECONDS} s" if run.seconds > CHAPTER_SECONDS else ""
            lines.append(f"{name:36} {numbers}{over}")
    return "\n".join(lines)


def execute_one(source: Path, target: Path) -> int:
    """Execute one notebook, write it to `target`, print what it took; returns an exit code."""
    import resource

    from jupyter_cache.executors.utils import single_nb_execution

    notebook = nbformat.read(source, as_version=4)
    start = time.perf_counter()
    result = single_nb_execution(
        notebook, cwd=str(source.parent), timeout=CELL_SECONDS, allow_errors=False
    )
    seconds = time.perf_counter() - start
    if result.err is not None:
        print(result.exc_string)
        return 1
    nbformat.write(notebook, target)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)  # the kernel, which has ended
    unit = 1 if platform.system() == "Darwin" else 1024
    numbers = {
        "seconds": seconds,
        "cpu_seconds": used.ru_utime + used.ru_stime,
        "peak_mb": used.ru_maxrss * unit / 2**20,
    }
    print(json.dumps(numbers))
    return 0


def main(arguments: Sequence[str]) -> int:
    source, target, *rest = (Path(argument).resolve() for argument in arguments)
    root = rest[0] if rest else ROOT
    os.environ.update(kernel_environment(root, store.folder(root) / "results"))
    os.environ["BNCOURSE_LOADED"] = str(target.with_suffix(".loaded"))
    os.environ["PYTHONPATH"] = os.pathsep.join([str(RECORDER), os.environ["PYTHONPATH"]])
    return execute_one(source, target)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
