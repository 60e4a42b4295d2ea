"""On what, when and with which commit was measured."""

from __future__ import annotations

import datetime
import os
import platform
import subprocess
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


def describe() -> dict[str, Any]:
    """The processor, its number of cores, the system, the date and the commit."""
    return {
        "cpu": _processor(), "cores": os.cpu_count(), "memory_gb": round(_memory_gb(), 1),
        "instructions": _instructions(), "system": platform.platform(),
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "commit": commit(),
    }


def commit() -> str:
    """The commit that is checked out, with "+" if files differ from it."""
    def git(*arguments: str) -> str:
        return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True,
                              check=False).stdout.strip()

    changed = git("status", "--porcelain", "--untracked-files=no", "--", "Sources", "include")
    return git("rev-parse", "--short", "HEAD") + ("+" if changed else "")


def _processor() -> str:
    text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    values = {}
    for line in text.split("\n\n", 1)[0].splitlines():
        key, _, value = line.partition(":")
        values[key.strip()] = value.strip()
    return (f"{values.get('model name', 'unknown')} (family {values.get('cpu family', '?')}, "
            f"model {values.get('model', '?')})")


def _instructions() -> str:
    text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    return ", ".join(name for name, flag in (
        ("AVX2", " avx2"), ("FMA", " fma"), ("AVX-512", " avx512f")) if flag in text)


def _memory_gb() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
