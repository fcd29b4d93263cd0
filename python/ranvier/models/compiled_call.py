"""Calling a model of built-in layers on values runs one compiled program, not op after op."""

from __future__ import annotations

import numpy as np

from ranvier import _backend as B
from ranvier import tree
from ranvier.scopes import scope_state
from ranvier.symbolic.operation import Operation
from ranvier.training.step_function import StepFunction, remember
from ranvier.variable import structure_version


class CompiledCall:
    """Mixin of Functional and Sequential.

    Taken for one dense array of the input's rank and dtype, when nobody records: no trace, no tape,
    no `StatelessScope`, no enclosing layer call. Everything else, and models with own layers,
    losses added by layers or masks, runs op by op.
    """

    _call_version = -1
    _call_steps: dict | None = None

    def __call__(self, *args, **kwargs):
        plain = len(args) == 1 and (not kwargs or kwargs.keys() == {"training"})
        if plain and (type(args[0]) is np.ndarray or type(args[0]) is B.Tensor):
            step = self._compiled_step(args[0], kwargs.get("training"))
            if step is not None:
                values = step.program.run(args)
                return values[0] if step.gives_one_tensor else step.arrange(values)
        return super().__call__(*args, **kwargs)

    def _compiled_step(self, x, training):
        if (
            self._run_eagerly
            or not B.core.immediate()
            or scope_state.autocast is not None
            or scope_state.call_context is not None
        ):
            return None
        version = structure_version()
        if self._call_version != version:
            object.__setattr__(self, "_call_version", version)
            object.__setattr__(self, "_call_steps", {} if self._may_compile_calls() else None)
        steps = self._call_steps
        if steps is None or getattr(x, "_keras_mask", None) is not None:
            return None
        key = (x.shape, x.dtype, training)
        step = steps.get(key, self)
        if step is self:  # not known; None: known to be refused
            step = self._make_step(x, training)
            remember(steps, key, step)
        return step

    def _may_compile_calls(self):
        if not self.built or len(self.inputs) != 1:
            return False
        layers = list(self._flatten_layers(include_self=False))
        nodes = [op for layer in (self, *layers) for op in getattr(layer, "operations", ())]
        return not any(_has_side_effects(x) for x in {id(x): x for x in (*layers, *nodes)}.values())

    def _make_step(self, x, training):
        symbol = self.inputs[0]
        if (
            str(x.dtype) != symbol.dtype
            or symbol.dtype == "complex64"
            or len(x.shape) != len(symbol.shape)
        ):
            return None
        masked = []

        def forward(data):
            outputs = super(CompiledCall, self).__call__(data[0], training=training)
            masked.extend(
                getattr(x, "_keras_mask", None) is not None for x in tree.flatten(outputs)
            )
            return outputs

        function = StepFunction(forward, tuple, f"{self.name}.call", pull_logs=False)
        step = function.get(lambda flat: flat, (((*x.shape,), symbol.dtype),))
        return None if any(masked) else step


def _has_side_effects(operation: Operation) -> bool:
    own = not type(operation).__module__.startswith("ranvier.")
    reads_values = getattr(operation, "runs_on_host", False)
    return own or reads_values or getattr(operation, "activity_regularizer", None) is not None
