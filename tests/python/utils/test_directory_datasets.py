"""Listing of directories and data sets read batch by batch, with text files of one number."""

from pathlib import Path

import numpy as np
import pytest

import ranvier
from ranvier.utils.batched_dataset import BatchedDataset, datasets_from_directory
from ranvier.utils.directory_listing import encode_labels, index_directory


@pytest.fixture
def folder(tmp_path):
    for number, name in enumerate(("ant", "bee", "cat")):
        (tmp_path / name).mkdir()
        for i in range(4):
            (tmp_path / name / f"{name}_{i}.num").write_text(str(10 * number + i))
    (tmp_path / "bee" / "notes.md").write_text("no number")
    (tmp_path / ".hidden").mkdir()
    return tmp_path


def number(path):
    return np.array([float(Path(path).read_text())], "float32")


def load(folder, **options):
    options.setdefault("verbose", False)
    return datasets_from_directory(folder, number, "number", (".num",), **options)


def everything(dataset):
    parts = [(np.asarray(x), np.asarray(y)) for x, y in dataset]
    return np.concatenate([x for x, _ in parts]), np.concatenate([y for _, y in parts])


def test_sorted_files_and_labels(folder, capsys):
    dataset = load(folder, shuffle=False, batch_size=5, verbose=True)
    printed = capsys.readouterr().out
    assert "Found 12 files belonging to 3 classes." in printed
    assert "Left out 1 files of other types: .md (1)." in printed
    x, y = everything(dataset)
    np.testing.assert_array_equal(x[:, 0], [0, 1, 2, 3, 10, 11, 12, 13, 20, 21, 22, 23])
    np.testing.assert_array_equal(y, np.repeat([0, 1, 2], 4))
    assert (y.dtype, dataset.class_names, len(dataset)) == ("int32", ["ant", "bee", "cat"], 3)
    assert [p.rsplit("/", 1)[-1] for p in dataset.file_paths[:2]] == ["ant_0.num", "ant_1.num"]


def test_every_pass_has_its_own_order(folder):
    first, second = (load(folder, seed=3, batch_size=12) for _ in range(2))
    a, b = everything(first), everything(first)
    assert sorted(a[0][:, 0]) == sorted(b[0][:, 0])
    assert not np.array_equal(a[0], b[0])
    np.testing.assert_array_equal((a[0][:, 0] // 10).astype(int), a[1])
    np.testing.assert_array_equal(everything(second)[0], a[0])


def test_split_parts_are_disjoint_and_complete(folder):
    train, held = load(folder, seed=1, validation_split=0.25, subset="both")
    assert len(train.file_paths) == 9
    assert len(held.file_paths) == 3
    assert not set(train.file_paths) & set(held.file_paths)
    alone = load(folder, seed=1, validation_split=0.25, subset="validation")
    assert alone.file_paths == held.file_paths
    np.testing.assert_array_equal(everything(held)[0], everything(held)[0])


def test_label_forms(folder):
    names = ["cat", "ant"]
    x, y = everything(load(folder, class_names=names, label_mode="binary", shuffle=False))
    np.testing.assert_array_equal(y, np.repeat([[0.0], [1.0]], 4, axis=0))
    np.testing.assert_array_equal(x[:, 0], [20, 21, 22, 23, 0, 1, 2, 3])
    _, y = everything(load(folder, label_mode="categorical", shuffle=False))
    np.testing.assert_array_equal(y, np.repeat(np.eye(3, dtype="float32"), 4, axis=0))
    dataset = load(folder, labels=list(range(12)), shuffle=False)
    np.testing.assert_array_equal(everything(dataset)[1], np.arange(12))
    assert len(dataset.class_names) == 12
    dataset = load(folder, labels=None, shuffle=False, batch_size=None)
    assert [tuple(x.shape) for x in dataset] == [(1,)] * 12
    assert dataset.class_names is None
    assert encode_labels([1, 0], None, 2) is None


@pytest.mark.parametrize("options, part", [
    ({"labels": "some"}, "list/tuple of integer"),
    ({"labels": [1, 2]}, "Expected: 12"),
    ({"label_mode": "float"}, "label_mode=float"),
    ({"label_mode": "binary"}, "exactly 2 `class_names`"),
    ({"class_names": ["dog"]}, "class_names=\\['dog'\\]"),
    ({"validation_split": 0.5}, "inversely"),
    ({"validation_split": 1.5, "subset": "training"}, "between 0 and 1"),
    ({"validation_split": 0.5, "subset": "training"}, "provide a `seed`"),
    ({"validation_split": 0.5, "subset": "test", "seed": 1}, "subset"),
    ({"batch_size": 0}, "batch_size=0"),
])  # fmt: skip
def test_mistakes(folder, options, part):
    with pytest.raises(ValueError, match=part):
        load(folder, **options)


def test_a_file_that_cannot_be_read_is_named(folder):
    (folder / "bee" / "bad.num").write_text("abc")
    with pytest.raises(ValueError, match="bad.num.*could not convert"):
        list(load(folder))
    with pytest.raises(ValueError, match="No numbers found"):
        datasets_from_directory(folder, number, "number", (".xyz",), verbose=False)
    with pytest.raises(FileNotFoundError):
        index_directory(folder / "none", "inferred", (".num",))


def test_derived_datasets(folder):
    dataset = load(folder, shuffle=False, batch_size=4)
    doubled = dataset.map(lambda x, y: (x * 2, y))
    np.testing.assert_array_equal(everything(doubled)[0], 2 * everything(dataset)[0])
    assert len(dataset.take(2)) == len(list(dataset.take(2))) == 2
    assert len(dataset.skip(2)) == len(list(dataset.skip(2))) == 1
    np.testing.assert_array_equal(everything(dataset.prefetch(2))[0], everything(dataset)[0])
    reads = []
    kept = BatchedDataset(4, lambda i: reads.append(i) or i, batch_size=2).cache()
    assert [x.tolist() for x in kept] == [x.tolist() for x in kept] == [[0, 1], [2, 3]]
    assert len(reads) == 2


def test_errors_reach_the_caller_of_a_prefetched_dataset():
    def read(indices):
        raise OSError("no disk")

    with pytest.raises(OSError, match="no disk"):
        list(BatchedDataset(4, read).prefetch(2))


def test_models_take_it(folder):
    train, held = load(folder, seed=1, validation_split=0.25, subset="both", batch_size=4)
    model = ranvier.Sequential([ranvier.layers.Dense(3)])
    loss = ranvier.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("sgd", loss)
    history = model.fit(train, validation_data=held, epochs=2, verbose=0)
    assert len(history.history["val_loss"]) == 2
    assert model.predict(held, verbose=0).shape == (3, 3)
    assert np.isfinite(model.evaluate(train, verbose=0))
