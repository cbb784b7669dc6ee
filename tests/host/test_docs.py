"""The checks of the documentation find what is planted, and nothing in the pages that there are."""

from pathlib import Path

import pytest

from tools.docs import cli_reference
from tools.docs.__main__ import find_problems
from tools.docs.checks.code import check_code
from tools.docs.checks.links import check_links
from tools.docs.pages import PAGES, ROOT, find_outdated_pages

README_LINES = 150


def page(tmp_path: Path, text: str) -> Path:
    """Write a page of this text."""
    path = tmp_path / "page.md"
    path.write_text(text)
    return path


def test_the_documentation_is_up_to_date_and_its_code_and_links_are_right():
    assert find_problems() == []


def test_a_help_text_that_is_out_of_date_in_the_reference_fails(tmp_path: Path):
    text = cli_reference.render()
    assert "Train an existing task again" in text
    outdated = page(tmp_path, text.replace("Train an existing task again", "Train a task anew"))
    (message,) = find_outdated_pages({outdated: cli_reference.render})
    assert message.startswith(f"{outdated}:1: out of date")


def test_a_missing_page_is_out_of_date(tmp_path: Path):
    assert find_outdated_pages({tmp_path / "cli.md": cli_reference.render})


@pytest.mark.parametrize(
    "text",
    [
        "```bash\nedgecl enrol alarms sounds\n```",
        "```bash\nls && edgecl predict --frobnicate x.wav  # no such option\n```",
        "```bash\nedgecl forget\n```",
        "```bash\nmake everything\n```",
        "Use `edgecl listen --quick` here.",
        "Measured by `python -m tools.bench.nothing TASKS`.",
        "```python\nfor x in\n```",
        "```toml\n[source]\nmicrophone = 1\n```",
        "```json\n{1}\n```",
    ],
)
def test_code_that_would_not_work_is_found(tmp_path: Path, text: str):
    assert list(check_code(page(tmp_path, text)))


@pytest.mark.parametrize(
    "text",
    [
        "```bash\nexport A=1; edgecl enroll alarms sounds --json | jq .\n```",
        "```bash\nssh pi 'echo' && make docs PYTHON=python3\n```",
        "The command `edgecl export-task` and `edgecl correct CLIP --not TASK/LABEL`.",
    ],
)
def test_code_that_works_passes(tmp_path: Path, text: str):
    assert list(check_code(page(tmp_path, text))) == []


def test_a_link_that_leads_nowhere_is_found(tmp_path: Path):
    assert (
        list(check_links(page(tmp_path, "# A heading\n[good](#a-heading) [web](https://example.org)"))) == []
    )
    assert len(list(check_links(page(tmp_path, "[file](gone.md)\n[heading](#gone)")))) == 2


def test_the_readme_fits_on_one_screen_and_no_generated_page_is_empty():
    assert len((ROOT / "README.md").read_text().splitlines()) <= README_LINES
    assert all(len(path.read_text()) > 1000 for path in PAGES)
