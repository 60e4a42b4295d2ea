"""What the methods of layers in Python receive as ``call``."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._plugin_host import Array, assign
from .calls import Call, Shape
from .errors import LayerFailedError, ShapeMismatchError
from .layer_memory import Arrays, Declarations, Room, Workspace

Tensors = tuple[Any, ...]


class _LayerCall(Call):
    """What calls of layers have in common."""

    def __init__(self, raw: Any, declared: Declarations, extra: Workspace) -> None:
        super().__init__(raw)
        self._declared = declared
        self._extra = extra

    def _named(self, list_: Any, shapes: dict[str, Shape], writeable: bool = False) -> Arrays:
        return Arrays({name: self._array(list_[index], shape, writeable=writeable)
                       for index, (name, shape) in enumerate(shapes.items())})

    def _tensors(self, list_: Any, shapes: Any, writeable: bool = False) -> Tensors:
        batch = self.batch
        return tuple(self._array(list_[index], (batch, *shape), writeable=writeable)
                     for index, shape in enumerate(shapes))

    def _room(
        self, address: int | None, room: Room, extra: int, *, writeable: bool
    ) -> tuple[Arrays, Array]:
        """The named pieces of memory, and what lies behind them."""
        size = room.size(self.batch)
        memory = self._array(address, (size + extra,), writeable=writeable)
        if memory is None:
            memory = np.empty(0, np.float32)
        return Arrays(room.arrays(memory, self.batch) if memory.size else {}), memory[size:]

    @property
    def batch(self) -> int:
        """The number of samples."""
        return int(self._raw.batch)

    @property
    def parameters(self) -> Arrays:
        """The parameters by name, to read."""
        return self._named(self._raw.parameters, self._declared.parameters)


class PrepareCall(_LayerCall):
    """What ``Layer.prepare`` reads and writes."""

    @property
    def batch(self) -> int:
        """Nothing here depends on samples."""
        return 1

    @property
    def states(self) -> Arrays:
        """The states by name, to read."""
        return self._named(self._raw.states, self._declared.states)

    @property
    def prepared(self) -> Arrays:
        """What ``add_prepared`` declared, to write."""
        return self._room(self._raw.prepared, self._declared.prepared, 0, writeable=True)[0]


class _Random(_LayerCall):
    """Calls that may use random numbers."""

    @property
    def random_key(self) -> tuple[int, int, int]:
        """Seed, step and number of the layer, which decide the random numbers."""
        key = self._raw.random
        return key.seed, key.step, key.node

    def random_uniform(
        self, shape: int | Shape = (), *, stream: int = 0, offset: int = 0,
        out: Array | None = None,
    ) -> Array:
        """Random numbers from 0 to below 1, the same ones for the same step of the same layer.

        ``backward`` gets the numbers that ``forward`` got, so they need not be kept.

        Args:
            shape: of the array to make.
            stream: another number up to 65535 gives other numbers.
            offset: how many numbers of the sequence to leave out.
            out: a float32 array to fill instead, in one piece.
        """
        return self._random("uniform", shape, stream, offset, out)

    def random_normal(
        self, shape: int | Shape = (), *, stream: int = 0, offset: int = 0,
        out: Array | None = None,
    ) -> Array:
        """Normally distributed numbers of mean 0 and deviation 1; see ``random_uniform``."""
        return self._random("normal", shape, stream, offset, out)

    def _random(
        self, function: str, shape: int | Shape, stream: int, offset: int, out: Array | None
    ) -> Array:
        if out is None:
            out = np.empty(shape, np.float32)
        if out.dtype != np.float32 or not out.flags.c_contiguous or not out.flags.writeable:
            raise TypeError("out is an array of float32 in one piece, to be written")
        self._services.random(function, self._raw.random, stream, offset, out)
        return out


class ForwardCall(_Random):
    """What ``Layer.forward`` reads and writes."""

    def __init__(self, raw: Any, declared: Declarations, extra: Workspace) -> None:
        super().__init__(raw, declared, extra)
        self._was_written = False
        self.inputs: Tensors = self._tensors(raw.inputs, declared.inputs)
        """The inputs, to read."""

    @property
    def input(self) -> Array:
        """The first input."""
        return self.inputs[0]  # type: ignore[no-any-return]

    @property
    def outputs(self) -> Tensors:
        """The outputs, to write; None for those after the first that nobody uses."""
        self._was_written = True
        return self._outputs()

    def _outputs(self) -> Tensors:
        return self._tensors(self._raw.outputs, self._declared.outputs, writeable=True)

    @property
    def output(self) -> Array:
        """The first output, to write: ``numpy.exp(x, out=call.output)`` makes no copy."""
        return self.outputs[0]  # type: ignore[no-any-return]

    @property
    def training(self) -> bool:
        """Whether this is part of training."""
        return bool(self._raw.training)

    @property
    def states(self) -> Arrays:
        """The states by name: to read, and when training to write."""
        return self._named(self._raw.states, self._declared.states, self.training)

    @property
    def prepared(self) -> Arrays | None:
        """What ``prepare`` wrote; None when training."""
        if not self._raw.prepared:
            return None
        room = self._declared.prepared
        memory = self._array(self._raw.prepared, (room.size(1),))
        return Arrays(room.arrays(memory, 1))

    @property
    def cache(self) -> Arrays | None:
        """What ``add_cache`` declared, to write for ``backward``; None when predicting."""
        return self._cache()[0] if self.training else None

    @property
    def cache_memory(self) -> Array | None:
        """What ``workspace`` asked for as cache; None when predicting."""
        return self._cache()[1] if self.training else None

    def _cache(self) -> tuple[Arrays, Array]:
        return self._room(
            self._raw.cache, self._declared.cache, self._extra.cache, writeable=True)

    @property
    def scratch(self) -> Arrays:
        """What ``add_scratch`` declared; it holds anything at the start."""
        return self._scratch()[0]

    @property
    def scratch_memory(self) -> Array:
        """What ``workspace`` asked for as scratch of forward."""
        return self._scratch()[1]

    def _scratch(self) -> tuple[Arrays, Array]:
        return self._room(self._raw.scratch, self._declared.forward_scratch,
                          self._extra.forward_scratch, writeable=True)

    def _finish(self, result: Any) -> None:
        """Writes what ``forward`` returned."""
        if result is None:
            if not self._was_written:
                raise LayerFailedError(
                    "forward returned nothing and wrote nothing to call.outputs: return the output")
            return
        targets = self._outputs()
        for index, value in enumerate(_listed(result, len(targets), "forward", "outputs")):
            assign(targets[index], value, f"output {index} of forward")


class BackwardCall(_Random):
    """What ``Layer.backward`` reads and writes."""

    def __init__(self, raw: Any, declared: Declarations, extra: Workspace) -> None:
        super().__init__(raw, declared, extra)
        self._was_written = False
        self.output_gradients: Tensors = self._tensors(raw.output_gradients, declared.outputs)
        """The gradients of the outputs, to read; None for outputs that nobody uses."""

    @property
    def inputs(self) -> Tensors:
        """The inputs of ``forward``; None each unless ``backward_reads`` has them."""
        return self._tensors(self._raw.inputs, self._declared.inputs)

    @property
    def input(self) -> Array:
        """The first input of ``forward``."""
        return self.inputs[0]  # type: ignore[no-any-return]

    @property
    def outputs(self) -> Tensors:
        """The outputs of ``forward``; None each unless ``backward_reads`` has them."""
        return self._tensors(self._raw.outputs, self._declared.outputs)

    @property
    def output(self) -> Array:
        """The first output of ``forward``."""
        return self.outputs[0]  # type: ignore[no-any-return]

    @property
    def input_gradients(self) -> Tensors:
        """The gradients of the inputs, to write; None where nobody wants them."""
        self._was_written = True
        return self._input_gradients()

    def _input_gradients(self) -> Tensors:
        return self._tensors(self._raw.input_gradients, self._declared.inputs, writeable=True)

    @property
    def input_gradient(self) -> Array | None:
        """The gradient of the first input, to write."""
        return self.input_gradients[0]  # type: ignore[no-any-return]

    @property
    def wants(self) -> tuple[bool, ...]:
        """For each input, whether somebody wants its gradient."""
        return tuple(bool(self._raw.input_gradients[index])
                     for index in range(len(self._declared.inputs)))

    @property
    def parameter_gradients(self) -> Arrays:
        """The gradients of the parameters by name, to add to; None for those that are frozen."""
        return self._named(self._raw.parameter_gradients, self._declared.parameters, True)

    def add_gradient(self, name: str, gradient: Any) -> None:
        """Adds to the gradient of a parameter, unless it is frozen."""
        target, value = self.parameter_gradients[name], np.asarray(gradient)
        if target is not None:
            if value.shape != target.shape:
                raise ShapeMismatchError(
                    f"the gradient of {name!r} has shape {value.shape}, and must have "
                    f"{target.shape}")
            np.add(target, value, out=target, casting="same_kind")

    @property
    def states(self) -> Arrays:
        """The states by name, to read."""
        return self._named(self._raw.states, self._declared.states)

    @property
    def cache(self) -> Arrays:
        """What ``forward`` wrote."""
        return self._cache()[0]

    @property
    def cache_memory(self) -> Array:
        """What ``forward`` wrote to what ``workspace`` asked for."""
        return self._cache()[1]

    def _cache(self) -> tuple[Arrays, Array]:
        return self._room(
            self._raw.cache, self._declared.cache, self._extra.cache, writeable=False)

    @property
    def scratch(self) -> Arrays:
        """What ``add_scratch`` declared; it holds anything at the start."""
        return self._scratch()[0]

    @property
    def scratch_memory(self) -> Array:
        """What ``workspace`` asked for as scratch of backward."""
        return self._scratch()[1]

    def _scratch(self) -> tuple[Arrays, Array]:
        return self._room(self._raw.scratch, self._declared.backward_scratch,
                          self._extra.backward_scratch, writeable=True)

    def _finish(self, result: Any) -> None:
        """Writes what ``backward`` returned."""
        targets, was_written = self._input_gradients(), self._was_written
        if result is None:
            if not was_written and any(target is not None for target in targets):
                raise LayerFailedError(
                    "backward returned nothing and wrote nothing to call.input_gradients: return "
                    "the gradient of the input")
            return
        for index, value in enumerate(_listed(result, len(targets), "backward", "inputs")):
            if value is None and targets[index] is not None and not was_written:
                raise LayerFailedError(
                    f"backward returned None as the gradient of input {index}, which is wanted")
            if value is not None:
                assign(targets[index], value, f"the gradient of input {index} of backward")


def _listed(result: Any, count: int, function: str, what: str) -> tuple[Any, ...]:
    values = tuple(result) if isinstance(result, (tuple, list)) else (result,)
    if len(values) != count:
        raise LayerFailedError(
            f"{function} returned {len(values)} arrays, and the layer has {count} {what}")
    return values
