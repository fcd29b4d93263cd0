"""Programs of one model, one for each batch size, share their working memory and packed weights."""

import gc
import threading

import numpy as np
import pytest

import ranvier as keras
from ranvier import _backend as B
from ranvier import layers

rng = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def nothing_idle():
    gc.collect()
    B.core.release_cached_memory()


def image_model():
    keras.utils.set_random_seed(0)
    return keras.Sequential([
        keras.Input((16, 16, 8)),
        layers.Conv2D(64, 3, padding="same", activation="relu"),
        layers.Conv2D(64, 3, padding="same", activation="relu"),
        layers.GlobalAveragePooling2D(),
        layers.Dense(300, activation="relu"),
        layers.Dense(256),
    ])  # fmt: skip


def images(rows):
    return np.linspace(-1, 1, rows * 16 * 16 * 8, dtype="float32").reshape(rows, 16, 16, 8)


def stats_of(model):
    return model._functions["predict"].stats()


def test_predictions_of_many_batch_sizes_take_the_memory_of_the_largest():
    model, x = image_model(), images(32)
    model.predict(x, verbose=0)
    alone = B.core.arena_stats()
    largest = stats_of(model)["arena_bytes"]
    assert largest <= alone["bytes"] == alone["idle_bytes"] < largest + (2 << 20)
    sizes = rng.permutation(32) + 1
    for _ in range(2):
        for size in sizes:
            np.testing.assert_allclose(
                model.predict(x[:size], verbose=0), model.predict(x, verbose=0)[:size], 1e-4, 1e-4
            )
    assert B.core.arena_stats() == alone
    assert alone["count"] == 1


def test_weights_are_packed_once_for_all_batch_sizes_and_ways_to_call():
    before = B.core.held_stats()["bytes"]
    model, x = image_model(), images(32)

    def held():
        return B.core.held_stats()["bytes"] - before

    model.predict(x, verbose=0)
    assert held() == stats_of(model)["prologue_bytes"] > 4 * (64 * 300 + 300 * 256)
    # One row reads some weights as they lie, a few others packed in another way.
    forms = held()
    for size in range(1, 32):
        model.predict(x[:size], verbose=0)
        forms = max(forms, held())
    seen = held()
    assert seen <= 3 * stats_of(model)["prologue_bytes"]
    for size in range(1, 32):
        model(x[:size], training=False)
        model.predict_on_batch(x[:size])
    assert held() == seen
    for layer in model.layers:  # results of old weights are nowhere
        layer.set_weights([w * 0.5 for w in layer.get_weights()])
    model.predict(x[:7], verbose=0)
    model.predict(x[:8], verbose=0)
    assert held() <= seen
    del model
    gc.collect()
    assert held() == 0


def test_training_and_validation_share_an_arena_that_goes_with_the_model():
    model, x = image_model(), images(40)
    model.compile("sgd", "mse")
    y = rng.normal(size=(40, 256)).astype("float32")
    model.fit(x, y, batch_size=32, validation_data=(x[:20], y[:20]), epochs=2, verbose=0)
    arenas = B.core.arena_stats()
    assert arenas["count"] == 1
    assert arenas["bytes"] == arenas["idle_bytes"] == arenas["largest_need"]
    assert arenas["bytes"] >= model._functions["train"].stats()["arena_bytes"]
    del model
    gc.collect()
    assert B.core.arena_stats()["bytes"] <= B.core.arena_stats()["largest_need"]


def test_programs_of_shapes_not_seen_for_long_are_forgotten():
    model = keras.Sequential([keras.Input((None, 4)), layers.Dense(3)])
    for length in range(1, 100):
        x = np.ones((1, length, 4), "float32")
        model.predict(x, verbose=0)
        model(x)
    assert len(model._predict_fast) <= 64
    assert len(model._call_steps) <= 64
    assert len(model._functions["predict"]._cache) <= 64


def test_threads_that_predict_at_once_leave_no_more_than_they_used():
    model, x = image_model(), images(16)
    expected = {size: model.predict(x[:size], verbose=0) for size in (3, 9, 16)}
    wrong = []

    def predict(size):
        for _ in range(10):
            if not np.array_equal(model.predict(x[:size], verbose=0), expected[size]):
                wrong.append(size)

    threads = [threading.Thread(target=predict, args=(size,)) for size in (3, 9, 16, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    arenas = B.core.arena_stats()
    assert arenas["idle_bytes"] == arenas["bytes"] <= 4 * arenas["largest_need"]
