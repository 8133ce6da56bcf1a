"""The notebooks run from their first cell to the last, and no cell warns."""

from __future__ import annotations

from pathlib import Path

import pytest

NOTEBOOKS = sorted((Path(__file__).parents[2] / "docs" / "notebooks").glob("*.md"))
STRICT = "import warnings\nwarnings.simplefilter('error')"


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # those of the notebook's own process are errors
@pytest.mark.parametrize("source", NOTEBOOKS, ids=lambda source: source.stem)
def test_a_notebook_runs_without_warnings(source, tmp_path, monkeypatch):
    jupytext, nbclient = pytest.importorskip("jupytext"), pytest.importorskip("nbclient")
    from nbformat.v4 import new_code_cell

    monkeypatch.setenv("MPLBACKEND", "Agg")
    notebook = jupytext.read(source)
    notebook.cells.insert(0, new_code_cell(STRICT))
    nbclient.NotebookClient(notebook, timeout=1200, resources={"metadata": {"path": str(tmp_path)}}).execute()
    cells = [cell for cell in notebook.cells[1:] if cell.cell_type == "code"]
    assert all(cell.execution_count for cell in cells)
    assert any(output.output_type == "stream" for cell in cells for output in cell.outputs)
