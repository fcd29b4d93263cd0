"""The pages in docs: Python blocks run as printed or are the sources', links lead somewhere."""

import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).parents[3]
PAGES = sorted((ROOT / "docs").rglob("*.md"))
# The blocks of this page are excerpts of the package's own sources.
EXCERPTS = ROOT / "docs" / "how_to_add_an_op.md"


def blocks_of(page):
    """Python blocks, each with as many empty lines before it that errors show the page's lines."""
    text = page.read_text(encoding="utf-8")
    for match in re.finditer(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
        yield "\n" * text.count("\n", 0, match.start(1)) + match[1]


def page_id(page):
    return str(page.relative_to(ROOT / "docs"))


def test_some_pages_have_examples():
    assert {page.name for page in PAGES if any(blocks_of(page))} > {"getting_started.md"}


@pytest.mark.parametrize("page", [p for p in PAGES if p != EXCERPTS], ids=page_id)
def test_the_blocks_of_a_page_run_one_after_another(page):
    blocks = list(blocks_of(page))
    if any("save" in block or "load_model" in block for block in blocks):
        pytest.importorskip("h5py")
    names = {"__name__": page.stem}
    for block in blocks:
        exec(compile(block, str(page), "exec"), names)


def test_excerpts_are_lines_of_the_sources():
    sources = [p for p in ROOT.glob("cpp/**/*") if p.suffix in (".h", ".cpp")]
    sources += ROOT.glob("python/ranvier/**/*.py")
    known = {line.strip() for p in sources for line in p.read_text(encoding="utf-8").splitlines()}
    blocks = re.findall(
        r"^```(?:cpp|python)\n(.*?)^```",
        EXCERPTS.read_text(encoding="utf-8"),
        re.DOTALL | re.MULTILINE,
    )
    lines = [line for block in blocks for line in block.splitlines() if line.strip()]
    assert len(lines) > 10
    assert [line for line in lines if line.strip() not in known] == []


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_links_lead_somewhere(page):
    links = re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8"))
    missing = [one for one in links if "://" not in one and not (page.parent / one).exists()]
    assert missing == []
