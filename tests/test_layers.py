"""The arrows of the architecture point one way."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "tracer"

#: Who shows or checks knows steps and rules, and never what builds networks.
SHOWS_OR_CHECKS = (
    "traces", "lines", "names", "printers", "labels", "numbers", "views", "walkthrough",
    "ledger", "pages", "drawing", "markup", "diagram", "derivation", "program", "backprop",
    "rewrite", "evaluate", "arithmetic", "rules", "expression", "algebra", "scenario",
    "catalog.shipped", "straight", "values", "course", "history", "tables", "figures",
    "conventions", "networks", "layers.kinds", "walk", "rulebook", "statements", "training",
    "folded", "grids", "partials", "tangents", "datasets", "draws", "inventory", "assignments",
    "charts.plots", "charts.charting", "matrices.form", "matrices.text", "indexed.check",
    "indexed.page", "mistakes.catalog", "mistakes.applied", "check.examination", "check.lint",
    "check.reports", "check.screen", "check.feedback", "check.gradescope", "check.summary",
    "check.points", "check.answers", "check.telling", "check.difference", "duals",
)  # fmt: skip
#: Who joins both sides: the public API and the command line.
JOINS = {"tracer", "run", "cli"}


def module_name(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(p for p in parts if p != "__init__") or "tracer"


MODULES = {module_name(path): path for path in PACKAGE.rglob("*.py")}


def running(tree: ast.AST) -> Iterator[ast.AST]:
    """Every node that runs: what stands under `if TYPE_CHECKING` does not."""
    for node in ast.iter_child_nodes(tree):
        if not (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"):
            yield node
            yield from running(node)


def imports(path: Path) -> set[str]:
    """The modules of tracer that a module imports, at the top or inside a function."""
    found: set[str] = set()
    for node in running(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tracer"):
            module = (node.module or "").removeprefix("tracer").removeprefix(".")
            names = {f"{module}.{a.name}".lstrip(".") for a in node.names}
            found |= (names & MODULES.keys()) or ({module} if module else set())
    return found - {""}


@pytest.mark.parametrize("name", SHOWS_OR_CHECKS)
def test_what_shows_or_checks_never_imports_what_builds(name: str) -> None:
    reached, todo = set(), [name]
    while todo:
        for found in imports(MODULES[todo.pop()]) - reached:
            reached.add(found)
            todo.append(found)
    assert not [m for m in reached if m.startswith("build") or m in JOINS]


def test_only_the_algebra_module_imports_sympy() -> None:
    users = {
        name
        for name, path in MODULES.items()
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if (isinstance(node, ast.Import) and any(a.name.startswith("sympy") for a in node.names))
        or (isinstance(node, ast.ImportFrom) and (node.module or "").startswith("sympy"))
    }
    assert users == {"algebra"}


def test_no_module_is_imported_in_a_circle() -> None:
    done: list[str] = []
    graph = {name: imports(path) for name, path in MODULES.items() if name != "tracer"}
    for node in graph:
        graph[node] &= graph.keys()
    while graph:
        free = sorted(name for name, needed in graph.items() if not needed - set(done))
        assert free, f"a circle among {sorted(graph)}"
        done += free
        for name in free:
            del graph[name]


def test_a_diagram_is_drawn_from_the_program_alone() -> None:
    allowed = {"program", "rewrite", "labels", "symbols", "figure", "placing"}
    for name in ("diagram", "figure", "placing", "symbols"):
        assert imports(MODULES[name]) <= allowed


def test_expressions_know_nothing_of_printing_or_algebra() -> None:
    assert imports(MODULES["expression"]) == set()
    assert imports(MODULES["parsing"]) == {"errors", "expression"}
    assert imports(MODULES["printers"]) == {"expression"}


@pytest.mark.parametrize("name", MODULES)
def test_a_module_says_its_job_in_its_first_line(name: str) -> None:
    assert ast.get_docstring(ast.parse(MODULES[name].read_text("utf-8")))
