"""`python -m tools.docs`: write the generated pages; with `--check`, print what is wrong with any page."""

import argparse
import sys

from tools.docs.checks.code import check_code
from tools.docs.checks.links import check_links
from tools.docs.pages import ROOT, find_outdated_pages, write_pages

PAGES_BESIDE_THE_CODE = ("README.md", "CONTRIBUTING.md", "SECURITY.md")


def main() -> int:
    """Return the exit code: 1 where a check fails."""
    parser = argparse.ArgumentParser(prog="tools.docs", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit code 1 if a page is wrong")
    if not parser.parse_args().check:
        write_pages()
        return 0
    problems = find_problems()
    for problem in problems:
        print(problem)
    return 1 if problems else 0


def find_problems() -> list[str]:
    """Return what is out of date, code that would not run, and links beside the code that lead nowhere."""
    beside = [ROOT / name for name in PAGES_BESIDE_THE_CODE]
    pages = [*beside, *sorted((ROOT / "docs").rglob("*.md"))]
    return [
        *find_outdated_pages(),
        *(problem for page in pages for problem in check_code(page)),
        *(problem for page in pages for problem in check_links(page)),
    ]


if __name__ == "__main__":
    sys.exit(main())
