"""Layers on strings and hashes: Keras' values, kinds of inputs, vocabularies, errors."""

from __future__ import annotations

import json
import re
import string

import numpy as np
import pytest
from preprocessing_cases import CASES, GOLDEN, TEXTS, outcome

from ranvier import Input, layers, ops, saving

EXPECTED = json.loads(GOLDEN.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", CASES)
def test_values_of_keras(name):
    found, expected = outcome(layers, name), EXPECTED[name]
    assert found["vocabulary"] == expected["vocabulary"]
    mine, theirs = np.array(found["outputs"]), np.array(expected["outputs"])
    assert mine.shape == theirs.shape
    if theirs.dtype.kind in "US":
        assert mine.tolist() == theirs.tolist()
    else:
        np.testing.assert_allclose(mine, theirs, rtol=1e-6)


@pytest.mark.parametrize("name", CASES)
def test_config_round_trip(name):
    kind, arguments, adapt, inputs = CASES[name]
    layer = getattr(layers, kind)(**arguments, name="some_name")
    text = json.dumps(saving.serialize_keras_object(layer))
    again = saving.deserialize_keras_object(json.loads(text))
    assert type(again) is type(layer)
    assert json.dumps(saving.serialize_keras_object(again)) == text
    if adapt is None:
        data = tuple(map(np.array, inputs)) if isinstance(inputs, tuple) else np.array(inputs)
        np.testing.assert_array_equal(np.asarray(again(data)), np.asarray(layer(data)))


def test_every_kind_of_input_means_the_same():
    layer = layers.StringLookup(vocabulary=["a", "é"])
    for data in (["é", "a", "x"], ("é", "a", "x"), np.array(["é", "a", "x"]),
                 np.array(["é", "a", "x"], dtype=object),
                 np.array([s.encode() for s in ("é", "a", "x")]),
                 np.array(["é".encode(), "a", b"x"], dtype=object)):  # fmt: skip
        out = layer(data)
        assert out.dtype == "int64"
        np.testing.assert_array_equal(np.asarray(out), [2, 1, 0])
    assert int(layer("é")) == 2
    assert tuple(layer(np.zeros((0, 3), dtype="<U1")).shape) == (0, 3)


def test_strings_come_back():
    words = layers.StringLookup(vocabulary=["a", "b"], invert=True, mask_token="")
    out = words(ops.convert_to_tensor(np.array([[2, 3], [0, 1]])))
    assert out.tolist() == [["a", "b"], ["", "[UNK]"]]


@pytest.mark.parametrize("make", [
    lambda d: np.array(d), lambda d: d, lambda d: iter([np.array(d[:2]), np.array(d[2:])]),
    lambda d: (np.array([x]) for x in d),
])  # fmt: skip
def test_adapt_takes_arrays_lists_and_batches(make):
    layer = layers.TextVectorization()
    layer.adapt(make(TEXTS))
    assert layer.get_vocabulary()[:5] == ["", "[UNK]", "earth", "fire", "and"]
    assert layer.vocabulary_size() == len(layer.get_vocabulary()) == 9
    assert layer.get_vocabulary(include_special_tokens=False)[0] == "earth"


def test_adapt_counts_steps_and_starts_anew():
    layer = layers.StringLookup()
    layer.adapt(iter([np.array(["a"]), np.array(["b"]), np.array(["c"])]), steps=2)
    assert layer.get_vocabulary() == ["[UNK]", "b", "a"]
    layer.adapt(["z"])
    assert layer.get_vocabulary() == ["[UNK]", "z"]


def test_callables_see_and_give_arrays():
    @saving.register_keras_serializable(package="string_layers")
    def shout(texts):
        return np.char.upper(texts)

    @saving.register_keras_serializable(package="string_layers")
    def at_commas(texts):
        return [text.split(",") for text in texts]

    layer = layers.TextVectorization(standardize=shout, split=at_commas, vocabulary=["A", "B"])
    expected = [[2, 3, 1], [2, 0, 0]]
    np.testing.assert_array_equal(np.asarray(layer(["a,b,c", "a"])), expected)
    again = saving.deserialize_keras_object(saving.serialize_keras_object(layer))
    np.testing.assert_array_equal(np.asarray(again(["a,b,c", "a"])), expected)


def test_vocabulary_file(tmp_path):
    path = tmp_path / "terms.txt"
    path.write_text("x\ny\nz", encoding="utf-8")
    layer = layers.StringLookup(vocabulary=str(path))
    assert layer.get_vocabulary() == ["[UNK]", "x", "y", "z"]
    assert layer.get_config()["vocabulary"] is None, "terms of a file are stored as an asset"
    numbers = tmp_path / "numbers.txt"
    numbers.write_text("30\n10", encoding="utf-8")
    assert layers.IntegerLookup(vocabulary=str(numbers)).get_vocabulary() == [-1, 30, 10]
    config = saving.serialize_keras_object(layer)
    config["config"]["vocabulary"] = str(path)
    with pytest.raises(TypeError, match="safe_mode"):
        saving.deserialize_keras_object(config)
    assert saving.deserialize_keras_object(config, safe_mode=False).vocabulary_size() == 4
    with pytest.raises(ValueError, match="does not exist"):
        layers.StringLookup(vocabulary=str(tmp_path / "none.txt"))


def test_symbolic_shapes_and_dtypes():
    text = Input((1,), dtype="string")
    vocabulary = ["a", "b"]
    assert layers.TextVectorization(vocabulary=vocabulary)(text).shape == (None, None)
    fixed = layers.TextVectorization(vocabulary=vocabulary, output_sequence_length=4)(text)
    assert (fixed.shape, fixed.dtype) == ((None, 4), "int64")
    rows = layers.TextVectorization(vocabulary=vocabulary, output_mode="multi_hot")(text)
    assert (rows.shape, rows.dtype) == ((None, 3), "float32")
    assert layers.StringLookup(vocabulary=vocabulary, output_mode="one_hot")(text).shape == (
        None,
        3,
    )
    out = layers.StringLookup(vocabulary=vocabulary, invert=True)(Input((3,), dtype="int64"))
    assert (out.shape, out.dtype) == ((None, 3), "string")
    assert layers.Hashing(num_bins=4)(text).dtype == "int64"
    number = Input((1,), dtype="int32")
    assert layers.HashedCrossing(7, output_mode="one_hot")([text, number]).shape == (None, 7)


def expect(error, match, function, *args, **kwargs):
    with pytest.raises(error, match=match):
        function(*args, **kwargs)


def test_mistakes():
    lookup, integers, text = layers.StringLookup, layers.IntegerLookup, layers.TextVectorization
    expect(ValueError, "max_tokens", lookup, max_tokens=1)
    expect(ValueError, "pad_to_max_tokens", lookup, pad_to_max_tokens=True)
    expect(ValueError, "num_oov_indices", lookup, num_oov_indices=-1)
    expect(ValueError, "output_mode", lookup, output_mode="binaries")
    expect(ValueError, "invert", lookup, invert=True, output_mode="count")
    expect(ValueError, "idf_weights", lookup, vocabulary=["a"], output_mode="tf_idf")
    expect(ValueError, "idf_weights", lookup, vocabulary=["a"], idf_weights=[1.0])
    expect(ValueError, "repeated", lookup, vocabulary=["a", "a"])
    expect(ValueError, "reserved mask", lookup, vocabulary=["a", "m"], mask_token="m")
    expect(ValueError, "reserved OOV", lookup, vocabulary=["a", "[UNK]"], invert=True)
    expect(ValueError, "empty", lookup, vocabulary=[])
    expect(ValueError, "larger", lookup, vocabulary=["a", "b", "c"], max_tokens=3)
    expect(ValueError, "Unrecognized", lookup, colour="red")
    expect(ValueError, "sparse", lookup, sparse=True, output_mode="int")
    expect(ValueError, "salt", integers, salt=3)
    expect(ValueError, "vocabulary_dtype", integers, vocabulary_dtype="int32")
    expect(ValueError, "in vocabulary", lookup(vocabulary=["a"], num_oov_indices=0), ["b"])
    expect(ValueError, "static vocabulary", lookup(vocabulary=["a"]).adapt, ["b"])
    expect(RuntimeError, "vocabulary", lookup(output_mode="count"), ["b"])
    expect(TypeError, "takes strings", lookup(vocabulary=["a"]), np.array([1, 2]))
    expect(TypeError, "takes integers", integers(vocabulary=[1]), np.array(["a"]))
    expect(ValueError, "standardize", text, standardize="upper")
    expect(ValueError, "split", text, split="lines")
    expect(ValueError, "ngrams", text, ngrams="two")
    expect(ValueError, "output_sequence_length", text, output_sequence_length=2.0)
    expect(
        ValueError, "output_sequence_length", text, output_mode="count", output_sequence_length=2
    )
    expect(ValueError, "ragged", text, ragged=True)
    expect(ValueError, "rank", text(vocabulary=["a"]), np.array([["a", "b"]]))
    expect(ValueError, "num_bins", layers.Hashing, num_bins=0)
    expect(ValueError, "salt", layers.Hashing, num_bins=3, salt=[1, 2, 3])
    expect(ValueError, "dtype", layers.Hashing, num_bins=3, dtype="float32")
    crossing = layers.HashedCrossing(num_bins=3)
    expect(ValueError, "at least two", crossing, [np.array([1])])
    expect(ValueError, "equal shape", crossing, [np.array([1]), np.array([1, 2])])
    expect(ValueError, "integer or string", crossing, [np.array([1.0]), np.array([1])])
    with pytest.raises(RuntimeError, match="size cannot be changed"):
        layer = lookup(vocabulary=["a"], output_mode="count")
        layer.set_vocabulary(["a", "b"])


@pytest.mark.parametrize("how", [
    None, "lower", "strip_punctuation", "lower_and_strip_punctuation",
])  # fmt: skip
def test_words_end_at_ascii_spaces_only_and_letters_beyond_ascii_stay(how):
    texts = ["", "Plain, ASCII text.", "tab\tnew\nline\x0b\x0c\r end ", "one\x1cword",
             "Él ¿DIJO? «Sí»", "no\xa0break", "\u2003wide\u3000spaces,", "ÄÖÜ!",
             "\x85", "...", "ß.İ."]  # fmt: skip

    def words(text):
        lower, strip = how != "strip_punctuation", how != "lower"
        if how is not None:
            text = "".join(c.lower() if c.isascii() and lower else c for c in text
                           if not (strip and c in string.punctuation))  # fmt: skip
        return [word for word in re.split("[ \t\n\x0b\x0c\r]", text) if word]

    layer = layers.TextVectorization(standardize=how)
    layer.adapt(texts)
    names = np.array(layer.get_vocabulary())
    rows = np.asarray(layer(np.array(texts, dtype=object)))
    assert [names[row[row > 0]].tolist() for row in rows] == [words(text) for text in texts]


@pytest.mark.parametrize("salt", [None, 7, [3, -4]])
def test_integers_are_hashed_as_their_digits(salt):
    powers = [sign * 10**k + step for k in range(19) for step in (-1, 0, 1) for sign in (-1, 1)]
    values = np.array([*powers, -(2**63), 2**63 - 1])
    hashing = layers.Hashing(num_bins=10007, salt=salt)
    expected = hashing(np.array([str(v) for v in values.tolist()]))
    np.testing.assert_array_equal(np.asarray(hashing(values)), np.asarray(expected))
    assert hashing(values[:0]).shape == (0,)


def test_one_unsplit_string_gives_one_index():
    layer = layers.TextVectorization(split=None, vocabulary=["red fox", "fox"])
    out = layer("Red fox!")
    assert out.shape == () and int(out) == 2
    assert layer(np.array("owl")).shape == () and layer(["fox"]).shape == (1,)
    assert layers.TextVectorization(vocabulary=["fox"])("red fox").shape == (2,)


@pytest.mark.parametrize("make", [layers.StringLookup, layers.TextVectorization])
def test_lookups_without_a_vocabulary_are_refused(make):
    with pytest.raises(RuntimeError, match="no vocabulary yet"):
        make()(np.array(["a"]))


def test_lookups_of_other_numbers_and_of_nothing():
    objects = np.array([[1, 2], [2, 7]], dtype=object)
    lookup = layers.IntegerLookup(vocabulary=[2, 1])
    assert lookup(objects).tolist() == [[2, 1], [1, 0]]
    back = layers.IntegerLookup(vocabulary=[2, 1], invert=True)
    assert back(np.array([2.0, 1.0, 9.0])).tolist() == [1, 2, -1]
    for layer, empty in (
        (layers.IntegerLookup(vocabulary=[2], output_mode="multi_hot"), np.zeros((0, 3), "int64")),
        (layers.StringLookup(vocabulary=["a"], output_mode="count"), np.zeros((0, 3), "<U1")),
        (layers.TextVectorization(vocabulary=["a"], output_mode="count"), np.zeros(0, "<U1")),
    ):
        assert tuple(layer(empty).shape) == (0, 2)
    counting = layers.StringLookup()
    counting.adapt(np.zeros((0, 3), "<U1"))
    assert counting.get_vocabulary() == ["[UNK]"]


def test_booleans_are_hashed_as_words():
    values = np.array([True, False])
    hashing = layers.Hashing(num_bins=5)
    assert hashing(values).tolist() == hashing(np.array(["true", "false"])).tolist() == [0, 2]
    assert layers.Hashing(num_bins=5, mask_value=True)(values).tolist() == [0, 2]
    assert layers.Hashing(num_bins=5, mask_value=False)(values).tolist() == [3, 0]
