"""Layer types in Python."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from . import _ffi
from . import _plugin_abi as abi
from .calls import Shape
from .errors import InvalidArgumentError, ShapeMismatchError
from .extension import Extension
from .layer_calls import BackwardCall, ForwardCall, PrepareCall
from .layer_memory import Declarations, Room, Workspace


class Layer(Extension):
    """A layer type of your own: trained, saved and checked like those of the library.

    A whole one::

        @cnn.register
        class Swish(cnn.Layer):
            \"\"\"x times the sigmoid of beta times x (Ramachandran et al. 2017).\"\"\"

            id = "org.example.swish"
            backward_reads = "inputs"
            beta = cnn.Attribute(float, 1.0, minimum=0, maximum=100, doc="how steep the sigmoid is")

            def sigmoid(self, x):
                return (1 + np.tanh(self.beta / 2 * x)) / 2

            def forward(self, call, x):
                return x * self.sigmoid(x)

            def backward(self, call, gradient):
                x, s = call.input, self.sigmoid(call.input)
                return gradient * (s + self.beta * x * s * (1 - s))

    Graphs use it as any other: ``{"type": "org.example.swish", "beta": 1.5}``. A model that is
    saved remembers id and version; a program that loads it registers the class first.

    Arrays are float32 with the batch first, images NHWC; shapes in ``build`` are those of one
    sample. They are the library's own memory, good during the call: keeping one is an error. All
    methods but ``build`` may be called by several threads at once for one instance.
    """

    version: ClassVar[int] = 1
    """Grows when attributes or results change; model files remember it."""

    inputs: ClassVar[int | tuple[int, int | None]] = 1
    """How many inputs a layer takes: a number, or (least, most), where None is no limit."""

    # These may also be set on self in build(), when they depend on attributes or shapes.

    backward_reads: str | Iterable[str] = ("inputs", "outputs")
    """What ``backward`` reads of forward's "inputs" and "outputs". Naming only what is needed, or
    () for nothing, saves memory."""

    in_place: bool = False
    """Whether the first output may be the memory of the first input (and their gradients). Then
    each element of an output may only depend on the same element of an input."""

    identity_in_inference: bool = False
    """Whether predictions may leave the layer out, as they do with dropout."""

    differentiable: bool = True
    """False if ``backward`` cannot be used with these attributes."""

    non_differentiable_inputs: Iterable[int] = ()
    """The numbers of inputs into which no gradient flows."""

    function: str | None = None
    """"rectifier", "sigmoid" or "softmax" if the layer is exactly that; the library may then
    compute it inside of the layers around it, without calling this one."""

    operations: int = 0
    """An estimate of the additions and multiplications for a sample, for summaries."""

    _declared: Declarations
    _builder: Any

    # ---- Building ----

    def build(self, *shapes: Any) -> Any:
        """Declares what the layer is, from its attributes and the shapes of its inputs.

        Called once, when a model is made or loaded. Without it, the output has the shape of the
        input and there are no parameters. Shapes that make no sense are a
        ``cnn.ShapeMismatchError`` to raise, attributes a ``cnn.InvalidArgumentError``.

        Args:
            shapes: the shape of one sample of each input, such as (height, width, channels).

        Returns:
            The shape of the output; or, for several, a list of shapes or a dictionary of names and
            shapes; or None after ``add_output``.
        """
        if len(set(shapes)) > 1:
            raise ShapeMismatchError(
                f"without a method build, all inputs have one shape; got {list(shapes)}")
        return shapes[0]

    def add_output(
        self, shape: Sequence[int], name: str | None = None, *, differentiable: bool = True
    ) -> None:
        """Declares the next output, for when the value of ``build`` does not say enough.

        Args:
            shape: of one sample.
            name: graphs refer to the output as "layer.name".
            differentiable: False if no gradient flows back into it.
        """
        self._building().add_output(shape, name, differentiable)
        self._declared.outputs.append(tuple(shape))

    def add_parameter(
        self, name: str, shape: Sequence[int], *, initializer: str | float = "zeros",
        value: float = 0.0, fan_in: int = 0, fan_out: int = 0, decays: bool = False,
        file_axes: Sequence[int] | None = None,
    ) -> None:
        """Declares an array that training changes.

        Args:
            name: "weight", "bias", ...; files call it "layer.name".
            shape: in memory.
            initializer: "zeros", "ones", a number for all elements, "normal" (deviation `value`),
                "uniform" (from -`value` to `value`), "he" (with `fan_in`) or "xavier" (with both).
            value: see `initializer`.
            fan_in: how many inputs an output sums over.
            fan_out: how many outputs an input reaches.
            decays: whether weight decay applies: by convention to weights, not to biases.
            file_axes: for each axis in files, which axis in memory it is, if they differ.
        """
        self._add("parameter", self._declared.parameters, name, shape, initializer, value, fan_in,
                  fan_out, decays, file_axes)

    def add_state(
        self, name: str, shape: Sequence[int], *, initializer: str | float = "zeros",
        value: float = 0.0,
    ) -> None:
        """Declares an array that is kept with the model and not trained: running statistics, say.

        ``forward`` may write it when training. See ``add_parameter``.
        """
        self._add(
            "state", self._declared.states, name, shape, initializer, value, 0, 0, False, None)

    def add_cache(self, name: str, shape: Sequence[int], *, by_sample: bool = True) -> None:
        """Declares memory that ``forward`` writes when training and ``backward`` reads.

        Args:
            name: ``call.cache[name]`` is the array.
            shape: of one sample; the array has the batch in front.
            by_sample: False if `shape` is the whole array.
        """
        self._add_room(self._declared.cache, name, shape, by_sample)

    def add_scratch(
        self, name: str, shape: Sequence[int], *, by_sample: bool = True, during: str = "both"
    ) -> None:
        """Declares temporary memory, which saves making arrays in each call; see ``add_cache``.

        Args:
            name: ``call.scratch[name]`` is the array.
            shape: of one sample.
            by_sample: False if `shape` is the whole array.
            during: "forward", "backward" or "both".
        """
        if during not in ("forward", "backward", "both"):
            raise InvalidArgumentError(
                f"scratch is there during \"forward\", \"backward\" or \"both\", got {during!r}")
        if during != "backward":
            self._add_room(self._declared.forward_scratch, name, shape, by_sample)
        if during != "forward":
            self._add_room(self._declared.backward_scratch, name, shape, by_sample)

    def add_prepared(self, name: str, shape: Sequence[int]) -> None:
        """Declares memory that ``prepare`` writes and ``forward`` reads when predicting."""
        self._add_room(self._declared.prepared, name, shape, False)

    # ---- Computing ----

    def workspace(self, batch: int, training: bool, concurrency: int) -> Workspace:
        """Asks for memory beside what ``add_cache`` and ``add_scratch`` declared.

        For sizes that depend on more than the number of samples. ``call.cache_memory`` and
        ``call.scratch_memory`` are the arrays, of one axis. Larger batches must not need less.
        """
        return Workspace()

    def prepare(self, call: PrepareCall) -> None:
        """Computes ``call.prepared`` from parameters and states, once before many predictions."""

    def forward(self, call: ForwardCall, *inputs: Any) -> Any:
        """Computes the outputs.

        Args:
            call: parameters, states, memory, random numbers and more.
            inputs: the inputs, read-only, with the batch first.

        Returns:
            The output, or a tuple of outputs, with the batch first. None if ``call.outputs`` were
            written, which saves the copy: ``np.maximum(x, 0, out=call.output)``.
        """
        raise NotImplementedError

    def backward(self, call: BackwardCall, *output_gradients: Any) -> Any:
        """Computes gradients; without this method, the layer only predicts.

        Adds the gradients of parameters with ``call.add_gradient(name, gradient)``.

        Args:
            call: inputs and outputs of ``forward``, parameters, cache and more.
            output_gradients: the gradients of the outputs, read-only; None for unused ones.

        Returns:
            The gradient of the input, or a tuple with one for each input, where None stands for
            what nobody wants (``call.wants``). None if ``call.input_gradients`` were written.
        """
        raise NotImplementedError

    # ---- What the library asks ----

    def _building(self) -> Any:
        builder = self.__dict__.get("_builder")
        if builder is None:
            raise TypeError("a layer declares what it is in build(), and nothing afterwards")
        return builder

    def _add(
        self, kind: str, declared: dict[str, Shape], name: str, shape: Sequence[int],
        initializer: str | float, *details: Any,
    ) -> None:
        self._building().add_array(kind, name, shape, initializer, *details)
        declared[name] = tuple(shape)

    def _add_room(self, room: Room, name: str, shape: Sequence[int], by_sample: bool) -> None:
        self._building()
        sizes = tuple(map(_ffi.integer, shape))
        if name in room.pieces or min(sizes, default=0) < 0:
            raise InvalidArgumentError(
                f"{name!r} of shape {sizes} is declared twice, or has a negative size")
        room.pieces[name] = sizes, by_sample

    def _build(self, builder: Any, shapes: tuple[Shape, ...]) -> None:
        """Runs ``build`` with what it declares going to the library."""
        self._declared, self._builder = Declarations(inputs=shapes), builder
        result = self.build(*shapes)
        for name, shape in _outputs(result, bool(self._declared.outputs)):
            self.add_output(shape, name)
        for number, value in self._properties():
            builder.set(number, value)
        self._builder = None
        self._freeze()

    def _properties(self) -> Iterable[tuple[int, int]]:
        """What differs from the defaults, with the numbers of C."""
        yield abi.LAYER_BACKWARD_READS, _reads(self.backward_reads)
        flags = [
            (abi.LAYER_IN_PLACE, self.in_place),
            (abi.LAYER_IDENTITY_IN_INFERENCE, self.identity_in_inference),
            (abi.LAYER_NOT_DIFFERENTIABLE, not self.differentiable),
            (abi.LAYER_PREPARED_COUNT, self._declared.prepared.size(1)),
            (abi.LAYER_OPERATION_COUNT, self.operations),
            (abi.LAYER_FUNCTION, _function(self.function)),
        ]
        yield from ((number, int(value)) for number, value in flags if value)
        for index in self.non_differentiable_inputs:
            yield abi.LAYER_INPUT_NOT_DIFFERENTIABLE, index


def _outputs(result: Any, are_declared: bool) -> list[tuple[str | None, Any]]:
    """The outputs that ``build`` returned, each with a name or None."""
    if result is None:
        if not are_declared:
            raise ShapeMismatchError("build returned None and added no output: return its shape")
        return []
    if are_declared:
        raise ShapeMismatchError("build added outputs and returned some as well: do one of both")
    if isinstance(result, Mapping):
        return list(result.items())
    shapes = list(result)
    if any(isinstance(item, (tuple, list)) for item in shapes):
        return [(None if index == 0 else f"output{index}", shape)
                for index, shape in enumerate(shapes)]
    return [(None, shapes)]


def _reads(names: str | Iterable[str]) -> int:
    listed = {names} if isinstance(names, str) else set(names)
    if not listed <= {"inputs", "outputs"}:
        raise InvalidArgumentError(
            f"backward_reads is made of \"inputs\" and \"outputs\", got {names!r}")
    return (abi.READS_INPUTS * ("inputs" in listed)) + (abi.READS_OUTPUTS * ("outputs" in listed))


def _function(name: str | None) -> int:
    known = {None: abi.FUNCTION_OTHER, "rectifier": abi.FUNCTION_RECTIFIER,
             "sigmoid": abi.FUNCTION_SIGMOID, "softmax": abi.FUNCTION_SOFTMAX}
    if name not in known:
        raise InvalidArgumentError(
            f"function is \"rectifier\", \"sigmoid\", \"softmax\" or None, got {name!r}")
    return known[name]
