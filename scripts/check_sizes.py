"""Sizes of the tree: code lines by folder, the largest files; fails over a hard budget.

Hard budgets: 800 lines a C++ file, 600 a Python file, 40,000 code lines of the Python package,
5 MB a wheel (where one lies in dist/).
"""

from __future__ import annotations

import io
import sys
import tokenize
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("cpp", "python", "tests", "benchmarks", "examples", "scripts")
HARD_LINES = {".h": 800, ".cpp": 800, ".py": 600}
PACKAGE_CODE_LINES = 40_000
WHEEL_BYTES = 5 * 1000 * 1000
SKIPPED_TOKENS = (
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENCODING,
    tokenize.ENDMARKER,
)


def python_code_lines(text: str) -> int:
    """Lines with a token that is neither comment nor a string statement (docstring)."""
    lines: set[int] = set()
    statement_starts = True
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type in SKIPPED_TOKENS:
            statement_starts = statement_starts or token.type == tokenize.NEWLINE
            continue
        if not (statement_starts and token.type == tokenize.STRING):
            lines.update(range(token.start[0], token.end[0] + 1))
        statement_starts = False
    return len(lines)


def cpp_code_lines(text: str) -> int:
    stripped = (line.strip() for line in text.splitlines())
    return sum(1 for line in stripped if line and not line.startswith("//"))


def code_lines(path: Path) -> int:
    text = path.read_text(encoding="utf-8")
    return python_code_lines(text) if path.suffix == ".py" else cpp_code_lines(text)


def group_of(path: Path) -> str:
    parts = path.relative_to(ROOT).parts
    depth = 3 if parts[:2] == ("cpp", "kernels") else 2
    return "/".join(parts[: min(depth, len(parts) - 1)])


def main() -> int:
    files = [
        path
        for folder in FOLDERS
        for path in sorted((ROOT / folder).rglob("*"))
        if path.suffix in HARD_LINES and path.is_file()
    ]
    raw = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in files}
    totals: Counter[str] = Counter()
    for path in files:
        totals[group_of(path)] += code_lines(path)
    for group, count in sorted(totals.items()):
        print(f"{count:7,} code lines  {group}")
    for path in sorted(files, key=lambda p: -raw[p])[:10]:
        print(f"{raw[path]:7,} lines       {path.relative_to(ROOT)}")

    failures = [
        f"{path.relative_to(ROOT)}: {raw[path]} lines, budget {HARD_LINES[path.suffix]}"
        for path in files
        if raw[path] > HARD_LINES[path.suffix]
    ]
    package = sum(code_lines(path) for path in files if path.is_relative_to(ROOT / "python"))
    if package > PACKAGE_CODE_LINES:
        failures.append(f"python/: {package} code lines, budget {PACKAGE_CODE_LINES}")
    for wheel in (ROOT / "dist").glob("*.whl"):
        size = wheel.stat().st_size
        print(f"{size / 1e6:7.2f} MB          {wheel.name}")
        if size > WHEEL_BYTES:
            failures.append(f"{wheel.name}: {size} bytes, budget {WHEEL_BYTES}")
    for failure in failures:
        print(f"over budget: {failure}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
