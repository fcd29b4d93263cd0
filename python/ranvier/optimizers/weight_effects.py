"""What happens to weights beside the step: decay, averages, overwriting."""

from __future__ import annotations

import re

from ranvier import ops


class WeightEffects:
    """The parts of `Optimizer` that change weights without a gradient step."""

    built: bool
    use_ema: bool

    def exclude_from_weight_decay(self, var_list=None, var_names=None) -> None:
        """Names weights that do not decay; to be called before `build`.

        Args:
            var_list: variables.
            var_names: strings; variables whose name contains one of them are excluded.
        """
        if self.built:
            raise ValueError(
                "`exclude_from_weight_decay()` can only be configured before the optimizer is "
                "built."
            )
        self._excluded_variables = tuple(var_list or ())
        self._excluded_pattern = re.compile("|".join(sorted(set(var_names)))) if var_names else None

    def _use_weight_decay(self, variable) -> bool:
        if any(variable is v for v in self._excluded_variables):
            return False
        return self._excluded_pattern is None or not self._excluded_pattern.search(variable.name)

    def _weight_decay_of(self, variable):
        """The weight decay of one weight; `None` for none."""
        return self.weight_decay

    def _apply_weight_decay(self, variables):
        shares = {}
        for variable in variables:
            decay = self._weight_decay_of(variable)
            if decay is None or not self._use_weight_decay(variable):
                continue
            key = variable.dtype, decay
            if key not in shares:
                rate = ops.cast(self.learning_rate, variable.dtype)
                shares[key] = ops.multiply(rate, decay)
            value = variable.value
            variable.assign(ops.subtract(value, ops.multiply(value, shares[key])))

    def _update_model_variables_moving_average(self, trainable_variables):
        if not self.use_ema:
            return
        first = ops.equal(self.iterations, 0)
        for variable, average in zip(trainable_variables, self._model_variables_moving_average):
            if average is None:
                continue
            share = ops.where(first, ops.cast(0.0, average.dtype), self.ema_momentum)
            old = ops.multiply(average.value, share)
            average.assign(ops.add(old, ops.multiply(variable.value, ops.subtract(1.0, share))))

    def _overwrite_model_variables_with_average_value(self, trainable_variables):
        averages = self._model_variables_moving_average
        if len(trainable_variables) != len(averages):
            raise ValueError(
                f"The length of model variables ({len(trainable_variables)}) to override does not "
                f"match the length of model variables stored in the optimizer ({len(averages)}). "
                "Please check if the optimizer was called on your model."
            )
        for variable, average in zip(trainable_variables, averages):
            if average is not None:
                variable.assign(average.value)

    def finalize_variable_values(self, var_list) -> None:
        """What is left to do after the last update: averages replace the weights."""
        if self.use_ema:
            self._overwrite_model_variables_with_average_value(list(var_list))

    def _overwrite_with_gradients(self, grads, variables):
        """Weights that take their gradient as the new value (scales of quantized layers)."""
        kept = []
        for gradient, variable in zip(grads, variables):
            if not getattr(variable, "overwrite_with_gradient", False):
                kept.append((gradient, variable))
            elif self.gradient_accumulation_steps:
                self._overwrite_accumulated(gradient, variable)
            else:
                variable.assign(gradient)
        return [g for g, _ in kept], [v for _, v in kept]

    def _overwrite_accumulated(self, gradient, variable):
        largest = self._accumulated_gradients[self._get_variable_index(variable)]

        def overwrite():
            variable.assign(ops.maximum(gradient, largest.value))
            largest.assign(ops.zeros(largest.shape, dtype=largest.dtype))

        def keep():
            largest.assign(ops.maximum(gradient, largest.value))

        ops.cond(self._every(self._iterations, self.gradient_accumulation_steps), overwrite, keep)
