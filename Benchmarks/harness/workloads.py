"""What is measured: networks and workloads, read from ``shapes.json``, which all sides share."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SHAPES = Path(__file__).resolve().parent.parent / "shapes.json"

MODES = {
    "predict": "outputs from inputs, with the parameters fixed",
    "train": "forward, softmax loss, backward, update of the parameters",
    "gradients": "forward, and backward to the input and to the weights",
}
OPTIMIZERS = ("momentum", "adam", "adagrad")


class ShapesError(Exception):
    """The file of shapes says something that cannot be measured."""


@dataclass(frozen=True)
class Workload:
    """A network, what is done with it, and by how much cnn should be faster.

    ``at_least`` is the ratio of the best peer's time to cnn's that is aimed at, and
    ``at_least_onednn`` the same against oneDNN where that differs. ``network`` is a dictionary
    with "named" (an architecture of the library) or "graph", and perhaps "options".
    """

    name: str
    title: str
    network_name: str
    network: dict[str, Any]
    mode: str
    batch: int
    at_least: float | None = None
    at_least_onednn: float | None = None
    optimizer: dict[str, Any] | None = None

    def to_json(self) -> dict[str, Any]:
        """What a process that measures has to know."""
        return {**self.__dict__}


@dataclass(frozen=True)
class Scaling:
    """A workload of cnn alone at several batch sizes or image sizes."""

    axis: str
    network_name: str
    values: tuple[int, ...]
    workloads: tuple[Workload, ...]


@dataclass(frozen=True)
class Shapes:
    """All that the file of shapes holds."""

    workloads: tuple[Workload, ...]
    scaling: tuple[Scaling, ...]


def load(path: Path = SHAPES) -> Shapes:
    """Reads and checks the file of shapes.

    Raises:
        ShapesError: it does not say what it should.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError) as error:
        raise ShapesError(f"{path}: {error}") from error
    networks = content.get("networks", {})
    workloads = tuple(_workload(entry, networks) for entry in content.get("workloads", []))
    names = [workload.name for workload in workloads]
    if not names or len(set(names)) != len(names):
        raise ShapesError(f"{path}: workloads need names that differ, got {names}")
    return Shapes(workloads, tuple(_scaling(entry, networks) for entry in content["scaling"]))


def select(workloads: tuple[Workload, ...], only: str | None) -> list[Workload]:
    """The workloads that the comma-separated words name, in full or in part; all without words.

    Raises:
        ShapesError: a word fits none.
    """
    if not only:
        return list(workloads)
    chosen: set[str] = set()
    names = [workload.name for workload in workloads]
    for word in filter(None, (word.strip() for word in only.split(","))):
        fitting = [word] if word in names else [name for name in names if word in name]
        if not fitting:
            raise ShapesError(f"no workload is called {word!r}; there are {', '.join(names)}")
        chosen.update(fitting)
    return [workload for workload in workloads if workload.name in chosen]


def _workload(entry: dict[str, Any], networks: dict[str, Any]) -> Workload:
    try:
        values = dict(entry)
        network_name = values.pop("network")
        workload = Workload(network_name=network_name, network=networks[network_name], **values)
    except (KeyError, TypeError) as error:
        raise ShapesError(f"workload {entry}: {error}") from error
    if workload.mode not in MODES:
        raise ShapesError(f"{workload.name}: mode {workload.mode!r} is none of {list(MODES)}")
    if not isinstance(workload.batch, int) or workload.batch < 1:
        raise ShapesError(f"{workload.name}: batch is from 1, got {workload.batch!r}")
    if workload.mode == "train" and (workload.optimizer or {}).get("type") not in OPTIMIZERS:
        raise ShapesError(f"{workload.name}: training needs an optimizer of {OPTIMIZERS}")
    if not {"named", "graph"} & workload.network.keys():
        raise ShapesError(f"{workload.name}: the network needs \"named\" or \"graph\"")
    return workload


def _scaling(entry: dict[str, Any], networks: dict[str, Any]) -> Scaling:
    axis, name = entry["axis"], entry["network"]
    if axis not in ("batch", "size"):
        raise ShapesError(f"a scaling is over \"batch\" or \"size\", got {axis!r}")
    workloads = []
    for value in entry["values"]:
        network = dict(networks[name])
        if axis == "size":
            network["options"] = {"input_shape": [value, value, 3]}
        workloads.append(_workload({
            "name": f"scaling-{name}-{entry['mode']}-{axis}-{value}", "title": str(value),
            "network": name, "mode": entry["mode"], "optimizer": entry.get("optimizer"),
            "batch": value if axis == "batch" else entry["batch"]}, {name: network}))
    return Scaling(axis, name, tuple(entry["values"]), tuple(workloads))
