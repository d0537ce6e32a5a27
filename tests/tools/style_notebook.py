"""Notebooks as the style rules see them: cells, their directives and their syntax trees."""
import ast
import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]


class Problem(NamedTuple):
    file: str     # path from the top of the repository
    cell: object  # number of the cell, counted from 1, or None
    rule: str     # short name
    todo: str     # what is wrong and what to do

    def __str__(self):
        place = f"{self.file} cell {self.cell}" if self.cell else self.file
        return f"{place}: {self.rule}: {self.todo}"


@dataclass
class Cell:
    number: int
    kind: str                             # code, markdown or raw
    source: str
    outputs: list
    directives: dict = field(init=False)  # {"export": "", "default_exp": "models.graph", "eval:": "false"}
    code: str = field(init=False)         # the source without directives
    tree: object = field(init=False)      # None where it is not plain Python

    def __post_init__(self):
        found = re.findall(r"^\s*#\|\s*(\S+)[ \t]*(.*?)\s*$", self.source, flags=re.M)
        self.directives = dict(found) if self.kind == "code" else {}
        self.code = re.sub(r"^\s*#\|.*\n?", "", self.source, flags=re.M).strip("\n")
        try: self.tree = ast.parse(self.code) if self.kind == "code" else None
        except SyntaxError: self.tree = None

    @property
    def exported(self): return bool({"export", "exports", "exporti"} & self.directives.keys())

    @property
    def only_imports(self):
        body = self.tree.body if self.tree else []
        return bool(body) and all(isinstance(node, (ast.Import, ast.ImportFrom)) for node in body)

    @property
    def lines(self): return [line for line in self.code.splitlines() if line.strip()]


@dataclass
class Notebook:
    file: str    # path from the top of the repository
    cells: list
    size: int    # bytes

    def having(self, directive): return [cell for cell in self.cells if directive in cell.directives]

    @property
    def code(self): return [cell for cell in self.cells if cell.kind == "code"]

    @property
    def exported(self): return [cell for cell in self.cells if cell.exported]

    @property
    def module(self):  # "models.graph", or None where it makes no module
        return next((cell.directives["default_exp"] for cell in self.having("default_exp")), None)

    def problem(self, cell, rule, todo): return Problem(self.file, cell and cell.number, rule, todo)


class Unreadable(ValueError): "A notebook file that is not a notebook."


def read(path, root=ROOT):  # -> Notebook
    text = path.read_text(encoding="utf-8")
    try: cells = json.loads(text)["cells"]
    except (ValueError, KeyError, TypeError) as error:
        marked = re.search(r"^(<<<<<<<|>>>>>>>)", text, flags=re.M)
        if marked: raise Unreadable("it holds conflict markers: run nbdev_fix on it") from None
        raise Unreadable(f"it is not a notebook ({error}): restore it") from None
    cells = [Cell(number, cell["cell_type"], "".join(cell["source"]), cell.get("outputs", []))
             for number, cell in enumerate(cells, 1)]
    return Notebook(path.relative_to(root).as_posix(), cells, len(text.encode()))


def notebooks(root=ROOT):  # -> notebooks that can be read, problems of those that cannot
    found, problems = [], []
    for path in sorted((root / "nbs").rglob("*.ipynb")):
        if ".ipynb_checkpoints" in path.parts: continue
        try: found.append(read(path, root))
        except Unreadable as error:
            problems.append(Problem(path.relative_to(root).as_posix(), None, "unreadable", str(error)))
    return found, problems


def nodes(cell, kinds):  # all nodes of these kinds in a cell
    return [node for node in ast.walk(cell.tree) if isinstance(node, kinds)] if cell.tree else []


def functions(cell): return nodes(cell, (ast.FunctionDef, ast.AsyncFunctionDef))


def function_lines(function): return function.end_lineno - function.lineno + 1


def public(cell, kinds=(ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
    "Definitions at the top of a cell whose name has no underscore."
    body = cell.tree.body if cell.tree else []
    return [node for node in body if isinstance(node, kinds) and not node.name.startswith("_")]


def words(text):  # of prose: code blocks, tables, headings, formulas and addresses are none
    text = re.sub(r"```.*?```|\$\$.*?\$\$|<!--.*?-->", " ", text, flags=re.S)
    text = re.sub(r"^\s*\|.*$|^#+ .*$", " ", text, flags=re.M)
    return re.sub(r"\]\([^)]*\)|<[^>]*>", " ", text).split()
