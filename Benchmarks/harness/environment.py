"""The throw-away place where peers are installed, and how a process of each is started."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .machine import ROOT

BUILD = ROOT / ".build" / "benchmarks"
VENV = BUILD / "venv"
BENCHMARKS = ROOT / "Benchmarks"
PACKAGES = {
    "torch": ["torch"], "onnxruntime": ["onnxruntime", "onnx"], "tensorflow": ["tensorflow-cpu"],
}
# What makes the peers do without AVX-512, as on most machines. ONNX Runtime has no such switch.
AVX2_ONLY = {"ONEDNN_MAX_CPU_ISA": "AVX2", "DNNL_MAX_CPU_ISA": "AVX2",
             "ATEN_CPU_CAPABILITY": "avx2"}
ONEDNN_HEADER = Path("/usr/include/oneapi/dnnl/dnnl.h")


class Failed(Exception):
    """A process did not do its work; the text says why."""


def python(side: str) -> str:
    """The interpreter of a side: ours may be the one that runs, peers have their own."""
    own = VENV / "bin" / "python"
    return sys.executable if side == "cnn" or not own.exists() else str(own)


def install(peers: list[str]) -> dict[str, str]:
    """Installs peers into the virtual environment and compiles the oneDNN program.

    Returns:
        For each peer that cannot be had, the reason.
    """
    missing = {}
    BUILD.mkdir(parents=True, exist_ok=True)
    if not VENV.exists():
        print(f"creating {VENV}", flush=True)
        subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=True)
    wanted = {"chart": ["numpy", "matplotlib"]}
    wanted |= {peer: PACKAGES[peer] for peer in peers if peer in PACKAGES}
    for peer, packages in wanted.items():
        if reason := _install_packages(packages):
            missing[peer] = reason
    if "onednn" in peers and (reason := _compile_onednn()):
        missing["onednn"] = reason
    missing.pop("chart", None)
    return missing


def _install_packages(packages: list[str]) -> str | None:
    done = VENV / f".installed-{'-'.join(packages)}"
    if done.exists():
        return None
    print(f"installing {', '.join(packages)}", flush=True)
    result = subprocess.run(
        [str(VENV / "bin" / "python"), "-m", "pip", "install", "--quiet",
         "--disable-pip-version-check", *packages], capture_output=True, text=True, check=False)
    if result.returncode:
        lines = result.stderr.strip().splitlines() or ["pip failed"]
        return lines[-1]
    done.touch()
    return None


def _compile_onednn() -> str | None:
    if not ONEDNN_HEADER.exists():
        return "apt-get install libdnnl-dev"
    result = subprocess.run(
        ["cc", "-O2", "-o", str(BUILD / "onednn_peer"),
         str(BENCHMARKS / "peers" / "onednn_peer.c"), "-ldnnl"],
        capture_output=True, text=True, check=False)
    return result.stderr.strip() or None if result.returncode else None


def environment(threads: int) -> dict[str, str]:
    """The environment of a process that measures."""
    values = {
        **os.environ, "PYTHONPATH": str(ROOT / "bindings" / "python"),
        "OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads),
        "OPENBLAS_NUM_THREADS": str(threads), "TF_CPP_MIN_LOG_LEVEL": "2",
        "CUDA_VISIBLE_DEVICES": "",
        "TORCHINDUCTOR_CACHE_DIR": str(BUILD / "torchinductor"),
    }
    values["CNN_LIBRARY"] = str(library())
    return values


def library() -> Path:
    """Our library: the one that was built, or that the environment names."""
    named = os.environ.get("CNN_LIBRARY")
    return Path(named or ROOT / ".build" / "release" / "libcnn.so").resolve()


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """Holds a lock that only one benchmark of the machine has at a time."""
    with (Path(tempfile.gettempdir()) / f"cnn-benchmark-{os.getuid()}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def run(command: list[str], *, threads: int, timeout: float) -> dict[str, Any]:
    """Runs a process whose last line of output is JSON.

    Raises:
        Failed: it ended with an error, or took longer than ``timeout`` seconds.
    """
    try:
        result = subprocess.run(
            command, cwd=ROOT, env=environment(threads), capture_output=True, text=True,
            timeout=timeout, check=False, start_new_session=True)
    except subprocess.TimeoutExpired as error:
        raise Failed(f"took more than {timeout:.0f} s") from error
    lines = (result.stdout.strip() or "{}").splitlines()
    if result.returncode:
        errors = [line for line in result.stderr.strip().splitlines() if line.strip()]
        raise Failed((errors or lines)[-1][:300])
    return dict(json.loads(lines[-1]))


def run_worker(
    side: str, request: dict[str, Any], *, threads: int, timeout: float
) -> dict[str, Any]:
    """Runs ``worker.py`` for a side, with a request in a file."""
    BUILD.mkdir(parents=True, exist_ok=True)
    path = BUILD / f"request-{os.getpid()}-{side}.json"
    path.write_text(json.dumps(request), encoding="utf-8")
    try:
        return run([python(side), str(BENCHMARKS / "worker.py"), side, str(path)],
                   threads=threads, timeout=timeout)
    finally:
        path.unlink(missing_ok=True)
