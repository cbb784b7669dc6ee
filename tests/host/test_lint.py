"""The lint of words and names finds what is planted, and passes over what may not change."""

import subprocess
import sys
from pathlib import Path

import pytest

from tools.lint.__main__ import main

ROOT = Path(__file__).parents[2]

CLEAN = '''"""Read levels."""


def read_level(path: str) -> float:
    """Return the level of a recording in dBFS."""
    return float(path)
'''


def lint(tmp_path: Path, text: str, name: str = "module.py") -> int:
    """Check one file of this content; return the exit code."""
    (tmp_path / name).write_text(text)
    return main([str(tmp_path / name)])


def test_a_clean_module_passes(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert lint(tmp_path, CLEAN) == 0
    assert capsys.readouterr().out == ""


def test_a_planted_word_in_a_docstring_fails_with_its_place_and_a_better_word(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    assert lint(tmp_path, CLEAN.replace("Return the level", "Return what is told of the level")) == 1
    assert capsys.readouterr().out == (
        f"{tmp_path}/module.py:5: 'told': write notified, reported, emitted or printed\n"
    )


@pytest.mark.parametrize(
    "line",
    [
        "x = 1  # whoever asks",
        "x = 'Tell me'",
        "x = f'{x} was\\nheard'",
        "to_be_heard = 1",
        "class WasTaught: pass",
        "def f(told): pass",
        "x.told = 1",
        "import os as heard",
        "x = '''so\nmany'''",
    ],
)
def test_comments_strings_and_names_are_read(tmp_path: Path, line: str):
    assert lint(tmp_path, f"{line}\n") == 1


@pytest.mark.parametrize(
    "line", ["x.tell()", "x = 'teacher, intelligent, untold'", "x = '--hear FILE'", 'x = {"heard": 1}']
)
def test_names_of_others_parts_of_words_and_stable_fields_are_passed_over(tmp_path: Path, line: str):
    assert lint(tmp_path, f"{line}\n") == 0


@pytest.mark.parametrize("name", ["page.js", "index.html", "guide.md"])
def test_the_page_and_the_documentation_are_read(tmp_path: Path, name: str):
    assert lint(tmp_path, "onHeard()\n", name) == 1


def test_the_name_of_a_file_is_read(tmp_path: Path):
    assert lint(tmp_path, CLEAN, "teaching.py") == 1


@pytest.mark.parametrize("name", ["warmed", "kept_bytes", "held_out"])
def test_a_public_function_named_by_a_participle_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
):
    assert lint(tmp_path, CLEAN.replace("read_level", name)) == 1
    assert f"'{name}' begins with a participle" in capsys.readouterr().out


def test_verbs_private_functions_and_properties_pass(tmp_path: Path):
    assert lint(tmp_path, CLEAN.replace("read_level", "embed")) == 0
    assert lint(tmp_path, CLEAN.replace("read_level", "_warmed")) == 0
    assert lint(tmp_path, "class Level:\n    @property\n    def clipped(self): ...\n") == 0


def test_a_docstring_that_begins_with_a_relative_clause_fails(tmp_path: Path):
    assert lint(tmp_path, CLEAN.replace("Return the level", "How loud the level is")) == 1


def test_ruff_fails_on_a_docstring_that_is_no_imperative(tmp_path: Path):
    (tmp_path / "tools" / "lint").mkdir(parents=True)
    file = tmp_path / "tools" / "lint" / "module.py"
    file.write_text(CLEAN.replace("Return the level", "Returns the level"))
    ruff = [sys.executable, "-m", "ruff", "check", "--config", str(ROOT / "pyproject.toml"), str(file)]
    done = subprocess.run(ruff, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 1
    assert "D401" in done.stdout
