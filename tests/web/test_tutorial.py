"""The tutorial runs from top to bottom, offline, and what is committed holds nothing of the machine it ran on."""

import os
import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

TUTORIAL = Path(__file__).parents[2] / "docs" / "tutorial.ipynb"
LIMIT_S = 600


def outputs(notebook: nbformat.NotebookNode) -> str:
    """Return what the cells printed and showed as text."""
    parts = []
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            parts.append(output.get("text", "") or output.get("data", {}).get("text/plain", ""))
    return "\n".join(parts)


@pytest.fixture
def plain_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in; no configuration, no network, no display."""
    for name in [*os.environ]:
        if name.startswith("HSTLC_"):
            monkeypatch.delenv(name)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
        monkeypatch.setenv(name.lower(), "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "")
    for name in ("HOME", "IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR"):
        folder = tmp_path / name.lower()
        folder.mkdir()
        monkeypatch.setenv(name, str(folder))
    monkeypatch.setenv("MPLBACKEND", "module://matplotlib_inline.backend_inline")
    monkeypatch.setenv("PYTHONWARNINGS", "default")
    return tmp_path


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of jupyter_client and zmq
@pytest.mark.filterwarnings("ignore::RuntimeWarning:zmq")
def test_the_tutorial_runs(plain_environment: Path) -> None:
    notebook = nbformat.read(TUTORIAL, as_version=4)
    client = NotebookClient(
        notebook, timeout=LIMIT_S, kernel_name="python3", resources={"metadata": {"path": str(plain_environment)}}
    )
    client.execute()  # an error of a cell is raised here
    shown = outputs(notebook)
    assert "SIM-FLARE" in shown
    assert re.search(r"period 120\.0\d? s", shown)
    assert "usage.sql" in shown
    assert re.search(r"bins in stingray, \d", shown)
    kinds = [kind for cell in notebook.cells for one in cell.get("outputs", ()) for kind in one.get("data", ())]
    assert kinds.count("image/png") >= 3
    assert "application/vnd.bokehjs_exec.v0+json" in kinds
    said = [one["text"] for cell in notebook.cells for one in cell.get("outputs", ()) if one.get("name") == "stderr"]
    assert all("numba" in text for text in said), said  # stingray would like to have it


def test_the_committed_notebook_is_clean() -> None:
    text = TUTORIAL.read_text("utf-8")
    notebook = nbformat.reads(text, as_version=4)
    nbformat.validate(notebook)
    assert not re.search(r"/(home|root|work|tmp|Users)/", text)
    for cell in notebook.cells:
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None
    for target in re.findall(r"\]\(([^)#]+\.md)\)", text):
        assert (TUTORIAL.parent / target).is_file(), target
