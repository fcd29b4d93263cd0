"""No object compiled for one instruction set may define a symbol that the linker merges.

A weak symbol (an inline function, a template instance) compiled with AVX-512 flags could be the
copy the linker keeps for everybody, and then fail on a CPU without AVX-512.

    python scripts/check_symbols.py BUILD_FOLDER
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

LEVEL = re.compile(r"ranvier_kernels_\w+_(baseline|avx2|avx512|avx512_bf16)\.dir$")
MERGED = re.compile(r"^[0-9a-f]* *[WVu] (.*)$")


def isa_objects(build: Path) -> list[Path]:
    return sorted(
        path for path in build.rglob("*.o") if any(LEVEL.search(part) for part in path.parts)
    )


def merged_symbols(objects: Path) -> list[str]:
    listing = subprocess.run(
        ["nm", "-C", "--defined-only", str(objects)], capture_output=True, text=True, check=True
    )
    return [match[1] for line in listing.stdout.splitlines() if (match := MERGED.match(line))]


def main() -> int:
    build = Path(sys.argv[1])
    objects = isa_objects(build)
    if not objects:
        print(f"check_symbols: no kernel objects under {build}. Hint: build it first.")
        return 1
    failures = 0
    for path in objects:
        for symbol in merged_symbols(path):
            print(f"{path.relative_to(build)}: weak symbol {symbol}")
            failures += 1
    print(f"check_symbols: {len(objects)} objects, {failures} weak symbols")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
