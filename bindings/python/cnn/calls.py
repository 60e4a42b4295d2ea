"""What the methods of layers, losses and optimizers in Python receive as ``call``.

Arrays in here look at the library's own memory: nothing is copied, and they are good during the
call only. A method that keeps one fails; ``x.copy()`` may be kept.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np

from ._plugin_host import Array, Lender, Services, assign
from .errors import LayerFailedError

Shape = tuple[int, ...]


class Call:
    """What all calls have: the library's services."""

    def __init__(self, raw: Any) -> None:
        self._raw = raw
        self._services = Services(raw.host)
        self._lender = Lender()

    def __getattr__(self, name: str) -> NoReturn:
        if not self.__dict__ and not name.startswith("__"):
            raise RuntimeError("the call is over: what it held is not there any more")
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")

    def _close(self) -> Lender:
        lender = self._lender
        self.__dict__.clear()
        return lender

    @property
    def concurrency(self) -> int:
        """How many threads ``parallel_for`` and ``matmul`` use at most."""
        return int(self._raw.concurrency)

    def matmul(
        self, a: Any, b: Any, out: Array | None = None, *, alpha: float = 1.0, beta: float = 0.0
    ) -> Array:
        """Returns alpha * a @ b + beta * out, with the same bits for any number of threads.

        numpy's own product may round differently when its number of threads changes. Transposed
        matrices, as in ``call.matmul(x.T, y)``, are not copied.

        Args:
            a: a matrix of (m, k).
            b: a matrix of (k, n).
            out: where to write the product, float32; None makes an array.
            alpha: the factor of the product.
            beta: the factor of what `out` held before.
        """
        return self._services.multiply(a, b, out, alpha, beta, self.concurrency)

    def parallel_for(self, chunks: int, body: Callable[[int, int], Any]) -> None:
        """Calls ``body(chunk, slot)`` for each chunk from 0 on, on the library's threads.

        Python runs one thread at a time, so this pays where the body is numpy on large arrays. No
        two chunks run at once with the same slot, which is from 0 and below ``concurrency``. Cut
        work by its size, not by ``concurrency``, so that bits stay the same.
        """
        self._services.parallel_for(chunks, self.concurrency, body)

    def log(self, message: str, level: int = 1) -> None:
        """Says something to the log: 0 for debugging, 1 for information, 2 for warnings."""
        self._services.log(message, level)

    def _array(self, address: int | None, shape: Shape, *, writeable: bool = False) -> Any:
        return self._lender.array(address, shape, writeable=writeable)


class LossCall(Call):
    """What ``Loss.evaluate`` reads."""

    def __init__(self, raw: Any) -> None:
        super().__init__(raw)
        shape = raw.shape.axes()
        self.batch = int(raw.batch)
        """The number of samples."""
        self.output: Array = self._array(raw.output, (self.batch, *shape))
        """The output, to read."""
        self.values: Array | None = self._array(raw.values, (self.batch, *shape))
        """Numbers that the output should have, or None if labels are given."""
        self.labels: Array | None = self._lender.array(
            raw.labels, (self.batch, *shape[:-1]), kind=np.dtype(np.int32))
        """Class numbers, one for each position of each sample, or None if values are given."""

    @property
    def target(self) -> Array:
        """The labels or values, whichever are given."""
        return self.values if self.labels is None else self.labels  # type: ignore[return-value]

    @property
    def wants_gradient(self) -> bool:
        """Whether somebody wants the gradient."""
        return bool(self._raw.gradient)

    def _finish(self, result: Any) -> float:
        """Writes the gradient that ``evaluate`` returned; returns the loss."""
        is_pair = isinstance(result, tuple) and len(result) == 2
        loss, gradient = result if is_pair else (result, None)
        try:
            value = float(loss)
        except (TypeError, ValueError):
            raise TypeError(
                f"evaluate returns (loss, gradient), and the loss is a number; got {loss!r:.100}"
            ) from None
        if self.wants_gradient:
            if gradient is None:
                raise LayerFailedError(
                    "evaluate returned no gradient, which is wanted: return (loss, gradient)")
            target = self._array(self._raw.gradient, self.output.shape, writeable=True)
            assign(target, gradient, "the gradient of evaluate")
            if self._raw.weight != 1:
                np.multiply(target, np.float32(self._raw.weight), out=target)
        return value


class OptimizerCall(Call):
    """What ``Optimizer.update`` reads beside its arrays."""

    def _arrays(self, state_count: int) -> list[Array]:
        raw, shape = self._raw, (int(self._raw.count),)
        gradient = self._array(raw.gradients, shape)
        if raw.gradient_scale != 1:
            gradient = gradient * np.float32(raw.gradient_scale)
        states = [self._array(raw.states[i], shape, writeable=True) for i in range(state_count)]
        return [self._array(raw.parameters, shape, writeable=True), gradient, *states]

    @property
    def count(self) -> int:
        """How many numbers are changed."""
        return int(self._raw.count)

    @property
    def step(self) -> int:
        """The number of this step, from 1."""
        return int(self._raw.step)

    @property
    def learning_rate(self) -> float:
        """The learning rate of this step."""
        return float(self._raw.learning_rate)

    @property
    def weight_decay(self) -> float:
        """The factor of weight decay; 0 for parameters that are exempt."""
        return float(self._raw.weight_decay)
