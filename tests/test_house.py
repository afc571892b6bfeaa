"""The laws of the house: what may import what, and where things stand."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("bnlib", "bncourse", "bncheck", "tools")
INSIDE = "bncheck.grading.inside"
FORBIDDEN_INSIDE = (
    *("bncheck.grading.outside", "bncheck.grading.results", "exercises"),
    *("bncheck.questions", "bncheck.course", "bncheck.bank"),
)
# Folders without a map: their modules are found by themselves, and say in their first line what
# they are.
FOUND = re.compile(r"bncourse/(experiments/ch\d\d_\w+|figures/explorations)")


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(p): p for name in PACKAGES for p in sorted((ROOT / name).rglob("*.py"))}
FOLDERS = sorted({p.parent for p in MODULES.values() if (p.parent / "__init__.py").exists()})
TESTS = [path for name in PACKAGES for path in sorted((ROOT / "tests" / name).rglob("test_*.py"))]


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def statements(tree: ast.AST, *, when_imported: bool) -> Iterator[ast.AST]:
    """All that a module holds, or what is executed when it is imported."""
    for node in ast.iter_child_nodes(tree):
        late = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        typing = isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        if not (when_imported and (late or typing)):
            yield node
            yield from statements(node, when_imported=when_imported)


def imports(source: str, *, when_imported: bool = False) -> set[str]:
    """The modules that a source imports; of a package `from package import module` is one, too."""
    found = set()
    for node in statements(ast.parse(source), when_imported=when_imported):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0 and node.module, "need the full address in an import"
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name in MODULES else node.module for name in names}
    return found


IMPORTS = {name: imports(path.read_text(encoding="utf-8")) for name, path in MODULES.items()}
GRAPH = {
    name: imports(path.read_text(encoding="utf-8"), when_imported=True) & MODULES.keys()
    for name, path in MODULES.items()
}


def reached(graph: Mapping[str, set[str]], start: str) -> set[str]:
    """What is imported from `start` on, by any number of steps."""
    found: set[str] = set()
    waiting = list(graph[start])
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += graph[name]
    return found


def circles(graph: Mapping[str, set[str]]) -> list[str]:
    """What reaches itself."""
    return [name for name in graph if name in reached(graph, name)]


def roots(package: str) -> set[str]:
    """What a package imports from outside itself, by the first part of its address."""
    names = {i for name in MODULES if name.split(".")[0] == package for i in IMPORTS[name]}
    return {name.split(".")[0] for name in names} - {package}


# -- imports -------------------------------------------------------------------------------------


def test_the_library_imports_numpy_and_torch_alone() -> None:
    """And Triton, which comes with torch for CUDA, and timm: each in one module, loaded late."""
    rare = {"triton": "bnlib.nn.triton_kernels", "timm": "bnlib.nn.fused"}
    assert roots("bnlib") - sys.stdlib_module_names == {"numpy", "torch", *rare}
    for package, only in rare.items():
        users = {name for name in IMPORTS if package in {i.split(".")[0] for i in IMPORTS[name]}}
        assert users == {only}
    users = set(rare.values())
    assert not [name for name in GRAPH if users & GRAPH[name]], "loaded where it may be missing"


@pytest.mark.parametrize(("package", "allowed"), [("bncourse", {"bnlib"}), ("bncheck", set())])
def test_imports_of_packages_point_one_way(package: str, allowed: set[str]) -> None:
    assert roots(package) & {*PACKAGES, "exercises", "tests"} <= allowed


def test_what_runs_beside_a_submission_reaches_no_judge_no_question_and_no_answer() -> None:
    for name in [name for name in MODULES if name.startswith(INSIDE)]:
        late = {found for step in IMPORTS[name] & MODULES.keys() for found in reached(GRAPH, step)}
        for other in IMPORTS[name] | late:
            assert not other.startswith(FORBIDDEN_INSIDE), f"{name} reaches {other}"


def test_a_circle_is_seen() -> None:
    graph = {"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"a"}}
    assert circles(graph) == ["b", "c"]
    late = "    import c\n    def f():\n        import d"
    source = f"import a\nif TYPE_CHECKING:\n    import b\nclass C:\n{late}"
    assert imports(source) == {"a", "b", "c", "d"}
    assert imports(source, when_imported=True) == {"a", "c"}


def test_no_module_imports_itself_in_a_circle() -> None:
    assert not circles(GRAPH)


def test_no_folder_of_a_package_imports_itself_in_a_circle() -> None:
    """But what starts a package from the command line reaches into all of it."""
    graph: dict[str, set[str]] = {}
    for name, path in MODULES.items():
        folder = relative(path.parent)
        graph.setdefault(folder, set())
        if path.name != "__main__.py":
            graph[folder] |= {relative(MODULES[other].parent) for other in GRAPH[name]} - {folder}
    assert not [folder for folder in circles(graph) if not folder.startswith("tools")]


def test_the_layers_load_nothing_that_only_the_course_needs() -> None:
    heavy = {"sklearn", "torchvision", "pandas", "matplotlib", "seaborn", "scipy", "IPython"}
    program = f"import sys, bnlib.nn; print(*({heavy} & sys.modules.keys()))"
    ran = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert not ran.stdout.split()


# -- where things stand --------------------------------------------------------------------------


@pytest.mark.parametrize("folder", FOLDERS, ids=relative)
def test_the_map_of_a_package_names_each_of_its_files_and_no_other(folder: Path) -> None:
    there = {p.stem for p in folder.glob("*.py")} | {p.parent.name for p in folder.glob("*/*.py")}
    there = {name for name in there if not name.startswith("__")}
    text = ast.get_docstring(ast.parse((folder / "__init__.py").read_text(encoding="utf-8"))) or ""
    if FOUND.fullmatch(relative(folder)):
        for name in there:
            source = (folder / f"{name}.py").read_text(encoding="utf-8")
            assert ast.get_docstring(ast.parse(source)), f"{name} does not say what it is"
        return
    unnamed = {name for name in there if not re.search(rf"\b{name}\b", text)}
    assert all(FOUND.fullmatch(f"{relative(folder)}/{name}") for name in unnamed), unnamed
    mapped = set(re.findall(r"^ *([a-z]\w*)  +\S", text, re.M))
    assert mapped <= there, "not there"


@pytest.mark.parametrize("path", TESTS, ids=relative)
def test_a_test_stands_where_the_thing_stands_that_it_is_named_after(path: Path) -> None:
    """After a module, or after the folder: then it is about several modules of that."""
    place = ROOT / path.parent.relative_to(ROOT / "tests")
    name = path.stem.removeprefix("test_")
    assert place.is_dir(), f"nothing stands in {relative(place)}"
    assert name == place.name or (place / f"{name}.py").is_file() or (place / name).is_dir()


# -- all files -----------------------------------------------------------------------------------


def test_no_package_registry_is_named() -> None:
    """Where packages come from is the reader's choice; only PyTorch's own index is named."""
    hosts = ["py" + "pi.org", "pythonhosted" + ".org", "ana" + "conda.org", "test.py" + "pi"]
    files = [*ROOT.glob("*"), *ROOT.glob("[a-z]*/**/*"), *ROOT.glob(".[bcg]*/**/*")]
    for path in files:
        inside = path.relative_to(ROOT).parts
        if path.is_file() and ".git" not in inside and path.suffix not in {".pyc", ".png"}:
            text = path.read_text(errors="ignore")
            assert not [host for host in hosts if host in text], path
