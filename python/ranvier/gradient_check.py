"""Compares back-propagated gradients with central differences, variable by variable."""

from __future__ import annotations

import copy
import dataclasses

import numpy as np

from ranvier import _backend as B
from ranvier import config, dtype_policies, losses, serialization, tree
from ranvier.autodiff import value_and_grad
from ranvier.jit import jit
from ranvier.profiling import text_table
from ranvier.training import data_adapters
from ranvier.training.compile_utils import CompileLoss
from ranvier.variable import StatelessScope

# Step and tolerance: a central difference errs by about ε^⅔ with the step ε^⅓ (ε: unit round-off).
_DOUBLE = (1e-5, 1e-5)
_SINGLE = (1e-2, 3e-2)


@dataclasses.dataclass(frozen=True)
class GradientRow:
    """The check of one variable."""

    variable: str
    shape: tuple
    checked: int  # entries compared
    max_abs_error: float
    max_rel_error: float
    ok: bool


@dataclasses.dataclass(frozen=True)
class GradientReport:
    """The check of a model; `print` shows the table."""

    rows: list[GradientRow]
    loss: float
    dtype: str
    tolerance: float

    @property
    def passed(self) -> bool:
        """Whether all variables are right."""
        return all(row.ok for row in self.rows)

    def __bool__(self):
        return self.passed

    def __str__(self):
        table = [
            [
                r.variable, str(r.shape), str(r.checked), f"{r.max_abs_error:.2e}",
                f"{r.max_rel_error:.2e}", "ok" if r.ok else "WRONG",
            ]
            for r in self.rows
        ]  # fmt: skip
        header = ["variable", "shape", "checked", "max |error|", "max rel. error", "verdict"]
        right = sum(r.ok for r in self.rows)
        return "\n".join([
            f"Gradient check in {self.dtype}, loss {self.loss:.6g}, tolerance {self.tolerance:g}:",
            *text_table(header, table, left=2),
            f"{right} of {len(self.rows)} variables have the right gradient.",
        ])  # fmt: skip


def gradient_check(
    model,
    x,
    y=None,
    sample_weight=None,
    samples=20,
    seed=0,
    epsilon=None,
    tolerance=None,
    verbose=True,
):
    """Checks the gradients of the model's loss with respect to its trainable variables.

    For some entries w of each variable, the back-propagated dL/dw is compared with
    (L(w + h) − L(w − h)) / 2h. The computation runs in float64 on a copy of the model where the
    model can be copied from its config, else in its own dtype. Random layers draw the same numbers
    every time. The model is not changed.

    Args:
        model: compiled (its loss is differentiated), and built or buildable from `x`.
        x, y, sample_weight: one small batch, as for `fit`.
        samples: entries checked per variable; all of them where there are fewer.
        seed: chooses the entries.
        epsilon: the step h, relative to max(1, |w|).
        tolerance: largest relative error that counts as right.
        verbose: whether the table is printed.

    Returns:
        A `GradientReport`: `passed`, and `rows` with the errors per variable.

    Raises:
        ValueError: the model is not compiled.

    Example:
        >>> model = keras.Sequential([keras.Input((3,)), layers.Dense(1)])
        >>> model.compile(loss="mse")
        >>> keras.gradient_check(model, np.ones((8, 3)), np.ones((8, 1)), verbose=False).passed
        True
    """
    if not model.compiled:
        raise ValueError("You must call `compile()` before `gradient_check()`.")
    if not isinstance(samples, int) or samples < 1:
        raise ValueError(
            f"gradient_check: `samples` must be a positive integer. Received: {samples!r}."
        )
    x, y, sample_weight = (data_adapters.to_arrays(part) for part in (x, y, sample_weight))
    if not model.built:
        model(x)
    previous = config.floatx()
    try:
        problem = _double_problem(model, x, y, sample_weight)
        step, bound = _DOUBLE
        if problem is None:
            config.set_floatx(previous)
            problem = _Problem(model, model._compile_loss, x, y, sample_weight)
            step, bound = _SINGLE
        step, bound = epsilon or step, tolerance or bound
        report = _check(problem, step, bound, samples, seed)
    finally:
        config.set_floatx(previous)
    if verbose:
        print(report)
    return report


class _Problem:
    """The loss as a function of the values of the trainable variables; nothing else changes."""

    def __init__(self, model, compile_loss, x, y, sample_weight):
        self.model = model
        self.variables = model.trainable_variables
        self._compile_loss = compile_loss
        self._data = (x, y, sample_weight)
        self.values = [v.handle.read() for v in self.variables]
        self.dtype = self.variables[0].dtype if self.variables else config.floatx()
        self.compiled = jit(self.loss)
        self.value = float(np.asarray(self.loss(self.values)))

    def loss(self, values):
        """The loss of the batch in training mode. Seeds and statistics are read, not moved on."""
        model, (x, y, weight) = self.model, self._data
        own = model.__dict__.get("_compile_loss")
        object.__setattr__(model, "_compile_loss", self._compile_loss)
        try:
            with StatelessScope(list(zip(self.variables, values)), collect_losses=True):
                predicted = model(x, training=True) if model._call_has_training_arg else model(x)
                return model.compute_loss(
                    x=x, y=y, y_pred=predicted, sample_weight=weight, training=True
                )
        finally:
            object.__setattr__(model, "_compile_loss", own)


def _double_problem(model, x, y, sample_weight):
    """The problem in float64 on a copy, or `None` when the model or an operation cannot do that."""
    config.set_floatx("float64")
    custom = {
        type(layer).__name__: type(layer)
        for layer in model._flatten_layers()
        if not type(layer).__module__.startswith(f"{__package__}.")
    }
    try:
        described = serialization.serialize_keras_object(model)
        described.pop("compile_config", None)
        twin = serialization.deserialize_keras_object(_in_double(described), custom_objects=custom)
        x = tree.map_structure(_as_double, x)
        if not twin.built or len(twin.variables) != len(model.variables):
            twin(x)
        for copied, original in zip(twin.variables, model.variables, strict=True):
            copied.assign(original.handle.read())
        for copied, original in zip(twin._flatten_layers(), model._flatten_layers(), strict=True):
            copied._trainable = original._trainable
        for copied, original in zip(twin.variables, model.variables, strict=True):
            copied.trainable = original.trainable
        given = model._compile_config
        loss = None
        if given["loss"] is not None:
            names = getattr(twin, "output_names", None)
            loss = CompileLoss(
                _losses_in_double(given["loss"]), given["loss_weights"], output_names=names
            )
        return _Problem(twin, loss, x, y, sample_weight)
    except (TypeError, ValueError, NotImplementedError, AttributeError, KeyError, B.Error):
        return None


def _in_double(described):
    """The config with every 32- or 16-bit float dtype replaced."""
    if isinstance(described, dict):
        if described.get("class_name") == "DTypePolicy":
            return {**described, "config": {"name": "float64"}}
        return {
            k: "float64" if k == "dtype" and isinstance(v, str) and "float" in v else _in_double(v)
            for k, v in described.items()
        }
    if isinstance(described, (list, tuple)):
        return [_in_double(v) for v in described]
    return described


def _as_double(x):
    array = np.asarray(x)
    return array.astype("float64") if array.dtype.kind == "f" else array


def _losses_in_double(structure):
    def convert(loss):
        if not isinstance(loss, losses.Loss):
            return loss
        copied = copy.copy(loss)
        copied._dtype_policy = dtype_policies.get("float64")
        copied._dtype = "float64"
        return copied

    return tree.map_structure(convert, structure)


def _check(problem, step, bound, samples, seed):
    _, gradients = value_and_grad(problem.loss)(problem.values)
    rng = np.random.default_rng(seed)
    rows = []
    for i, (variable, gradient) in enumerate(zip(problem.variables, gradients)):
        analytic = np.asarray(gradient, dtype=np.float64).reshape(-1)
        count = min(samples, analytic.size)
        chosen = np.sort(rng.choice(analytic.size, count, replace=False))
        # Entries far below the variable's largest gradient are compared on that scale.
        floor = max(1e-3 * float(np.abs(analytic).max(initial=0.0)), 1e-8)
        absolute = relative = 0.0
        for entry in chosen:
            error = _entry_error(problem, i, int(entry), analytic[entry], step, bound, floor)
            absolute, relative = max(absolute, error[0]), max(relative, error[1])
        ok = bool(np.isfinite(analytic).all()) and relative <= bound
        rows.append(
            GradientRow(variable.path, tuple(variable.shape), count, absolute, relative, ok)
        )
    return GradientReport(rows, problem.value, problem.dtype, bound)


def _entry_error(problem, index, entry, analytic, step, bound, floor):
    """Absolute and relative error of an entry, with smaller steps where a kink may lie near."""
    best = (np.inf, np.inf)
    for shrink in (1.0, 0.1, 0.01):
        numeric = _central_difference(problem, index, entry, step * shrink)
        error = abs(numeric - analytic)
        best = min(
            best, (error, error / max(abs(numeric), abs(analytic), floor)), key=lambda e: e[1]
        )
        if best[1] <= bound:
            break
    return best


def _central_difference(problem, index, entry, step):
    start = np.array(problem.values[index].numpy())
    flat = start.reshape(-1)
    original = flat[entry]
    results, places = [], []
    for sign in (1.0, -1.0):
        flat[entry] = original + sign * step * max(1.0, abs(float(original)))
        places.append(float(flat[entry]))
        values = list(problem.values)
        values[index] = B.tensor(start, problem.values[index].dtype)
        results.append(float(np.asarray(problem.compiled(values))))
    return (results[0] - results[1]) / (places[0] - places[1])
