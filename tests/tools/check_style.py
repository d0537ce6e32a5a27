"""Check the hard limits of this project's style in all notebooks and modules.

    python tests/tools/check_style.py

Prints one line for each breach: file, cell, rule, what to do. A rule is a function that yields `Problem`s;
`RULES` see one notebook, `PROJECT_RULES` see all of them, `MODULE_RULES` the exported modules.
"""
import ast, json, re, sys
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import NamedTuple

ROOT = Path(__file__).parents[2]

MEDIAN_CELL, MOST_CELLS, LONGEST_CELL = 10, 20, 40  # lines that are not blank of an exported cell: median, nine in ten, longest
MOST_FUNCTIONS, LONGEST_FUNCTION = 15, 30           # lines of a function: nine in ten, longest
PARAMETERS = 6
WORDS, TUTORIAL_WORDS = 60, 120                     # of a prose cell
HIDDEN_TESTS, SKIPPED_CELLS = 1/3, 0.02             # share of tests, share of code cells
NOTEBOOK_SIZE = 200_000                             # bytes
TRAIN = {"graph", "relations", "models", "stars", "learner", "evaluation", "export", "export_stars"}  # modules that need movierec[train]; the wheel without extras runs all others
NOT_IN_BASE = {"torch", "torch_geometric", "torchvision", "fastai", "fastcore", "nbdev", "execnb", "IPython", "matplotlib",
               "onnx", "onnxscript", "arango", "pooch", "tqdm", "ipywidgets", *(f"movierec.{name}" for name in TRAIN)}


class Problem(NamedTuple):
    file: str    # path from the top of the repository
    cell: object # number of the cell, counted from 1, or None
    rule: str    # short name
    todo: str    # what is wrong and what to do

    def __str__(self): return f"{self.file}{f' cell {self.cell}' if self.cell else ''}: {self.rule}: {self.todo}"


@dataclass
class Cell:
    number: int
    kind: str           # code, markdown or raw
    source: str
    outputs: list
    directives: dict = field(init=False)  # {"export": "", "default_exp": "graph", "eval:": "false"}
    code: str = field(init=False)         # the source without directives
    tree: object = field(init=False)      # None where it is not plain Python

    def __post_init__(self):
        self.directives = dict(re.findall(r"^\s*#\|\s*(\S+)[ \t]*(.*?)\s*$", self.source, flags=re.M)) if self.kind == "code" else {}
        self.code = re.sub(r"^\s*#\|.*\n?", "", self.source, flags=re.M).strip("\n")
        try: self.tree = ast.parse(self.code) if self.kind == "code" else None
        except SyntaxError: self.tree = None

    @property
    def exported(self): return bool({"export", "exports", "exporti"} & self.directives.keys())

    @property
    def only_imports(self): return bool(self.tree and self.tree.body) and all(isinstance(o, (ast.Import, ast.ImportFrom)) for o in self.tree.body)


@dataclass
class Notebook:
    file: str    # path from the top of the repository
    cells: list
    size: int

    def having(self, directive): return [cell for cell in self.cells if directive in cell.directives]

    @property
    def code(self): return [cell for cell in self.cells if cell.kind == "code"]

    @property
    def exported(self): return [cell for cell in self.cells if cell.exported]

    @property
    def module(self): return next((cell.directives["default_exp"] for cell in self.having("default_exp")), None)

    def problem(self, cell, rule, todo): return Problem(self.file, cell and cell.number, rule, todo)


class Unreadable(ValueError): "A notebook file that is not a notebook."


def read(path, root=ROOT):  # -> Notebook
    text = path.read_text(encoding="utf-8")
    try: cells = json.loads(text)["cells"]
    except (ValueError, KeyError, TypeError) as error:
        marks = re.search(r"^(<<<<<<<|>>>>>>>)", text, flags=re.M)
        raise Unreadable("it holds conflict markers: run nbdev_fix on it" if marks else f"it is not a notebook ({error}): restore it") from None
    cells = [Cell(number, cell["cell_type"], "".join(cell["source"]), cell.get("outputs", [])) for number, cell in enumerate(cells, 1)]
    return Notebook(path.relative_to(root).as_posix(), cells, len(text.encode()))


# Form: first cells, last cell, size, plain Python

def first_cells(nb):
    "`# Title` and `> promise`, then in a chapter: default_exp, an import cell, a hidden cell, prose."
    cells = nb.cells + [Cell(0, "raw", "", [])] * 5
    if not re.match(r"# \S.*\n+> \S", cells[0].source): yield nb.problem(cells[0], "first cells", "begin with `# Title` and, below it, `> a promise in one line`")
    if not nb.module: return
    if "default_exp" not in cells[1].directives: yield nb.problem(cells[1], "first cells", "the second cell says `#| default_exp`")
    if not (cells[2].exported and cells[2].only_imports): yield nb.problem(cells[2], "first cells", "the third cell is `#| export` and holds imports only")
    if "hide" not in cells[3].directives: yield nb.problem(cells[3], "first cells", "the fourth cell is `#| hide` and imports what only the notebook needs")
    if cells[4].kind != "markdown": yield nb.problem(cells[4], "first cells", "then one to three sentences: what this gives, its public names, what it does not do")


def last_cell(nb):
    last = nb.cells[-1]
    if nb.module and not ("hide" in last.directives and "nbdev_export()" in last.source):
        yield nb.problem(last, "last cell", "end with `#| hide` and `import nbdev; nbdev.nbdev_export()`")


def size(nb):
    if nb.size > NOTEBOOK_SIZE: yield nb.problem(None, "size", f"{nb.size:,} bytes, more than {NOTEBOOK_SIZE:,}: make figures smaller or fewer")


def plain_python(nb):
    for cell in nb.code:
        if cell.tree is None: yield nb.problem(cell, "plain Python", "a magic, a `!command` or a syntax error: use subprocess.run(..., check=True)")


def export_without_module(nb):
    "nbdev_export only warns of this, and the code is missing from the package."
    for cell in nb.exported:
        if not nb.module and not cell.directives.get("export"): yield nb.problem(cell, "default_exp", "exported, but no cell says `#| default_exp`: nothing would be exported")


def imports_apart(nb):
    "To make a chapter's page, nbdev runs each cell that imports, and none of the others that it may need."
    for cell in nb.code:
        if not nb.module or cell.exported or not cell.tree or "nbdev_export()" in cell.source: continue
        if any(isinstance(o, (ast.Import, ast.ImportFrom)) for o in ast.walk(cell.tree)) and not cell.only_imports:
            yield nb.problem(cell, "imports apart", "imports stand in a cell of their own, best in the hidden fourth one, or the page cannot be made")


def star_imports(nb):
    for cell in nb.exported:
        for node in _nodes(cell, ast.ImportFrom):
            if node.names[0].name == "*": yield nb.problem(cell, "imports by name", f"name what you import from {node.module}")


def pickle(nb):
    for cell in nb.code:
        code = re.sub(r"from pickle import \w+Error\b", "", cell.code)  # to catch it is fine
        if found := re.search(r"\b(cloudpickle|dill|joblib|pickle|read_pickle|to_pickle)\b|allow_pickle=True", code):
            yield nb.problem(cell, "no pickle", f"{found[0]} runs what it reads: use Parquet, JSON or ONNX")


# Size of cells and functions

def _nodes(cell, kinds): return [node for node in ast.walk(cell.tree) if isinstance(node, kinds)] if cell.tree else []


def _functions(cell): return _nodes(cell, (ast.FunctionDef, ast.AsyncFunctionDef))


def cell_lines(cell): return sum(bool(line.strip()) for line in cell.code.splitlines())


def function_lines(function): return function.end_lineno - function.lineno + 1


def long_cells(nb):
    for cell in nb.exported:
        if cell_lines(cell) > LONGEST_CELL: yield nb.problem(cell, "long cell", f"{cell_lines(cell)} lines, at most {LONGEST_CELL}: split it, a method may be a cell of its own")


def long_functions(nb):
    for cell in nb.exported:
        for function in _functions(cell):
            if function_lines(function) > LONGEST_FUNCTION: yield nb.problem(cell, "long function", f"{function.name} has {function_lines(function)} lines, at most {LONGEST_FUNCTION}: split it")


def _parameters(function):  # without self, cls, *args and **kwargs
    named = function.args.posonlyargs + function.args.args + function.args.kwonlyargs
    return [parameter for parameter in named if parameter.arg not in ("self", "cls")]


def many_parameters(nb):
    for cell in nb.exported:
        for function in _functions(cell):
            if (count := len(_parameters(function))) > PARAMETERS: yield nb.problem(cell, "parameters", f"{function.name} has {count}, at most {PARAMETERS}: put them into one dataclass with documented fields")


def _share(values, limit): return sum(value <= limit for value in values) / len(values) if values else 1


def typical_cells(nbs):
    cells = [(cell_lines(cell), nb.file, cell.number) for nb in nbs for cell in nb.exported]
    lines = [count for count, *_ in cells]
    worst = ", ".join(f"{file} cell {number} ({count})" for count, file, number in sorted(cells, reverse=True)[:5])
    if lines and median(lines) > MEDIAN_CELL: yield Problem("nbs", None, "exported cells", f"median {median(lines)} lines, at most {MEDIAN_CELL}: split the longest: {worst}")
    if _share(lines, MOST_CELLS) < 0.9: yield Problem("nbs", None, "exported cells", f"{_share(lines, MOST_CELLS):.0%} have at most {MOST_CELLS} lines, should be 90 %: split the longest: {worst}")


def typical_functions(nbs):
    functions = [(function_lines(function), function.name, nb.file) for nb in nbs for cell in nb.exported for function in _functions(cell)]
    share = _share([count for count, *_ in functions], MOST_FUNCTIONS)
    worst = ", ".join(f"{name} in {file} ({count})" for count, name, file in sorted(functions, reverse=True)[:5])
    if share < 0.9: yield Problem("nbs", None, "functions", f"{share:.0%} have at most {MOST_FUNCTIONS} lines, should be 90 %: split the longest: {worst}")


# Documentation

def _public(cell, kinds=(ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):  # top-level definitions without an underscore
    return [o for o in (cell.tree.body if cell.tree else []) if isinstance(o, kinds) and not o.name.startswith("_")]


def _callable(cell):  # functions and methods that a user may call; what fastai calls is described in fastai's documentation
    methods = [o for node in _public(cell, ast.ClassDef) for o in node.body if isinstance(o, ast.FunctionDef)]
    mine = [o for o in methods if o.name == "__init__" or not re.match(r"_|(before|after)_|(reset|accumulate|value|name)$", o.name)]
    return [o for o in _public(cell) if not isinstance(o, ast.ClassDef)] + mine


def _commented(cell, node):  # a comment on its line, or on the lines before it
    lines = cell.code.splitlines()
    return "#" in lines[node.end_lineno - 1][node.end_col_offset:] or (node.lineno > 1 and lines[node.lineno - 2].lstrip().startswith("#"))


def _own(function):  # its nodes without those of functions inside it
    for node in function.body if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)) else ast.iter_child_nodes(function):
        yield node
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)): yield from _own(node)


def _signature_end_commented(cell, function):  # `):  # what comes back`, where the type cannot be imported at the top
    return re.match(r"[^#]*\):\s*#", cell.code.splitlines()[function.body[0].lineno - 2]) is not None


def _undocumented(cell, function):  # what lacks a type or a comment
    patched = any("patch" in ast.unparse(o) for o in function.decorator_list)
    for parameter in _parameters(function):
        if patched and parameter is function.args.args[0]: continue
        if not parameter.annotation and not _commented(cell, parameter): yield f"the type and meaning of {parameter.arg}"
        elif not _commented(cell, parameter): yield f"the meaning of {parameter.arg}"
    if function.name == "__init__" or not any(isinstance(o, ast.Return) and o.value for o in _own(function)): return
    if not function.returns: yield from [] if _signature_end_commented(cell, function) else ["the type of the result"]
    elif _parameters(function) and not _commented(cell, function.returns): yield "the meaning of the result"


def docments(nb):
    for cell in nb.exported:
        for function in _callable(cell):
            if missing := list(_undocumented(cell, function)): yield nb.problem(cell, "docments", f"{function.name} lacks {', '.join(missing)}")


def docstrings(nb):
    for cell in nb.exported:
        for node in _public(cell, ast.ClassDef) + [o for o in _callable(cell) if o.name != "__init__"]:
            text = ast.get_docstring(node)
            if not text: yield nb.problem(cell, "docstring", f"{node.name} has none: one line, verb first")
            elif "\n" in text.strip(): yield nb.problem(cell, "docstring", f"{node.name} has more than one line: detail goes in prose")


def quoted_types(nb):
    here = {node.name for cell in nb.exported for node in _public(cell, ast.ClassDef)}
    for cell in nb.exported:
        for function in _callable(cell):
            quoted = [o for o in [function.returns, *(p.annotation for p in _parameters(function))] if isinstance(o, ast.Constant) and isinstance(o.value, str) and o.value not in here]
            for o in quoted: yield nb.problem(cell, "quoted type", f"{function.name} has {o.value!r}, and nbdev must find it to make the page: import it, or give the type in the comment alone")


def documented_fields(nb):
    for cell in nb.exported:
        for node in _public(cell, ast.ClassDef):
            bare = [ast.unparse(o.target) for o in node.body if isinstance(o, ast.AnnAssign) and not _commented(cell, o)]
            if bare: yield nb.problem(cell, "documented fields", f"{node.name}: say beside {', '.join(bare)} what it means")


def _words(text):  # of prose: code blocks, tables, formulas and addresses are none
    text = re.sub(r"```.*?```|\$\$.*?\$\$|<!--.*?-->", " ", text, flags=re.S)
    text = re.sub(r"^\s*\|.*$|^#+ .*$", " ", text, flags=re.M)
    return re.sub(r"\]\([^)]*\)|<[^>]*>", " ", text).split()


def long_prose(nb):
    limit = WORDS if nb.module else TUTORIAL_WORDS
    for cell in nb.cells:
        if cell.kind == "markdown" and (count := len(_words(cell.source))) > limit: yield nb.problem(cell, "prose", f"{count} words, at most {limit}: say less, or show it in a cell")


# Tests

def _tests(cell):  # does it test something?
    calls = (ast.unparse(o.func) for o in _nodes(cell, ast.Call))
    return bool(_nodes(cell, ast.Assert)) or any(re.match(r"(\w+\.)*(test_|assert_|ExceptionExpected)", call) for call in calls)


def hidden_tests(nb):
    tests = [cell for cell in nb.code if nb.module and not cell.exported and _tests(cell)]
    hidden = [cell for cell in tests if "hide" in cell.directives]
    if len(hidden) > HIDDEN_TESTS * len(tests): yield nb.problem(None, "hidden tests", f"{len(hidden)} of {len(tests)} test cells are hidden, at most a third: show them or move them to tests/")


def skipped_cells(nbs):
    code = [(nb, cell) for nb in nbs for cell in nb.code]
    skipped = [(nb, cell) for nb, cell in code if cell.directives.get("eval:", "").lower() == "false"]
    for nb, cell in skipped:
        if not re.match(r"\s*#[^|]", cell.code): yield nb.problem(cell, "eval: false", "say why in a comment on the next line")
    if len(skipped) > SKIPPED_CELLS * len(code):
        yield Problem("nbs", None, "eval: false", f"{len(skipped)} of {len(code)} code cells, at most 2 %: " + ", ".join(f"{nb.file} cell {cell.number}" for nb, cell in skipped))


# Stored outputs

UNSTABLE = {
    "a machine's path": r"(?<![\w.])/(home|root|work|tmp|Users|var/folders|usr|opt|mnt)/\w|[A-Z]:\\\\?Users|site-packages",
    "the date of the run": r"\b20(2[5-9]|[3-9]\d)-\d\d-\d\d",
    "a timing": r"\b\d+(\.\d+)? ?(ms|µs|ns)\b|\b[Ww]all time|\bCPU times|(?<![\d:])\d\d:\d\d(?![\d:])|\b\d+(\.\d+)? (s|secs?|seconds)\b",
    "a progress bar": r"█|▏|it/s\b|\d%\|| ?<progress",
    "an address in memory": r"\b0x[0-9a-fA-F]{6,}",
}


def _texts(output):
    if output.get("output_type") == "stream": yield "".join(output["text"])
    yield from ("".join(value) for kind, value in output.get("data", {}).items() if kind.startswith("text/") or "svg" in kind)


def outputs(nb):
    for cell in nb.code:
        for output in cell.outputs:
            if output["output_type"] == "error": yield nb.problem(cell, "outputs", "a stored traceback: catch the error and print its message")
            if output.get("name") == "stderr": yield nb.problem(cell, "outputs", "something on stderr, a warning or a log: avoid it or catch it")
            if any("widget" in kind for kind in output.get("data", {})): yield nb.problem(cell, "outputs", "the state of a widget: show a table or a picture")
            for what, pattern in UNSTABLE.items():
                if found := next((m for text in _texts(output) if (m := re.search(pattern, text))), None):
                    yield nb.problem(cell, "outputs", f"{what} ({found[0]!r}): print what is the same on every machine and day")


# Order of chapters, and what the base modules may import

def _imports(tree):  # dotted names of all modules imported anywhere below
    for node in ast.walk(tree):
        if isinstance(node, ast.Import): yield from (o.name for o in node.names)
        if isinstance(node, ast.ImportFrom) and node.module: yield from [node.module, *(f"{node.module}.{o.name}" for o in node.names)]


def lower_chapters(nbs):
    order = {f"movierec.{nb.module}": Path(nb.file).name for nb in nbs if nb.module}
    for nb in nbs:
        if nb.module and not re.match(r"\d\d_\w+\.ipynb", Path(nb.file).name): yield nb.problem(None, "number", "a chapter's name begins with two digits")
        for cell in nb.code if nb.module else []:
            for name in sorted(set(_imports(cell.tree) if cell.tree else ()) & order.keys()):
                if order[name] >= Path(nb.file).name: yield nb.problem(cell, "lower chapters", f"imports {name} of {order[name]}: only chapters with a lower number may be imported")


def _top_level(body):  # statements that run at import
    for node in body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)): continue
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"): continue
        if isinstance(node, (ast.Import, ast.ImportFrom)): yield node
        for part in ("body", "orelse", "finalbody"): yield from _top_level(getattr(node, part, []))


def base_imports(module, file):  # source of a module that the wheel without extras uses
    for node in _top_level(ast.parse(module).body):
        relative = "movierec." if getattr(node, "level", 0) else ""
        names = {relative + name for name in _imports(node)}
        for name in sorted(NOT_IN_BASE - {Path(file).stem}):  # movierec.store.arango is that extra's own module
            if any(o == name or o.startswith(name + ".") for o in names): yield Problem(file, None, "base imports", f"line {node.lineno} imports {name}, which the wheel without extras has not: import it in the function that needs it")


RULES = [first_cells, last_cell, size, plain_python, export_without_module, imports_apart, star_imports, pickle, long_cells, long_functions,
         many_parameters, docments, docstrings, quoted_types, documented_fields, long_prose, hidden_tests, outputs]
PROJECT_RULES = [typical_cells, typical_functions, skipped_cells, lower_chapters]


def notebooks(root):  # -> notebooks that can be read, problems of those that cannot
    found, problems = [], []
    for path in sorted((root/"nbs").rglob("*.ipynb")):
        if ".ipynb_checkpoints" in path.parts: continue
        try: found.append(read(path, root))
        except Unreadable as error: problems.append(Problem(path.relative_to(root).as_posix(), None, "unreadable", str(error)))
    return found, problems


def check(root=ROOT):  # -> all problems of the repository
    nbs, problems = notebooks(root)
    for nb in nbs: problems += [problem for rule in RULES for problem in rule(nb)]
    problems += [problem for rule in PROJECT_RULES for problem in rule(nbs)]
    for path in sorted((root/"movierec").glob("*.py")):
        if path.stem not in TRAIN: problems += base_imports(path.read_text(), path.relative_to(root).as_posix())
    return problems


def main():
    problems = check()
    for problem in problems: print(problem)
    print(f"{len(problems)} problems" if problems else "no problems")
    return bool(problems)


if __name__ == "__main__": sys.exit(main())
