"""The examples in docs/*.md work, and the links between the pages lead somewhere."""

import importlib.util
import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted((ROOT / "docs").glob("*.md"))
ELSEWHERE = {"adding-a-layer.md": "test_adding_a_layer.py runs its code"}


def blocks(page, language):
    """The blocks of code in a language, each with the line where it begins."""
    text = page.read_text(encoding="utf-8")
    for match in re.finditer(rf"^```{language}\n(.*?)^```$", text, re.M | re.S):
        yield text[: match.start(1)].count("\n") + 1, match[1]


@pytest.mark.parametrize(
    "page", [page for page in PAGES if any(blocks(page, "python")) and page.name not in ELSEWHERE],
    ids=lambda page: page.name)
def test_python_examples_run(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {}
    for line, code in blocks(page, "python"):
        for module in re.findall(r"^(?:import|from) (\w+)", code, re.M):
            if importlib.util.find_spec(module) is None:
                pytest.skip(f"{page.name} line {line} and what follows needs {module}")
        # Empty lines in front let tracebacks show the lines of the page.
        exec(compile("\n" * (line - 1) + code, str(page), "exec"), names)


def test_the_json_of_the_guide_to_graphs_is_a_graph():
    import cnn

    graph = next(blocks(ROOT / "docs" / "graphs.md", "json"))[1]
    model = cnn.Model(graph)
    assert [output.name for output in model.outputs] == ["logits"]
    assert model.graph == json.loads(graph)


def test_the_preprocessing_of_the_guide_to_data_is_one():
    import cnn

    model = cnn.Model.named("resnet18")
    model.preprocessing = json.loads(list(blocks(ROOT / "docs" / "data.md", "json"))[-1][1])
    assert model.preprocessing["shorter_side"] == 256


def anchors(page):
    """What links may name after '#': the headings as GitHub writes them."""
    for heading in re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.M):
        yield re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


PAGES_WITH_LINKS = [*PAGES, *sorted(ROOT.glob("*.md")), *sorted(ROOT.glob("examples/**/*.md"))]


@pytest.mark.parametrize("page", PAGES_WITH_LINKS, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    text = page.read_text(encoding="utf-8")
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if link.startswith("http"):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{page.name}: {link}"
        assert not anchor or anchor in anchors(target), f"{page.name}: {link}"
