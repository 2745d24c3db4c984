"""A vendor is data: its file has at most 40 lines and no functions, and adapters/catalog.inc lists it, sorted."""
import re

import cpp

DEFINITION = re.compile(r"^\s*(?:extern\s+)?(?:constinit\s+|const\s+|extern\s+)+Vendor\s+(\w+)\s*[{=]", re.M)
LINE = re.compile(r"TOLLGATE_VENDOR\((\w+)\)")
LIMIT = 40

root = cpp.root_of_arguments(__doc__)
report = cpp.Report()
defined = {}
for path in cpp.files(root, {".cpp"}, ("adapters",)):
    if len(path.parts) != 2:
        continue
    text = cpp.read(root / path)
    code = cpp.blank_comments_and_strings(text)
    names = [(m.group(1), code.count("\n", 0, m.start(1)) + 1) for m in DEFINITION.finditer(code)]
    if not names:
        continue
    lines = text.count("\n")
    if lines > LIMIT:
        report.add(path, LIMIT + 1, f"{lines} lines; a vendor file has at most {LIMIT}: what does not fit is a dialect")
    for name, first, _ in cpp.functions(cpp.tokens(text)):
        report.add(path, first, f"{name}(): a vendor file has no functions; add a field to Vendor instead")
    for token_line, line in enumerate(code.splitlines(), 1):
        if re.search(r"\[[&=\w]*\]\s*(\(|\{)", line) and re.search(r"[=(,]\s*\[[&=\w]*\]", line):
            report.add(path, token_line, "a lambda: a vendor file has no functions")
    for name, line in names:
        defined[name] = (path, line)
        if name != path.stem and len(names) == 1:
            report.add(path, line, f"vendor {name} belongs in {name}.cpp")

catalog = root / "adapters/catalog.inc"
if catalog.exists():
    listed = []
    for number, line in enumerate(cpp.blank_comments(cpp.read(catalog)).splitlines(), 1):
        for match in LINE.finditer(line):
            listed.append((match.group(1), number))
    for (before, _), (after, number) in zip(listed, listed[1:]):
        if after <= before:
            report.add("adapters/catalog.inc", number, f"{after} is not sorted after {before}, or listed twice")
    for name, number in listed:
        if defined and name not in defined:
            report.add("adapters/catalog.inc", number, f"{name} has no adapters/{name}.cpp")
    for name in sorted(set(defined) - {n for n, _ in listed}):
        report.add(defined[name][0], defined[name][1], f"{name} is missing in adapters/catalog.inc")
elif defined:
    for name, (path, line) in sorted(defined.items()):
        report.add(path, line, f"{name} is missing in adapters/catalog.inc")
report.finish()
