"""The data sets: shapes, dtypes, where files are looked for, and damaged files."""

import gzip
import io
import os
import struct
import tarfile

import numpy as np
import pytest

from ranvier.datasets import _files, cifar10, digits, fashion_mnist, mnist


def write_idx(path, array):
    header = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
    path.write_bytes(gzip.compress(header + array.tobytes()))


def write_mnist(folder, rows=(5, 3)):
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    arrays = []
    for part, count in zip(("train", "t10k"), rows):
        images = rng.integers(0, 256, (count, 28, 28), dtype=np.uint8)
        labels = rng.integers(0, 10, count, dtype=np.uint8)
        write_idx(folder / f"{part}-images-idx3-ubyte.gz", images)
        write_idx(folder / f"{part}-labels-idx1-ubyte.gz", labels)
        arrays.append((images, labels))
    return arrays


def no_downloads(monkeypatch):
    monkeypatch.delenv("RANVIER_DATA", raising=False)
    monkeypatch.setitem(__import__("sys").modules, "pooch", None)


def test_digits_are_the_uci_digits():
    (x_train, y_train), (x_test, y_test) = digits.load_data()
    assert x_train.shape == (1438, 8, 8) and x_test.shape == (359, 8, 8)
    assert x_train.dtype == x_test.dtype == y_train.dtype == y_test.dtype == np.uint8
    everything = np.concatenate([x_train, x_test])
    assert everything.min() == 0 and everything.max() == 16 and int(everything.sum()) == 561718
    counts = np.bincount(np.concatenate([y_train, y_test]))
    assert counts.tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]


def test_digits_split_follows_the_seed():
    first = digits.load_data(seed=1)
    again = digits.load_data(seed=1)
    other = digits.load_data(seed=2)
    np.testing.assert_array_equal(first[1][0], again[1][0])
    assert not np.array_equal(first[1][1], other[1][1])
    (_, y), (x_test, y_test) = digits.load_data(test_split=0.5, seed=None)
    assert y[:10].tolist() == list(range(10)) and len(x_test) == len(y_test) == 898


@pytest.mark.parametrize("split", [0.0, 1.0, -0.1, 2])
def test_digits_refuses_a_split_without_both_parts(split):
    with pytest.raises(ValueError, match="`test_split` must be between 0 and 1"):
        digits.load_data(test_split=split)


@pytest.mark.parametrize("module,folder", [(mnist, "mnist"), (fashion_mnist, "fashion-mnist")])
def test_idx_files_from_a_folder(tmp_path, monkeypatch, module, folder):
    expected = write_mnist(tmp_path / folder)
    for path, data in ((tmp_path, None), (tmp_path / folder, None), (None, tmp_path)):
        if data is None:
            monkeypatch.delenv("RANVIER_DATA", raising=False)
        else:
            monkeypatch.setenv("RANVIER_DATA", str(data))
        loaded = module.load_data(path)
        for (x, y), (x_expected, y_expected) in zip(loaded, expected):
            np.testing.assert_array_equal(x, x_expected)
            np.testing.assert_array_equal(y, y_expected)
            assert x.dtype == y.dtype == np.uint8 and x.flags.writeable


@pytest.mark.parametrize("load", [mnist.load_data, fashion_mnist.load_data, cifar10.load_data])
def test_without_files_and_network_both_ways_out_are_named(monkeypatch, tmp_path, load):
    no_downloads(monkeypatch)
    with pytest.raises(FileNotFoundError, match=r"RANVIER_DATA.*pip install pooch"):
        load()
    with pytest.raises(_files.DataNotFoundError, match="not in"):
        load(path=tmp_path)


def test_damaged_idx_files_are_named(tmp_path):
    write_mnist(tmp_path)
    images = tmp_path / "train-images-idx3-ubyte.gz"
    whole = images.read_bytes()
    images.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match="train-images.*not a whole gzip file"):
        mnist.load_data(tmp_path)
    images.write_bytes(gzip.compress(b"\0\0\x0d\x01\0\0\0\x01\0\0\0\0"))
    with pytest.raises(ValueError, match="not an idx file"):
        mnist.load_data(tmp_path)
    images.write_bytes(gzip.compress(struct.pack(">HBBI", 0, 8, 1, 9) + b"123"))
    with pytest.raises(ValueError, match="announces 9 values"):
        mnist.load_data(tmp_path)
    write_idx(images, np.zeros((4, 28, 28), np.uint8))
    with pytest.raises(ValueError, match="do not fit labels"):
        mnist.load_data(tmp_path)


def test_cifar10_binary_records(tmp_path):
    rng = np.random.default_rng(1)
    names = [f"data_batch_{i}.bin" for i in range(1, 6)] + ["test_batch.bin"]
    batches = {n: rng.integers(0, 10, (10000, 3073), dtype=np.uint8) for n in names}
    with tarfile.open(tmp_path / "cifar-10-binary.tar.gz", "w:gz", compresslevel=1) as archive:
        for name, values in batches.items():
            info = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
            info.size = values.size
            archive.addfile(info, io.BytesIO(values.tobytes()))
    (x_train, y_train), (x_test, y_test) = cifar10.load_data(tmp_path)
    assert x_train.shape == (50000, 32, 32, 3) and y_train.shape == (50000, 1)
    assert x_test.shape == (10000, 32, 32, 3) and y_test.dtype == np.uint8
    record = batches["data_batch_2.bin"][7]
    assert y_train[10007, 0] == record[0]
    # Colour planes of the record become the last axis.
    assert x_train[10007, 3, 5].tolist() == [record[1 + c * 1024 + 3 * 32 + 5] for c in range(3)]


def test_cifar10_jpeg_streams(tmp_path):
    image = pytest.importorskip("PIL.Image")
    colours = [(200, 30, 40), (10, 220, 60), (20, 40, 210)]
    streams = []
    for colour in colours:
        buffer = io.BytesIO()
        image.new("RGB", (32, 32), colour).save(buffer, "JPEG", quality=95)
        streams.append(buffer.getvalue())
    offsets = np.cumsum([0] + [len(s) for s in streams])
    for part in ("train", "test"):
        np.savez(
            tmp_path / f"cifar10_jpeg_{part}.npz",
            jpeg=np.frombuffer(b"".join(streams), np.uint8),
            offsets=offsets,
            labels=np.array([2, 0, 1], np.uint8),
        )
    (x, y), _ = cifar10.load_data(tmp_path)
    assert x.shape == (3, 32, 32, 3) and x.dtype == np.uint8 and y.tolist() == [[2], [0], [1]]
    np.testing.assert_allclose(x[:, 16, 16], colours, atol=6)


@pytest.mark.data
@pytest.mark.parametrize("module", [mnist, fashion_mnist])
def test_the_real_files(module):
    if not os.environ.get("RANVIER_DATA"):
        pytest.skip("RANVIER_DATA names no folder")
    (x_train, y_train), (x_test, y_test) = module.load_data()
    assert x_train.shape == (60000, 28, 28) and x_test.shape == (10000, 28, 28)
    assert np.bincount(y_train).size == 10 and y_test.shape == (10000,)
