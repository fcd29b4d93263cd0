"""Dropout masks of recurrent cells: drawn once, used in every time step."""

from __future__ import annotations

from ranvier import ops, random


class DropoutRNNCell:
    """Mixed into cells that have `dropout`, `recurrent_dropout` and `seed_generator`.

    A mask is kept until it is reset, so that all steps of a sequence share it. A cell that sets
    `dropout_mask_count` gets a list of that many masks, one per gate.
    """

    dropout: float
    recurrent_dropout: float
    seed_generator: random.SeedGenerator
    dropout_mask_count: int | None = None
    _dropout_mask = None
    _recurrent_dropout_mask = None

    def _create_dropout_mask(self, step_input, dropout_rate):
        ones = ops.ones_like(step_input)
        masks = [
            random.dropout(ones, dropout_rate, seed=self.seed_generator)
            for _ in range(self.dropout_mask_count or 1)
        ]
        return masks if self.dropout_mask_count else masks[0]

    def _keep_mask(self, name, step_input, rate):
        if getattr(self, name) is None and rate > 0:
            object.__setattr__(self, name, self._create_dropout_mask(step_input, rate))
        return getattr(self, name)

    def get_dropout_mask(self, step_input):
        """The mask (or masks) of the inputs, of the shape of one step's input."""
        return self._keep_mask("_dropout_mask", step_input, self.dropout)

    def get_recurrent_dropout_mask(self, step_input):
        """The mask (or masks) of the previous state."""
        return self._keep_mask("_recurrent_dropout_mask", step_input, self.recurrent_dropout)

    def reset_dropout_mask(self):
        """Forgets the mask of the inputs: the next sequence draws another."""
        object.__setattr__(self, "_dropout_mask", None)

    def reset_recurrent_dropout_mask(self):
        """Forgets the mask of the states."""
        object.__setattr__(self, "_recurrent_dropout_mask", None)
