"""Writes one dashboard into the folder that is named."""
import sys
from pathlib import Path

(Path(sys.argv[1]) / "spend.json").write_text('{"title": "Spend"}\n', encoding="utf-8")
