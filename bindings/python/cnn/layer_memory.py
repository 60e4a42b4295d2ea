"""Memory of layers in Python: what they declare, and how calls find it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ._plugin_host import Array
from .calls import Shape
from .errors import UnknownNameError

_ALIGNMENT = 16  # in floats: pieces of memory begin where vectors of 64 bytes do


@dataclass(frozen=True)
class Workspace:
    """How many numbers of temporary memory calls need; see ``Layer.workspace``."""

    cache: int = 0
    forward_scratch: int = 0
    backward_scratch: int = 0


@dataclass
class Room:
    """Named pieces of memory, one behind the other: each a shape, and whether for each sample."""

    pieces: dict[str, tuple[Shape, bool]] = field(default_factory=dict)

    def size(self, batch: int) -> int:
        """How many numbers all pieces take."""
        return sum(self._padded(shape, batch) for shape in self._shapes(batch).values())

    def arrays(self, memory: Array, batch: int) -> dict[str, Array]:
        """The pieces of memory that holds at least ``size``."""
        found, start = {}, 0
        for name, shape in self._shapes(batch).items():
            found[name] = memory[start : start + math.prod(shape)].reshape(shape)
            start += self._padded(shape, batch)
        return found

    def _shapes(self, batch: int) -> dict[str, Shape]:
        return {name: (batch, *shape) if by_sample else shape
                for name, (shape, by_sample) in self.pieces.items()}

    @staticmethod
    def _padded(shape: Shape, batch: int) -> int:
        return -(-math.prod(shape) // _ALIGNMENT) * _ALIGNMENT


@dataclass
class Declarations:
    """What a layer declared while it was built."""

    inputs: tuple[Shape, ...] = ()
    outputs: list[Shape] = field(default_factory=list)
    parameters: dict[str, Shape] = field(default_factory=dict)
    states: dict[str, Shape] = field(default_factory=dict)
    prepared: Room = field(default_factory=Room)
    cache: Room = field(default_factory=Room)
    forward_scratch: Room = field(default_factory=Room)
    backward_scratch: Room = field(default_factory=Room)


class Arrays(Mapping[str, Any]):
    """Arrays by name, to be changed in place: ``arrays[name] += x`` and ``arrays[name][:] = x``."""

    def __init__(self, arrays: dict[str, Any]) -> None:
        self._arrays = arrays

    def __getitem__(self, name: str) -> Any:
        try:
            return self._arrays[name]
        except KeyError:
            valid = ", ".join(map(repr, self._arrays)) or "nothing"
            raise UnknownNameError(f"the layer has {valid} here, and no {name!r}") from None

    def __setitem__(self, name: str, value: Any) -> None:
        # What `arrays[name] += x` does at its end is the only assignment that means anything.
        if value is not self[name]:
            raise TypeError(
                f"the memory of {name!r} is the library's: write arrays[{name!r}][:] = ... or "
                f"arrays[{name!r}] += ...")

    def __iter__(self) -> Iterator[str]:
        return iter(self._arrays)

    def __len__(self) -> int:
        return len(self._arrays)
