"""The dashboards are what deploy/grafana/dashboards.py writes."""
import subprocess
import sys
import tempfile
from pathlib import Path

import cpp

root = cpp.root_of_arguments(__doc__)
report = cpp.Report()
folder = root / "deploy/grafana"
if (folder / "dashboards.py").exists():
    with tempfile.TemporaryDirectory() as made:
        subprocess.run([sys.executable, "-B", str(folder / "dashboards.py"), made], check=True)
        expected = {path.name: path.read_text(encoding="utf-8") for path in Path(made).glob("*.json")}
    for name in sorted(expected.keys() | {path.name for path in folder.glob("*.json")}):
        path = folder / name
        if name not in expected:
            report.add(path.relative_to(root), 1, "no dashboard of that name is in dashboards.py")
        elif not path.exists() or path.read_text(encoding="utf-8") != expected[name]:
            report.add(path.relative_to(root), 1, "differs from what dashboards.py writes: run it")
report.finish()
