"""Builds plugin and library at two versions of cnn_plugin.h, and runs them in all combinations.

    python3 Tests/c/header_versions.py LIBRARY

The later header is made from today's: every struct that may grow gets a member more, and the minor
number rises. Of the library, only the modules that read the header are compiled again, with the
compiler's arguments from the build that made LIBRARY, and linked with the other modules of that
build.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VERSIONS = ROOT / "Tests" / "plugins" / "versions"
MODULES = ("CNNPlugins", "CNNCAPI")  # those that import the header, in the order of dependency
SKIPPED = 77
COMPILER = [os.environ.get("CC", "cc"), "-std=c99", "-Wall", "-Wextra", "-pedantic", "-Werror", "-O1"]


def later_header(text: str) -> str:
    """The header after every struct that may grow has grown."""
    grown = 0

    def grow(match: re.Match[str]) -> str:
        nonlocal grown
        grown += 1
        member = "void (*later_member)(void);" if "cnn_host {" in match[0] else "int64_t later_member;"
        return f"{match[1]}  {member}\n{match[2]}"

    text = re.sub(r"(struct cnn_\w+ \{\n  cnn_struct_header header;\n.*?)^(\}[^\n]*;)$", grow, text,
                  flags=re.M | re.S)
    growing = len(re.findall(r"^  cnn_struct_header header;$", text, re.M))
    if grown != growing or growing < 15:
        raise SystemExit(f"{grown} of {growing} structs were made larger")
    text, count = re.subn(
        r"^#define CNN_PLUGIN_ABI_MINOR (\d+)$",
        lambda match: f"#define CNN_PLUGIN_ABI_MINOR {int(match[1]) + 1}", text, flags=re.M)
    if count != 1:
        raise SystemExit("CNN_PLUGIN_ABI_MINOR was not found")
    return text


def arguments(manifest: Path, name: str) -> list[str]:
    """The arguments of a command of the build."""
    match = re.search(rf'^  "{re.escape(name)}":\n(?:    .*\n)*?    args: (\[.*\])$',
                      manifest.read_text(), re.M)
    if not match:
        raise SystemExit(f"{manifest} has no command {name}")
    return json.loads(match[1])


def command_names(manifest: Path) -> dict[str, str]:
    """Which command compiles each module, and which one links the library."""
    names = re.findall(r'^  "(C\.[^"]*)":$', manifest.read_text(), re.M)
    found = {module: name for module in MODULES for name in names
             if re.fullmatch(rf"C\.{module}-.*release\.module", name)}
    found["link"] = next((name for name in names if re.fullmatch(r"C\.cnn-.*release\.dylib", name)), "")
    if len(found) != len(MODULES) + 1 or not found["link"]:
        raise SystemExit(f"{manifest} has no commands for {MODULES} and the library")
    return found


def run(command: list[str], **options) -> subprocess.CompletedProcess[str]:
    """Runs a command, and returns what it prints; ends the test with it if it fails."""
    result = subprocess.run(command, capture_output=True, text=True, **options)
    if result.returncode:
        text = (result.stdout + result.stderr)[-4000:]
        raise SystemExit(f"status {result.returncode}: {' '.join(command)[:300]}\n{text}")
    return result


def rebuild(build: Path, manifest: Path, later: Path, work: Path) -> Path:
    """Builds the library with the later header, and returns it."""
    real = build.resolve()
    objects = work / "objects"
    (objects / "Modules").mkdir(parents=True)
    names = command_names(manifest)

    def moved(text: str) -> str:
        """A file name of the build, or a list of them, where the modules are compiled again."""
        for module in MODULES:
            text = text.replace(f"{real}/{module}.build", f"{objects}/{module}.build")
            text = text.replace(f"{real}/Modules/{module}.swiftmodule",
                                f"{objects}/Modules/{module}.swiftmodule")
        return text.replace(f"{ROOT}/include", str(later))

    for module in MODULES:
        folder = objects / f"{module}.build"
        (folder / "include").mkdir(parents=True)
        for file in ("output-file-map.json", "sources"):
            (folder / file).write_text(moved((real / f"{module}.build" / file).read_text()))
        command = [moved(word) for word in arguments(manifest, names[module])
                   if word != "-parseable-output"]
        place = command.index("-I")
        run([*command[:place], "-I", str(objects / "Modules"), *command[place:]], cwd=ROOT)

    files = real / "cnn.product" / "Objects.LinkFileList"
    listed = work / "Objects.LinkFileList"
    listed.write_text(moved(files.read_text()))
    library = work / "later" / "libcnn.so.0"
    library.parent.mkdir(exist_ok=True)
    run([f"@{listed}" if word == f"@{files}" else
         str(library) if word == f"{real}/libcnn.so" else moved(word)
         for word in arguments(manifest, names["link"])], cwd=ROOT)
    return library


def version(folder: Path) -> str:
    """The version of the interface in a header."""
    return ".".join(re.findall(r"^#define CNN_PLUGIN_ABI_M\w+ (\d+)$",
                               (folder / "cnn_plugin.h").read_text(), re.M))


def main(library: Path) -> int:
    """Returns the exit status."""
    build = library.parent
    manifest = build.resolve().parent.parent / "release.yaml"
    if not manifest.exists():
        print(f"{library} was not built here: there is no {manifest}")
        return SKIPPED
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        headers = {"today": ROOT / "include", "later": work / "include"}
        headers["later"].mkdir()
        for file in ("cnn.h", "module.modulemap"):
            shutil.copy(ROOT / "include" / file, headers["later"])
        (headers["later"] / "cnn_plugin.h").write_text(
            later_header((ROOT / "include" / "cnn_plugin.h").read_text()))

        (work / "today").mkdir()
        shutil.copy(library, work / "today" / "libcnn.so.0")
        rebuild(build, manifest, headers["later"], work)
        outputs = {}
        for age in headers:
            (work / age / "libcnn.so").symlink_to("libcnn.so.0")
            defined = ["-DLATER"] if age == "later" else []
            run([*COMPILER, *defined, "-fPIC", "-shared", f"-I{headers[age]}",
                 str(VERSIONS / "guarded.c"), "-o", str(work / age / "guarded.so")])
            run([*COMPILER, f"-I{headers[age]}", str(VERSIONS / "run.c"), "-o",
                 str(work / age / "run"), f"-L{work / age}", "-lcnn"])
        for host in headers:
            for plugin in headers:
                # The program is of the library's age.
                result = run([str(work / host / "run"), str(work / plugin / "guarded.so")],
                             env={"LD_LIBRARY_PATH": str(work / host)})
                outputs[host, plugin] = result.stdout
                if result.stderr.strip() != f"interface {version(headers[host])}":
                    print(f"the {host} library says {result.stderr}")
                    return 1
        if len(set(outputs.values())) != 1 or not outputs["today", "today"].strip():
            print("\n".join(f"{host} library, {plugin} plugin: {output.strip()}"
                            for (host, plugin), output in outputs.items()))
            return 1
        print(f"{len(outputs)} passed")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).absolute()))
