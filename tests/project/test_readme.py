"""The README's first recommendation: two import lines at most, and it runs offline in an empty folder."""
import re
import sys

import pytest
from execnb.nbio import mk_cell, new_nb, write_nb

from conftest import ROOT, run, tool


@pytest.fixture(scope="module")
def snippets():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    return re.findall(r"^```python\n(.*?)^```", text, flags=re.M | re.S)


def test_the_first_recommendation_takes_at_most_two_import_lines(snippets):
    lines = [line for line in snippets[0].splitlines() if line.strip()]
    imports = [line for line in lines if re.match(r"(from|import) ", line)]
    assert 1 <= len(imports) <= 2 and all(line.startswith("from movierec import ") for line in imports)
    assert "recommend(" in lines[-1] and sum(len(code.splitlines()) for code in snippets) <= 15


def test_the_snippets_run_in_a_fresh_notebook(snippets, tmp_path):
    write_nb(new_nb([mk_cell(code) for code in snippets]), tmp_path / "fresh.ipynb")
    run(tool("exec_nb"), "fresh.ipynb", "--dest", "done.ipynb", "--exc_stop", cwd=tmp_path)
    done = (tmp_path / "done.ipynb").read_text()
    assert "you watched" in done and '"output_type": "error"' not in done
    assert (tmp_path / "bundle" / "manifest.json").exists()


def test_the_snippets_run_as_a_script(snippets, tmp_path):
    (tmp_path / "first.py").write_text("\n".join(snippets))
    run(sys.executable, "first.py", cwd=tmp_path)
    assert (tmp_path / "bundle" / "recommender.onnx").exists()
