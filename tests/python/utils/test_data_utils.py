"""Data sets from arrays and directories, splitting, cached files, `Config`."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import wave
import zipfile
from pathlib import Path

import numpy as np
import pytest

from ranvier import Sequential, backend, layers, preprocessing, utils
from ranvier.utils.files import extract_archive

SERIES = np.arange(100.0).reshape(50, 2)


@pytest.mark.parametrize("start", [0, 10])
@pytest.mark.parametrize("length,stride,rate", [(5, 1, 1), (4, 3, 2)])
def test_windows(length, stride, rate, start):
    targets = np.arange(50)
    dataset = utils.timeseries_dataset_from_array(
        SERIES, targets, length, stride, rate, batch_size=7, start_index=start
    )
    windows, labels = (np.concatenate([np.asarray(b[i]) for b in dataset]) for i in (0, 1))
    begins = list(range(start, 50 - (length - 1) * rate, stride))
    assert labels.tolist() == begins
    expected = [[SERIES[b + i * rate].tolist() for i in range(length)] for b in begins]
    assert windows.tolist() == expected
    assert len(dataset) == -(-len(begins) // 7)
    alone = utils.timeseries_dataset_from_array(SERIES, None, length, stride, rate, batch_size=None,
                                                start_index=start)  # fmt: skip
    assert [np.asarray(w).tolist() for w in alone] == expected


def test_shuffled_windows_hold_together():
    dataset = preprocessing.timeseries_dataset_from_array(
        SERIES, SERIES[:, 0], 3, batch_size=8, shuffle=True, seed=2
    )
    passes = [np.concatenate([np.asarray(y) for _, y in dataset]) for _ in range(2)]
    assert sorted(passes[0]) == sorted(passes[1]) == [2.0 * i for i in range(48)]
    assert passes[0].tolist() != passes[1].tolist()
    for x, y in dataset:
        np.testing.assert_array_equal(np.asarray(x)[:, 0, 0], np.asarray(y))


def test_fit_on_windows():
    dataset = utils.timeseries_dataset_from_array(SERIES / 50, SERIES[3:, 0] / 50, 3, batch_size=8)
    model = Sequential([layers.Flatten(), layers.Dense(1)])
    model.compile("adam", "mse")
    losses = model.fit(dataset, epochs=30, verbose=0).history["loss"]
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("arguments", [
    {"sampling_rate": 0}, {"sampling_rate": 50}, {"sequence_stride": 0}, {"sequence_stride": 99},
    {"start_index": -1}, {"start_index": 50}, {"end_index": 0}, {"end_index": 50},
    {"start_index": 9, "end_index": 9}, {"format": "csv"},
])  # fmt: skip
def test_windows_refuse(arguments):
    with pytest.raises(ValueError, match=next(reversed(arguments))):
        utils.timeseries_dataset_from_array(SERIES, None, 3, **arguments)


@pytest.fixture
def texts(tmp_path):
    for name, words in (("neg", ["bad", "worse"]), ("pos", ["good", "naïve", "best"])):
        folder = tmp_path / "texts" / name
        folder.mkdir(parents=True)
        for i, word in enumerate(words):
            (folder / f"{i}.txt").write_text(f"{word} film", encoding="utf-8")
    return tmp_path / "texts"


def test_texts_of_a_directory(texts):
    dataset = utils.text_dataset_from_directory(texts, shuffle=False, batch_size=3, verbose=False)
    assert dataset.class_names == ["neg", "pos"]
    x, y = next(iter(dataset))
    assert x.tolist() == ["bad film", "worse film", "good film"]
    assert np.asarray(y).tolist() == [0, 0, 1]
    layer = layers.TextVectorization()
    layer.adapt(dataset.map(lambda x, y: x))
    assert layer.get_vocabulary()[2] == "film"
    short = preprocessing.text_dataset_from_directory(texts, labels=None, max_length=3,
                                                      shuffle=False, verbose=False)  # fmt: skip
    assert next(iter(short)).tolist() == ["bad", "wor", "goo", "naï", "bes"]
    train, held = utils.text_dataset_from_directory(texts, validation_split=0.4, subset="both",
                                                    seed=1, verbose=False)  # fmt: skip
    assert (train.count, held.count) == (3, 2)
    single = utils.text_dataset_from_directory(texts, batch_size=None, shuffle=False, verbose=False,
                                               label_mode="categorical")  # fmt: skip
    text, label = next(iter(single))
    assert (str(text), np.asarray(label).tolist()) == ("bad film", [1, 0])


def test_a_text_model_fits_a_directory(texts):
    dataset = utils.text_dataset_from_directory(texts, batch_size=2, seed=3, verbose=False)
    vectorize = layers.TextVectorization(output_mode="multi_hot")
    vectorize.adapt(dataset.map(lambda x, y: x))
    model = Sequential([vectorize, layers.Dense(1, activation="sigmoid")])
    model.compile("adam", "binary_crossentropy")
    losses = model.fit(dataset, epochs=20, verbose=0).history["loss"]
    assert losses[-1] < losses[0]


def write_wav(path, samples, width=2, rate=8000):
    samples = np.atleast_2d(np.asarray(samples))
    with wave.open(str(path), "wb") as file:
        file.setnchannels(samples.shape[0])
        file.setsampwidth(width)
        file.setframerate(rate)
        flat = samples.T.reshape(-1)
        if width == 1:
            file.writeframes((flat + 128).astype("u1").tobytes())
        else:
            raw = flat.astype("<i4").reshape(-1, 1).view("u1")[:, :width]
            file.writeframes(np.ascontiguousarray(raw).tobytes())


@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_sounds_of_a_directory(tmp_path, width):
    top = 2 ** (8 * width - 1)
    for name, length in (("a", 4), ("b", 6)):
        (tmp_path / name).mkdir()
        write_wav(tmp_path / name / "x.wav", np.array([-top, 0, top // 2, 1, 1, 1])[:length], width)
    dataset = utils.audio_dataset_from_directory(tmp_path, shuffle=False, verbose=False)
    x, y = next(iter(dataset))
    assert (tuple(x.shape), x.dtype) == ((2, 6, 1), "float32")
    np.testing.assert_array_equal(np.asarray(x)[0, :, 0], [-1, 0, 0.5, np.float32(1 / top), 0, 0])
    cut = utils.audio_dataset_from_directory(tmp_path, labels=None, output_sequence_length=3,
                                             verbose=False)  # fmt: skip
    assert tuple(next(iter(cut)).shape) == (2, 3, 1)
    both = utils.audio_dataset_from_directory(tmp_path, validation_split=0.5, subset="both", seed=1,
                                              verbose=False)  # fmt: skip
    assert isinstance(both, tuple) and len(both) == 2


def test_sounds_are_resampled(tmp_path):
    pytest.importorskip("scipy")
    wave_form = 10000 * np.sin(np.arange(800) * 0.05)
    write_wav(tmp_path / "x.wav", np.stack([wave_form, -wave_form]))
    dataset = utils.audio_dataset_from_directory(tmp_path, labels=None, sampling_rate=4000,
                                                 verbose=False)  # fmt: skip
    sound = np.asarray(next(iter(dataset)))
    assert sound.shape == (1, 400, 2)
    expected = wave_form[::2] / 32768
    np.testing.assert_allclose(sound[0, 50:350, 0], expected[50:350], atol=2e-3)


def test_sounds_refuse(tmp_path):
    load = utils.audio_dataset_from_directory
    with pytest.raises(ValueError, match="ragged"):
        load(tmp_path, ragged=True)
    with pytest.raises(ValueError, match="both"):
        load(tmp_path, ragged=True, output_sequence_length=3)
    with pytest.raises(ValueError, match="sampling_rate"):
        load(tmp_path, sampling_rate=1.5)
    (tmp_path / "x.wav").write_bytes(b"no sound")
    with pytest.raises(ValueError, match=r"x\.wav"):
        next(iter(load(tmp_path, labels=None, verbose=False)))


def test_split_of_arrays():
    left, right = utils.split_dataset(np.arange(10), left_size=0.8)
    assert (len(left), len(right)) == (8, 2)
    assert [int(x) for x in right] == [8, 9]
    x, y = np.arange(12).reshape(6, 2), np.arange(6)
    left, right = utils.split_dataset([x, y], right_size=2, shuffle=True, seed=1)
    rows = [(np.asarray(a).tolist(), int(b)) for part in (left, right) for a, b in part]
    assert (len(left), len(right)) == (4, 2)
    assert sorted(rows) == [(x[i].tolist(), i) for i in range(6)]
    assert [b for _, b in rows] != list(range(6))


def test_split_of_data_sets():
    dataset = utils.timeseries_dataset_from_array(SERIES, SERIES, 2, batch_size=4)
    left, right = utils.split_dataset(dataset, left_size=9)
    assert [tuple(x.shape) for x, _ in left] == [(4, 2, 2), (4, 2, 2), (1, 2, 2)]
    assert sum(len(x) for x, _ in right) == 40
    left, _ = utils.split_dataset([np.array(["a", "b", "c"])], left_size=2)
    assert [str(x[0]) for x in left] == ["a", "b"]


@pytest.mark.parametrize("error,arguments", [
    (ValueError, {}), (ValueError, {"left_size": 0}), (ValueError, {"left_size": 10}),
    (ValueError, {"right_size": 1.5}), (ValueError, {"left_size": 0.8, "right_size": 0.5}),
    (ValueError, {"left_size": 8, "right_size": 5}), (TypeError, {"left_size": "half"}),
    (ValueError, {"left_size": 0.01}),
])  # fmt: skip
def test_split_refuses(error, arguments):
    with pytest.raises(error, match="_size|parts"):
        utils.split_dataset(np.arange(10), **arguments)
    with pytest.raises(TypeError, match="dataset"):
        utils.split_dataset(3, left_size=1)
    with pytest.raises(ValueError, match="different lengths"):
        utils.split_dataset([np.zeros(3), np.zeros(4)], left_size=1)


def test_cached_files(tmp_path, capsys):
    source, cache = tmp_path / "numbers.txt", tmp_path / "cache"
    source.write_text("1 2 3")
    digest = hashlib.sha256(b"1 2 3").hexdigest()
    fetch = {"origin": source.as_uri(), "cache_dir": cache}
    path = utils.get_file(**fetch, file_hash=digest)
    assert path == str(cache / "datasets" / "numbers.txt")
    source.write_text("4")
    assert Path(utils.get_file(**fetch)).read_text() == "1 2 3", "the cache is used"
    assert Path(utils.get_file(**fetch, force_download=True)).read_text() == "4"
    with pytest.raises(ValueError, match="corrupted"):
        utils.get_file("other.txt", **fetch, file_hash=digest)
    md5 = hashlib.md5(b"4").hexdigest()
    assert utils.get_file("third.txt", **fetch, md5_hash=md5, cache_subdir="x").endswith(
        "third.txt"
    )
    with pytest.raises(OSError, match="fetch failure"):
        utils.get_file(origin=(tmp_path / "none").as_uri(), cache_dir=cache)
    assert sorted(p.name for p in (cache / "datasets").iterdir()) == ["numbers.txt"]
    with pytest.raises(ValueError, match="folders"):
        utils.get_file("a/b", **fetch)
    with pytest.raises(ValueError, match="origin"):
        utils.get_file("a")


@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_archives_are_unpacked(tmp_path, kind, capsys):
    archive = tmp_path / f"data.{kind}"
    if kind == "zip":
        with zipfile.ZipFile(archive, "w") as file:
            file.writestr("inner/a.txt", "a")
    else:
        with tarfile.open(archive, "w") as file:
            info = tarfile.TarInfo("inner/a.txt")
            info.size = 1
            file.addfile(info, io.BytesIO(b"a"))
    place = utils.get_file(origin=archive.as_uri(), extract=True, cache_dir=tmp_path / "c")
    assert place == str(tmp_path / "c" / "datasets" / archive.name)
    assert Path(place, "inner", "a.txt").read_text() == "a"
    named = utils.get_file(archive.name, origin=archive.as_uri(), extract=True,
                           cache_dir=tmp_path / "c", cache_subdir="n")  # fmt: skip
    assert named.endswith("data_extracted")


def test_archives_stay_in_their_folder(tmp_path):
    with tarfile.open(tmp_path / "bad.tar", "w") as file:
        file.addfile(tarfile.TarInfo("../evil"))
    with pytest.raises(ValueError, match="not unpacked"):
        extract_archive(tmp_path / "bad.tar", str(tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_config():
    config = utils.Config(rate=0.1)
    config.steps = 3
    config["name"] = "x"
    assert (config.rate, config["steps"], len(config), list(config)) == (
        0.1, 3, 3, ["name", "rate", "steps"],
    )  # fmt: skip
    assert json.loads(config.to_json()) == config.as_dict() == dict(config.items())
    config.update(rate=1)
    assert config.pop("name") == "x" and "name" not in config and config.get("name", 5) == 5
    del config["steps"]
    assert list(config.keys()) == ["rate"] and list(config.values()) == [1]
    with pytest.raises(AttributeError, match="Did you mean 'rate'"):
        _ = config.rat
    config.freeze()
    assert config.frozen
    for change in (lambda: setattr(config, "b", 1), lambda: config.pop("rate"),
                   lambda: config.update(b=1), lambda: config.__setitem__("b", 1)):  # fmt: skip
        with pytest.raises(ValueError, match="frozen"):
            change()
    config.unfreeze()
    config.b = 1
    assert repr(config) == "<Config {'rate': 1, 'b': 1}>"


def test_to_categorical_counts_from_the_end_and_keeps_numpys_float():
    rows = utils.to_categorical([[0, 2], [-1, 1]], 3)
    assert rows.dtype == "float64" and rows.shape == (2, 2, 3)
    assert rows[1, 0].tolist() == [0, 0, 1]
    with pytest.raises(IndexError, match="class 5 is out of range"):
        utils.to_categorical([5], 3)


def test_normalize_of_lists_gives_tensors():
    out = utils.normalize([[3.0, 4.0], [0.0, 0.0]], axis=0)
    assert out.dtype == "float32" and np.allclose(out, [[1, 1], [0, 0]])
    with pytest.raises(ValueError, match="order"):
        utils.normalize([[3.0, 4.0]], order=0)


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_seeds_of_32_bits(seed):
    with pytest.raises(ValueError, match="between 0 and"):
        utils.set_random_seed(seed)


@pytest.mark.parametrize("name", ["float", "double", "half"])
def test_no_dtype_names_of_other_libraries(name):
    with pytest.raises(ValueError, match="Invalid dtype"):
        backend.standardize_dtype(name)
