"""Each rule of check_style fires on a notebook that breaks it, and a good notebook breaks none."""
import json

import pytest

import check_style as style

TITLE, EXP, IMPORTS, HIDDEN = "# Graph\n\n> A promise.", "#| default_exp graph", "#| export\nimport json", "#| hide\nfrom fastcore.test import test_eq"
PROSE, LAST = "What this gives.", "#| hide\nimport nbdev; nbdev.nbdev_export()"
GOOD = '''#| export
def twice(
    x: int,  # a number
) -> int:    # two times `x`
    "Double a number."
    return 2 * x'''


def cell(source, *outputs): return {"cell_type": "code", "source": source, "outputs": list(outputs)}


def prose(source): return {"cell_type": "markdown", "source": source}


def notebook(*cells, name="nbs/30_graph.ipynb"):  # a chapter that is good but for `cells`
    raw = [prose(TITLE), cell(EXP), cell(IMPORTS), cell(HIDDEN), prose(PROSE), cell(GOOD)]
    raw += [o if isinstance(o, dict) else cell(o) for o in cells] + [cell(LAST)]
    cells = [style.Cell(number, o["cell_type"], o["source"], o.get("outputs", [])) for number, o in enumerate(raw, 1)]
    return style.Notebook(name, cells, len(json.dumps(raw)))


def broken(rule, *cells, **named): return list(rule(notebook(*cells, **named)))


def text(output): return {"output_type": "stream", "name": "stdout", "text": output}


def function(body="    pass", parameters="", name="f"): return f"#| export\ndef {name}({parameters}):\n    \"Do it.\"\n{body}"


def test_a_good_notebook_breaks_no_rule():
    nb = notebook("twice(2)", "test_eq(twice(2), 4)")
    assert [problem for rule in style.RULES for problem in rule(nb)] == []
    assert [problem for rule in style.PROJECT_RULES for problem in rule([nb])] == []


LINES = "\n".join("    x = 1" for _ in range(40))
BREACHES = {
    "a magic": (style.plain_python, "%time twice(2)"),
    "a command": (style.plain_python, "!ls ()"),
    "imports among code": (style.imports_apart, "import json\njson.dumps(1)"),
    "an import inside a test": (style.imports_apart, "def f():\n    import json"),
    "a star": (style.star_imports, "#| export\nfrom json import *"),
    "pickle": (style.pickle, "pickle.dumps(1)"),
    "pickle by the back door": (style.pickle, "np.load('x', allow_pickle=True)"),
    "a long cell": (style.long_cells, function(LINES)),
    "a long function": (style.long_functions, function(LINES)),
    "many parameters": (style.many_parameters, function(parameters="a, b, c, d, e, f, *, g")),
    "no type": (style.docments, function(parameters="x")),
    "no comment": (style.docments, function(parameters="x: int")),
    "no type of the result": (style.docments, function("    return 1")),
    "no comment on the result": (style.docments, '#| export\ndef f(\n    x: int,  # a number\n) -> int:\n    "Do it."\n    return x'),
    "a type in quotes": (style.quoted_types, function(parameters="x: 'DataFrame'")),
    "a method without documents": (style.docments, '#| export\nclass A:\n    "It."\n    def f(self, x): "Do it."'),
    "no docstring": (style.docstrings, "#| export\ndef f(): return 1"),
    "a class without a docstring": (style.docstrings, "#| export\nclass A(int): pass"),
    "two lines of docstring": (style.docstrings, '#| export\ndef f():\n    """Do it.\n\n    Well."""'),
    "a field without a comment": (style.documented_fields, '#| export\n@dataclass\nclass A:\n    "It."\n    x: int = 1'),
    "long prose": (style.long_prose, prose("word " * 61)),
    "a path": (style.outputs, cell("print(1)", text("saved to /home/me/x"))),
    "a date": (style.outputs, cell("print(1)", text("2026-11-25 run"))),
    "a timing": (style.outputs, cell("print(1)", text("took 3.2 s"))),
    "an epoch's time": (style.outputs, cell("print(1)", {"output_type": "display_data", "data": {"text/html": "<td>00:03</td>"}})),
    "a progress bar": (style.outputs, cell("print(1)", text("45%|████"))),
    "an address": (style.outputs, cell("print(1)", text("<f at 0x7f8f4e274e50>"))),
    "a warning": (style.outputs, cell("print(1)", {"output_type": "stream", "name": "stderr", "text": "UserWarning"})),
    "a traceback": (style.outputs, cell("print(1)", {"output_type": "error"})),
    "a widget": (style.outputs, cell("print(1)", {"output_type": "display_data", "data": {"application/vnd.jupyter.widget-view+json": {}}})),
}


@pytest.mark.parametrize("rule, breach", BREACHES.values(), ids=BREACHES)
def test_a_breach_is_found_in_its_cell(rule, breach):
    problems = broken(rule, breach)
    assert problems and {problem.cell for problem in problems} == {7}
    assert not broken(rule), "the same notebook without that cell is fine"


FINE = {
    "data with years and times": (style.outputs, cell("print(1)", text("Toy Story 1995-10-30, 1260759108, 2000-07-30 18:45:03, 671 users"))),
    "a pickle error that is caught": (style.pickle, "#| export\nfrom pickle import UnpicklingError"),
    "code, tables and addresses in prose": (style.long_prose, prose("See [it](https://x.org/a=b).\n```\n" + "word " * 90 + "\n```\n| " + "a | " * 70)),
    "a result described without its type": (style.docments, '#| export\ndef f(\n    x: int,  # a number\n):  # DataFrame, one row\n    "Do it."\n    return x'),
    "a private function": (style.docments, "#| export\ndef _f(x): return x"),
    "a method that fastai calls": (style.docstrings, '#| export\nclass A(Metric):\n    "It."\n    def reset(self): pass'),
    "a comment on the line above": (style.docments, '#| export\ndef f(\n    # a number\n    x: int,\n):\n    "Do it."'),
    "a nested function's result": (style.docments, '#| export\ndef f():\n    "Do it."\n    def g(): return 1\n    g()'),
}


@pytest.mark.parametrize("rule, cells", FINE.values(), ids=FINE)
def test_what_is_fine_is_not_reported(rule, cells): assert broken(rule, cells) == []


@pytest.mark.parametrize("place", range(5))
def test_first_cells_each_have_their_place(place):
    nb = notebook()
    nb.cells.insert(5, nb.cells.pop(place))
    assert list(style.first_cells(nb))


def test_last_cell_exports():
    nb = notebook()
    del nb.cells[-1]
    assert list(style.last_cell(nb))


def test_size_is_bounded(): assert list(style.size(style.Notebook("nbs/x.ipynb", [], 200_001)))


def test_export_without_default_exp_is_named():
    nb = notebook()
    del nb.cells[1]
    assert [problem.cell for problem in style.export_without_module(nb)] == [3, 6]


def test_a_third_of_the_tests_may_be_hidden():
    hidden, open_ = "#| hide\nassert twice(1) == 2", "test_eq(twice(1), 2)"
    assert not broken(style.hidden_tests, hidden, open_, open_)
    assert broken(style.hidden_tests, hidden, hidden, open_, open_)


def test_typical_cells_and_functions_are_short():
    long = [function("\n".join("    x = 1" for _ in range(20)), name=f"f{i}") for i in range(8)]
    nb = notebook(*long)
    assert "median" in list(style.typical_cells([nb]))[0].todo and "90 %" in list(style.typical_functions([nb]))[0].todo
    assert not list(style.typical_cells([notebook()])) and not list(style.typical_functions([notebook()]))


def test_skipped_cells_are_few_and_have_a_reason():
    many = [f"x = {i}" for i in range(60)]
    assert not list(style.skipped_cells([notebook("#| eval: false\n# needs a server\nf()", *many)]))
    assert list(style.skipped_cells([notebook("#| eval: false\nf()", *many)]))
    assert "at most 2 %" in list(style.skipped_cells([notebook("#| eval: false\n# needs a server\nf()")]))[0].todo


@pytest.mark.parametrize("line", ["from movierec.models import x", "import movierec.models.registry", "from movierec import models", "from movierec.graph import x"])
def test_only_lower_chapters_are_imported(line):
    models = notebook(name="nbs/40_models.ipynb")
    models.cells[1] = style.Cell(2, "code", "#| default_exp models", [])
    assert [problem.cell for problem in style.lower_chapters([notebook(line + " # ()"), models])] == [7]
    assert not list(style.lower_chapters([notebook(), models]))


def test_a_module_of_an_extra_may_import_what_it_is_named_after():
    assert not list(style.base_imports("import arango", "movierec/arango.py"))
    assert list(style.base_imports("import torch", "movierec/arango.py"))


@pytest.mark.parametrize("source, found", [
    ("import torch", 1), ("from fastcore.basics import patch", 1), ("try: import nbdev\nexcept ImportError: pass", 1),
    ("from movierec.models import x", 1), ("from movierec import graph", 1), ("class A:\n    import torch", 1),
    ("def f(): import torch", 0), ("if TYPE_CHECKING: import torch", 0), ("import torchlight, pandas", 0)])
def test_base_modules_import_nothing_heavy(source, found): assert len(list(style.base_imports(source, "movierec/config.py"))) == found


def test_unreadable_notebooks_are_named(tmp_path):
    (tmp_path/"nbs").mkdir()
    for name, content in {"a": "<<<<<<< HEAD\n{", "b": "[]", "c": ""}.items(): (tmp_path/"nbs"/f"{name}.ipynb").write_text(content)
    nbs, problems = style.notebooks(tmp_path)
    assert nbs == [] and [problem.file for problem in problems] == [f"nbs/{name}.ipynb" for name in "abc"]
    assert "conflict markers" in problems[0].todo
