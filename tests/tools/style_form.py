"""Rules on the form of a notebook: first and last cells, sizes, widths, prose, tests and stored outputs."""
import ast
import re
from statistics import median

from style_notebook import Cell, Problem, function_lines, functions, nodes, words

# Lines of exported cells: median of a chapter, nine in ten, longest.
MEDIAN_CELL, MOST_CELLS, LONGEST_CELL = 8, 20, 40
MOST_FUNCTIONS, LONGEST_FUNCTION = 15, 30          # lines of a function: nine in ten, longest
WIDE, WIDEST, WIDE_SHARE = 100, 110, 1 / 20        # columns; the share of lines that may be wider than WIDE
WORDS, TUTORIAL_WORDS = 60, 120                    # of a prose cell
HIDDEN_TESTS, SKIPPED_CELLS = 1 / 3, 0.02          # share of tests, share of code cells
NOTEBOOK_SIZE = 200_000                            # bytes


# First cells, last cell, size, plain Python

def first_cells(nb):
    "`# Title` and `> promise`, then in a chapter: default_exp, an import cell, a hidden cell, prose."
    title, exp, imports, hidden, prose = (nb.cells + [Cell(0, "raw", "", [])] * 5)[:5]
    if not re.match(r"# \S.*\n+> \S", title.source):
        yield nb.problem(
            title, "first cells", "begin with `# Title` and, below it, `> a promise in one line`"
        )
    if not nb.module: return
    if "default_exp" not in exp.directives:
        yield nb.problem(exp, "first cells", "the second cell says `#| default_exp`")
    if not (imports.exported and imports.only_imports):
        yield nb.problem(imports, "first cells", "the third cell is `#| export` and holds imports only")
    if "hide" not in hidden.directives:
        yield nb.problem(
            hidden, "first cells", "the fourth cell is `#| hide`: what only the notebook imports"
        )
    if prose.kind != "markdown":
        todo = "then one to three sentences: what this gives, its public names, what it does not do"
        yield nb.problem(prose, "first cells", todo)


def last_cell(nb):
    last = nb.cells[-1]
    if nb.module and not ("hide" in last.directives and "nbdev_export()" in last.source):
        yield nb.problem(last, "last cell", "end with `#| hide` and `import nbdev; nbdev.nbdev_export()`")


def size(nb):
    if nb.size > NOTEBOOK_SIZE:
        todo = f"{nb.size:,} bytes, more than {NOTEBOOK_SIZE:,}: make figures smaller or fewer"
        yield nb.problem(None, "size", todo)


def plain_python(nb):
    for cell in nb.code:
        if cell.tree is None:
            todo = "a magic, a `!command` or a syntax error: use subprocess.run(..., check=True)"
            yield nb.problem(cell, "plain Python", todo)


def export_without_module(nb):
    "nbdev_export only warns of this, and the code is missing from the package."
    for cell in nb.exported:
        if not nb.module and not cell.directives.get("export"):
            todo = "exported, but no cell says `#| default_exp`: nothing would be exported"
            yield nb.problem(cell, "default_exp", todo)


def imports_apart(nb):
    "To make a chapter's page, nbdev runs each cell that imports, and none of the others that it may need."
    for cell in nb.code:
        if not nb.module or cell.exported or not cell.tree or "nbdev_export()" in cell.source: continue
        if nodes(cell, (ast.Import, ast.ImportFrom)) and not cell.only_imports:
            todo = "imports stand in a cell of their own, best in the fourth, or the page cannot be made"
            yield nb.problem(cell, "imports apart", todo)


def star_imports(nb):
    for cell in nb.exported:
        for node in nodes(cell, ast.ImportFrom):
            if node.names[0].name == "*":
                yield nb.problem(cell, "imports by name", f"name what you import from {node.module}")


def sorted_imports(nb):
    "ruff sees the modules, in which nbdev has made some imports relative; so their order is checked here."
    for cell in nb.exported:
        if not cell.only_imports: continue
        for block in re.split(r"\n\s*\n", cell.code):
            order = [(isinstance(node, ast.ImportFrom), getattr(node, "module", None) or node.names[0].name)
                     for node in ast.parse(block).body]
            if order == sorted(order): continue
            todo = "in a block `import x` comes before `from x import y`, and each by name"
            yield nb.problem(cell, "sorted imports", todo)


def pickle(nb):
    for cell in nb.code:
        code = re.sub(r"from pickle import \w+Error\b", "", cell.code)  # to catch it is fine
        found = re.search(
            r"\b(cloudpickle|dill|joblib|pickle|read_pickle|to_pickle)\b|allow_pickle=True", code
        )
        if found:
            yield nb.problem(cell, "no pickle", f"{found[0]} runs what it reads: use Parquet, JSON or ONNX")


# Size of cells, functions and lines

def long_cells(nb):
    for cell in nb.exported:
        count = len(cell.lines)
        if count > LONGEST_CELL:
            todo = f"{count} lines, at most {LONGEST_CELL}: split it, a method may be a cell of its own"
            yield nb.problem(cell, "long cell", todo)


def long_functions(nb):
    for cell in nb.exported:
        for function in functions(cell):
            count = function_lines(function)
            if count > LONGEST_FUNCTION:
                todo = f"{function.name} has {count} lines, at most {LONGEST_FUNCTION}: split it"
                yield nb.problem(cell, "long function", todo)


def typical_cell(nb):
    counts = {cell.number: len(cell.lines) for cell in nb.exported if not cell.only_imports}
    if not counts or median(counts.values()) <= MEDIAN_CELL: return
    longest = sorted(counts, key=counts.get, reverse=True)[:5]
    worst = ", ".join(f"{number} ({counts[number]})" for number in longest)
    middle = f"{median(counts.values()):g}"
    yield nb.problem(
        None, "exported cells", f"median {middle} lines, at most {MEDIAN_CELL}: split cells {worst}"
    )


def wide_lines(nb):
    lines = [(line, cell) for cell in nb.exported for line in cell.lines]
    for line, cell in lines:
        if len(line) > WIDEST:
            todo = f"{len(line)} columns, at most {WIDEST}: unpack it into named steps: {line.strip()[:40]}…"
            yield nb.problem(cell, "wide line", todo)
    wide = [cell.number for line, cell in lines if len(line) > WIDE]
    if len(wide) > WIDE_SHARE * len(lines):
        todo = f"{len(wide)} of {len(lines)} exported lines are wider than {WIDE}, at most 1 in 20: cells "
        yield nb.problem(None, "wide lines", todo + ", ".join(map(str, dict.fromkeys(wide))))


def _share(values, limit): return sum(value <= limit for value in values) / len(values) if values else 1


def typical_cells(nbs):
    cells = [(len(cell.lines), nb.file, cell.number) for nb in nbs for cell in nb.exported]
    share = _share([count for count, *_ in cells], MOST_CELLS)
    if share >= 0.9: return
    worst = ", ".join(
        f"{file} cell {number} ({count})" for count, file, number in sorted(cells, reverse=True)[:5]
    )
    todo = f"{share:.0%} have at most {MOST_CELLS} lines, should be 90 %: split the longest: {worst}"
    yield Problem("nbs", None, "exported cells", todo)


def typical_functions(nbs):
    found = [(function_lines(function), function.name, nb.file)
             for nb in nbs for cell in nb.exported for function in functions(cell)]
    share = _share([count for count, *_ in found], MOST_FUNCTIONS)
    if share >= 0.9: return
    worst = ", ".join(f"{name} in {file} ({count})" for count, name, file in sorted(found, reverse=True)[:5])
    todo = f"{share:.0%} have at most {MOST_FUNCTIONS} lines, should be 90 %: split the longest: {worst}"
    yield Problem("nbs", None, "functions", todo)


# Prose

def long_prose(nb):
    limit = WORDS if nb.module else TUTORIAL_WORDS
    for cell in nb.cells:
        count = len(words(cell.source)) if cell.kind == "markdown" else 0
        if count > limit:
            yield nb.problem(cell, "prose", f"{count} words, at most {limit}: say less, or show it in a cell")


UNCLEAR = {
    r"\b(somebody|someone|nobody|whom|whoever|whomever|whatsoever)\b": "say user, people or no user",
    r"\b(next|previous|following) chapter\b|\bchapters? (further|later|before)\b": "link to it by name",
}


def plain_words(nb):
    for cell in nb.cells:
        text = cell.source if cell.kind == "markdown" or cell.exported else ""
        for pattern, todo in UNCLEAR.items():
            if found := re.search(pattern, text, flags=re.I):
                yield nb.problem(cell, "plain words", f"{found[0]!r}: {todo}")


# Tests

def is_test(cell):  # does it test something?
    calls = (ast.unparse(node.func) for node in nodes(cell, ast.Call))
    called = any(re.match(r"(\w+\.)*(test_|assert_|ExceptionExpected|check_)", call) for call in calls)
    return called or bool(nodes(cell, ast.Assert))


def hidden_tests(nb):
    tests = [cell for cell in nb.code if nb.module and not cell.exported and is_test(cell)]
    hidden = [cell for cell in tests if "hide" in cell.directives]
    if len(hidden) > HIDDEN_TESTS * len(tests):
        todo = f"{len(hidden)} of {len(tests)} test cells are hidden, at most a third: show them"
        yield nb.problem(None, "hidden tests", todo)


def skipped_cells(nbs):
    code = [(nb, cell) for nb in nbs for cell in nb.code]
    skipped = [(nb, cell) for nb, cell in code if cell.directives.get("eval:", "").lower() == "false"]
    for nb, cell in skipped:
        if not re.match(r"\s*#[^|]", cell.code):
            yield nb.problem(cell, "eval: false", "say why in a comment on the next line")
    if len(skipped) > SKIPPED_CELLS * len(code):
        where = ", ".join(f"{nb.file} cell {cell.number}" for nb, cell in skipped)
        yield Problem(
            "nbs", None, "eval: false", f"{len(skipped)} of {len(code)} code cells, at most 2 %: {where}"
        )


# Stored outputs

UNSTABLE = {
    "a machine's path": r"(?<![\w.])/(home|root|work|tmp|Users|var/folders|usr|opt|mnt)/\w"
    r"|[A-Z]:\\\\?Users|site-packages",
    "the date of the run": r"\b20(2[5-9]|[3-9]\d)-\d\d-\d\d",
    "a timing": r"\b\d+(\.\d+)? ?(ms|µs|ns)\b|\b[Ww]all time|\bCPU times|(?<![\d:])\d\d:\d\d(?![\d:])"
    r"|\b\d+(\.\d+)? (s|secs?|seconds)\b",
    "a progress bar": r"█|▏|it/s\b|\d%\|| ?<progress",
    "an address in memory": r"\b0x[0-9a-fA-F]{6,}",
}


def _texts(output):
    if output.get("output_type") == "stream": yield "".join(output["text"])
    for kind, value in output.get("data", {}).items():
        if kind.startswith("text/") or "svg" in kind: yield "".join(value)


def _unstable(output):  # what in it differs between machines and days
    for what, pattern in UNSTABLE.items():
        found = next((match for text in _texts(output) if (match := re.search(pattern, text))), None)
        if found: yield f"{what} ({found[0]!r}): print what is the same on every machine and day"


def outputs(nb):
    for cell in nb.code:
        for output in cell.outputs:
            todo = list(_unstable(output))
            if output["output_type"] == "error":
                todo.append("a stored traceback: catch the error and print its message")
            if output.get("name") == "stderr":
                todo.append("something on stderr, a warning or a log: avoid it or catch it")
            if any("widget" in kind for kind in output.get("data", {})):
                todo.append("the state of a widget: show a table or a picture")
            for each in todo: yield nb.problem(cell, "outputs", each)


RULES = [
    first_cells,
    last_cell,
    size,
    plain_python,
    export_without_module,
    imports_apart,
    star_imports,
    sorted_imports,
    pickle,
    long_cells,
    long_functions,
    typical_cell,
    wide_lines,
    long_prose,
    plain_words,
    hidden_tests,
    outputs,
]
PROJECT_RULES = [typical_cells, typical_functions, skipped_cells]
