"""Includes and imports point downwards only, and no two files include or import each other.

C++: base < kernels < ops, tensor < compiler < runtime < python; kernels/cpu and kernels/cuda do
not know each other. Python: the floors below. Files of one floor may use one another as long as no
cycle arises when the package is imported. Imports under `if TYPE_CHECKING:` do not run and do not
count; those inside functions count for floors, not for cycles.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CPP = ROOT / "cpp"
PACKAGE = ROOT / "python" / "ranvier"

CPP_FLOORS = (("base",), ("kernels",), ("ops", "tensor"), ("compiler",), ("runtime",), ("python",))
PYTHON_FLOORS = (
    ("_core", "_backend", "version"),
    (
        "config",
        "devices",
        "errors",
        "exported_names",
        "identifiers",
        "naming",
        "python_numbers",
        "serialization",
        "tracebacks",
        "tree",
    ),
    ("dtype_policies", "scopes", "variable", "symbolic"),
    ("ops", "random"),
    ("autodiff", "jit"),
    ("initializers", "regularizers", "constraints", "activations", "quantizers"),
    ("layers", "losses", "metrics", "optimizers"),
    ("saving", "mixed_precision"),
    ("training", "callbacks"),
    ("models",),
    (
        "backend",
        "datasets",
        "gradient_check",
        "legacy",
        "preprocessing",
        "profiling",
        "utils",
        "visualization",
    ),
    ("applications", "wrappers", "distillation", "export", "distribution"),
    ("__init__", "__main__", "demo"),
)
# Late imports that look upwards on purpose, with the reason.
LATE_UPWARD = {
    ("config", "dtype_policies"): "the global policy is created from floatx when first asked for",
    ("dtype_policies", "ops"): "a policy casts the inputs of a layer with the op that users call",
    ("exported_names", "symbolic"): "operations are known by the classes that ops define",
    ("serialization", "ops"): "a tensor in a config is read as users make one",
    ("serialization", "symbolic"): "the config of a KerasTensor is built in",
    ("symbolic", "ops"): "methods of KerasTensor are the ops that users call",
    ("variable", "initializers"): "a variable may name its initializer",
    ("variable", "ops"): "assign_add and assign_sub are ops on the stored value",
}

Graph = dict[str, set[str]]
INCLUDE = re.compile(r'^\s*#include "([^"]+)"', re.MULTILINE)


def rank_table(floors: tuple[tuple[str, ...], ...]) -> dict[str, int]:
    return {name: rank for rank, floor in enumerate(floors) for name in floor}


def cpp_graph() -> Graph:
    files = [path for suffix in ("*.h", "*.cpp") for path in CPP.rglob(suffix)]
    graph: Graph = {}
    for path in files:
        edges = set()
        for target in INCLUDE.findall(path.read_text(encoding="utf-8")):
            beside = path.parent / target
            found = CPP / target if (CPP / target).exists() else beside
            if found.exists():
                edges.add(str(found.resolve().relative_to(CPP)))
        graph[str(path.relative_to(CPP))] = edges
    return graph


def cpp_problems(graph: Graph) -> Iterator[str]:
    ranks = rank_table(CPP_FLOORS)
    for source, targets in sorted(graph.items()):
        floor = source.split("/")[0]
        if floor not in ranks:
            yield f"cpp/{source}: folder on no floor. Hint: place it in scripts/check_floors.py."
            continue
        for target in sorted(targets):
            if ranks[target.split("/")[0]] > ranks[floor]:
                yield f"cpp/{source}: includes {target}, which stands above it"
            devices = [name.split("/")[1] for name in (source, target) if name[:8] == "kernels/"]
            if sorted(devices) == ["cpu", "cuda"]:
                yield f"cpp/{source}: includes {target} of another device"


def module_name(path: Path) -> str:
    parts = ("ranvier", *path.relative_to(PACKAGE).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


def running_imports(node: ast.AST, late: bool) -> Iterator[ast.Import | ast.ImportFrom]:
    """Imports that run with the module; with `late`, also those inside its functions."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.Import, ast.ImportFrom)):
            yield child
        elif is_type_checking(child):
            continue
        elif late or not isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield from running_imports(child, late)


def imported_modules(path: Path, known: set[str], late: bool) -> set[str]:
    """Modules of the package that `path` imports: `from a import b` is a.b if that is a module."""
    own = module_name(path).split(".")
    package = own if path.name == "__init__.py" else own[:-1]
    found = set()
    for node in running_imports(ast.parse(path.read_text(encoding="utf-8")), late):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            above = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            subs = [f"{base}.{alias.name}" for alias in node.names]
            names = [sub if sub in known else base for sub in subs]
        found.update(name for name in names if name in known)
    return found


def python_graph(late: bool) -> Graph:
    files = {module_name(path): path for path in PACKAGE.rglob("*.py")}
    known = {*files, "ranvier._core"}
    return {name: imported_modules(path, known, late) for name, path in files.items()}


def floor_of(module: str) -> str:
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


def python_problems(graph: Graph) -> Iterator[str]:
    ranks = rank_table(PYTHON_FLOORS)
    for source, targets in sorted(graph.items()):
        if floor_of(source) not in ranks:
            yield f"{source}: on no floor. Hint: place it in scripts/check_floors.py."
            continue
        for target in sorted(targets):
            pair = (floor_of(source), floor_of(target))
            if ranks.get(pair[1], 0) > ranks[pair[0]] and pair not in LATE_UPWARD:
                yield f"{source}: imports {target}, which stands above it"
    core = re.compile(r"^\s*(from ranvier import .*\b_core\b|(from|import) ranvier\._core)", re.M)
    for path in sorted(PACKAGE.rglob("*.py")):
        if path.name != "_backend.py" and core.search(path.read_text(encoding="utf-8")):
            yield f"{module_name(path)}: imports _core; only ranvier._backend may"


def cycles(graph: Graph) -> Iterator[str]:
    """Each strongly connected group of more than one file (Tarjan)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []

    def visit(node: str) -> Iterator[str]:
        index[node] = low[node] = len(index)
        stack.append(node)
        for target in sorted(graph.get(node, ())):
            if target not in index:
                yield from visit(target)
                low[node] = min(low[node], low[target])
            elif target in stack:
                low[node] = min(low[node], index[target])
        if low[node] == index[node]:
            group = [stack.pop()]
            while group[-1] != node:
                group.append(stack.pop())
            if len(group) > 1:
                yield "cycle: " + ", ".join(sorted(group))

    for node in sorted(graph):
        if node not in index:
            yield from visit(node)


def main() -> int:
    cpp, python = cpp_graph(), python_graph(late=True)
    problems = [*cpp_problems(cpp), *cycles(cpp), *python_problems(python)]
    problems += cycles(python_graph(late=False))
    for problem in problems:
        print(problem)
    print(f"check_floors: {len(cpp)} C++ files, {len(python)} modules, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
