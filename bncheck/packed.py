"""Questions as data for where no files are read and no torch is: a page in a browser.

`pack` writes a question as JSON, with the inputs of its probes made; `unpack` reads it there.  Of
its laws the expressions travel; they are evaluated with the functions of the modules `laws`.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping
from typing import Any

from bncheck.bank import Bank
from bncheck.plain import bare, from_json, to_json
from bncheck.questions.question import Mistake, Probe, Question, Section, lawful


def needs(question: Question, packages: tuple[str, ...]) -> bool:
    """Whether a question's answer or probes use one of these packages."""
    steps = (text for probe in question.probes for text in (probe.code, *probe.keep))
    texts = (question.reference, question.given or "", *steps)
    return any(f"{package}." in text for text in texts for package in packages)


def imports(preamble: str, without: tuple[str, ...]) -> str:
    """The imports of an exercise, without those of some packages."""
    kept = []
    for node in ast.parse(preamble).body:
        names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if not any(name.partition(".")[0] in without for name in names):
            kept.append(f"{ast.unparse(node)}\n")
    return "".join(kept)


def pack(bank: Bank, without: tuple[str, ...]) -> dict[str, Any]:
    """A question with the inputs of its probes, as JSON can hold it.

    without: packages that are not where it is sent; its preamble does not import them.
    """
    question = bank.question
    own = vars(question) | {
        "preamble": imports(question.preamble, without),
        "read": _section(question.read),
        "laws": list(dict.fromkeys((law.name, law.source) for law in question.laws)),
        "mistakes": [
            vars(mistake) | {"read": _section(mistake.read), "loose": sorted(mistake.loose)}
            for mistake in question.mistakes
        ],
        "probes": [
            vars(probe) | {"inputs": {name: to_json(value) for name, value in task.inputs.items()}}
            for probe, task in zip(question.probes, bank.tasks, strict=True)
        ],
    }
    packed: dict[str, Any] = json.loads(json.dumps(own))
    return packed


def _section(section: Section) -> list[str]:
    return [section.chapter, section.heading]


def unpack(packed: Mapping[str, Any], laws: Mapping[str, Any]) -> Question:
    """The question that `pack` wrote.  laws: the functions that its laws are made with."""
    expressions = dict.fromkeys(source for _, source in packed["laws"])
    labels = {source: name for name, source in reversed(packed["laws"])}
    known = {
        "names": tuple(packed["names"]),
        "hints": tuple(packed["hints"]),
        "choices": tuple(packed["choices"]),
        "read": Section(*packed["read"]),
        "laws": tuple(
            law
            for source in expressions
            for law in lawful(eval(source, dict(laws)), labels[source], source)
        ),
        "mistakes": tuple(map(_mistake, packed["mistakes"])),
        "probes": tuple(map(_probe, packed["probes"])),
    }
    return Question(**{**packed, **known})


def _mistake(packed: Mapping[str, Any]) -> Mistake:
    edits = tuple((right, wrong) for right, wrong in packed["edits"])
    known = {"read": Section(*packed["read"]), "edits": edits, "loose": frozenset(packed["loose"])}
    return Mistake(**{**packed, **known})


def _probe(packed: Mapping[str, Any]) -> Probe:
    inputs = {name: bare(from_json(value)) for name, value in packed["inputs"].items()}
    known = {"keep": tuple(packed["keep"]), "inputs": lambda rng: inputs}
    return Probe(**{**packed, **known})
