"""The cache of executed notebooks, in _build/cache: what is in it fits the present code.

    jupyter      jupyter-cache, which MyST-NB reads: executed notebooks, by their code cells
    results      results of experiments, which chapters share: a folder per module that measures
    keys.json    for each of them, a hash of the files that it depends on besides its own cells

`refresh` removes what was executed with other code.  It is called before each use.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import nbformat

from tools.notebooks import closure

Keys = dict[str, str]


def folder(root: Path) -> Path:
    """Where the cache of a checkout lies."""
    return root / "_build" / "cache"


def refresh(root: Path, paths: Sequence[Path]) -> Keys:
    """Remove the entries of `paths`, and results, that other code made; returns the keys now."""
    now = keys(root, paths)
    known = _read(folder(root) / "keys.json")
    forget(root, {name for name, key in now.items() if known.get(name) != key})
    remember(root, now)
    return now


def remember(root: Path, found: Keys) -> None:
    """Note with which code the entries of these names were made."""
    path = folder(root) / "keys.json"
    part = path.with_suffix(".part")
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps({**_read(path), **found}, indent=1, sort_keys=True)
    part.write_text(text, encoding="utf-8")
    part.replace(path)


def keys(root: Path, paths: Sequence[Path]) -> Keys:
    """The keys of notebooks, and of the modules whose results are kept."""
    found = {}
    for path in paths:
        notebook = nbformat.read(path, as_version=4)
        files = closure.of_notebook(root, notebook)
        found[path.relative_to(root).as_posix()] = closure.key(root, files)
    for module in measured(root):
        found[module] = closure.key(root, closure.closure(root, [module]))
    return found


def measured(root: Path) -> list[str]:
    """The modules that have results here."""
    results = folder(root) / "results"
    return sorted(path.name for path in results.iterdir()) if results.is_dir() else []


def fitting(root: Path) -> list[str]:
    """The modules whose results were measured with the present code."""
    known = _read(folder(root) / "keys.json")
    now = {name: closure.key(root, closure.closure(root, [name])) for name in measured(root)}
    return [name for name, key in now.items() if known.get(name) == key]


def forget(root: Path, names: Iterable[str]) -> None:
    """Remove these notebooks and results from the cache."""
    gone = set(names)
    for module in gone.intersection(measured(root)):
        shutil.rmtree(folder(root) / "results" / module)
    ends = tuple(f"/{name}" for name in gone if name.endswith(".ipynb"))
    cache = jupyter_cache(root)
    for record in cache.list_cache_records():
        if Path(record.uri).as_posix().endswith(ends):  # the checkout may have been moved
            cache.remove_cache(record.pk)


def jupyter_cache(root: Path) -> Any:
    """The jupyter-cache, without entries whose file an interruption prevented."""
    from jupyter_cache import get_cache
    from jupyter_cache.cache.db import NbCacheRecord

    place = folder(root) / "jupyter"
    cache = get_cache(str(place))
    for record in cache.list_cache_records():
        try:
            cache.get_cache_bundle(record.pk)
        except (KeyError, ValueError):
            NbCacheRecord.remove_record(record.pk, cache.db)
            shutil.rmtree(place / "executed" / record.hashkey, ignore_errors=True)
    return cache


def _read(path: Path) -> Keys:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
