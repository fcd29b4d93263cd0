"""What `compile` settles: optimizer, loss, metrics and how steps run."""

from __future__ import annotations

import warnings
from collections.abc import Callable

from ranvier import metrics as metrics_module
from ranvier import optimizers
from ranvier import variable as _variable
from ranvier.serialization import deserialize_keras_object, serialize_keras_object
from ranvier.training.compile_utils import CompileLoss, CompileMetrics


def _whether_compiled(jit_compile, run_eagerly) -> bool:
    if jit_compile == "auto":
        return not run_eagerly
    if jit_compile and run_eagerly:
        warnings.warn(
            "If `run_eagerly` is True, then `jit_compile` cannot also be True. Disabling "
            "`jit_compile`.",
            stacklevel=3,
        )
        return False
    return bool(jit_compile)


def _checked_steps(steps_per_execution) -> int:
    steps = 1 if steps_per_execution == "auto" else steps_per_execution
    if not isinstance(steps, int) or steps < 1:
        raise ValueError(
            "compile: `steps_per_execution` must be a positive integer. "
            f"Received: {steps_per_execution!r}."
        )
    return steps


class Compiling:
    """The part of `Trainer` that holds what was compiled."""

    # Of the layer and of the other parts.
    name: str
    built: bool
    dtype_policy: object
    trainable_variables: list
    _metrics: list
    _functions: dict
    _predict_fast: dict
    _flatten_layers: Callable
    _eager_step: Callable
    _function: Callable

    def compile(
        self,
        optimizer="rmsprop",
        loss=None,
        loss_weights=None,
        metrics=None,
        weighted_metrics=None,
        run_eagerly=False,
        steps_per_execution=1,
        jit_compile="auto",
        auto_scale_loss=True,
    ):
        """Configures the model for training.

        Args:
            optimizer: name or `Optimizer`.
            loss: name, function, `Loss`, or a list or dict of them per output.
            loss_weights: factors of the outputs' losses.
            metrics: list of names or `Metric`s; per output in a list of lists or a dict.
            weighted_metrics: the same, computed with sample weights.
            run_eagerly: whether steps run op by op, for debugging.
            steps_per_execution: batches between two calls of batch hooks; "auto" is 1, for epochs
                run in one call anyway where no hook is written.
            jit_compile: accepted for Keras' sake; steps are always compiled unless `run_eagerly`.
            auto_scale_loss: whether `mixed_float16` wraps the optimizer in a `LossScaleOptimizer`.

        A second call keeps the loss, and the metrics, for which it names no new ones.

        Raises:
            ValueError: an unknown name, or structures that do not fit the outputs.
        """
        self._loss_tracker = None
        self.optimizer = optimizers.get(optimizer)
        if (
            auto_scale_loss
            and self.dtype_policy.name == "mixed_float16"
            and self.optimizer
            and not isinstance(self.optimizer, optimizers.LossScaleOptimizer)
        ):
            self.optimizer = optimizers.LossScaleOptimizer(
                self.optimizer, name="loss_scale_optimizer"
            )
        output_names = getattr(self, "output_names", None)
        if loss is not None:
            self._compile_loss = CompileLoss(loss, loss_weights, output_names=output_names)
            self.loss = loss
        if metrics is not None or weighted_metrics is not None:
            self._compile_metrics = CompileMetrics(
                metrics, weighted_metrics, output_names=output_names
            )
        self._loss_tracker = metrics_module.Mean(name="loss")
        self.jit_compile = _whether_compiled(jit_compile, run_eagerly)
        self._run_eagerly = bool(run_eagerly)
        self.steps_per_execution = _checked_steps(steps_per_execution)
        self.stop_training = False
        self.compiled = True
        self._compile_config = {
            # With its loss scale: a file is read under another global policy as well.
            "optimizer": self.optimizer,
            "loss": loss,
            "loss_weights": loss_weights,
            "metrics": metrics,
            "weighted_metrics": weighted_metrics,
            "run_eagerly": run_eagerly,
            "steps_per_execution": steps_per_execution,
            "jit_compile": self.jit_compile,
        }
        self._functions = {}
        self.train_function = self.test_function = self.predict_function = None
        _variable.bump_structure()

    @property
    def run_eagerly(self) -> bool:
        """Whether steps run op by op."""
        return self._run_eagerly

    @run_eagerly.setter
    def run_eagerly(self, value):
        self._run_eagerly = bool(value)
        self._functions = {}

    @property
    def metrics(self) -> list:
        """The loss tracker, the compiled metrics, those of the model and those of its layers."""
        found = self._compiled_metrics()
        found.extend(self._metrics)
        for metric in self._metrics_of_layers():
            if metric not in found:
                found.append(metric)
        return found

    def _metrics_of_layers(self) -> list:
        """Those of all layers but models, which have metrics of their own; walked for once."""
        version = _variable.structure_version()
        if self.__dict__.get("_layer_metrics_version") != version:
            layers = self._flatten_layers(include_self=False)
            found = [m for x in layers if not isinstance(x, Compiling) for m in x._metrics]
            object.__setattr__(self, "_layer_metrics", found)
            object.__setattr__(self, "_layer_metrics_version", version)
        return self.__dict__["_layer_metrics"]

    def _compiled_metrics(self) -> list:
        if not self.compiled:
            return []
        found = [m for m in (self._loss_tracker, self._compile_metrics) if m is not None]
        return found + (self._compile_loss.metrics if self._compile_loss is not None else [])

    @property
    def metrics_names(self) -> list[str]:
        """Names of `metrics`."""
        return [m.name for m in self.metrics]

    @property
    def metrics_variables(self) -> list:
        """Variables of `metrics`."""
        return [v for m in self.metrics for v in m.variables]

    def reset_metrics(self) -> None:
        """Starts all metrics anew."""
        for metric in self.metrics:
            metric.reset_state()

    def get_metrics_result(self) -> dict:
        """Current results by name; results that are dicts are merged."""
        results: dict = {}
        for metric in self.metrics:
            result = metric.result()
            if isinstance(result, dict):
                results.update(result)
            else:
                results[metric.name] = result
        return results

    def make_train_function(self, force=False) -> None:
        """Makes `train_function`, the compiled step of `fit`; `force` makes it anew."""
        self.train_function = self._made("train", force)

    def make_test_function(self, force=False) -> None:
        """Makes `test_function`, the compiled step of `evaluate`; `force` makes it anew."""
        self.test_function = self._made("test", force)

    def make_predict_function(self, force=False) -> None:
        """Makes `predict_function`, the compiled step of `predict`; `force` makes it anew."""
        self.predict_function = self._made("predict", force)

    def _made(self, mode, force):
        if force:
            self._functions.pop(mode, None)
            self._predict_fast.clear()
        return self._eager_step(mode) if self.run_eagerly else self._function(mode)

    def get_compile_config(self) -> dict:
        """The arguments of `compile`, serialized; nothing before it."""
        if not self.compiled or self._compile_config is None:
            return {}
        return {name: serialize_keras_object(value) for name, value in self._compile_config.items()}

    def compile_from_config(self, config):
        """Compiles with serialized arguments; what is not understood is a warning."""
        if type(self).compile is not Compiling.compile:
            warnings.warn(
                "`compile()` was not called as part of model loading because the model's "
                "`compile()` method is custom. All subclassed Models that have `compile()` "
                "overridden should also override `get_compile_config()` and "
                "`compile_from_config(config)`. Alternatively, you can call `compile()` manually "
                "after loading.",
                stacklevel=2,
            )
            return
        try:
            self.compile(**deserialize_keras_object(config))
        except (TypeError, ValueError, KeyError) as error:
            warnings.warn(
                f"The compile information of the model could not be read: {error}. "
                "The model is not compiled.",
                stacklevel=2,
            )
            return
        if self.built and self.optimizer is not None and not self.optimizer.built:
            self.optimizer.build(self.trainable_variables)
