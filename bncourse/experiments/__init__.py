"""One function per claim of the lecture notes.

Each is decorated with `bncourse.evidence.measures`, takes the seeds and returns a Result. A folder
holds the experiments of one chapter, and the first line of a module says what it measures; `arms`
holds what all of them compare. A new module is found by itself.
"""

import importlib
import pkgutil

from bncourse.evidence import Experiment


def all_experiments() -> dict[str, Experiment]:
    """Every experiment by the id of its claim, in the order of the notes' sections.

    Within a section the order is that of the modules' names and of the functions in a module.

    Raises ValueError if two experiments measure a claim of the same id.
    """
    found: dict[str, Experiment] = {}
    for module in pkgutil.walk_packages(__path__, f"{__name__}."):
        for value in vars(importlib.import_module(module.name)).values():
            claim = getattr(value, "claim", None)
            if claim is None or value.__module__ != module.name:
                continue
            if claim.id in found:
                raise ValueError(f"two experiments measure {claim.id!r}: rename one claim")
            found[claim.id] = value
    return dict(sorted(found.items(), key=lambda item: item[1].claim.notes))
