"""The pages in docs: their Python blocks run as printed, their links lead somewhere."""

import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).parents[3]
PAGES = sorted((ROOT / "docs").rglob("*.md"))
# Blocks of these pages are excerpts of the package's own sources.
EXCERPTS = {"how_to_add_an_op.md"}


def blocks_of(page):
    """Python blocks, each with as many empty lines before it that errors show the page's lines."""
    text = page.read_text(encoding="utf-8")
    for match in re.finditer(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
        yield "\n" * text.count("\n", 0, match.start(1)) + match[1]


def page_id(page):
    return str(page.relative_to(ROOT / "docs"))


def test_some_pages_have_examples():
    assert {page.name for page in PAGES if any(blocks_of(page))} > {"getting_started.md"}


@pytest.mark.parametrize("page", [p for p in PAGES if p.name not in EXCERPTS], ids=page_id)
def test_the_blocks_of_a_page_run_one_after_another(page):
    blocks = list(blocks_of(page))
    if any("save" in block or "load_model" in block for block in blocks):
        pytest.importorskip("h5py")
    names = {"__name__": page.stem}
    for block in blocks:
        exec(compile(block, str(page), "exec"), names)


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_links_lead_somewhere(page):
    links = re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8"))
    missing = [one for one in links if "://" not in one and not (page.parent / one).exists()]
    assert missing == []
