"""Our side, through the Python package as users have it."""

from __future__ import annotations

from typing import Any

import cnn
import numpy as np
from harness import graph
from harness.timing import Job, Task


def make_model(network: dict[str, Any]) -> cnn.Model:
    """The model of a network in the file of shapes."""
    if "named" in network:
        return cnn.Model.named(network["named"], **network.get("options", {}))
    return cnn.Model(network["graph"])


def prepare(request: dict[str, Any]) -> dict[str, Any]:
    """What all sides need to build the same network; stores the parameters in a file."""
    model = make_model(request["network"])
    model.save(request["weights"])
    return {
        "source": request["network"], "graph": model.graph, "parameters": model.parameter_count,
        "classes": model.outputs[0].shape[-1], "weights": request["weights"],
    }


def task(job: Job) -> Task:
    """Prepares a session or a training."""
    cnn.set_num_threads(job.threads)
    model = make_model(job.network["source"])
    version = f"{cnn.version()} ({cnn.cpu_variant()})"
    samples = graph.Graph.read(model.graph).samples(job.batch)
    build = {"predict": _predict, "train": _train, "gradients": _gradients}[job.mode]
    result = build(model, samples, job)
    result.version, result.parameters = version, model.parameter_count
    return result


def _predict(model: cnn.Model, samples: np.ndarray[Any, Any], job: Job) -> Task:
    session = cnn.Session(model, batch_size=job.batch)
    session.input_view(batch=job.batch)[...] = samples
    return Task(session.run_views, "", result=lambda: session.output().ravel()[:8].tolist())


def _train(model: cnn.Model, samples: np.ndarray[Any, Any], job: Job) -> Task:
    options = dict(job.optimizer or {})
    rate = options.pop("learning_rate")
    training = cnn.Training(
        model, batch_size=job.batch, optimizer=options, learning_rate=rate)
    training.set_input(samples)
    training.set_labels(graph.labels(job.batch, model.outputs[0].shape[-1]))
    return Task(training.run_step, "", notes={"first_loss": training.run_step()})


def _gradients(model: cnn.Model, samples: np.ndarray[Any, Any], job: Job) -> Task:
    training = cnn.Training(model, batch_size=job.batch, loss="none", input_gradients=True)
    training.set_input(samples)
    training.forward()
    gradient = np.ones_like(training.output())

    def forward() -> None:
        training.zero_gradients()
        training.forward()

    def write_gradient() -> None:
        training.output_gradient()[...] = gradient

    return Task(forward, "", interlude=write_gradient, rest=training.backward,
                result=lambda: training.input_gradient().ravel()[:8].tolist())
