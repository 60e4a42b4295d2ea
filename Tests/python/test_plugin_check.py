"""`cnn plugin-check` passes plugins that are right, and finds what is wrong with the others."""

from __future__ import annotations

import json
import os
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from plugin_support import COMMAND, EXAMPLES, FAULTS, ROOT, compile_plugin, has_compiler, listed

MORE_FAULTS = ROOT / "Tests" / "plugins" / "check" / "more_faults.c"
PLUGINS = sorted(
    path for path in EXAMPLES.glob("*.c") if "cnn_plugin_entry(" in path.read_text(encoding="utf-8"))

pytestmark = [
    pytest.mark.skipif(not COMMAND.exists(), reason="the command is not built"),
    pytest.mark.skipif(not has_compiler(), reason="there is no C compiler"),
]

# Which check finds which fault of faults.c. (more_faults.c says so itself.)
FOUND_BY = {
    "WRONG_INPUT_GRADIENT": "gradients",
    "WRONG_PARAMETER_GRADIENT": "gradients",
    "OVERWRITES_PARAMETER_GRADIENT": "gradient-memory",
    "ADDS_INPUT_GRADIENT": "gradient-memory",
    "LEAVES_INPUT_GRADIENT": "outputs",
    "WRITES_PAST_SCRATCH": "bounds",
    "WRITES_PAST_BACKWARD_SCRATCH": "bounds",
    "WRITES_PAST_CACHE": "bounds",
    "WRITES_PAST_OUTPUT": "bounds",
    "WRITES_PAST_INPUT_GRADIENT": "bounds",
    "WRITES_BEFORE_OUTPUT": "bounds",
    "WRITES_INPUT": "read-only",
    "WRITES_PARAMETER": "read-only",
    "WRITES_OUTPUT_GRADIENT": "read-only",
    "LIES_ABOUT_SHAPE": "bounds",
    "LEAVES_OUTPUT": "outputs",
    "TRUSTS_SCRATCH": "scratch",
    "RACES": "threads",
    "CUTS_BY_CONCURRENCY": "threads",
    "LEAKS_MALLOC": "leaks",
    "LEAKS_ALLOCATE": "leaks",
    "LEAKS_IN_FORWARD": "leaks",
    "CRASHES_IN_CREATE": "create",
    "CRASHES_IN_DESTROY": "create",
    "CRASHES_ON_ONE_SAMPLE": "forward",
    "CRASHES_ON_ODD_SIZES": "forward",
    "CRASHES_WITHOUT_INPUT_GRADIENT": "optional",
    "CRASHES_ON_FROZEN_PARAMETER": "optional",
    "READS_WHAT_IS_NOT_DECLARED": "backward",
    "EXITS": "forward",
    "STATE_IN_INFERENCE": "read-only",
    "PREPARED_DISAGREES": "prepared",
    "COUNTS_CALLS": "repeat",
    "SHARES_GLOBAL": "interleaved",
    "USES_RAND": "repeat",
    "IGNORES_KEY": "random",
    "LOOPS_FOR_EVER": "forward",
    "SHORT_HEADER": "loads",
    "WRONG_MAJOR": "loads",
    "CLAIMS_RECTIFIER": "function",
    "CLAIMS_IN_PLACE": "in-place",
    "CLAIMS_IDENTITY": "identity",
    "IGNORES_ALLOCATION_FAILURE": "memory-limit",
    "SHRINKING_WORKSPACE": "workspace",
    "HUGE_WORKSPACE": "workspace",
    "NEGATIVE_WORKSPACE": "workspace",
    "ALWAYS_FAILS": "forward",
    "NOT_FINITE": "forward",
}


def expectations(source: Path) -> dict[str, str]:
    """The faults or reasons that a source lists, and what stands last in their lines."""
    return {name: last for name, _, last in listed(source)}


def run(*arguments: object, status: int | None = 0) -> subprocess.CompletedProcess[str]:
    """Runs `cnn plugin-check` and checks its exit status."""
    result = subprocess.run(
        [str(COMMAND), "plugin-check", *map(str, arguments)], capture_output=True, text=True,
        timeout=600)
    assert status is None or result.returncode == status, result.stdout + result.stderr
    return result


def failures(report: dict) -> dict[str, str]:
    """The checks that failed, with their messages."""
    return {line["check"]: line["message"] for line in report["checks"]
            if line["outcome"] == "failed"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("plugins")


@pytest.fixture(scope="module")
def examples(folder: Path) -> list[Path]:
    assert len(PLUGINS) >= 4
    return [compile_plugin(source, folder / f"{source.stem}.so") for source in PLUGINS]


@pytest.fixture(scope="module")
def found(folder: Path) -> dict[str, dict]:
    """The report of every plugin with a fault, under the fault's name."""
    def check(job: tuple[Path, str, str]) -> tuple[str, dict]:
        source, fault, expected = job
        plugin = compile_plugin(
            source, folder / f"{source.stem}-{fault}.so", f"-DFAULT={fault}")
        # What takes long, because it waits for threads to meet, only where it has to find something.
        slow = [word for name in ("concurrent-calls", "concurrent-creation") if name != expected
                for word in ("--without", name)]
        # What threads do to each other shows by chance, and not in every run on a busy machine.
        for _ in range(10 if expected.startswith("concurrent") else 1):
            result = run("--json", "--time-limit", 15, *slow, plugin, status=None)
            report = json.loads(result.stdout)[0]
            assert result.returncode == (1 if report["failed"] else 0)
            if expected in failures(report):
                break
        return f"{source.stem}-{fault}", report

    jobs = [(source, *item) for source in (FAULTS / "faults.c", MORE_FAULTS)
            for item in expectations(source).items()]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return dict(pool.map(check, jobs))


def test_example_plugins_pass(examples: list[Path]) -> None:
    result = run(*examples)
    assert "FAILED" not in result.stdout
    assert len(re.findall(r": \d+ ok, \d+ skipped, 0 failed$", result.stdout, re.M)) == len(examples)


def test_built_in_types_pass_with_all_example_plugins_loaded(examples: list[Path]) -> None:
    report = json.loads(run("--json", "--builtin", *examples).stdout)[-1]
    types = {line["type"] for line in report["checks"]}
    assert report["file"] is None and {"conv2d", "linear", "dropout", "max_unpool2d"} <= types


@pytest.mark.parametrize("fault", expectations(FAULTS / "faults.c"))
def test_faults_are_found(fault: str, found: dict[str, dict]) -> None:
    failed = failures(found[f"faults-{fault}"])
    if fault == "NONE":
        assert failed == {}
    else:
        assert fault in FOUND_BY, "a new fault: say which check finds it"
        assert FOUND_BY[fault] in failed, failed


@pytest.mark.parametrize("fault,check", expectations(MORE_FAULTS).items())
def test_more_faults_are_found(fault: str, check: str, found: dict[str, dict]) -> None:
    failed = failures(found[f"more_faults-{fault}"])
    assert check == "none" and failed == {} or check in failed, failed


def test_every_check_finds_some_fault() -> None:
    names = {row["name"] for row in json.loads(run("--list", "--json").stdout)}
    used = set(FOUND_BY.values()) | set(expectations(MORE_FAULTS).values())
    assert names - used == {"network"}, "each check needs a fault that it finds"


def test_messages_say_where_and_what(found: dict[str, dict]) -> None:
    def message(fault: str, check: str) -> str:
        return failures(found[f"faults-{fault}"])[check]

    assert "parameter \"weight\"" in message("WRITES_PARAMETER", "read-only")
    assert "SIGSEGV" in message("CRASHES_IN_CREATE", "create")
    assert "null pointer" in message("CRASHES_ON_ONE_SAMPLE", "forward")
    assert "batch 1" in message("CRASHES_ON_ONE_SAMPLE", "forward")
    assert "does not end within" in message("LOOPS_FOR_EVER", "forward")
    assert "exit code 0" in message("EXITS", "forward")
    assert "behind the end of the cache" in message("WRITES_PAST_CACHE", "bounds")


@pytest.mark.parametrize(
    "reason", [reason for reason in expectations(FAULTS / "refused.c") if reason != "NONE"])
def test_refused_plugins_fail_to_load(reason: str, folder: Path) -> None:
    plugin = compile_plugin(
        FAULTS / "refused.c", folder / f"refused-{reason}.so", f"-DREASON={reason}")
    report = json.loads(run("--json", plugin, status=1).stdout)[0]
    assert list(failures(report)) == ["loads"] and report["ok"] == 0


def test_files_that_are_no_plugins(folder: Path) -> None:
    assert "cannot be read" in run(folder / "missing.so", status=66).stderr
    text = folder / "text.so"
    text.write_text("not a shared object")
    assert "no shared object" in run(text, status=1).stdout
    source = folder / "empty.c"
    source.write_text("int nothing;\n")
    assert "no function cnn_plugin_entry" in run(compile_plugin(source, folder / "empty.so"), status=1).stdout


def test_wrong_arguments(folder: Path) -> None:
    assert "name a plugin" in run(status=64).stderr
    assert "did you mean \"gradients\"" in run("--only", "gradiens", "x.so", status=64).stderr
    assert "7x5x3" in run("--inputs", "7xy", "x.so", status=64).stderr
    assert "range" in run("--values", "1:0", "x.so", status=64).stderr
    assert "JSON" in run("--attributes", "{", "x.so", status=64).stderr
    plugin = compile_plugin(MORE_FAULTS, folder / "types.so")
    wrong = run("--of", "org.example.blend2", "--only", "forward", plugin, status=64)
    assert "did you mean \"org.example.blend\"" in wrong.stderr


def test_choosing_checks_shapes_and_attributes(folder: Path) -> None:
    plugin = compile_plugin(MORE_FAULTS, folder / "fine.so")
    report = json.loads(run(
        "--json", "--only", "forward", "--of", "org.example.blend", "--inputs", "9x2,9x2",
        "--attributes", '{"size": 5}', plugin).stdout)[0]
    assert [(line["check"], line["outcome"]) for line in report["checks"]] == [("forward", "ok")]
    wrong = run("--of", "org.example.blend", "--only", "forward", "--inputs", "9x2,9x3", plugin,
                status=1)
    assert "two inputs of one shape" in wrong.stdout
    without = run("--without", "leaks", "--without", "network", plugin).stdout
    assert " leaks" not in without and " network" not in without and " gradients" in without


def test_the_documentation_lists_every_check() -> None:
    text = (ROOT / "docs" / "plugin-check.md").read_text()
    for row in json.loads(run("--list", "--json").stdout):
        assert f"| `{row['name']}` | {row['promise']} |" in text, "run Tools/list_plugin_checks"
    assert len(re.findall(r"^\| `", text, re.M)) == len(json.loads(run("--list", "--json").stdout))
