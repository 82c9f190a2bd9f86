"""The house rules of the code: sizes, one home for every name, no copies. Exceptions are argued in one place, here."""

import ast
from collections import defaultdict
from functools import cache
from pathlib import Path

import pytest
from radon.visitors import ComplexityVisitor

ROOT = Path(__file__).parents[2]
LIBRARY = sorted((ROOT / "kwant_spinjunc").rglob("*.py"))
CODE = LIBRARY + sorted((ROOT / "validation").rglob("*.py"))

LONGEST_MODULE, LONGEST_FUNCTION, MOST_PARAMETERS, LARGEST_COMPLEXITY, LONGEST_COPY = 600, 80, 10, 20, 10

#: What breaks a rule, and why it may. Take an entry out when it no longer does; add none.
EXCEPTIONS: dict[str, dict[str, str]] = {
    "module": {},
    "function": {},
    "parameters": {},
    "complexity": {},
    "private": {},
}


def name_of(path):
    return str(path.relative_to(ROOT))


@cache
def tree(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def functions(path):
    """Yield (qualified name, node) of every function and method of a module."""
    stack = [(name_of(path), node) for node in tree(path).body]
    while stack:
        where, node = stack.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield f"{where}:{node.name}", node
        if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            stack += [(f"{where}:{node.name}", child) for child in node.body]


def lines_of_code(node, text):
    """Count the lines of a function that hold code: no docstring, no comment, no blank line, no decorator."""
    body = node.body[1:] if ast.get_docstring(node) is not None else node.body
    if not body:
        return 0
    lines = text[node.lineno - 1 : node.body[0].lineno - 1] + text[body[0].lineno - 1 : node.end_lineno]
    return sum(bool(line.strip()) and not line.strip().startswith("#") for line in lines)


def parameters(node):
    """Count the parameters of a function, ``self`` and ``cls`` apart."""
    arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    return sum(argument.arg not in ("self", "cls") for argument in arguments)


def is_overload(node):
    return any(isinstance(d, ast.Name) and d.id == "overload" for d in node.decorator_list)


def offenders(path, rule):
    """Return {name: value} of what breaks a rule about sizes in a module."""
    text = path.read_text(encoding="utf-8").splitlines()
    if rule == "module":
        return {name_of(path): len(text)} if len(text) > LONGEST_MODULE else {}
    if rule == "complexity":
        blocks = ComplexityVisitor.from_ast(tree(path)).blocks
        blocks += [method for block in blocks for method in getattr(block, "methods", [])]
        named = {f"{name_of(path)}:{block.name}": block.complexity for block in blocks if block.letter in "FM"}
        return {name: value for name, value in named.items() if value > LARGEST_COMPLEXITY}
    measure, most = {
        "function": (lambda node: lines_of_code(node, text), LONGEST_FUNCTION),
        "parameters": (parameters, MOST_PARAMETERS),
    }[rule]
    found = {name: measure(node) for name, node in functions(path) if not is_overload(node)}
    return {name: value for name, value in found.items() if value > most}


@pytest.mark.parametrize("rule", ["module", "function", "parameters", "complexity"])
def test_sizes_stay_within_what_one_reads_at_once(rule):
    assert not broken(rule, EXCEPTIONS[rule])


def broken(rule, exceptions):
    """Return what breaks a rule without an exception, and the exceptions that nothing needs any more."""
    found = {name: value for path in CODE for name, value in offenders(path, rule).items()}
    idle = dict.fromkeys(exceptions.keys() - found.keys(), "needs no exception any more")
    return {name: value for name, value in found.items() if name not in exceptions} | idle


def private_imports(path):
    """Return the names with one leading underscore that a module takes from another of this project."""
    found, modules = [], {}
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.ImportFrom) and (node.level or (node.module or "").startswith(("kwant_spin", "valid"))):
            found += [
                a.name for a in node.names if a.name.startswith("_") and a.name not in ("__version__", "_version")
            ]
            modules |= {a.asname or a.name: a.name for a in node.names if a.name[0].islower()}
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in modules:
            found += [f"{node.value.id}.{node.attr}"] * (node.attr.startswith("_") and not node.attr.startswith("__"))
    return found


def test_no_module_takes_a_private_name_of_another():
    found = {f"{name_of(path)}:{name}" for path in CODE for name in private_imports(path)}
    assert found == EXCEPTIONS["private"].keys()


def aliases(path):
    """Return the type aliases a module defines at its top."""
    generic = {"NDArray", "Literal", "Callable", "tuple", "list", "dict", "Mapping", "Sequence", "Union", "Optional"}
    return [
        node.targets[0].id
        for node in tree(path).body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and isinstance(node.value, ast.Subscript)
        and isinstance(node.value.value, ast.Name)
        and node.value.value.id in generic
    ]


def test_no_type_alias_is_defined_twice():
    homes = defaultdict(list)
    for path in LIBRARY:
        for alias in aliases(path):
            homes[alias].append(name_of(path))
    assert not {alias: paths for alias, paths in homes.items() if len(paths) > 1}


def copies(paths):
    """Return the pairs of modules that share a run of more than `LONGEST_COPY` lines, imports and blanks apart."""
    seen, found = {}, {}
    for path in paths:
        imports = {
            line
            for node in ast.walk(tree(path))
            if isinstance(node, (ast.Import, ast.ImportFrom))
            for line in range(node.lineno, node.end_lineno + 1)
        }
        text = path.read_text(encoding="utf-8").splitlines()
        lines = [(n, line.strip()) for n, line in enumerate(text, 1) if n not in imports and line.strip()]
        for start in range(len(lines) - LONGEST_COPY):
            run = tuple(line for _, line in lines[start : start + LONGEST_COPY + 1])
            other = seen.setdefault(run, (path, lines[start][0]))
            if other[0] != path:
                found.setdefault((name_of(other[0]), name_of(path)), (other[1], lines[start][0]))
    return found


def test_no_run_of_lines_stands_in_two_modules():
    assert not copies(LIBRARY)


def test_the_rules_see_what_breaks_them(tmp_path, monkeypatch):
    """Negative controls: a module that breaks every rule is seen by every check."""
    bad = tmp_path / "bad.py"
    body = "\n".join(f"    if x == {n}:\n        x = x + {n}" for n in range(45))
    bad.write_text(
        "from kwant_spinjunc.spin import _hidden, unit_vector\nFloats = tuple[float]\n"
        f"def long({', '.join(f'a{n}' for n in range(11))}, x):\n{body}\n    return unit_vector._secret\n" + "\n" * 600
    )
    other = tmp_path / "other.py"
    other.write_text(bad.read_text())
    monkeypatch.setitem(globals(), "ROOT", tmp_path)
    monkeypatch.setitem(globals(), "CODE", [bad])
    assert broken("parameters", {"gone.py:f": ""}) == {"bad.py:long": 12, "gone.py:f": "needs no exception any more"}
    assert not broken("parameters", {"bad.py:long": ""})
    assert offenders(bad, "module") == {"bad.py": 694}
    assert offenders(bad, "function") == {"bad.py:long": 92}
    assert offenders(bad, "parameters") == {"bad.py:long": 12}
    assert offenders(bad, "complexity") == {"bad.py:long": 46}
    assert private_imports(bad) == ["_hidden", "unit_vector._secret"]
    assert aliases(bad) == ["Floats"]
    assert list(copies([bad, other])) == [("bad.py", "other.py")]
