"""The code on docs/reference/python.md is one script, and it runs."""

import re
import subprocess
import sys
from pathlib import Path

from tests.deadlines import SOON_S

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "python.md"


def test_the_blocks_of_the_python_page_run_as_a_script(tmp_path: Path):
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    assert len(blocks) > 4
    script = tmp_path / "page.py"
    script.write_text("\n".join(blocks))
    done = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, cwd=tmp_path, check=False, timeout=SOON_S
    )
    assert done.returncode == 0, done.stderr
    assert "alarms doorbell" in done.stdout
    assert "start doorbell" in done.stdout
