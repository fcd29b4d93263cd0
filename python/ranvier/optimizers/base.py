"""What all optimizers share: state, clipping, weight decay, averaging, accumulation, compiling."""

from __future__ import annotations

import warnings

from ranvier import _backend as B
from ranvier import config as settings
from ranvier import naming, ops, serialization
from ranvier.optimizers import clipping
from ranvier.optimizers.schedules import LearningRateSchedule
from ranvier.optimizers.state import OptimizerState
from ranvier.optimizers.weight_effects import WeightEffects
from ranvier.scopes import name_scope
from ranvier.variable import StatelessScope, Variable, bump_structure

_MAX_PROGRAMS = 64


class Optimizer(OptimizerState, WeightEffects):
    """Base of optimizers. A subclass makes its slots in `build` and writes `update_step`.

    Args:
        learning_rate: a float, a `LearningRateSchedule` (called with the number of updates), or a
            function of no arguments.
        weight_decay: if set, each update first takes away this share, times the learning rate, of
            the weights.
        clipnorm: largest norm of the gradient of each weight.
        clipvalue: largest magnitude of the elements of gradients.
        global_clipnorm: largest norm of all gradients together.
        use_ema: whether an exponential moving average of the weights is kept, which replaces them
            at the end of training.
        ema_momentum: share of the old average at each update.
        ema_overwrite_frequency: the average also replaces the weights every that many updates.
        loss_scale_factor: the loss is multiplied by it and gradients are divided by it.
        gradient_accumulation_steps: gradients of so many steps are averaged for one update.
        name: automatic when not given.

    Example:
        >>> class Signs(keras.optimizers.Optimizer):
        ...     def update_step(self, gradient, variable, learning_rate):
        ...         self.assign_sub(variable, learning_rate * ops.sign(gradient))
        >>> w = keras.Variable([1.0, 2.0])
        >>> Signs(learning_rate=0.5).apply([ops.array([3.0, -4.0])], [w])
        >>> w.value.tolist()
        [0.5, 2.5]
    """

    def __init__(
        self,
        learning_rate,
        weight_decay=None,
        clipnorm=None,
        clipvalue=None,
        global_clipnorm=None,
        use_ema=False,
        ema_momentum=0.99,
        ema_overwrite_frequency=None,
        loss_scale_factor=None,
        gradient_accumulation_steps=None,
        name=None,
        **kwargs,
    ):
        state = self.__dict__
        state.update(_variables=[], _shared=None, _programs={}, _changes=0)
        if kwargs.pop("decay", None) is not None:
            warnings.warn(
                "Argument `decay` is no longer supported and will be ignored.", stacklevel=3
            )
        if kwargs:
            hint = naming.similar_arguments(type(self), kwargs)
            if "lr" in kwargs:
                hint = " Hint: `lr` is called `learning_rate`."
            raise ValueError(f"Argument(s) not recognized: {kwargs}.{hint}")
        self.name = name or naming.auto_name(type(self).__name__)
        self.weight_decay = weight_decay
        self.clipnorm = clipnorm
        self.clipvalue = clipvalue
        self.global_clipnorm = global_clipnorm
        self.use_ema = use_ema
        self.ema_momentum = ema_momentum
        self.ema_overwrite_frequency = ema_overwrite_frequency
        self.loss_scale_factor = loss_scale_factor
        self.gradient_accumulation_steps = gradient_accumulation_steps
        self._check_arguments()
        self.built = False
        self._trainable_variables = []
        self._trainable_variables_indices = {}
        self._excluded_variables = ()
        self._excluded_pattern = None
        with name_scope(self.name, caller=self):
            self._iterations = Variable(
                0, name="iteration", dtype="int32", trainable=False,
                aggregation="only_first_replica",
            )  # fmt: skip
            self._learning_rate = self._as_learning_rate(learning_rate)

    def _check_arguments(self):
        steps = self.gradient_accumulation_steps
        if steps and not steps >= 2:
            raise ValueError(
                "`gradient_accumulation_steps` must be an integer >= 2. Received: "
                f"gradient_accumulation_steps={steps}"
            )
        if self.use_ema:
            if self.ema_momentum > 1 or self.ema_momentum < 0:
                raise ValueError(
                    "`ema_momentum` must be in the range [0, 1]. Received: "
                    f"ema_momentum={self.ema_momentum}"
                )
            frequency = self.ema_overwrite_frequency
            if frequency and (not isinstance(frequency, int) or frequency < 1):
                raise ValueError(
                    "`ema_overwrite_frequency` must be an integer >= 1 or None. Received: "
                    f"ema_overwrite_frequency={frequency}"
                )
        clips = (self.clipnorm, self.clipvalue, self.global_clipnorm)
        if sum(clip is not None for clip in clips) > 1:
            raise ValueError(
                "Only one of `clipnorm`, `clipvalue` and `global_clipnorm` can be set. Received: "
                f"clipnorm={self.clipnorm}, clipvalue={self.clipvalue}, "
                f"global_clipnorm={self.global_clipnorm}"
            )

    def _as_learning_rate(self, value):
        if isinstance(value, LearningRateSchedule) or callable(value):
            return value
        if not isinstance(value, float):
            raise ValueError(
                "Argument `learning_rate` should be float, or an instance of "
                "LearningRateSchedule, or a callable (that takes no arguments and returns the "
                f"learning rate). Received instead: learning_rate={value!r}"
            )
        return Variable(
            value, name="learning_rate", dtype=settings.floatx(), trainable=False,
            aggregation="only_first_replica",
        )  # fmt: skip

    # -- state

    @property
    def iterations(self):
        """Number of updates so far."""
        if self.gradient_accumulation_steps:
            return ops.floor_divide(self._iterations, self.gradient_accumulation_steps)
        return self._iterations

    def build(self, variables) -> None:
        """Makes the slots for these weights; subclasses extend it."""
        variables = list(variables)
        if self.use_ema:
            self._model_variables_moving_average = self.add_optimizer_variables(
                variables, "average"
            )
        if self.gradient_accumulation_steps:
            self._accumulated_gradients = [
                self.add_variable_from_reference(v, name="gradient_accumulator") for v in variables
            ]
        self._trainable_variables_indices = {id(v): i for i, v in enumerate(variables)}
        self._trainable_variables = variables
        self.built = True

    def _get_variable_index(self, variable) -> int:
        return self._trainable_variables_indices[id(variable)]

    # -- the update

    def apply_gradients(self, grads_and_vars):
        """One update from pairs `(gradient, variable)`; returns the number of updates."""
        grads, variables = zip(*grads_and_vars)
        self.apply(grads, variables)
        return self._iterations

    def apply(self, grads, trainable_variables=None) -> None:
        """One update.

        Args:
            grads: gradients; `None` leaves a weight alone.
            trainable_variables: their weights; those of `build` when not given.

        Raises:
            ValueError: numbers do not match, or a weight was not there at `build`.
        """
        if len(grads) == 0:
            return
        variables = self._resolve_variables(grads, trainable_variables)
        grads, variables = self._filter_empty_gradients(grads, variables)
        if self._compiles():
            self._compiled_apply(grads, variables)
        else:
            self._apply(grads, variables)

    def _resolve_variables(self, grads, variables):
        if variables is None:
            if not self.built:
                raise ValueError(
                    "When passing `grads` without `variables`, the optimizer must already be built "
                    "on a list of variables. Call `optimizer.build(trainable_variables)` first."
                )
            if len(grads) != len(self._trainable_variables):
                raise ValueError(
                    "When passing `grads` as a list of gradient tensors, the gradients must match "
                    f"`optimizer.variables` one-to-one. Received a list of {len(grads)} gradients, "
                    f"but the optimizer is tracking {len(self._trainable_variables)} trainable "
                    "variables."
                )
            return self._trainable_variables
        variables = list(variables)
        if not self.built:
            with name_scope(self.name, caller=self):
                self.build(variables)
            self.built = True
        known = self._trainable_variables_indices
        for variable in variables:
            if id(variable) not in known:
                raise ValueError(
                    f"Unknown variable: {variable}. This optimizer can only be called for the "
                    "variables it was originally built with. When working with a new set of "
                    "variables, you should recreate a new optimizer instance."
                )
        return variables

    def _filter_empty_gradients(self, grads, variables):
        if all(g is not None for g in grads):
            return list(grads), list(variables)
        kept = [(g, v) for g, v in zip(grads, variables) if g is not None]
        if not kept:
            raise ValueError("No gradients provided for any variable.")
        missing = [v.path for g, v in zip(grads, variables) if g is None]
        warnings.warn(
            f"Gradients do not exist for variables {missing} when minimizing the loss. If using "
            "`model.compile()`, did you forget to provide a `loss` argument?",
            stacklevel=4,
        )
        return [g for g, _ in kept], [v for _, v in kept]

    def _compiles(self) -> bool:
        """Whether the update runs as one program: on values, for classes of this package."""
        return (
            type(self).__module__.startswith("ranvier.")
            and isinstance(self._learning_rate, (Variable, LearningRateSchedule))
            and not getattr(settings.thread_state(), "run_eagerly", False)
            and B.core.immediate()
        )

    def _compiled_apply(self, grads, variables):
        tensors = [g if type(g) is B.Tensor else ops.convert_to_tensor(g) for g in grads]
        # Constraints are part of the program, so of its key.
        owners = tuple((id(v), v.constraint) for v in variables)
        key = owners, B.core.signature(tensors), self._version()
        program = self._programs.get(key)
        if program is None:
            program = self._compile(variables, tuple((g.shape, g.dtype) for g in tensors))
            if len(self._programs) == _MAX_PROGRAMS:
                self._programs.clear()
            self._programs[key] = program
        program.run(tensors)

    def _version(self):
        """Changes whenever an attribute does that a compiled update holds as a constant."""
        return self._changes

    def _compile(self, variables, specs):
        from ranvier.jit import trace_function

        def update(*grads):
            self._apply(list(grads), variables)
            return ()

        return trace_function(update, specs, f"{self.name}.apply").program

    def _apply(self, grads, variables):
        grads, variables = self._overwrite_with_gradients(grads, variables)
        if grads:
            if self.loss_scale_factor is not None:
                grads = [ops.divide(g, self.loss_scale_factor) for g in grads]
            self._backend_apply_gradients(grads, variables)
            for variable in variables:
                if variable.constraint is not None:
                    variable.assign(variable.constraint(variable.value))
        self._iterations.assign_add(1)

    def _backend_apply_gradients(self, grads, variables):
        steps = self.gradient_accumulation_steps
        if steps:
            due = self._every(self._iterations, steps)
            sums = [self._accumulated_gradients[self._get_variable_index(v)] for v in variables]
            ops.cond(
                due,
                lambda: self._accumulated_update(grads, sums, variables),
                lambda: self._accumulate(grads, sums),
            )
        else:
            self._update(grads, variables)
        if self.use_ema:
            self._update_model_variables_moving_average(self._trainable_variables)
            if self.ema_overwrite_frequency:
                ops.cond(
                    self._every(self.iterations, self.ema_overwrite_frequency),
                    lambda: self._overwrite_model_variables_with_average_value(
                        self._trainable_variables
                    ),
                    lambda: None,
                )

    @staticmethod
    def _every(iterations, count):
        return ops.equal(ops.mod(ops.add(iterations, 1), count), 0)

    def _accumulated_update(self, grads, sums, variables):
        steps = self.gradient_accumulation_steps
        means = [ops.divide(ops.add(g, s.value), steps) for g, s in zip(grads, sums)]
        self._update(means, variables)
        for total in self._accumulated_gradients:
            total.assign(ops.zeros(total.shape, dtype=total.dtype))

    @staticmethod
    def _accumulate(grads, sums):
        for gradient, total in zip(grads, sums):
            total.assign_add(gradient)

    def _update(self, grads, variables):
        grads = self._clip_gradients(grads)
        self._apply_weight_decay(variables)
        self._backend_update_step(grads, variables, self.learning_rate)

    def _backend_update_step(self, grads, trainable_variables, learning_rate):
        state = self.__dict__
        state["_shared"] = {}
        try:
            for gradient, variable in zip(grads, trainable_variables):
                self.update_step(gradient, variable, learning_rate)
        finally:
            state["_shared"] = None

    def update_step(self, gradient, variable, learning_rate):
        """Updates one weight and its slots; to be written by subclasses."""
        raise NotImplementedError(f"{type(self).__name__} must implement `update_step`.")

    def _once(self, key, make):
        """`make()`, computed once per update and shared by all weights."""
        if self._shared is None:
            return make()
        if key not in self._shared:
            self._shared[key] = make()
        return self._shared[key]

    def _in_dtype(self, gradient, variable, learning_rate):
        """Gradient and learning rate in the weight's dtype."""
        dtype = variable.dtype
        rate = self._once(("rate", dtype), lambda: ops.cast(learning_rate, dtype))
        return ops.cast(gradient, dtype), rate

    def _step_number(self, dtype, ahead=1):
        """Number of the update being made (from 1), as a scalar of a dtype."""
        return self._once(
            ("step", dtype, ahead), lambda: ops.cast(ops.add(self.iterations, ahead), dtype)
        )

    def _power(self, base, dtype):
        """base ** number of the update."""
        return self._once(
            ("power", base, dtype),
            lambda: ops.power(ops.cast(base, dtype), self._step_number(dtype)),
        )

    def assign(self, variable, value) -> None:
        """Sets a variable."""
        variable.assign(value)

    def assign_add(self, variable, value) -> None:
        """Adds to a variable."""
        variable.assign_add(value)

    def assign_sub(self, variable, value) -> None:
        """Subtracts from a variable."""
        variable.assign_sub(value)

    def stateless_apply(self, optimizer_variables, grads, trainable_variables):
        """The update as a function of values; nothing is assigned.

        Args:
            optimizer_variables: values for `variables`.
            grads: gradients.
            trainable_variables: values of the weights, in the order of `build`.

        Returns:
            The new values of the weights and of `variables`.
        """
        if not self.built:
            raise ValueError(
                f"To call `stateless_apply`, {type(self).__name__} must be built (i.e. its "
                "variables must have been created). You can build it via "
                "`optimizer.build(trainable_variables)`."
            )
        own = self.variables
        for what, given, expected in (
            ("optimizer_variables", optimizer_variables, own),
            ("trainable_variables", trainable_variables, self._trainable_variables),
        ):
            if len(given) != len(expected):
                raise ValueError(
                    f"Argument `{what}` must be a list of tensors corresponding 1:1 to the "
                    f"variables of {type(self).__name__}. Received list with length {len(given)}, "
                    f"but expected {len(expected)} variables."
                )
        mapping = [
            *zip(self._trainable_variables, trainable_variables),
            *zip(own, optimizer_variables),
        ]
        with StatelessScope(state_mapping=mapping) as scope:
            self.apply(grads)
        return (
            [scope.get_current_value(v) for v in self._trainable_variables],
            [scope.get_current_value(v) for v in own],
        )

    def scale_loss(self, loss):
        """The loss times `loss_scale_factor`."""
        if self.loss_scale_factor is None:
            return loss
        return ops.multiply(loss, self.loss_scale_factor)

    # -- learning rate

    @property
    def learning_rate(self):
        """The current learning rate: a variable, or what the schedule says."""
        rate = self._learning_rate
        if isinstance(rate, LearningRateSchedule):
            return rate(self._iterations)
        if isinstance(rate, Variable) or not callable(rate):
            return rate
        return rate()

    @learning_rate.setter
    def learning_rate(self, learning_rate):
        previous = self._learning_rate
        if isinstance(learning_rate, LearningRateSchedule) or callable(learning_rate):
            if isinstance(previous, Variable):
                self._variables[:] = [v for v in self._variables if v is not previous]
            self._learning_rate = learning_rate
            bump_structure()
            return
        if not isinstance(previous, Variable):
            raise TypeError(
                "This optimizer was created with a `LearningRateSchedule` object as its "
                "`learning_rate` constructor argument, hence its learning rate is not settable. If "
                "you need the learning rate to be settable, you should instantiate the optimizer "
                "with a float `learning_rate` argument."
            )
        previous.assign(learning_rate)

    def _clip_gradients(self, grads):
        if self.clipnorm and self.clipnorm > 0:
            return [clipping.clip_by_norm(g, self.clipnorm) for g in grads]
        if self.global_clipnorm and self.global_clipnorm > 0:
            return clipping.clip_by_global_norm(grads, self.global_clipnorm)
        if self.clipvalue and self.clipvalue > 0:
            return [ops.clip(g, -self.clipvalue, self.clipvalue) for g in grads]
        return grads

    # -- configs

    def get_config(self) -> dict:
        """Constructor arguments."""
        rate = self._learning_rate
        if isinstance(rate, Variable):
            rate = float(rate.numpy())
        elif ops.is_tensor(rate):
            rate = float(rate)
        else:
            rate = serialization.serialize_keras_object(rate)
        return {
            "name": self.name,
            "learning_rate": rate,
            "weight_decay": self.weight_decay,
            "clipnorm": self.clipnorm,
            "global_clipnorm": self.global_clipnorm,
            "clipvalue": self.clipvalue,
            "use_ema": self.use_ema,
            "ema_momentum": self.ema_momentum,
            "ema_overwrite_frequency": self.ema_overwrite_frequency,
            "loss_scale_factor": self.loss_scale_factor,
            "gradient_accumulation_steps": self.gradient_accumulation_steps,
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """An optimizer from its config."""
        config = dict(config)
        if isinstance(config.get("learning_rate"), dict):
            config["learning_rate"] = serialization.deserialize_keras_object(
                config["learning_rate"], custom_objects=custom_objects
            )
        return cls(**config)
