"""Runs every test of the project and prints one closing line that counts them.

Expects that `make build` has been run. Stages can be named to run only those:

    .venv/bin/python Tools/run_tests.py swift c python
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / ".build" / "release"
SWIFT = os.environ.get("SWIFT", "swift")
WARNINGS = ["-Wall", "-Wextra", "-pedantic", "-Werror"]
SKIPPED = 77  # the exit status by which a C or shell test says that it cannot run here


@dataclass
class Count:
    """How many tests passed, failed and were skipped."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __add__(self, other: Count) -> Count:
        return Count(
            self.passed + other.passed, self.failed + other.failed, self.skipped + other.skipped
        )


def library_environment() -> dict[str, str]:
    """The environment in which programs find the library that was just built."""
    path = os.pathsep.join(filter(None, [str(BUILD), os.environ.get("LD_LIBRARY_PATH")]))
    return {**os.environ, "LD_LIBRARY_PATH": path, "CNN_LIBRARY": str(BUILD / "libcnn.so")}


def swift_tests() -> Count:
    """The tests of the Swift modules."""
    if subprocess.call([SWIFT, "build", "-c", "release", "--build-tests"], cwd=ROOT):
        return Count(failed=1)
    process = subprocess.Popen(
        [SWIFT, "test", "-c", "release", "--skip-build"],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env={**os.environ, "CNN_TEST_PYTHON": sys.executable},
    )
    total, failed, skipped = 0, 0, 0
    for line in process.stdout:
        # One line for every test that passes says nothing that the count does not.
        if not re.search(r"^[◇✔]", line) or "Test run" in line:
            print(line, end="", flush=True)
        if match := re.search(r"Test run with (\d+) tests?", line):
            total = int(match[1])
        if re.search(r"^✘ Test .*failed after", line) and "Test run" not in line:
            failed += 1
        if re.search(r"^➜ Test .* skipped", line):
            skipped += 1
    if process.wait() and not failed:
        failed = 1
    return Count(max(0, total - failed - skipped), failed, skipped)


def run_one(name: str, command: list[str]) -> Count:
    """Runs a program whose exit status says whether the test passed."""
    started = time.monotonic()
    result = subprocess.run(
        command, cwd=ROOT, env=library_environment(), capture_output=True, text=True
    )
    seconds = time.monotonic() - started
    output = (result.stdout + result.stderr).strip()
    if result.returncode == SKIPPED:
        print(f"skipped {name}: {output}")
        return Count(skipped=1)
    if result.returncode:
        print(f"FAILED  {name} (status {result.returncode})\n{output}")
        return Count(failed=1)
    # A program that counts its own cases says so in its last line.
    counted = re.search(r"(\d+) passed(?:, 0 failed)?\s*$", output)
    print(f"passed  {name} ({seconds:.1f} s)" + (f": {counted[1]} cases" if counted else ""))
    return Count(passed=int(counted[1]) if counted else 1)


def c_tests() -> Count:
    """Programs in C and C++ against header and library alone."""
    total = Count()
    programs = ROOT / ".build" / "c-tests"
    programs.mkdir(exist_ok=True)
    for source in sorted((ROOT / "Tests" / "c").iterdir()):
        if source.suffix == ".sh":
            total += run_one(source.name, ["sh", str(source), str(BUILD / "libcnn.so")])
            continue
        if source.suffix not in (".c", ".cc"):
            continue
        compiler = ["gcc", "-std=c11"] if source.suffix == ".c" else ["g++", "-std=c++11"]
        program = programs / source.stem
        compiled = subprocess.run(
            [*compiler, *WARNINGS, "-O1", "-g", f"-I{ROOT / 'include'}", str(source), "-o",
             str(program), f"-L{BUILD}", "-lcnn", "-lpthread", "-lm"],
            capture_output=True, text=True,
        )
        if compiled.returncode:
            print(f"FAILED  {source.name} does not compile\n{compiled.stderr}")
            total += Count(failed=1)
            continue
        total += run_one(source.name, [str(program)])
    return total


def python_tests() -> Count:
    """The Python package, the examples in every language, and the agreement with peers."""
    package = ROOT / "bindings" / "python"
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
               "--force-reinstall", "--no-deps", str(package)]
    if subprocess.call(install, cwd=ROOT, env=library_environment()):
        print("FAILED  pip install bindings/python")
        return Count(failed=1)
    report = ROOT / ".build" / "pytest.xml"
    report.unlink(missing_ok=True)
    status = subprocess.call(
        [sys.executable, "-m", "pytest", "-q", "-rs", f"--junitxml={report}",
         "-p", "no:cacheprovider", str(package / "tests"), str(ROOT / "Tests" / "python")],
        cwd=ROOT, env=library_environment(),
    )
    if not report.exists():
        return Count(failed=1)
    suite = ElementTree.parse(report).getroot().find("testsuite")
    tests, skipped = int(suite.get("tests")), int(suite.get("skipped"))
    failed = int(suite.get("failures")) + int(suite.get("errors"))
    if status and not failed:
        failed = 1
    return Count(max(0, tests - failed - skipped), failed, skipped)


STAGES = {"swift": swift_tests, "c": c_tests, "python": python_tests}


def main() -> int:
    """Runs the stages and returns the exit status."""
    names = sys.argv[1:] or list(STAGES)
    if unknown := [name for name in names if name not in STAGES]:
        print(f"unknown stage {unknown[0]}; expected: {', '.join(STAGES)}", file=sys.stderr)
        return 2
    total = Count()
    for name in names:
        print(f"== {name}", flush=True)
        started = time.monotonic()
        count = STAGES[name]()
        total += count
        print(f"== {name}: {count.passed} passed, {count.failed} failed, {count.skipped} skipped "
              f"in {time.monotonic() - started:.0f} s", flush=True)
    print(f"{total.passed} passed, {total.failed} failed, {total.skipped} skipped")
    return 1 if total.failed or not total.passed else 0


if __name__ == "__main__":
    sys.exit(main())
