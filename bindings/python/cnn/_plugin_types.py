"""Classes as the types of the plugin interface: descriptions for C, and functions behind them."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from ctypes import POINTER, byref, c_int32, pointer, py_object
from typing import Any, ClassVar

from . import _callbacks, _ffi
from . import _plugin_abi as abi
from ._plugin_host import Instances, Refused, callback
from .attribute import REQUIRED, Attribute, declared
from .calls import LossCall, OptimizerCall
from .errors import InvalidArgumentError
from .layer import Layer
from .layer_calls import BackwardCall, ForwardCall, PrepareCall
from .layer_memory import Workspace
from .loss import Loss
from .optimizer import Optimizer

_KINDS = {
    "integer": abi.ATTRIBUTE_INTEGER, "number": abi.ATTRIBUTE_NUMBER,
    "boolean": abi.ATTRIBUTE_BOOLEAN, "string": abi.ATTRIBUTE_STRING,
    "choice": abi.ATTRIBUTE_CHOICE, "pair": abi.ATTRIBUTE_PAIR, "padding": abi.ATTRIBUTE_PADDING,
    "integers": abi.ATTRIBUTE_INTEGERS,
}
_INITIALIZERS = {
    "zeros": abi.INIT_ZEROS, "normal": abi.INIT_NORMAL, "uniform": abi.INIT_UNIFORM,
    "he": abi.INIT_HE, "xavier": abi.INIT_XAVIER,
}


_MOST_NUMBERS = 1 << 48  # far below overflow, far above any memory


class _Type:
    """A type that was registered: the class behind it, and what C knows of that."""

    _all: ClassVar[dict[tuple[str, str], _Type]] = {}

    def __init__(self, function: str, kind: type[Any], *known: Any) -> None:
        self._name = function, kind.id
        self.kind = kind
        attributes = [{**vars(given), "doc": ""} for given in declared(kind).values()]
        self._known = (*known, repr(attributes))

    def replace(self) -> bool:
        """Puts the class in the place of the one that has its name, if there is one."""
        other = self._all.get(self._name)
        if other is None:
            return False
        if other._known != self._known:
            raise InvalidArgumentError(
                f"{self.kind.id!r} cannot be replaced by a class with other attributes, inputs, "
                "methods or version, because models may refer to them: take another id")
        other.kind = self.kind
        return True

    def register(self, description: ctypes.Structure) -> None:
        """Registers the type; its functions stay for the life of the process.

        Not only for that of a module: models may still be freed while the interpreter ends.
        """
        _callbacks.registered = True
        _ffi.call(self._name[0], byref(description))
        ctypes.pythonapi.Py_IncRef(py_object(description))
        self._all[self._name] = self


# ---- Attributes ----------------------------------------------------------------------------------

def _attributes(kind: type) -> tuple[int, Any]:
    """The declarations of a class as C takes them."""
    structs = [_attribute(attribute) for attribute in declared(kind).values()]
    return len(structs), (POINTER(abi.Attribute) * max(1, len(structs)))(*map(pointer, structs))


def _attribute(given: Attribute[Any]) -> abi.Attribute:
    default = None if given.default is REQUIRED else _ffi.json_text(given.default)
    minimum, maximum = given.limits
    return abi.new(
        abi.Attribute, name=_ffi.text(given.name), kind=_KINDS[given.kind],
        choice_count=len(given.choices or ()), choices=_ffi.names(given.choices), minimum=minimum,
        maximum=maximum, default_json=default, summary=_ffi.text(given.doc))


def _values(kind: type, given: Any) -> dict[str, Any]:
    """The values of attributes by their names in Python."""
    return {name: _value(given.attributes[index].contents)
            for index, name in enumerate(declared(kind))}


def _value(given: abi.AttributeValue) -> Any:
    if given.is_null:
        return None
    if given.kind == abi.ATTRIBUTE_INTEGER:
        return given.integer
    if given.kind == abi.ATTRIBUTE_NUMBER:
        return given.number
    if given.kind == abi.ATTRIBUTE_BOOLEAN:
        return bool(given.integer)
    if given.text is not None:
        return given.text.decode("utf-8")
    numbers = tuple(given.integers[: given.integer_count])
    return (numbers[:2], numbers[2:]) if given.kind == abi.ATTRIBUTE_PADDING else numbers


# ---- Layers --------------------------------------------------------------------------------------

class _Builder:
    """``cnn_layer_builder`` as ``Layer`` wants it."""

    def __init__(self, raw: Any) -> None:
        self._raw = raw
        self._functions = raw.contents

    def add_output(self, shape: Sequence[int], name: str | None, differentiable: bool) -> None:
        """Declares an output."""
        flags = 0 if differentiable else abi.OUTPUT_NOT_DIFFERENTIABLE
        _accept(self._functions.add_output(
            self._raw, _ffi.text(name), byref(_shape(shape)), flags))

    def add_array(
        self, kind: str, name: str, shape: Sequence[int], initializer: str | float, value: float,
        fan_in: int, fan_out: int, decays: bool, file_axes: Sequence[int] | None,
    ) -> None:
        """Declares a "parameter" or a "state"."""
        axes = None
        if file_axes is not None:
            if len(file_axes) != len(shape):
                raise ValueError(
                    f"file_axes of {name!r} has {len(file_axes)} axes, not {len(shape)}")
            axes = (c_int32 * len(file_axes))(*map(_ffi.integer, file_axes))
        number, value = _initializer(initializer, value)
        struct = abi.new(
            abi.Parameter, name=_ffi.text(name), shape=_shape(shape), initializer=number,
            decays=bool(decays), initializer_value=value, fan_in=_ffi.integer(fan_in),
            fan_out=_ffi.integer(fan_out), file_axes=axes)
        _accept(getattr(self._functions, f"add_{kind}")(self._raw, byref(struct)))

    def set(self, number: int, value: int) -> None:
        """Sets a property."""
        _accept(self._functions.set(self._raw, number, _ffi.integer(value)))


def _accept(status: int) -> None:
    if status:
        raise Refused(status)


def _shape(sizes: Sequence[int]) -> abi.Shape:
    if len(sizes) > abi.SHAPE_MAX_RANK:
        raise ValueError(f"shapes have at most {abi.SHAPE_MAX_RANK} axes, got {tuple(sizes)}")
    result = abi.Shape(rank=len(sizes))
    for axis, size in enumerate(sizes):
        result.sizes[axis] = _ffi.integer(size)
    return result


def _initializer(given: str | float, value: float) -> tuple[int, float]:
    if not isinstance(given, str):
        return abi.INIT_CONSTANT, float(given)
    if given == "ones":
        return abi.INIT_CONSTANT, 1.0
    if given not in _INITIALIZERS:
        known = ", ".join(["ones", *_INITIALIZERS])
        raise ValueError(f"an initializer is a number or one of {known}; got {given!r}")
    return _INITIALIZERS[given], float(value)


def _arity(kind: type[Layer]) -> tuple[int, int]:
    given = kind.inputs
    limits = given if isinstance(given, tuple) and len(given) == 2 else (given, given)
    try:
        least, most = (abi.MAXIMUM_INPUTS if limit is None else _ffi.integer(limit)
                       for limit in limits)
    except (TypeError, ValueError):
        least, most = 0, 0
    if not 1 <= least <= most <= abi.MAXIMUM_INPUTS:
        raise TypeError(
            f"inputs of class {kind.__name__} is a number or (least, most), from 1 to "
            f"{abi.MAXIMUM_INPUTS}; got {given!r}")
    return least, most


def _version(kind: type[Layer]) -> int:
    if not isinstance(kind.version, int) or not 1 <= kind.version < 1 << 31:
        raise TypeError(
            f"version of class {kind.__name__} is a number from 1, got {kind.version!r}")
    return kind.version


def _extra(layer: Layer, given: Any, training: bool) -> Workspace:
    if type(layer).workspace is Layer.workspace:
        return Workspace()
    wanted = layer.workspace(given.batch, training, given.concurrency)
    if not isinstance(wanted, Workspace):
        raise TypeError(f"workspace returns a cnn.Workspace, got {wanted!r}")
    sizes = [_ffi.integer(size)
             for size in (wanted.cache, wanted.forward_scratch, wanted.backward_scratch)]
    if min(sizes) < 0 or max(sizes) > _MOST_NUMBERS:
        raise InvalidArgumentError(f"workspace returned {wanted!r}, whose sizes make no sense")
    return wanted


def _host(_: Any, call: Any, *others: Any) -> Any:
    return call.contents.host


def _host_of_first(given: Any, *others: Any) -> Any:
    return given.contents.host


def register_layer(kind: type[Layer], replace: bool) -> None:
    """Registers a layer type."""
    kind._check(Layer, "forward")
    least, most = _arity(kind)
    has_prepare = kind.prepare is not Layer.prepare
    has_backward = kind.backward is not Layer.backward
    type_ = _Type(
        "cnn_layer_register", kind, least, most, _version(kind), has_prepare, has_backward)
    if replace and type_.replace():
        return
    instances = Instances()

    def create(builder: Any, _: Any, out_layer: Any) -> None:
        given, current = builder.contents, type_.kind
        layer = current._make(_values(current, given))
        layer._build(_Builder(builder), tuple(s.axes() for s in given.inputs[: given.input_count]))
        instances.add(layer, out_layer)

    def workspace(address: int, request: Any, answer: Any) -> None:
        layer, asked, wanted = instances[address], request.contents, answer.contents
        extra, batch = _extra(layer, asked, bool(asked.training)), asked.batch
        declared = layer._declared
        wanted.cache = extra.cache + declared.cache.size(batch)
        wanted.forward_scratch = extra.forward_scratch + declared.forward_scratch.size(batch)
        wanted.backward_scratch = extra.backward_scratch + declared.backward_scratch.size(batch)

    def forward(address: int, raw: Any) -> None:
        layer, given = instances[address], raw.contents
        call = ForwardCall(given, layer._declared, _extra(layer, given, bool(given.training)))
        call._finish(layer.forward(call, *call.inputs))
        call._close().collect("forward")

    def backward(address: int, raw: Any) -> None:
        layer, given = instances[address], raw.contents
        call = BackwardCall(given, layer._declared, _extra(layer, given, True))
        call._finish(layer.backward(call, *call.output_gradients))
        call._close().collect("backward")

    def prepare(address: int, raw: Any) -> None:
        layer = instances[address]
        call = PrepareCall(raw.contents, layer._declared, Workspace())
        layer.prepare(call)
        call._close().collect("prepare")

    def function(prototype: Any, body: Any, is_there: bool = True) -> Any:
        return callback(prototype, body.__name__, _host, body) if is_there else prototype()

    count, attributes = _attributes(kind)
    type_.register(abi.new(
        abi.LayerType, id=_ffi.text(kind.id), version=_version(kind),
        minimum_inputs=least, maximum_inputs=most, attribute_count=count, attributes=attributes,
        summary=_ffi.text(kind._summary()),
        create=callback(abi.LayerCreate, "build", _host_of_first, create),
        destroy=instances.destroy, workspace=function(abi.LayerWorkspace, workspace),
        prepare=function(abi.LayerPrepare, prepare, has_prepare),
        forward=function(abi.LayerForward, forward),
        backward=function(abi.LayerBackward, backward, has_backward)))


# ---- Losses and optimizers -----------------------------------------------------------------------

def _create(type_: _Type, instances: Instances) -> Any:
    """The function that makes a loss or an optimizer."""

    def create(creation: Any, _: Any, out_instance: Any) -> None:
        current = type_.kind
        instance = current._make(_values(current, creation.contents))
        instance.build()
        instance._freeze()
        instances.add(instance, out_instance)

    return callback(abi.Create, "build", _host_of_first, create)


def register_loss(kind: type[Loss], replace: bool) -> None:
    """Registers a loss."""
    kind._check(Loss, "evaluate")
    type_ = _Type("cnn_loss_register", kind, _targets(kind))
    if replace and type_.replace():
        return
    instances = Instances()

    def check(address: int, host: Any, shape: Any) -> None:
        instances[address].check(shape.contents.axes())

    def evaluate(address: int, raw: Any, out_loss: Any) -> None:
        call = LossCall(raw.contents)
        out_loss[0] = call._finish(instances[address].evaluate(call, call.output, call.target))
        call._close().collect("evaluate")

    count, attributes = _attributes(kind)
    type_.register(abi.new(
        abi.LossType, id=_ffi.text(kind.id), summary=_ffi.text(kind._summary()),
        targets=_targets(kind), attribute_count=count, attributes=attributes,
        create=_create(type_, instances), destroy=instances.destroy,
        check=callback(abi.LossCheck, "check", lambda _, host, shape: host, check),
        evaluate=callback(abi.LossEvaluate, "evaluate", _host, evaluate)))


def _targets(kind: type[Loss]) -> int:
    given = kind.targets
    listed = {given} if isinstance(given, str) else set(given)
    if not listed or not listed <= {"labels", "values"}:
        raise TypeError(
            f"targets of class {kind.__name__} is \"labels\", \"values\" or both, got {given!r}")
    return ((abi.TARGETS_LABELS * ("labels" in listed))
            + (abi.TARGETS_VALUES * ("values" in listed)))


def register_optimizer(kind: type[Optimizer], replace: bool) -> None:
    """Registers an optimizer."""
    kind._check(Optimizer, "update")
    names, rate = _ffi.strings(kind.state_names), float(kind.default_learning_rate)
    whole = bool(kind.needs_whole_parameters)
    type_ = _Type("cnn_optimizer_register", kind, names, rate, whole)
    if replace and type_.replace():
        return
    instances = Instances()

    def update(address: int, raw: Any) -> None:
        call = OptimizerCall(raw.contents)
        if instances[address].update(call, *call._arrays(len(names))) is not None:
            raise TypeError("update changes its arrays in place, with -= and the like, and returns "
                            "nothing")
        call._close().collect("update")

    count, attributes = _attributes(kind)
    type_.register(abi.new(
        abi.OptimizerType, id=_ffi.text(kind.id), summary=_ffi.text(kind._summary()),
        attribute_count=count, state_count=len(names), attributes=attributes,
        state_names=_ffi.names(names), default_learning_rate=rate, needs_whole_parameters=whole,
        create=_create(type_, instances), destroy=instances.destroy,
        update=callback(abi.OptimizerUpdate, "update", _host, update)))
