"""The examples on texts, series and tables run on small files of the same form, and learn."""

from __future__ import annotations

import pathlib
import re
import runpy
import sys

import numpy as np
import pytest

from ranvier import saving

EXAMPLES = pathlib.Path(__file__).parents[3] / "examples"


def run(monkeypatch, capsys, name, *arguments) -> str:
    monkeypatch.setattr(sys, "argv", [name, *map(str, arguments)])
    runpy.run_path(str(EXAMPLES / name), run_name="__main__")
    return capsys.readouterr().out


def test_sms_spam(tmp_path, monkeypatch, capsys):
    rng = np.random.default_rng(0)
    words = {"ham": ["home", "lunch", "ok", "love", "later"],
             "spam": ["free", "prize", "claim", "winner", "cash"]}  # fmt: skip
    lines = []
    for _ in range(300):
        kind = "spam" if rng.random() < 0.4 else "ham"
        lines.append(f"{kind}\t{' '.join(rng.choice([*words[kind], 'you', 'now'], 8))}!")
    (tmp_path / "sms.tsv").write_text("\n".join(lines), encoding="utf-8")
    saved = tmp_path / "sms.keras"
    out = run(
        monkeypatch, capsys, "sms_spam.py", tmp_path / "sms.tsv", "--save", saved, "--epochs", 20
    )
    assert float(re.search(r"accuracy ([\d.]+) %", out)[1]) > 90
    ham, spam = (float(x) for x in re.findall(r"([\d.]+) % spam:", out))
    assert ham < spam
    again = saving.load_model(saved)
    assert again.predict(np.array(["claim your free prize"]), verbose=0).shape == (1, 1)


def test_sunspots(tmp_path, monkeypatch, capsys):
    months = np.arange(400)
    values = 60 + 50 * np.sin(2 * np.pi * months / 40)
    rows = ["Month,Sunspots", *(f"{m},{v:.3f}" for m, v in zip(months, values))]
    (tmp_path / "spots.csv").write_text("\n".join(rows))
    out = run(monkeypatch, capsys, "sunspots.py", tmp_path / "spots.csv", "--window", "36")
    error, naive = (float(x) for x in re.findall(r"([\d.]+)(?: sunspots|; | if)", out)[:2])
    assert error < naive


def test_titanic(tmp_path, monkeypatch, capsys):
    rng = np.random.default_rng(0)
    rows = ["survived,pclass,sex,age,sibsp,parch,fare,embarked"]
    for _ in range(400):
        sex, kind = rng.choice(["male", "female"]), rng.integers(1, 4)
        alive = int(sex == "female" and kind < 3)
        age = "" if rng.random() < 0.1 else f"{rng.integers(1, 70)}"
        rows.append(f"{alive},{kind},{sex},{age},0,{rng.integers(0, 3)},{70 / kind:.2f},"
                    f"{rng.choice(['S', 'C', ''])}")  # fmt: skip
    (tmp_path / "t.csv").write_text("\n".join(rows))
    saved = tmp_path / "t.keras"
    out = run(
        monkeypatch, capsys, "titanic.py", tmp_path / "t.csv", "--epochs", 25, "--save", saved
    )
    assert float(re.search(r"accuracy ([\d.]+) %", out)[1]) > 90
    assert saved.exists()


@pytest.mark.parametrize("name", ["sms_spam.py", "sunspots.py", "titanic.py"])
def test_their_docstrings_say_how_to_run_them(name):
    assert f"python examples/{name} " in (EXAMPLES / name).read_text(encoding="utf-8")
