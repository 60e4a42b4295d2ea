"""docs/layers.md says what the library and the sources say."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_page_is_up_to_date():
    result = subprocess.run(
        [sys.executable, str(ROOT / "Tools" / "make-layer-docs.py"), "--check"],
        capture_output=True, text=True,
    )
    assert result.returncode == 0, result.stdout + result.stderr
