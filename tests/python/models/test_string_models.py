"""Models that take strings, or hash numbers: the same values eagerly, compiled and from files."""

from __future__ import annotations

import zipfile

import numpy as np
import pytest

from ranvier import Input, Model, Sequential, jit, layers, ops, saving, utils

TEXTS = np.array([["a b c"], ["b d"], ["c c a d"], ["d"], ["x y"]] * 6)
LABELS = np.array([0, 1, 0, 1, 1] * 6)


def vectorizer(**kwargs):
    layer = layers.TextVectorization(**kwargs)
    layer.adapt(TEXTS)
    return layer


def classifier(**kwargs):
    utils.set_random_seed(3)
    model = Sequential([
        Input((1,), dtype="string"), vectorizer(**kwargs), layers.Embedding(10, 4, mask_zero=True),
        layers.GlobalAveragePooling1D(), layers.Dense(1, activation="sigmoid"),
    ])  # fmt: skip
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return model


@pytest.mark.parametrize("length", [None, 5])
def test_fit_evaluate_predict(length):
    model = classifier(output_sequence_length=length)
    history = model.fit(TEXTS, LABELS, epochs=30, batch_size=8, validation_split=0.2, verbose=0)
    assert history.history["loss"][-1] < history.history["loss"][0]
    loss, accuracy = model.evaluate(TEXTS, LABELS, verbose=0)
    assert 0 <= accuracy <= 1
    batches = [(TEXTS[i : i + 8], LABELS[i : i + 8]) for i in range(0, 30, 8)]

    class Batches(utils.PyDataset):
        def __len__(self):
            return len(batches)

        def __getitem__(self, index):
            return batches[index]

    np.testing.assert_allclose(model.evaluate(Batches(), verbose=0)[0], loss, rtol=1e-5)
    predicted = model.predict(TEXTS, batch_size=30, verbose=0)
    np.testing.assert_allclose(np.asarray(model(TEXTS)), predicted, rtol=1e-6)
    np.testing.assert_allclose(model.predict_on_batch(TEXTS), predicted, rtol=1e-6)
    for same in (TEXTS[:, 0], TEXTS.astype(object), [t for (t,) in TEXTS.tolist()]):
        np.testing.assert_array_equal(model.predict(same, batch_size=30, verbose=0), predicted)


def test_compiled_steps_equal_eager_ones():
    compiled, eager = classifier(), classifier()
    eager.run_eagerly = True
    for model in (compiled, eager):
        model.fit(TEXTS, LABELS, epochs=3, batch_size=8, shuffle=False, verbose=0)
    for a, b in zip(compiled.get_weights(), eager.get_weights()):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7)


def test_a_changed_vocabulary_is_seen():
    number = Input((1,), dtype="int64")
    lookup = layers.IntegerLookup(vocabulary=[5, 7])
    model = Model(number, layers.Embedding(4, 1, embeddings_initializer="ones")(lookup(number)))
    model.layers[-1].set_weights([np.arange(4.0)[:, None]])
    data = np.array([[5], [7], [9]])
    assert model.predict(data, verbose=0).ravel().tolist() == [1, 2, 0]
    lookup.set_vocabulary([9, 5])
    assert model.predict(data, verbose=0).ravel().tolist() == [2, 0, 1]
    assert np.asarray(model(data)).ravel().tolist() == [2, 0, 1]


def mixed_model():
    text = Input((1,), dtype="string", name="text")
    number = Input((1,), dtype="int32", name="number")
    plain = Input((2,), name="plain")
    parts = [
        layers.StringLookup(vocabulary=["x", "y"], output_mode="one_hot")(text),
        layers.IntegerLookup(vocabulary=[5, 7], output_mode="multi_hot")(number),
        layers.IntegerLookup(vocabulary=[5], num_oov_indices=3, oov_method="farmhash",
                             output_mode="multi_hot")(number),
        layers.HashedCrossing(8, output_mode="one_hot")([text, number]),
        layers.Hashing(6, output_mode="one_hot")(number),
    ]  # fmt: skip
    joined = layers.Concatenate()([layers.Rescaling(1.0)(p) for p in parts] + [plain])
    return Model([text, number, plain], layers.Dense(1)(joined))


def test_strings_and_numbers_together(tmp_path):
    model = mixed_model()
    model.compile("sgd", "mse")
    x = {"text": np.array([["x"], ["y"], ["q"], ["x"]]), "number": np.array([[5], [7], [1], [9]]),
         "plain": np.ones((4, 2))}  # fmt: skip
    y = np.array([1.0, 2.0, 3.0, 4.0])
    losses = model.fit(x, y, epochs=20, batch_size=2, verbose=0).history["loss"]
    assert losses[-1] < 0.5 * losses[0]
    predicted = model.predict(x, verbose=0)
    np.testing.assert_allclose(np.asarray(model(x)), predicted, rtol=1e-6)
    np.testing.assert_allclose(
        model.predict([x[k] for k in ("text", "number", "plain")], verbose=0), predicted, rtol=1e-6
    )
    path = tmp_path / "mixed.keras"
    model.save(path)
    np.testing.assert_array_equal(saving.load_model(path).predict(x, verbose=0), predicted)


def test_vocabularies_are_saved_as_keras_lays_them(tmp_path):
    path = tmp_path / "text.keras"
    model = classifier(output_sequence_length=3)
    model.fit(TEXTS, LABELS, verbose=0)
    model.save(path)
    with zipfile.ZipFile(path) as archive:
        names = [n for n in archive.namelist() if n.startswith("assets/")]
        assert sorted(names) == [
            "assets/layers/text_vectorization/_lookup_layer/vocabulary.txt",
            "assets/layers/text_vectorization/vocabulary.txt",
        ]
        lines = archive.read(names[0]).decode().split("\n")
    assert lines == model.layers[0].get_vocabulary()
    again = saving.load_model(path)
    assert again.layers[0].get_vocabulary() == lines
    expected = model.predict(TEXTS, verbose=0)
    np.testing.assert_array_equal(again.predict(TEXTS, verbose=0), expected)
    again.fit(TEXTS, LABELS, verbose=0)
    model.save(tmp_path / "folder", zipped=False)
    again = saving.load_model(tmp_path / "folder")
    np.testing.assert_array_equal(again.predict(TEXTS, verbose=0), expected)


def test_load_weights_of_a_model_file_brings_the_vocabulary(tmp_path):
    model = classifier(output_sequence_length=3)
    model.save(tmp_path / "text.keras")
    fresh = Sequential([
        Input((1,), dtype="string"), layers.TextVectorization(output_sequence_length=3),
        layers.Embedding(10, 4, mask_zero=True), layers.GlobalAveragePooling1D(),
        layers.Dense(1, activation="sigmoid"),
    ])  # fmt: skip
    fresh.load_weights(tmp_path / "text.keras")
    np.testing.assert_array_equal(fresh.predict(TEXTS, verbose=0), model.predict(TEXTS, verbose=0))


def test_frequencies_are_saved(tmp_path):
    model = Sequential([Input((1,), dtype="string"), vectorizer(output_mode="tf_idf")])
    path = tmp_path / "rows.keras"
    model.save(path)
    again = saving.load_model(path)
    np.testing.assert_array_equal(np.asarray(again(TEXTS)), np.asarray(model(TEXTS)))


def test_assets_stay_in_their_folder(tmp_path):
    path, bad = tmp_path / "a.keras", tmp_path / "b.keras"
    Sequential([Input((1,), dtype="string"), vectorizer()]).save(path)
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(bad, "w") as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))
        new.writestr("assets/layers/text_vectorization/../../../evil.txt", "x")
    with pytest.raises(ValueError, match="not a name"):
        saving.load_model(bad)


class Own(Model):
    def __init__(self):
        super().__init__()
        self.vectorize = vectorizer()
        self.embed = layers.Embedding(10, 3)
        self.head = layers.Dense(1)

    def call(self, texts):
        return self.head(ops.mean(self.embed(self.vectorize(texts)), axis=1))


def test_own_models_and_nested_ones():
    own = Own()
    own.compile("sgd", "mse")
    own.fit(TEXTS, LABELS, verbose=0)
    np.testing.assert_allclose(
        own.predict(TEXTS, batch_size=30, verbose=0), np.asarray(own(TEXTS)), rtol=1e-5
    )
    numbers = Sequential([Input((3,), dtype="int64"), layers.Embedding(10, 2), layers.Flatten()])
    whole = Sequential([
        Input((1,), dtype="string"), vectorizer(output_sequence_length=3), numbers,
    ])  # fmt: skip
    text = Input((1,), dtype="string")
    outer = Model(text, layers.Dense(2)(whole(text)))
    assert outer.output_shape == (None, 2)
    expected = np.asarray(outer(TEXTS))
    np.testing.assert_allclose(outer.predict(TEXTS, verbose=0), expected, rtol=1e-6)


def test_strings_to_strings_to_numbers():
    number = Input((1,), dtype="int64")
    words = layers.StringLookup(vocabulary=["c a", "d d b"], invert=True)(number)
    model = Model(number, vectorizer(output_sequence_length=3)(words))
    data = np.array([[1], [2]])
    expected = np.asarray(vectorizer(output_sequence_length=3)(["c a", "d d b"]))
    np.testing.assert_array_equal(np.asarray(model(data)), expected)
    np.testing.assert_array_equal(model.predict(data, verbose=0), expected)


def test_mistakes():
    model = classifier()
    with pytest.raises(TypeError, match="Expected: strings"):
        model.predict(np.ones((2, 1)), verbose=0)
    numbers = Sequential([Input((1,)), layers.Dense(1)])
    numbers.compile("sgd", "mse")
    with pytest.raises(TypeError, match="Expected: numbers"):
        numbers.fit(TEXTS, LABELS, verbose=0)
    with pytest.raises(TypeError, match="must be numbers"):
        model.fit(TEXTS, TEXTS, verbose=0)
    strict = layers.IntegerLookup(vocabulary=[2, 4], num_oov_indices=0)
    with pytest.raises(RuntimeError, match="runs in Python"):
        jit(lambda x: strict(x * 2))(np.array([1, 2]))
    number = Input((1,), dtype="int64")
    inside = Model(number, strict(number * 2))
    with pytest.raises(RuntimeError, match="computed inside"):
        inside.predict(np.array([[1], [2]]), verbose=0)
    assert np.asarray(inside(np.array([[1], [2]]))).tolist() == [[0], [1]]


def test_hashes_of_what_a_program_computes():
    hashing = layers.Hashing(num_bins=50, salt=3)
    crossing = layers.HashedCrossing(num_bins=50, output_mode="one_hot")
    x = np.array([3, 10, -4])
    expected = np.asarray(hashing(2 * x))
    np.testing.assert_array_equal(np.asarray(jit(lambda v: hashing(v * 2))(x)), expected)
    number = Input((1,), dtype="int64")
    outputs = [hashing(number * 2), crossing([number * 2, number])]
    model = Model(number, outputs)
    found = model.predict(x[:, None], verbose=0)
    np.testing.assert_array_equal(found[0][:, 0], expected)
    np.testing.assert_array_equal(found[1], np.asarray(crossing([2 * x[:, None], x[:, None]])))
