"""Each rule of check_style fires on a notebook that breaks it, and a good notebook breaks none."""
import json

import pytest

import check_style
import style_docs as docs
import style_form as form
import style_layers as layers
from style_notebook import Cell, Notebook, notebooks

TITLE, EXP = "# Graph\n\n> A promise.", "#| default_exp models.graph"
IMPORTS, HIDDEN = "#| export\nimport json", "#| hide\nfrom fastcore.test import test_eq"
PROSE, LAST = "What this gives.", "#| hide\nimport nbdev; nbdev.nbdev_export()"
GOOD = '''#| export
def twice(
    x: int,  # a number
    **options,  # ignored
) -> int:    # two times `x`
    "Double a number."
    return 2 * x'''


def cell(source, *outputs): return {"cell_type": "code", "source": source, "outputs": list(outputs)}


def prose(source): return {"cell_type": "markdown", "source": source}


def notebook(*cells, name="nbs/models/30_graph.ipynb"):  # a chapter that is good but for `cells`
    raw = [prose(TITLE), cell(EXP), cell(IMPORTS), cell(HIDDEN), prose(PROSE), cell(GOOD)]
    raw += [each if isinstance(each, dict) else cell(each) for each in cells] + [cell(LAST)]
    cells = [Cell(number, each["cell_type"], each["source"], each.get("outputs", []))
             for number, each in enumerate(raw, 1)]
    return Notebook(name, cells, len(json.dumps(raw)))


def chapter(module, *cells, number="00"):  # a chapter of another module
    folder, _, name = module.rpartition(".")
    found = notebook(*cells, name="/".join(filter(None, ["nbs", folder, f"{number}_{name}.ipynb"])))
    found.cells[1] = Cell(2, "code", f"#| default_exp {module}", [])
    return found


def broken(rule, *cells, **named): return list(rule(notebook(*cells, **named)))


def text(output): return {"output_type": "stream", "name": "stdout", "text": output}


def display(**data):
    return {"output_type": "display_data", "data": {kind.replace("_", "/"): o for kind, o in data.items()}}


def function(body="    pass", parameters="", name="f"):
    return f"#| export\ndef {name}({parameters}):\n    \"Do it.\"\n{body}"


def test_a_good_notebook_breaks_no_rule():
    nb = notebook("twice(2)", "test_eq(twice(2), 4)")
    assert [problem for rule in check_style.RULES for problem in rule(nb)] == []
    assert [problem for rule in check_style.PROJECT_RULES for problem in rule([nb])] == []


LINES = "\n".join("    x = 1" for _ in range(40))
WIDGET = {"output_type": "display_data", "data": {"application/vnd.jupyter.widget-view+json": {}}}
BREACHES = {
    "a magic": (form.plain_python, "%time twice(2)"),
    "a command": (form.plain_python, "!ls ()"),
    "imports among code": (form.imports_apart, "import json\njson.dumps(1)"),
    "an import inside a test": (form.imports_apart, "def f():\n    import json"),
    "imports in disorder": (form.sorted_imports, "#| export\nfrom json import dumps\nimport re"),
    "a star": (form.star_imports, "#| export\nfrom json import *"),
    "pickle": (form.pickle, "pickle.dumps(1)"),
    "pickle by the back door": (form.pickle, "np.load('x', allow_pickle=True)"),
    "a long cell": (form.long_cells, function(LINES)),
    "a long function": (form.long_functions, function(LINES)),
    "a wide line": (form.wide_lines, "#| export\nx = '" + "x" * 106 + "'"),
    "no type": (docs.docments, function(parameters="\n    x,  # a number\n")),
    "no comment": (docs.docments, function(parameters="x: int")),
    "two parameters with one comment": (
        docs.docments,
        function(parameters="\n    x: int, y: int,  # numbers\n"),
    ),
    "options without a comment": (docs.docments, function(parameters="**options")),
    "no type of the result": (docs.docments, function("    return 1")),
    "a result described without its type": (
        docs.docments,
        '#| export\ndef f(\n    x: int,  # a number\n):  # DataFrame, one row\n    "Do it."\n    return x',
    ),
    "no comment on the result": (
        docs.docments,
        '#| export\ndef f(\n    x: int,  # a number\n) -> int:\n    "Do it."\n    return x',
    ),
    "a third parameter by place": (docs.keyword_only, function(parameters="a, b, c")),
    "a type in quotes": (docs.quoted_types, function(parameters="x: 'DataFrame'")),
    "a method without documents": (
        docs.docments,
        '#| export\nclass A:\n    "It."\n    def f(self, x): "Do it."',
    ),
    "no docstring": (docs.docstrings, "#| export\ndef f(): return 1"),
    "a class without a docstring": (docs.docstrings, "#| export\nclass A(int): pass"),
    "two lines of docstring": (docs.docstrings, '#| export\ndef f():\n    """Do it.\n\n    Well."""'),
    "a field without a comment": (
        docs.documented_fields,
        '#| export\n@dataclass\nclass A:\n    "It."\n    x: int = 1',
    ),
    "long prose": (form.long_prose, prose("word " * 61)),
    "old words": (form.plain_words, prose("Somebody likes it.")),
    "a chapter without its name": (form.plain_words, prose("See the next chapter.")),
    "a path": (form.outputs, cell("print(1)", text("saved to /home/me/x"))),
    "a date": (form.outputs, cell("print(1)", text("2026-11-25 run"))),
    "a timing": (form.outputs, cell("print(1)", text("took 3.2 s"))),
    "an epoch's time": (form.outputs, cell("print(1)", display(text_html="<td>00:03</td>"))),
    "a progress bar": (form.outputs, cell("print(1)", text("45%|████"))),
    "an address": (form.outputs, cell("print(1)", text("<f at 0x7f8f4e274e50>"))),
    "a warning": (
        form.outputs,
        cell("print(1)", {"output_type": "stream", "name": "stderr", "text": "UserWarning"}),
    ),
    "a traceback": (form.outputs, cell("print(1)", {"output_type": "error"})),
    "a widget": (form.outputs, cell("print(1)", WIDGET)),
}


@pytest.mark.parametrize("rule, breach", BREACHES.values(), ids=BREACHES)
def test_a_breach_is_found_in_its_cell(rule, breach):
    problems = broken(rule, breach)
    assert problems and 7 in {problem.cell for problem in problems} <= {7, None}
    assert not broken(rule), "the same notebook without that cell is fine"


FINE = {
    "data with years and times": (
        form.outputs,
        cell("print(1)", text("Toy Story 1995-10-30, 1260759108, 2000-07-30 18:45:03, 671 users")),
    ),
    "a pickle error that is caught": (form.pickle, "#| export\nfrom pickle import UnpicklingError"),
    "code, tables and addresses in prose": (
        form.long_prose,
        prose("See [it](https://x.org/a=b).\n```\n" + "word " * 90 + "\n```\n| " + "a | " * 70),
    ),
    "a private function": (docs.docments, "#| export\ndef _f(x): return x"),
    "a method that fastai calls": (
        docs.docstrings,
        '#| export\nclass A(Metric):\n    "It."\n    def reset(self): pass',
    ),
    "a comment on the line above": (
        docs.docments,
        '#| export\ndef f(\n    # a number\n    x: int,\n):\n    "Do it."',
    ),
    "a nested function's result": (
        docs.docments,
        '#| export\ndef f():\n    "Do it."\n    def g(): return 1\n    g()',
    ),
    "many parameters by name": (docs.keyword_only, function(parameters="a, b, *, c, d, e, f, g, h")),
    "a module's forward": (
        docs.keyword_only,
        '#| export\nclass A:\n    "It."\n    def forward(self, a, b, c): pass',
    ),
    "a wide line in an example": (form.wide_lines, "x = '" + "x" * 106 + "'"),
}


@pytest.mark.parametrize("rule, cells", FINE.values(), ids=FINE)
def test_what_is_fine_is_not_reported(rule, cells): assert broken(rule, cells) == []


def test_what_counts_as_shown_is_what_fastcore_finds(tmp_path, monkeypatch):
    from fastcore.docments import docments
    source = '''def f(
    a: int,  # shown
    b: int, c: int,  # of c alone
    # shown as well
    d: int = 1,
    *, e="#",
    **options,  # shown
) -> int:  # shown
    "Do it."
    return a'''
    (tmp_path / "shown.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    import shown
    found = {name for name, comment in docments(shown.f, args_kwargs=True).items() if comment}
    cell = Cell(1, "code", f"#| export\n{source}", [])
    [f] = docs.documented_functions(cell)
    ours = {each.arg for each in docs.parameters(f) if docs.is_shown(cell, f, each)}
    assert ours == found - {"return"} == {"a", "c", "d", "options"}
    assert docs.is_shown(cell, f, f.returns) and "return" in found
    assert docs.untyped(f) == ["e"] and docs.unexplained(cell, f) == ["b", "e"]


@pytest.mark.parametrize("place", range(5))
def test_first_cells_each_have_their_place(place):
    nb = notebook()
    nb.cells.insert(5, nb.cells.pop(place))
    assert list(form.first_cells(nb))


def test_last_cell_exports():
    nb = notebook()
    del nb.cells[-1]
    assert list(form.last_cell(nb))


def test_size_is_bounded(): assert list(form.size(Notebook("nbs/x.ipynb", [], 200_001)))


def test_export_without_default_exp_is_named():
    nb = notebook()
    del nb.cells[1]
    assert [problem.cell for problem in form.export_without_module(nb)] == [3, 6]


def test_a_third_of_the_tests_may_be_hidden():
    hidden, open_ = "#| hide\nassert twice(1) == 2", "test_eq(twice(1), 2)"
    assert not broken(form.hidden_tests, hidden, open_, open_)
    assert broken(form.hidden_tests, hidden, hidden, open_, open_)


def test_typical_cells_and_functions_are_short():
    long = [function("\n".join("    x = 1" for _ in range(20)), name=f"f{i}") for i in range(8)]
    nb = notebook(*long)
    assert "median 22 lines" in broken(form.typical_cell, *long)[0].todo and not broken(form.typical_cell)
    assert (
        "90 %" in list(form.typical_cells([nb]))[0].todo
        and "90 %" in list(form.typical_functions([nb]))[0].todo
    )
    assert not list(form.typical_cells([notebook()])) and not list(form.typical_functions([notebook()]))


def test_one_line_in_twenty_may_be_wide():
    wide, line = "x = '" + "x" * 100 + "'", "x = 1"
    few, many = [f"#| export\n{wide}\n" + "\n".join([line] * count) for count in (19, 4)]
    assert not broken(form.wide_lines, few)
    assert "1 of 12 exported lines" in broken(form.wide_lines, many)[0].todo


def test_skipped_cells_are_few_and_have_a_reason():
    many = [f"x = {i}" for i in range(60)]
    assert not list(form.skipped_cells([notebook("#| eval: false\n# needs a server\nf()", *many)]))
    assert list(form.skipped_cells([notebook("#| eval: false\nf()", *many)]))
    few = list(form.skipped_cells([notebook("#| eval: false\n# needs a server\nf()")]))
    assert "at most 2 %" in few[0].todo


def test_unreadable_notebooks_are_named(tmp_path):
    (tmp_path / "nbs").mkdir()
    for name, content in {"a": "<<<<<<< HEAD\n{", "b": "[]", "c": ""}.items():
        (tmp_path / "nbs" / f"{name}.ipynb").write_text(content)
    nbs, problems = notebooks(tmp_path)
    assert nbs == [] and [problem.file for problem in problems] == [f"nbs/{name}.ipynb" for name in "abc"]
    assert "conflict markers" in problems[0].todo


# Imports go one way

HERE = {
    "data": "data.tables",
    "serve": "serve.batch",
    "runs": "runs",
    "models": "models.graph",
    "train": "train.learner",
}
WRONG = [
    ("serve", "import torch"),
    ("serve", "from torch.nn import Module"),
    ("serve", "def f(): import torch"),
    ("serve", "def f(): return importlib.import_module('torch')"),
    ("data", "def f(): __import__('fastai')"),
    ("data", "def f(): from fastcore.basics import patch"),
    ("serve", "class A:\n    import torch_geometric"),
    ("serve", "if TYPE_CHECKING: import torch"),
    ("serve", "from movierec.models.graph import x"),
    ("serve", "def f(): from movierec.train import learner"),
    ("serve", "def f(): import movierec.runs"),
    ("serve", "def f(): return import_module('movierec.train.learner')"),
    ("serve", "def f(): from ..train import learner"),
    ("serve", "def f(): return import_module('..train.learner', package='movierec.serve')"),
    ("data", "from movierec.serve.batch import x"),
    ("data", "def f(): from movierec.store import base"),
    ("models", "from movierec.train.learner import x"),
    ("train", "def f(): import movierec.runs"),
    ("runs", "import torch"),
    ("runs", "from movierec.train.learner import x"),
    ("runs", "def f(): import movierec.cli"),
    ("runs", "try: import matplotlib\nexcept ImportError: pass"),
    ("serve", "import onnx"),
    ("serve", "from movierec import Recommender"),
    ("models", "def f(): from movierec import load_sample"),
]
RIGHT = [
    ("serve", "from movierec.data.tables import x"),
    ("serve", "def f(): import onnx"),
    ("serve", "import torchlight, pandas"),
    ("serve", "import movierec"),
    ("serve", "from movierec import __version__"),
    ("runs", "def f(): import torch"),
    ("runs", "def f(): from movierec.train.learner import x"),
    ("models", "import torch"),
    ("train", "from movierec.models import graph"),
    ("runs", "if TYPE_CHECKING: from movierec.train.learner import x"),
    ("models", "from movierec.serve.batch import x"),
    ("serve", "f('torch')"),
]


def imported(folder, line):  # problems of one exported line in a chapter of that folder
    chapters = [chapter(module) for name, module in HERE.items() if name != folder]
    return [
        problem.cell for problem in layers.layers([chapter(HERE[folder], f"#| export\n{line}"), *chapters])
    ]


@pytest.mark.parametrize("folder, line", WRONG)
def test_an_import_against_the_layers_is_found(folder, line): assert set(imported(folder, line)) == {7}


@pytest.mark.parametrize("folder, line", RIGHT)
def test_an_import_along_the_layers_is_fine(folder, line): assert imported(folder, line) == []


def test_only_exported_cells_keep_to_the_layers():
    assert not list(layers.layers([chapter("serve.batch", "from movierec.testing import six_people")]))


@pytest.mark.parametrize(
    "line", ["from movierec.models.graph import x", "def f(): from movierec.models import graph"]
)
def test_only_lower_numbers_of_a_folder_are_imported(line):
    lower, higher = chapter("models.graph", number="10"), chapter("models.graph", number="90")
    mine = chapter("models.history", f"#| export\n{line}", number="60")
    assert not list(layers.layers([mine, lower]))
    assert [problem.rule for problem in layers.layers([mine, higher])] == ["lower numbers"]


def test_a_module_of_an_extra_may_import_what_it_is_named_after():
    arango = chapter("store.arango_client", "#| export\nimport arango")
    assert not list(layers.layers([arango]))
    assert list(layers.layers([chapter("store.opening", "#| export\nimport arango")]))


@pytest.mark.parametrize(
    "name, says",
    [
        ("nbs/models/graph.ipynb", "two digits"),
        ("nbs/30_graph.ipynb", "folder and name"),
        ("nbs/models/30_graphs.ipynb", "name"),
    ],
)
def test_a_chapter_stands_where_its_module_says(name, says):
    assert says in list(layers.numbers([notebook(name=name)]))[0].todo


def test_no_number_stands_twice_in_a_folder():
    assert not list(
        layers.numbers(
            [chapter("models.a", number="10"), chapter("models.b", number="20"), chapter("a", number="10")]
        )
    )
    assert "same number" in list(layers.numbers([chapter("models.a"), chapter("models.b")]))[0].todo


def modules(tmp_path, sources):  # the imports of a package made of these modules
    for name, source in sources.items():
        path = (tmp_path / "movierec").joinpath(*name.split(".")).with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)
    return layers.module_imports(tmp_path)


@pytest.mark.parametrize(
    "back",
    [
        "from movierec.data import tables",
        "from .tables import x",
        "def f(): from . import tables",
        "def f():\n    import importlib\n    importlib.import_module('movierec.data.tables')",
        "from importlib import import_module\ndef f(): import_module('.tables', package='movierec.data')",
        "def f(): __import__('movierec.data.tables')",
    ],
)
def test_a_circle_is_found_also_at_run_time(tmp_path, back):
    found = modules(tmp_path, {"data.tables": "from movierec.data.report import x", "data.report": back})
    [problem] = layers.circles(found)
    assert "movierec.data.tables" in problem.todo and "movierec.data.report" in problem.todo
    assert not list(layers.circles(modules(tmp_path, {"data.report": "import json"})))


def test_a_circle_of_three_is_told_once(tmp_path):
    found = modules(tmp_path, {f"data.{a}": f"import movierec.data.{b}" for a, b in ("ab", "bc", "ca")})
    assert len(list(layers.circles(found))) == 1


def test_a_front_door_imports_nothing_heavy(tmp_path):
    assert not list(layers.module_layers(modules(tmp_path, {"testing.__init__": "def f(): import torch"})))
    for line in ("import pandas", "import torch"):
        assert list(layers.module_layers(modules(tmp_path, {"testing.__init__": line})))
    (tmp_path / "movierec" / "testing" / "__init__.py").unlink()
    assert list(layers.module_layers(modules(tmp_path, {"serve.__init__": "def f(): import torch"})))


# The same, planted in a copy of the project

def problems_of_imports(project):
    rules = [layers.layers, *check_style.MODULE_RULES]
    given = {layers.layers: notebooks(project)[0]}
    found = layers.module_imports(project)
    return {problem for rule in rules for problem in rule(given.get(rule, found))}


def test_the_check_applies_these_rules():
    assert {layers.layers, layers.numbers} <= set(check_style.PROJECT_RULES)
    assert {layers.module_layers, layers.circles} <= set(check_style.MODULE_RULES)


@pytest.mark.parametrize(
    "line", ["import torch", "def _f(): import torch", "def _f(): return __import__('torch')"]
)
def test_torch_planted_in_serve_is_found(project, line):
    before = problems_of_imports(project)
    path = next((project / "nbs" / "serve").glob("*_bundle.ipynb"))
    content = json.loads(path.read_text())
    planted = {
        "cell_type": "code",
        "id": "planted",
        "metadata": {},
        "outputs": [],
        "source": f"#| export\n{line}",
    }
    content["cells"].insert(-1, planted)
    path.write_text(json.dumps(content))
    module = project / "movierec" / "serve" / "bundle.py"
    module.write_text(f"{module.read_text()}\n{line}\n")
    found = {(problem.file, problem.rule) for problem in problems_of_imports(project) - before}
    assert found == {(path.relative_to(project).as_posix(), "layers"), ("movierec/serve/bundle.py", "layers")}


@pytest.mark.parametrize("line", [
    "from . import ratings", "def _f(): from movierec.data.ratings import read_ratings",
    "def _f():\n    from importlib import import_module\n    return import_module('movierec.data.ratings')"])
def test_a_planted_circle_is_found(project, line):
    before = problems_of_imports(project)
    for name, planted in {"tables": line, "ratings": "from .tables import as_movies"}.items():
        module = project / "movierec" / "data" / f"{name}.py"
        module.write_text(f"{module.read_text()}\n{planted}\n")
    assert {problem.rule for problem in problems_of_imports(project) - before} == {"circle"}
