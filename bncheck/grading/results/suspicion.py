"""Signs of tampering in the source of a submission.  Information for the teacher, not a verdict.

The judge does not need them: what is patched in the worker changes nothing in the judge.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Sequence, Set

# What a solution of an exercise has no use for, and what it would be used for.
MODULES = {
    "ctypes": "reaching into memory",
    "gc": "searching the memory for objects",
    "inspect": "looking at the code that calls it",
    "multiprocessing": "starting processes",
    "pty": "starting processes",
    "resource": "changing limits",
    "signal": "sending or catching signals",
    "socket": "using the network",
    "subprocess": "starting processes",
    "threading": "leaving threads behind",
    "_thread": "leaving threads behind",
    "urllib": "using the network",
    "requests": "using the network",
    "http": "using the network",
}
CALLS = {
    "os._exit": "ending the process",
    "os.abort": "ending the process",
    "os.fork": "starting processes",
    "os.kill": "sending signals",
    "os.killpg": "sending signals",
    "os.system": "starting processes",
    "os.popen": "starting processes",
    "os.write": "writing to open files",
    "os.dup2": "redirecting open files",
    "sys._getframe": "looking at the code that calls it",
    "sys.settrace": "tracing the code that calls it",
    "sys.setprofile": "tracing the code that calls it",
    "sys.exit": "ending the process",
    "exit": "ending the process",
    "quit": "ending the process",
}
PATCHED = {"torch", "np", "numpy", "bncheck", "nn", "F", "sys", "builtins", "json", "math"}
LYING = {
    "__eq__",
    "__ne__",
    "__array__",
    "__array_ufunc__",
    "__array_function__",
    "__torch_function__",
}
PATHS = re.compile(r"/proc\b|/etc/passwd|grades|solutions|\.\./\.\.")


def signs(cells: Sequence[str], questions: str, packages: Sequence[str]) -> list[str]:
    """What in these cells looks like tampering, a line for each sign; empty for honest work.

    questions: the package of the course's questions; packages: those of the course itself.
    """
    found: dict[str, None] = {}
    for number, cell in enumerate(cells):
        try:
            tree = ast.parse(cell)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue  # it cannot run either
        for sign in _signs(tree, questions, {*PATCHED, *packages}):
            found.setdefault(f"code cell {number}: {sign}")
    return list(found)


def _signs(tree: ast.AST, questions: str, patched: Set[str]) -> Iterable[str]:
    for node in ast.walk(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            yield from _imports(node, questions)
        elif isinstance(node, ast.Call):
            name = dotted(node.func)
            if name in CALLS:
                yield f"calls {name} ({CALLS[name]})"
            elif name == "setattr" and node.args and root(node.args[0]) in patched:
                yield f"sets an attribute of {dotted(node.args[0])}"
            elif name in ("open", "Path") and _suspect_path(node):
                yield "opens a file outside of its folder"
        elif isinstance(node, (ast.Assign, ast.AugAssign, ast.Delete, ast.AnnAssign)):
            yield from _patches(node, patched)
        elif isinstance(node, ast.ClassDef):
            yield from _lying(node)
        elif isinstance(node, ast.Attribute) and node.attr in ("__code__", "__globals__", "f_back"):
            yield f"looks into {node.attr}"


def _imports(node: ast.Import | ast.ImportFrom, questions: str) -> Iterable[str]:
    names = [a.name for a in node.names] if isinstance(node, ast.Import) else [node.module or ""]
    for name in names:
        if (package := name.partition(".")[0]) in MODULES:
            yield f"imports {name} ({MODULES[package]})"
        if name.startswith(f"{questions}."):
            yield f"imports {name} (the references are there)"
        if name.partition(".")[0] == "bncheck":
            yield f"imports {name} (the judge is there)"


def _patches(
    node: ast.Assign | ast.AugAssign | ast.Delete | ast.AnnAssign, patched: Set[str]
) -> Iterable[str]:
    targets = node.targets if isinstance(node, (ast.Assign, ast.Delete)) else [node.target]
    for target in targets:
        if isinstance(target, ast.Attribute) and root(target) in patched:
            yield f"replaces {dotted(target)}"
        if isinstance(target, ast.Name) and target.id == "__builtins__":
            yield "replaces the builtins"


def _lying(node: ast.ClassDef) -> Iterable[str]:
    bases = {dotted(base).rpartition(".")[2] for base in node.bases}
    if arrays := bases & {"ndarray", "Tensor"}:
        yield f"class {node.name} inherits from {', '.join(sorted(arrays))}"
    for inner in node.body:
        if isinstance(inner, ast.FunctionDef) and inner.name in LYING:
            yield f"class {node.name} defines {inner.name}"


def _suspect_path(node: ast.Call) -> bool:
    texts = [a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
    return any(text.startswith("/") or PATHS.search(text) for text in texts)


def dotted(node: ast.AST) -> str:
    """`a.b.c` for an attribute of a name; empty for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (owner := dotted(node.value)):
        return f"{owner}.{node.attr}"
    return ""


def root(node: ast.AST) -> str:
    """The first name of a dotted one."""
    return dotted(node).partition(".")[0]
