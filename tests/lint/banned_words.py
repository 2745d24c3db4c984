"""Names that say nothing, calls that throw or leak, and paths of one machine."""
import os
import re

import cpp

NAME_WORDS = r"(Manager|Helpers?|Util(s|ity|ities)?|Impl|Common)"
TYPE = re.compile(r"\b(?:class|struct|union|enum(?:\s+(?:class|struct))?|concept|using|namespace)\s+"
                  r"((?:\[\[[^\]]*\]\]\s*)?(?:\w+::)*\w+)")
IN_TYPE = re.compile(r"(?<![A-Z])" + NAME_WORDS + r"(?![a-z])")
IN_NAMESPACE = re.compile(r"\b(manager|helpers?|utils?|impl|common)\b")
IN_FILE = re.compile(r"(^|[_\-.])(manager|helpers?|utils?|utility|impl|common)($|[_\-.])", re.I)
CALLS = (
    # simdjson's object fields have a value() that does not throw; they are always called `field`.
    (re.compile(r"(?<!\bfield)\.\s*value\s*\(\s*\)"), ".value() throws; test the result, then dereference it"),
    (re.compile(r"\bdetached\b|\.\s*detach\s*\(\s*\)"), "detached work has no owner; spawn it in a TaskGroup"),
)
MACHINE_PATH = re.compile(r"(?<![\w.])/(work|root)/")
TEXT = {"", ".cpp", ".hpp", ".inc", ".py", ".sh", ".md", ".txt", ".json", ".yaml", ".yml", ".mjs", ".js", ".cmake",
        ".service", ".toml", ".conf"}
SKIPPED = {".git", "build", "node_modules", ".cache"}

root = cpp.root_of_arguments(__doc__)
report = cpp.Report()

for path in cpp.files(root, {".cpp", ".hpp", ".inc", ".py", ".mjs"}):
    if IN_FILE.search(path.stem):
        report.add(path, 1, "a banned word in the file name: call it by what it is to the request")
for path in cpp.files(root, {".cpp", ".hpp"}):
    code = cpp.blank_comments_and_strings(cpp.read(root / path))
    for number, line in enumerate(code.splitlines(), 1):
        for match in TYPE.finditer(line):
            if IN_TYPE.search(match.group(1)) or IN_NAMESPACE.search(match.group(1)):
                report.add(path, number, f"a banned word in the name {match.group(1)}")
        for pattern, message in CALLS:
            if pattern.search(line):
                report.add(path, number, message)
for folder, folders, names in os.walk(root):
    relative = os.path.relpath(folder, root)
    folders[:] = sorted(f for f in folders if f not in SKIPPED and
                        os.path.normpath(os.path.join(relative, f)) != os.path.normpath("tests/lint"))
    for name in sorted(names):
        path = os.path.normpath(os.path.join(relative, name))
        if os.path.splitext(name)[1] not in TEXT or name == "package-lock.json" or name in SKIPPED:
            continue
        with open(os.path.join(root, path), encoding="utf-8", errors="replace") as file:
            for number, line in enumerate(file, 1):
                if MACHINE_PATH.search(line):
                    report.add(path, number, "a path of one machine")
report.finish()
