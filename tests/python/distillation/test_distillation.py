"""Distillation: losses by their formulas, training of the student alone, files, errors."""

from __future__ import annotations

import numpy as np
import pytest

import ranvier as keras
from ranvier import distillation, layers

RNG = np.random.default_rng(0)
X = RNG.random((16, 4), dtype="float32")
Y = np.arange(16) % 3


def model(name, units=8, outputs=3, inputs=4):
    return keras.Sequential(
        [keras.Input((inputs,)), layers.Dense(units, activation="relu", name=f"{name}_hidden"),
         layers.Dense(outputs, name=f"{name}_logits")], name=name,
    )  # fmt: skip


def make(losses, **kwargs):
    made = distillation.Distiller(model("teacher"), model("student"), losses, **kwargs)
    made.compile(
        keras.optimizers.SGD(0.1),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    return made


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def test_softened_predictions():
    a, b = RNG.normal(size=(2, 5, 3)).astype("float32")
    loss = distillation.LogitsDistillation(2.0, keras.losses.KLDivergence())
    p, q = softmax(a / 2), softmax(b / 2)
    expected = 4 * np.mean(np.sum(p * np.log(p / q), -1))
    np.testing.assert_allclose(loss.compute_loss(a, b), expected, rtol=1e-4)
    plain = distillation.LogitsDistillation(2.0, "mse")
    np.testing.assert_allclose(plain.compute_loss(a, b), np.mean((a - b) ** 2) / 4, rtol=1e-5)
    pair = distillation.LogitsDistillation(1.0, ["mse", None])
    np.testing.assert_allclose(pair.compute_loss([a, b], [b, a]), np.mean((a - b) ** 2), rtol=1e-5)


def test_total_loss_and_frozen_teacher():
    made = make(
        [distillation.LogitsDistillation(2.0, "mse"),
         distillation.FeatureDistillation("mse", "teacher_hidden", "student_hidden")],
        distillation_loss_weights=[1.0, 0.5], student_loss_weight=0.25,
    )  # fmt: skip
    teacher, student = made.teacher, made.student
    hidden = [np.maximum(X @ m.layers[0].kernel.numpy(), 0) for m in (teacher, student)]
    logits = [h @ m.layers[1].kernel.numpy() for h, m in zip(hidden, (teacher, student))]
    crossentropy = -np.log(softmax(logits[1])[np.arange(16), Y]).mean()
    taught = np.mean((logits[0] - logits[1]) ** 2) / 4 + 0.5 * np.mean((hidden[0] - hidden[1]) ** 2)
    logs = made.evaluate(X, Y, verbose=0, return_dict=True)
    np.testing.assert_allclose(logs["student_loss"], crossentropy, rtol=1e-4)
    np.testing.assert_allclose(logs["distillation_loss"], taught, rtol=1e-4)
    np.testing.assert_allclose(logs["loss"], 0.25 * crossentropy + 0.75 * taught, rtol=1e-4)
    before = teacher.get_weights()
    history = made.fit(X, Y, epochs=5, verbose=0).history
    assert history["loss"][-1] < history["loss"][0]
    assert not teacher.trainable and len(made.trainable_variables) == 4
    for a, b in zip(before, teacher.get_weights()):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(made.predict(X, verbose=0), student.predict(X, verbose=0))


def test_files(tmp_path):
    pytest.importorskip("h5py")
    made = make(distillation.FeatureDistillation("mse", "teacher_hidden", "student_hidden"))
    made.predict(X, verbose=0)
    made.save(tmp_path / "d.keras")
    again = keras.saving.load_model(tmp_path / "d.keras")
    np.testing.assert_array_equal(made.predict(X, verbose=0), again.predict(X, verbose=0))
    assert made.evaluate(X, Y, verbose=0) == again.evaluate(X, Y, verbose=0)
    assert again.distillation_losses[0].teacher_layer_name == "teacher_hidden"


@pytest.mark.parametrize("act, message", [
    (lambda: distillation.Distiller(1, model("s"), distillation.LogitsDistillation()),
     "Teacher must be"),
    (lambda: distillation.Distiller(model("t", inputs=5), model("s"), []), "input shapes"),
    (lambda: distillation.Distiller(model("t"), model("s", outputs=2), []), "output shapes"),
    (lambda: distillation.Distiller(model("t"), model("s"), None), "cannot be `None`"),
    (lambda: make([distillation.LogitsDistillation()], distillation_loss_weights=[1, 2]),
     "must match number"),
    (lambda: make(distillation.LogitsDistillation(), student_loss_weight=1.5), "between 0.0"),
    (lambda: make(distillation.FeatureDistillation("mse", "nothing")), "In teacher model"),
    (lambda: distillation.LogitsDistillation(temperature=0.0), "must be positive"),
    (lambda: distillation.LogitsDistillation(temperature="hot"), "must be a number"),
    (lambda: distillation.FeatureDistillation(loss=[None]), "at least one"),
    (lambda: distillation.Distiller(model("t"), model("s"), []).compile("sgd"), "'loss'"),
])  # fmt: skip
def test_errors(act, message):
    with pytest.raises(ValueError, match=message):
        act()


def test_own_loss_must_be_a_scalar():
    class Rows(distillation.DistillationLoss):
        def compute_loss(self, teacher_outputs, student_outputs, **kwargs):
            return keras.ops.mean(teacher_outputs - student_outputs, axis=-1)

    with pytest.raises(ValueError, match="non-scalar"):
        make(Rows()).fit(X, Y, verbose=0)
    with pytest.raises(NotImplementedError):
        distillation.DistillationLoss().compute_loss(X, X)
