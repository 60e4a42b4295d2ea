"""Losses in Python."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from .calls import LossCall, Shape
from .extension import Extension


class Loss(Extension):
    """A loss of your own, for ``Training``, ``Trainer`` and ``evaluate``.

    For example::

        @cnn.register
        class Huber(cnn.Loss):
            \"\"\"Squared errors that grow linearly beyond delta (Huber 1964).\"\"\"

            id = "org.example.huber"
            targets = "values"
            delta = cnn.Attribute(float, 1.0, minimum=1e-6, maximum=1e6, doc="where it turns")

            def evaluate(self, call, output, target):
                difference = output - target
                bounded = np.clip(difference, -self.delta, self.delta)
                loss = np.mean(bounded * (difference - bounded / 2))
                return loss, bounded / difference.size

    Options use it as any other: ``loss={"type": "org.example.huber", "delta": 0.5}``. Methods may
    be called by several threads at once for one instance.
    """

    targets: ClassVar[str | Iterable[str]] = "values"
    """What outputs are compared with: "labels" (class numbers, one for each position; the last axis
    of the output holds a score for each class), "values" (numbers, as many as the output has), or
    both."""

    def build(self) -> None:
        """Prepares what depends on attributes alone; afterwards the instance does not change."""

    def check(self, shape: Shape) -> None:
        """Raises ``cnn.ShapeMismatchError`` if outputs of a shape cannot be judged.

        Args:
            shape: of one sample of the output.
        """

    def evaluate(self, call: LossCall, output: Any, target: Any) -> Any:
        """Computes the loss of a batch and its gradient.

        Args:
            call: ``call.wants_gradient``, ``call.batch`` and more.
            output: the output of the network, read-only, with the batch first.
            target: labels (int32, without the last axis of the output) or values.

        Returns:
            (loss, gradient): the mean loss of the samples, and its derivative by the output, which
            may be None unless ``call.wants_gradient``. The weight of the loss is the library's.
        """
        raise NotImplementedError
