"""Find public functions whose name begins with a participle: functions are verbs."""

import ast
from collections.abc import Iterator
from pathlib import Path

from tools.lint.problem import Problem
from tools.lint.rules import Rules

PROPERTIES = {"property", "cached_property", "computed_field", "setter", "getter", "hybrid_property"}


def find_participle_names(file: Path, text: str, rules: Rules) -> Iterator[Problem]:
    """Yield a problem for every public function or method that is named by a participle, tests excepted."""
    if file.suffix == ".py" and "tests" not in file.parts:
        for node in _public_functions(ast.parse(text).body):
            if rules.begins_with_participle(node.name):
                yield Problem(file, node.lineno, f"'{node.name}' begins with a participle: begin with a verb")


def _public_functions(body: list[ast.stmt]) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Yield public functions of a module and public methods of its classes, properties excepted."""
    for node in body:
        if isinstance(node, ast.ClassDef):
            yield from _public_functions(node.body)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            decorators = {ast.unparse(one).split("(")[0].split(".")[-1] for one in node.decorator_list}
            if not node.name.startswith("_") and not decorators & PROPERTIES:
                yield node
