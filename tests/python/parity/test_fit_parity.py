"""Training beside the real Keras: same start, same batches, same losses over 20 steps."""

import numpy as np
import pytest
from keras_reference import close, keras

import ranvier

pytestmark = pytest.mark.filterwarnings("ignore")

STEPS, BATCH = 20, 16
rng = np.random.default_rng(21)


def floats(*shape):
    return rng.normal(size=shape).astype("float32")


def classes(rows, count):
    return rng.integers(0, count, rows).astype("int32")


ROWS = STEPS * BATCH


def classifier(k):
    return k.Sequential([
        k.Input((12,)),
        k.layers.Dense(32, activation="relu"),
        k.layers.Dense(16, activation="tanh"),
        k.layers.Dense(4, activation="softmax"),
    ])  # fmt: skip


def regressor(k):
    return k.Sequential([
        k.Input((12,)),
        k.layers.Dense(24, activation="gelu", kernel_regularizer="l2"),
        # Not zero: JAX takes 1 as the slope of |x| at 0; TensorFlow, PyTorch and Ranvier take 0.
        k.layers.Dense(3, bias_regularizer=k.regularizers.L1(0.01), bias_initializer="ones"),
    ])  # fmt: skip


def convolutional(k):
    return k.Sequential([
        k.Input((10, 10, 2)),
        k.layers.Conv2D(8, 3, padding="same", activation="relu"),
        k.layers.MaxPooling2D(),
        k.layers.Conv2D(6, 3, strides=2, use_bias=False),
        k.layers.AveragePooling2D(1),
        k.layers.Flatten(),
        k.layers.Dense(4),
    ])  # fmt: skip


def normalized(k):
    return k.Sequential([
        k.Input((8, 8, 3)),
        k.layers.Conv2D(5, 3),
        k.layers.BatchNormalization(momentum=0.8),
        k.layers.Activation("relu"),
        k.layers.GlobalAveragePooling2D(),
        k.layers.Dense(6),
        k.layers.BatchNormalization(),
        k.layers.Dense(1, activation="sigmoid"),
    ])  # fmt: skip


def branched(k):
    a, b = k.Input((6,), name="a"), k.Input((5,), name="b")
    shared = k.layers.Dense(7, activation="elu", name="shared")
    left = shared(a)
    right = shared(k.layers.Dense(6, name="adapt")(b))
    joined = k.layers.Concatenate(name="join")([left, right, k.layers.Multiply()([left, right])])
    value = k.layers.Dense(1, name="value")(joined)
    kind = k.layers.Dense(3, activation="softmax", name="kind")(k.layers.Add()([left, right]))
    return k.Model({"a": a, "b": b}, {"value": value, "kind": kind})


def sgd(k):
    return k.optimizers.SGD(0.05, momentum=0.9, nesterov=True)


def adam(k):
    return k.optimizers.Adam(0.01)


def adamw(k):
    return k.optimizers.AdamW(k.optimizers.schedules.CosineDecay(0.01, 15), weight_decay=0.01)


def rmsprop(k):
    return k.optimizers.RMSprop(0.005, clipnorm=1.0)


BRANCHED_X = {"a": floats(ROWS, 6), "b": floats(ROWS, 5)}
BRANCHED_Y = {"value": floats(ROWS, 1), "kind": classes(ROWS, 3)}
LOGITS = {"class_name": "SparseCategoricalCrossentropy", "config": {"from_logits": True}}

CASES = {
    "classifier-sgd": (
        classifier,
        sgd,
        floats(ROWS, 12),
        classes(ROWS, 4),
        {"loss": "sparse_categorical_crossentropy", "metrics": ["accuracy"]},
    ),
    "classifier-adam-one-hot": (
        classifier,
        adam,
        floats(ROWS, 12),
        np.eye(4, dtype="float32")[classes(ROWS, 4)],
        {"loss": "categorical_crossentropy", "metrics": ["accuracy", "mse"]},
    ),
    "regressor-adamw": (
        regressor,
        adamw,
        floats(ROWS, 12),
        floats(ROWS, 3),
        {"loss": "mse", "metrics": ["mae"]},
    ),
    "regressor-huber": (regressor, rmsprop, floats(ROWS, 12), floats(ROWS, 3), {"loss": "huber"}),
    "cnn-sgd": (
        convolutional,
        sgd,
        floats(ROWS, 10, 10, 2),
        classes(ROWS, 4),
        {"loss": LOGITS, "metrics": ["sparse_categorical_accuracy"]},
    ),
    "cnn-adam": (convolutional, adam, floats(ROWS, 10, 10, 2), classes(ROWS, 4), {"loss": LOGITS}),
    "batchnorm-sgd": (
        normalized,
        sgd,
        floats(ROWS, 8, 8, 3),
        classes(ROWS, 2)[:, None],
        {"loss": "binary_crossentropy", "metrics": ["accuracy"]},
    ),
    "branched-adam": (
        branched,
        adam,
        BRANCHED_X,
        BRANCHED_Y,
        {
            "loss": {"value": "mse", "kind": "sparse_categorical_crossentropy"},
            "loss_weights": {"value": 0.5, "kind": 2.0},
            "metrics": {"value": ["mae"], "kind": ["accuracy"]},
        },
    ),
}

# Adam divides by the root of squared gradients: rounding of tiny ones becomes steps of full size.
LOOSE = {"cnn-adam": 1e-4, "batchnorm-sgd": 1e-4, "classifier-adam-one-hot": 5e-5}


def pair(build, make_optimizer, compile_args):
    """The same model twice, with the same weights."""
    models = []
    for k in (ranvier, keras):
        model = build(k)
        options = dict(compile_args)
        if options["loss"] is LOGITS:
            options["loss"] = k.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(optimizer=make_optimizer(k), **options)
        models.append(model)
    ours, theirs = models
    assert [tuple(w.shape) for w in ours.weights] == [tuple(w.shape) for w in theirs.weights]
    ours.set_weights(theirs.get_weights())
    return ours, theirs


def rows_of(data, rows):
    if isinstance(data, dict):
        return {name: rows_of(value, rows) for name, value in data.items()}
    return data[rows]


@pytest.mark.parametrize("name", CASES)
def test_losses_of_every_step(name):
    build, make_optimizer, x, y, options = CASES[name]
    ours, theirs = pair(build, make_optimizer, options)
    tolerance = LOOSE.get(name, 1e-5)
    for step in range(STEPS):
        rows = slice(step * BATCH, (step + 1) * BATCH)
        logs = [
            m.train_on_batch(rows_of(x, rows), rows_of(y, rows), return_dict=True)
            for m in (ours, theirs)
        ]
        assert logs[0].keys() == logs[1].keys()
        for key in logs[0]:
            close(logs[0][key], logs[1][key], rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("name", CASES)
def test_histories_evaluation_and_prediction(name):
    build, make_optimizer, x, y, options = CASES[name]
    ours, theirs = pair(build, make_optimizer, options)
    first = slice(0, 150)  # nine batches and a smaller one
    histories = []
    for model in (ours, theirs):
        histories.append(model.fit(
            rows_of(x, first), rows_of(y, first), batch_size=BATCH, epochs=2, shuffle=False,
            verbose=0,
            validation_data=(rows_of(x, slice(150, 190)), rows_of(y, slice(150, 190))),
        ).history)  # fmt: skip
    tolerance = 10 * LOOSE.get(name, 1e-5)
    assert histories[0].keys() == histories[1].keys()
    for key in histories[0]:
        close(histories[0][key], histories[1][key], rtol=tolerance, atol=tolerance)
    results = [m.evaluate(x, y, batch_size=50, verbose=0, return_dict=True) for m in (ours, theirs)]
    assert results[0].keys() == results[1].keys()
    for key in results[0]:
        close(results[0][key], results[1][key], rtol=tolerance, atol=tolerance)
    outputs = [m.predict(x, batch_size=64, verbose=0) for m in (ours, theirs)]
    for a, b in zip(ranvier.tree.flatten(outputs[0]), keras.tree.flatten(outputs[1])):
        close(a, b, rtol=100 * tolerance, atol=10 * tolerance)


def test_weights_of_samples_and_classes():
    build, make_optimizer, x, y, options = CASES["classifier-sgd"]
    weights = rng.uniform(0, 2, ROWS).astype("float32")
    for extra in ({"sample_weight": weights}, {"class_weight": {0: 1.0, 1: 0.5, 2: 3.0, 3: 0.0}}):
        ours, theirs = pair(build, make_optimizer, {**options, "weighted_metrics": ["accuracy"]})
        histories = [
            m.fit(x, y, batch_size=32, epochs=2, shuffle=False, verbose=0, **extra).history
            for m in (ours, theirs)
        ]
        assert histories[0].keys() == histories[1].keys()
        for key in histories[0]:
            close(histories[0][key], histories[1][key], rtol=1e-4)


def test_number_of_updates():
    for rows, updates in ((1000, 500), (1010, 510)):
        model = ranvier.Sequential([ranvier.Input((3,)), ranvier.layers.Dense(1)])
        model.compile("sgd", "mse")
        model.fit(floats(rows, 3), floats(rows, 1), batch_size=20, epochs=10, verbose=0)
        assert int(model.optimizer.iterations) == updates
