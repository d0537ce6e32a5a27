"""Rules on public names: docstrings, docments that the site shows, types, keyword-only parameters."""
import ast
import re

from style_notebook import public

POSITIONAL = 2  # parameters that may be given by place; any number may follow by name
CALLED_BY_PLACE = {"forward", "softmax_loss"}  # PyTorch, ONNX and fastai call them so
CALLED_BY_FASTAI = r"_|(before|after)_|(reset|accumulate|value|name)$"  # described in fastai's documentation


def documented_functions(cell):  # functions and methods that a user may call
    classes = public(cell, ast.ClassDef)
    methods = [node for each in classes for node in each.body if isinstance(node, ast.FunctionDef)]
    mine = [node for node in methods if node.name == "__init__" or not re.match(CALLED_BY_FASTAI, node.name)]
    return [node for node in public(cell) if not isinstance(node, ast.ClassDef)] + mine


def _is_patched(function): return any("patch" in ast.unparse(each) for each in function.decorator_list)


def _is_static(function): return any(ast.unparse(each) == "staticmethod" for each in function.decorator_list)


def by_place(function):  # parameters that may be given by place, without self or cls
    named = function.args.posonlyargs + function.args.args
    if _is_patched(function): return named[1:]
    return [each for each in named if each.arg not in ("self", "cls")]


def parameters(function):  # all that a user may give, with **options
    varying = [each for each in (function.args.vararg, function.args.kwarg) if each]
    return by_place(function) + function.args.kwonlyargs + varying


def _comment_lines(cell):  # {line: is it a comment alone?} of lines that end in a comment
    found = {}
    for number, line in enumerate(cell.code.splitlines(), 1):
        outside = re.sub(r"\"[^\"]*\"|'[^']*'", lambda text: "x" * len(text[0]), line)
        if "#" in outside: found[number] = outside.lstrip().startswith("#")
    return found


def is_shown(cell, function, node):  # does fastcore find the comment of this parameter, or of the result?
    "fastcore takes the last parameter of a line, and the comment on that line or on lines of its own above."
    last = [
        each for each in parameters(function) + [function.returns] if each and each.lineno == node.lineno
    ][-1]
    comments = _comment_lines(cell)
    return last is node and (node.lineno in comments or comments.get(node.lineno - 1, False))


def _own(function):  # its nodes without those of functions inside it
    inner = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
    children = function.body if isinstance(function, inner[:2]) else ast.iter_child_nodes(function)
    for node in children:
        yield node
        if not isinstance(node, inner): yield from _own(node)


def has_result(function):
    if function.name == "__init__": return False
    return any(isinstance(node, ast.Return) and node.value or isinstance(node, (ast.Yield, ast.YieldFrom))
               for node in _own(function))


def untyped(function):  # names of parameters, and "the result", that have no annotation
    options = function.args.kwarg  # of any type
    names = [each.arg for each in parameters(function) if not each.annotation and each is not options]
    return names + (["the result"] if has_result(function) and not function.returns else [])


# names of parameters, and "the result", whose comment the site does not show
def unexplained(cell, function):
    names = [each.arg for each in parameters(function) if not is_shown(cell, function, each)]
    returns = function.returns if has_result(function) and parameters(function) else None
    return names + (["the result"] if returns and not is_shown(cell, function, returns) else [])


def docments(nb):
    for cell in nb.exported:
        for function in documented_functions(cell):
            if missing := untyped(function):
                todo = f"{function.name}: give {', '.join(missing)} a type (the site drops a result without)"
                yield nb.problem(cell, "docments", todo)
            if missing := unexplained(cell, function):
                todo = f"{function.name}: say what {', '.join(missing)} means, one to a line with a comment"
                yield nb.problem(cell, "docments", todo)


def keyword_only(nb):
    for cell in nb.exported:
        for function in documented_functions(cell):
            given = [each.arg for each in by_place(function)]
            if len(given) > POSITIONAL and function.name not in CALLED_BY_PLACE:
                todo = f"{function.name}({', '.join(given)}): put `*` after {given[POSITIONAL - 1]}"
                yield nb.problem(cell, "keyword-only", todo)


def docstrings(nb):
    for cell in nb.exported:
        callables = [each for each in documented_functions(cell) if each.name != "__init__"]
        for node in public(cell, ast.ClassDef) + callables:
            text = ast.get_docstring(node)
            if not text: yield nb.problem(cell, "docstring", f"{node.name} has none: one line, verb first")
            elif "\n" in text.strip():
                yield nb.problem(
                    cell, "docstring", f"{node.name} has more than one line: detail goes in prose"
                )


def _quoted(function):  # annotations that are text
    for node in [function.returns, *(each.annotation for each in parameters(function))]:
        if isinstance(node, ast.Constant) and isinstance(node.value, str): yield node.value


def quoted_types(nb):
    here = {node.name for cell in nb.exported for node in public(cell, ast.ClassDef)}
    for cell in nb.exported:
        for function in documented_functions(cell):
            for name in set(_quoted(function)) - here:
                todo = f"{function.name} has {name!r}, and nbdev must find it to make the page: import it, " \
                       "or write `object` and name the type in the comment"
                yield nb.problem(cell, "quoted type", todo)


def documented_fields(nb):
    for cell in nb.exported:
        comments = _comment_lines(cell)
        for node in public(cell, ast.ClassDef):
            fields = [each for each in node.body if isinstance(each, ast.AnnAssign)]
            bare = [ast.unparse(each.target) for each in fields
                    if each.end_lineno not in comments and not comments.get(each.lineno - 1)]
            if bare:
                todo = f"{node.name}: say in a comment on the line of {', '.join(bare)} what it means"
                yield nb.problem(cell, "documented fields", todo)


def lost_results(nb):  # -> functions whose comment on the result the site does not show, for want of a type
    for cell in nb.exported:
        lines = cell.code.splitlines()
        for function in documented_functions(cell):
            end = lines[function.body[0].lineno - 2]
            if has_result(function) and not function.returns and re.match(r"[^#]*\):\s*#", end):
                yield function.name


def commented_options(nb):  # -> functions with a comment on `**options`
    for cell in nb.exported:
        for function in documented_functions(cell):
            options = function.args.kwarg
            if options and is_shown(cell, function, options): yield function.name


RULES = [docments, keyword_only, docstrings, quoted_types, documented_fields]
