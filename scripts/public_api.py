"""The public API as text, one line per name: what the package promises.

`python scripts/public_api.py` prints the list, `--write` stores it in
tests/python/api/public_api.txt, where a test compares it with the package.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import sys
import types
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STORED = ROOT / "tests" / "python" / "api" / "public_api.txt"
PACKAGE = "ranvier"

# Importable parts that are no namespace of users.
INTERNAL = {"symbolic", "training"}
# Namespaces that no `__all__` lists, because the one above has their names too.
NESTED = ("ops.image", "ops.linalg", "ops.nn", "ops.numpy")


def namespaces() -> list[str]:
    """Dotted names of all public modules, the package first."""
    package = importlib.import_module(PACKAGE)
    found = [PACKAGE]
    named = [f"{PACKAGE}.{name}" for name in sorted(package._SUBMODULES - INTERNAL)]
    waiting = [name for name in named if importlib.util.find_spec(name)]
    while waiting:
        name = waiting.pop(0)
        module = importlib.import_module(name)
        found.append(name)
        nested = [*getattr(module, "__all__", ()), *getattr(module, "_SUBMODULES", ())]
        for key in dict.fromkeys(nested):
            if isinstance(getattr(module, key), types.ModuleType):
                waiting.append(f"{name}.{key}")
    return sorted({*found, *(f"{PACKAGE}.{name}" for name in NESTED)})


def members(namespace: str) -> Iterator[tuple[str, object]]:
    """Public names of a module with what they stand for; modules left out."""
    module = importlib.import_module(namespace)
    for name in sorted(set(module.__all__) - set(getattr(module, "_SUBMODULES", ()))):
        value = getattr(module, name)
        if not isinstance(value, types.ModuleType):
            yield name, value


def default_text(value: object) -> str:
    """A default as it reads in a signature."""
    if inspect.isclass(value) or inspect.isroutine(value):
        return value.__name__
    text = repr(value)
    return type(value).__name__ if " at 0x" in text else text


def signature_text(value: object) -> str:
    """`(a, b=1, *, c=None)`; empty for what cannot be called or tells nothing."""
    if not callable(value):
        return ""
    try:
        parameters = inspect.signature(value).parameters.values()
    except (TypeError, ValueError):
        return "(...)"
    parts: list[str] = []
    keyword_only = False
    for p in parameters:
        if p.kind is p.VAR_POSITIONAL:
            keyword_only = True
        elif p.kind is p.KEYWORD_ONLY and not keyword_only:
            parts.append("*")
            keyword_only = True
        stars = {p.VAR_POSITIONAL: "*", p.VAR_KEYWORD: "**"}.get(p.kind, "")
        default = "" if p.default is p.empty else f"={default_text(p.default)}"
        parts.append(f"{stars}{p.name}{default}")
    return f"({', '.join(parts)})"


def lines() -> list[str]:
    """The whole list."""
    found = []
    for namespace in namespaces():
        for name, value in members(namespace):
            found.append(f"{namespace}.{name}{signature_text(value)}")
    return found


def main() -> int:
    text = "\n".join(lines()) + "\n"
    if "--write" in sys.argv[1:]:
        STORED.parent.mkdir(parents=True, exist_ok=True)
        STORED.write_text(text, encoding="utf-8")
        print(f"{STORED.relative_to(ROOT)}: {len(text.splitlines())} names")
    else:
        print(text, end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
