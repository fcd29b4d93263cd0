"""`python -m ranvier`: the demonstration reaches its accuracy and writes what it says."""

import numpy as np
import pytest

import ranvier as keras
from ranvier import demo
from ranvier.__main__ import main


def test_info(capsys):
    assert main(["info"]) == 0
    out = capsys.readouterr().out
    assert keras.__version__ in out and "instruction set" in out and "threads" in out


def test_unknown_commands_end_with_usage(capsys):
    with pytest.raises(SystemExit):
        main(["dance"])
    assert "usage: python -m ranvier" in capsys.readouterr().err


def test_drawing():
    images = np.zeros((2, 8, 8, 1), "float32")
    images[1] = 1.0
    text = demo.drawn(images, np.array([3, 5]), np.array([3, 6]))
    lines = text.splitlines()
    assert len(lines) == 9 and lines[0] == " " * 19 + "@" * 16
    assert lines[-1] == "saw 3              saw 5, is 6"


@pytest.mark.slow
def test_the_demonstration(tmp_path, capsys):
    assert main(["demo", "--out", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    accuracy = float(out.split("test set: ")[1].split(" %")[0])
    assert accuracy >= 98.5
    assert "roofline:" in out and "saw " in out
    pytest.importorskip("h5py")
    loaded = keras.saving.load_model(tmp_path / "digits.keras")
    _, (x_test, y_test) = demo.load()
    assert 100 * loaded.evaluate(x_test, y_test, verbose=0)[1] == pytest.approx(accuracy, abs=0.01)


def test_moved_images_keep_their_labels():
    images = np.arange(2 * 64, dtype="float32").reshape(2, 8, 8, 1)
    x, y = demo.moved(images, np.array([4, 7]))
    assert x.shape == (10, 8, 8, 1) and y.tolist() == [4, 7] * 5
    np.testing.assert_array_equal(x[:2], images)
    np.testing.assert_array_equal(x[2:4, :, :-1], images[:, :, 1:])
    assert not x[2:4, :, -1].any()
    np.testing.assert_array_equal(x[8:, 1:], images[:, :-1])
