"""Data sets that Keras hosts as one file each: shuffles, word numbers, hostile files."""

from __future__ import annotations

import io
import json
import pickle
import tarfile

import numpy as np
import pytest

import ranvier as keras
from ranvier.datasets import (
    _files,
    boston_housing,
    california_housing,
    cifar100,
    imdb,
    mnist,
    reuters,
)


@pytest.fixture(autouse=True)
def alone(monkeypatch, tmp_path):
    monkeypatch.delenv("RANVIER_DATA", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "no-keras"))
    monkeypatch.setitem(__import__("sys").modules, "pooch", None)


def objects(*lists):
    out = np.empty(len(lists), dtype=object)
    out[:] = [list(x) for x in lists]
    return out


def test_housing_is_shuffled_and_split(tmp_path, monkeypatch):
    x, y = np.arange(40.0).reshape(20, 2), np.arange(20.0)
    np.savez(tmp_path / "boston_housing.npz", x=x, y=y)
    (x_train, y_train), (x_test, y_test) = boston_housing.load_data(str(tmp_path))
    order = np.arange(20)
    np.random.RandomState(113).shuffle(order)
    np.testing.assert_array_equal(np.concatenate([y_train, y_test]), order)
    np.testing.assert_array_equal(x_train[:, 0], 2 * y_train)
    assert len(y_test) == 4 and x_test.shape == (4, 2)
    monkeypatch.setenv("RANVIER_DATA", str(tmp_path))
    (_, again), _ = boston_housing.load_data(test_split=0.0, seed=1)
    assert len(again) == 20
    with pytest.raises(ValueError, match="Invalid `test_split`"):
        boston_housing.load_data(test_split=1.0)


def test_california_has_two_sizes(tmp_path):
    place = tmp_path / "own name.npz"
    np.savez(place, x=np.zeros((700, 8)), y=np.arange(700.0))
    (_, y_train), (_, y_test) = california_housing.load_data("small", path=place)
    assert len(y_train) == 480 and len(y_test) == 120
    assert len(california_housing.load_data(path=place)[0][1]) == 560
    with pytest.raises(ValueError, match="`version` must be one of"):
        california_housing.load_data("medium", path=place)


def write_imdb(folder):
    train = objects([5, 1, 2], [7], [1, 2, 3, 4, 9])
    test = objects([3, 3], [8, 1])
    np.savez(folder / "imdb.npz", x_train=train, y_train=np.array([1, 0, 1]),
             x_test=test, y_test=np.array([0, 1]))  # fmt: skip


def test_reviews_as_word_numbers(tmp_path):
    write_imdb(tmp_path)
    (x, y), (x_test, y_test) = imdb.load_data(tmp_path)
    assert x.dtype == object and y.dtype == np.int64
    # The largest number is itself out of range and becomes `oov_char`.
    assert sorted(map(tuple, x)) == [(1, 4, 5, 6, 7, 2), (1, 8, 4, 5), (1, 10)]
    plain, _ = imdb.load_data(tmp_path, start_char=None, index_from=0, num_words=100)
    assert sorted(map(tuple, plain[0])) == [(1, 2, 3, 4, 9), (5, 1, 2), (7,)]
    dropped, _ = imdb.load_data(
        tmp_path, start_char=None, index_from=0, oov_char=None, num_words=8, skip_top=2
    )
    assert sorted(map(tuple, dropped[0])) == [(2, 3, 4), (5, 2), (7,)]
    short, short_test = imdb.load_data(tmp_path, maxlen=5, num_words=100)
    assert len(short[0]) == 2 and len(short_test[0]) == 2 == len(short_test[1])
    with pytest.raises(ValueError, match="no sequence was kept"):
        imdb.load_data(tmp_path, maxlen=1)
    with pytest.raises(TypeError, match="Unrecognized"):
        imdb.load_data(tmp_path, words=3)


def test_shuffles_of_train_and_test_follow_one_seed(tmp_path):
    write_imdb(tmp_path)
    rng = np.random.RandomState(113)
    first, second = np.arange(3), np.arange(2)
    rng.shuffle(first)
    rng.shuffle(second)
    (_, y_train), (_, y_test) = imdb.load_data(tmp_path)
    np.testing.assert_array_equal(y_train, np.array([1, 0, 1])[first])
    np.testing.assert_array_equal(y_test, np.array([0, 1])[second])


def test_news_wires(tmp_path):
    np.savez(tmp_path / "reuters.npz", x=objects(*[[i] * (i + 1) for i in range(10)]),
             y=np.arange(10))  # fmt: skip
    (x, y), (x_test, y_test) = reuters.load_data(tmp_path, num_words=100)
    assert len(x) == 8 and len(x_test) == 2
    for text, label in zip([*x, *x_test], [*y, *y_test]):
        assert text == [1] + [label + 3] * (label + 1)
    assert len(reuters.get_label_names()) == 46 and reuters.get_label_names()[3] == "earn"
    (tmp_path / "reuters_word_index.json").write_text(json.dumps({"the": 1}))
    assert reuters.get_word_index(tmp_path) == {"the": 1}


def test_files_with_code_are_refused(tmp_path):
    class Evil:
        def __reduce__(self):
            return print, ("executed",)

    bad = np.empty(1, dtype=object)
    bad[0] = Evil()
    np.savez(tmp_path / "reuters.npz", x=bad, y=np.zeros(1))
    with pytest.raises(ValueError, match="which data do not need"):
        reuters.load_data(tmp_path)
    with pytest.raises(pickle.UnpicklingError):
        _files._PlainUnpickler(io.BytesIO(pickle.dumps(Evil()))).load()
    (tmp_path / "imdb.npz").write_bytes(b"no zip")
    with pytest.raises(ValueError, match="not the expected npz file"):
        imdb.load_data(tmp_path)


def test_cifar100_has_two_kinds_of_labels(tmp_path, monkeypatch):
    monkeypatch.setattr(cifar100, "_RECORDS", {"train.bin": 2, "test.bin": 1})
    rng = np.random.default_rng(0)
    with tarfile.open(tmp_path / "cifar-100-binary.tar.gz", "w:gz") as archive:
        records = rng.integers(0, 100, (3, 3074), dtype=np.uint8)
        for name, rows in (("train.bin", records[:2]), ("test.bin", records[2:])):
            info = tarfile.TarInfo(f"cifar-100-binary/{name}")
            info.size = rows.size
            archive.addfile(info, io.BytesIO(rows.tobytes()))
    (x, y), (x_test, y_test) = cifar100.load_data(path=tmp_path)
    assert x.shape == (2, 32, 32, 3) and y.dtype == np.int64 and y.shape == (2, 1)
    np.testing.assert_array_equal(y[:, 0], records[:2, 1])
    np.testing.assert_array_equal(x[0, 0, 0], records[0, [2, 1026, 2050]])
    assert cifar100.load_data("coarse", tmp_path)[1][1][0, 0] == records[2, 0]
    with pytest.raises(ValueError, match="label_mode"):
        cifar100.load_data("middle")
    keras.config.set_image_data_format("channels_first")
    try:
        assert cifar100.load_data(path=tmp_path)[0][0].shape == (2, 3, 32, 32)
    finally:
        keras.config.set_image_data_format("channels_last")


def test_mnist_from_keras_cache(tmp_path, monkeypatch):
    arrays = {"x_train": np.ones((2, 28, 28), "uint8"), "y_train": np.arange(2, dtype="uint8"),
              "x_test": np.zeros((1, 28, 28), "uint8"), "y_test": np.zeros(1, "uint8")}  # fmt: skip
    (tmp_path / "datasets").mkdir()
    np.savez(tmp_path / "datasets" / "mnist.npz", **arrays)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    for path in ("mnist.npz", tmp_path / "datasets", tmp_path / "datasets" / "mnist.npz"):
        (x, y), (x_test, _) = mnist.load_data(path)
        assert x.shape == (2, 28, 28) and y.tolist() == [0, 1] and len(x_test) == 1


def test_missing_files_name_both_ways_out(tmp_path):
    for load in (imdb.load_data, reuters.get_word_index, boston_housing.load_data):
        with pytest.raises(_files.DataNotFoundError, match="RANVIER_DATA.*pip install pooch"):
            load()
        with pytest.raises(_files.DataNotFoundError, match="Two ways out"):
            load(tmp_path)
