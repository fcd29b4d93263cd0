"""Damaged and hostile files: always a typed error, never a half-loaded model, nothing executed."""

import io
import json
import random
import warnings
import zipfile

import numpy as np
import pytest

import ranvier as keras
from ranvier import layers, saving

h5py = pytest.importorskip("h5py")

TYPED = (ValueError, TypeError, OSError)


def model(seed=0):
    keras.utils.set_random_seed(seed)
    made = keras.Sequential(
        [keras.Input((4,)), layers.Dense(3), layers.BatchNormalization(), layers.Dense(2)]
    )
    made.compile("adam", "mse")
    return made


def values(m):
    return [np.array(v) for v in m.weights]


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved")
    m = model()
    m.save(folder / "m.keras")
    m.save_weights(folder / "m.weights.h5")
    return folder


def members(path):
    with zipfile.ZipFile(path) as archive:
        return {n: archive.read(n) for n in archive.namelist()}


def repack(path, parts):
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in parts.items():
            archive.writestr(name, data)


def refuses(path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(TYPED) as info:
            saving.load_model(path)
    return str(info.value)


def damaged(data, rng, kind):
    if kind == "truncated":
        return data[: rng.randrange(len(data))]
    data = bytearray(data)
    for _ in range(rng.choice([1, 4, 64])):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return bytes(data)


@pytest.mark.parametrize("kind", ["truncated", "flipped"])
def test_damaged_model_files(saved, tmp_path, kind):
    data = (saved / "m.keras").read_bytes()
    rng = random.Random(kind)
    refused = 0
    for _ in range(60):
        (tmp_path / "m.keras").write_bytes(damaged(data, rng, kind))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                saving.load_model(tmp_path / "m.keras")
            except TYPED:
                refused += 1
    # A flip may hit a byte that means nothing (padding, a time); most must be found by the
    # checksums.
    assert refused == 60 if kind == "truncated" else refused >= 30


@pytest.mark.parametrize("kind", ["truncated", "flipped"])
def test_damaged_weight_files_change_nothing_or_load_whole(saved, tmp_path, kind):
    data = (saved / "m.weights.h5").read_bytes()
    rng = random.Random(kind)
    m = model(seed=1)
    refused = 0
    for _ in range(60):
        (tmp_path / "m.weights.h5").write_bytes(damaged(data, rng, kind))
        before = values(m)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                m.load_weights(tmp_path / "m.weights.h5")
            except TYPED:
                refused += 1
                for old, new in zip(before, values(m)):
                    np.testing.assert_array_equal(old, new)
    assert refused >= (50 if kind == "truncated" else 1)


def test_other_files_under_these_names(tmp_path):
    for content in (b"", b"not a zip", b"PK\x05\x06" + b"\0" * 18):
        (tmp_path / "m.keras").write_bytes(content)
        assert "m.keras" in refuses(tmp_path / "m.keras")
        (tmp_path / "m.weights.h5").write_bytes(content)
        with pytest.raises(saving.FileFormatError, match="m.weights.h5"):
            model().load_weights(tmp_path / "m.weights.h5")


@pytest.mark.parametrize(
    "config",
    [
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe",
        b"[" * 100000,
        b"{}",
        b'{"class_name": 3, "config": {}}',
        b'{"module": "keras", "class_name": "Sequential", "config": {"layers": 3}}',
        b'{"module": "keras", "class_name": "Sequential", "config": {"layers": [null]}}',
        b'{"module": "keras.layers", "class_name": "Dense", "config": {"units": 3}}',
    ],
)
def test_configs_that_are_none(saved, tmp_path, config):
    parts = members(saved / "m.keras")
    repack(tmp_path / "m.keras", {**parts, "config.json": config})
    refuses(tmp_path / "m.keras")


@pytest.mark.parametrize(
    "module,name",
    [
        ("os", "system"),
        ("builtins", "eval"),
        ("subprocess", "Popen"),
        ("keras.src.utils", "get_file"),
        ("ranvier.saving.archive", "write_atomically"),
        ("keras.layers", "_parts"),
        ("keras.utils", "get_file"),
        ("keras.ops", "numpy"),
        ("keras.activations", "__builtins__"),
    ],
)
def test_names_outside_the_allow_list(saved, tmp_path, module, name):
    parts = members(saved / "m.keras")
    config = json.loads(parts["config.json"])
    config["config"]["layers"][1] = {
        "module": module,
        "class_name": name,
        "config": {"command": "true", "name": "x"},
        "registered_name": None,
    }
    repack(tmp_path / "m.keras", {**parts, "config.json": json.dumps(config)})
    refuses(tmp_path / "m.keras")


def test_code_in_a_config_is_never_run(saved, tmp_path):
    parts = members(saved / "m.keras")
    config = json.loads(parts["config.json"])
    config["config"]["layers"][1]["config"]["activation"] = {
        "class_name": "__lambda__", "config": {"value": "4wAAAAA="}}  # fmt: skip
    repack(tmp_path / "m.keras", {**parts, "config.json": json.dumps(config)})
    for safe in (True, False):
        with pytest.raises((ValueError, TypeError), match="never done"):
            saving.load_model(tmp_path / "m.keras", safe_mode=safe)


def test_missing_members(saved, tmp_path):
    parts = members(saved / "m.keras")
    for name in ("config.json", "model.weights.h5"):
        repack(tmp_path / "m.keras", {k: v for k, v in parts.items() if k != name})
        assert f"the member {name} is missing" in refuses(tmp_path / "m.keras")
    repack(tmp_path / "m.keras", {k: v for k, v in parts.items() if k != "metadata.json"})
    assert saving.load_model(tmp_path / "m.keras").built


def test_zip_bombs(saved, tmp_path):
    parts = members(saved / "m.keras")
    with zipfile.ZipFile(tmp_path / "m.keras", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", b" " * (300 << 20))
        archive.writestr("model.weights.h5", parts["model.weights.h5"])
    assert "config.json" in refuses(tmp_path / "m.keras")
    with zipfile.ZipFile(tmp_path / "m.keras", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", parts["config.json"])
        archive.writestr("model.weights.h5", b"\0" * (300 << 20))
    assert "expansion is refused" in refuses(tmp_path / "m.keras")


def hostile_weights(change):
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        group = file.create_group("layers/dense/vars")
        change(file, group)
    return buffer.getvalue()


def soft_link(file, group):
    file["real"] = np.zeros((4, 3), "float32")
    group["0"] = h5py.SoftLink("/real")
    group["1"] = np.zeros(3, "float32")


def external_link(file, group):
    group["0"] = h5py.ExternalLink("other.h5", "/x")
    group["1"] = np.zeros(3, "float32")


def external_data(file, group):
    group.create_dataset("0", (4, 3), "f4", external=[("outside.bin", 0, 48)])
    group["1"] = np.zeros(3, "float32")


def virtual_data(file, group):
    layout = h5py.VirtualLayout((4, 3), "f4")
    layout[:] = h5py.VirtualSource("other.h5", "x", (4, 3))
    group.create_virtual_dataset("0", layout)
    group["1"] = np.zeros(3, "float32")


def shape_bomb(file, group):
    group.create_dataset("0", (1 << 16, 1 << 20), "f4", chunks=(1, 1024), compression="gzip")
    group["1"] = np.zeros(3, "float32")


def text_data(file, group):
    group["0"] = np.array([b"a", b"b"], dtype=object).astype("S4")
    group["1"] = np.zeros(3, "float32")


def group_for_dataset(file, group):
    group.create_group("0")
    group["1"] = np.zeros(3, "float32")


@pytest.mark.parametrize("change,message", [
    (soft_link, "SoftLink"), (external_link, "ExternalLink"), (external_data, "another file"),
    (virtual_data, "virtual"), (shape_bomb, "declares"), (text_data, "no number"),
    (group_for_dataset, "should be a dataset")])  # fmt: skip
def test_hostile_hdf5(tmp_path, change, message):
    (tmp_path / "m.weights.h5").write_bytes(hostile_weights(change))
    m = model()
    before = values(m)
    with pytest.raises(saving.FileFormatError, match=message):
        m.load_weights(tmp_path / "m.weights.h5")
    for old, new in zip(before, values(m)):
        np.testing.assert_array_equal(old, new)


def test_shards_may_not_leave_their_folder(tmp_path):
    index = {"weight_map": {"/layers/dense/vars": ["../m_00000.weights.h5"]}}
    (tmp_path / "m.weights.json").write_text(json.dumps(index))
    with pytest.raises(saving.FileFormatError, match="not the name of a file beside it"):
        model().load_weights(tmp_path / "m.weights.json")


def test_unreadable_compile_information_is_a_warning(saved, tmp_path):
    parts = members(saved / "m.keras")
    for broken in (
        {"optimizer": {"module": "keras.optimizers", "class_name": "Nothing", "config": {}}},
        {"unknown": 1},
        {"optimizer": "adam", "loss": {"class_name": "X", "config": 3}},
    ):
        config = json.loads(parts["config.json"])
        config["compile_config"] = broken
        repack(tmp_path / "m.keras", {**parts, "config.json": json.dumps(config)})
        with pytest.warns(UserWarning, match="compile information"):
            loaded = saving.load_model(tmp_path / "m.keras")
        assert not loaded.compiled


def test_a_config_cannot_ask_for_more_memory_than_the_file_fills(saved, tmp_path):
    parts = members(saved / "m.keras")
    for units in (10**6, 10**9, 10**15):
        config = json.loads(parts["config.json"])
        config["config"]["layers"][1]["config"]["units"] = units
        repack(tmp_path / "m.keras", {**parts, "config.json": json.dumps(config)})
        assert "larger than" in refuses(tmp_path / "m.keras")
