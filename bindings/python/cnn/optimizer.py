"""Optimizers in Python."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from .calls import OptimizerCall
from .extension import Extension


class Optimizer(Extension):
    """An optimizer of your own, for ``Training`` and ``Trainer``.

    For example::

        @cnn.register
        class Lion(cnn.Optimizer):
            \"\"\"Steps by the sign of an average (Chen et al. 2023).\"\"\"

            id = "org.example.lion"
            state_names = ("exp_avg",)
            default_learning_rate = 1e-4
            beta1 = cnn.Attribute(float, 0.9, minimum=0, maximum=1, doc="of the step")
            beta2 = cnn.Attribute(float, 0.99, minimum=0, maximum=1, doc="of what is kept")

            def update(self, call, parameters, gradients, average):
                step = np.sign(self.beta1 * average + (1 - self.beta1) * gradients)
                parameters -= call.learning_rate * (step + call.weight_decay * parameters)
                average *= self.beta2
                average += (1 - self.beta2) * gradients

    Options use it as any other: ``optimizer={"type": "org.example.lion", "beta1": 0.95}``. What is
    remembered starts as zeros and is in checkpoints.
    """

    state_names: ClassVar[Sequence[str]] = ()
    """The arrays that are remembered for parameters, as PyTorch calls them: "exp_avg"."""

    default_learning_rate: ClassVar[float] = 0.01
    """The learning rate where options give none."""

    needs_whole_parameters: ClassVar[bool] = False
    """Whether ``update`` must see each parameter as a whole, because of its norm, say. Otherwise
    parameters come in any pieces, several at a time, as soon as their gradients are there."""

    def build(self) -> None:
        """Prepares what depends on attributes alone; afterwards the instance does not change."""

    def update(self, call: OptimizerCall, parameters: Any, gradients: Any, *states: Any) -> None:
        """Changes parameters and states in place, with ``-=`` and the like, and returns nothing.

        Called from several threads at once, for different pieces.

        Args:
            call: ``call.learning_rate``, ``call.weight_decay`` and ``call.step``.
            parameters: the numbers to change, of one axis.
            gradients: their gradients, read-only, clipped where options say so.
            states: an array for each of ``state_names``, to change.
        """
        raise NotImplementedError
