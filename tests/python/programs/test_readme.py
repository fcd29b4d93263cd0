"""The README's example runs as printed and learns."""

import pathlib
import re

README = pathlib.Path(__file__).parents[3] / "README.md"


def test_the_example_of_the_readme_runs_and_learns(capsys):
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) == 1
    exec(compile(blocks[0], str(README), "exec"), {"__name__": "readme"})
    accuracy = re.search(r"test accuracy ([\d.]+)%", capsys.readouterr().out)
    assert accuracy is not None
    assert float(accuracy[1]) > 95.0


def test_every_link_of_the_readme_leads_somewhere():
    links = re.findall(r"\]\(([^)#]+)\)", README.read_text(encoding="utf-8"))
    missing = [one for one in links if "://" not in one and not (README.parent / one).exists()]
    assert missing == []
