"""Writes the reference pages: a Markdown file per public namespace, from its docstrings.

`python scripts/build_reference.py [FOLDER]`; the folder is docs/reference by default.
"""

from __future__ import annotations

import importlib
import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import public_api

# Sections of a docstring whose entries are `name: text`.
LISTS = ("Args", "Attributes", "Raises")
CODE = ("Example", "Examples")
SECTION = re.compile(r"^(Args|Attributes|Raises|Returns|Yields|Example|Examples):\s*$")
NAMES = r"\*{0,2}[\w.]+(?:, \*{0,2}[\w.]+)*"
ENTRY = re.compile(rf"^({NAMES}): (.*)$")
NAMES_GO_ON = re.compile(rf"^{NAMES},$")
# What is described in its class and needs no section of its own.
INHERITED = frozenset(dir(object))


def sections(doc: str) -> Iterator[tuple[str, list[str]]]:
    """`(title, lines)`; the text before the first title has the title ""."""
    title: str = ""
    body: list[str] = []
    for line in inspect.cleandoc(doc).splitlines():
        match = SECTION.match(line)
        if match is None:
            body.append(line)
            continue
        yield title, body
        title, body = match.group(1), []
    yield title, body


def as_list(body: list[str]) -> Iterator[str]:
    """Entries `name: text` as points; what goes on below one belongs to it."""
    names = ""
    for line in inspect.cleandoc("\n".join(["", *body])).splitlines():
        line, names = f"{names} {line.strip()}" if names else line, ""
        match = ENTRY.match(line)
        if NAMES_GO_ON.match(line):
            names = line
        elif match:
            yield f"- `{match.group(1)}`: {match.group(2)}"
        elif line.strip():
            yield f"  {line.strip()}"


def render(doc: str) -> Iterator[str]:
    """A docstring as Markdown."""
    for title, body in sections(doc):
        lines = inspect.cleandoc("\n".join(["", *body])).splitlines()
        if not any(lines):
            continue
        if title:
            yield f"**{title}**"
            yield ""
        if title in LISTS:
            yield from as_list(body)
        elif title in CODE:
            yield from ("```python", *lines, "```")
        else:
            yield from lines
        yield ""


def methods(cls: type) -> Iterator[tuple[str, object]]:
    """Public methods that the class itself defines and describes."""
    for name, value in sorted(vars(cls).items()):
        if name.startswith("_") or name in INHERITED:
            continue
        if isinstance(value, (staticmethod, classmethod)):
            value = value.__func__
        if inspect.isfunction(value) and value.__doc__:
            yield name, value


def page(namespace: str) -> str:
    """The page of one namespace."""
    module = importlib.import_module(namespace)
    out = [f"# {namespace}", "", inspect.cleandoc(module.__doc__ or ""), ""]
    for name, value in public_api.members(namespace):
        out += [f"## `{name}{public_api.signature_text(value)}`", ""]
        if not callable(value):
            out += [f"`{value!r}`", ""]
            continue
        out += render(inspect.getdoc(value) or "")
        if inspect.isclass(value):
            for method, function in methods(value):
                out += [f"### `{method}{public_api.signature_text(function)}`", ""]
                out += render(function.__doc__ or "")
    return "\n".join(out).rstrip() + "\n"


def build(folder: Path) -> list[Path]:
    """Writes all pages and an index of them."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for namespace in public_api.namespaces():
        path = folder / f"{namespace}.md"
        path.write_text(page(namespace), encoding="utf-8")
        written.append(path)
    links = "\n".join(f"- [{p.stem}]({p.name})" for p in written)
    index = folder / "README.md"
    index.write_text(f"# Reference\n\n{links}\n", encoding="utf-8")
    return [*written, index]


def main() -> int:
    default = public_api.ROOT / "docs" / "reference"
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else default
    pages = build(folder)
    print(f"{folder}: {len(pages)} pages")
    return 0


if __name__ == "__main__":
    sys.exit(main())
