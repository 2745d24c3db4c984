"""README.md and docs/ agree with the tree: links, paths in backticks, curl examples, quoted code, the lists of vendors,
the fields of the access line, the form of decisions, the length of docs/architecture.md.

With TOLLGATE_BIN set, every ```yaml block must pass `tollgate check`; YAML that is no configuration says what it is
after the word yaml.  A block without providers may name some that are elsewhere.
"""
import glob
import os
import re
import subprocess
import sys
import tempfile

import cpp

FOLDERS = cpp.FOLDERS + ("tests", "docs", "deploy", ".ci")
LINK = re.compile(r"!?\[[^\]]*\]\(<?([^)\s>]+)>?[^)]*\)")
CODE = re.compile(r"`([^`]+)`")
FILE_NAME = re.compile(r"[\w.-]+\.(cpp|hpp|inc|py)")
LOCAL_URL = re.compile(r"https?://(?:127\.0\.0\.1|localhost|\[::1\])(?::\d+)?(/[^\s'\"?#]*)?")
VENDOR_WORD = re.compile(r"[a-z][a-z0-9_]*")

arguments = cpp.root_of_arguments(__doc__, (("--architecture", 120),))
root = arguments.root
report = cpp.Report()


class Page:
    """A Markdown file: its lines outside code blocks, and its blocks as (info, first line number, lines)."""

    def __init__(self, path):
        self.path = path
        self.lines = cpp.read(root / path).splitlines()
        self.prose, self.blocks = [], []
        block = None
        for number, line in enumerate(self.lines, 1):
            if line.startswith("```"):
                if block is None:
                    block = (line[3:].strip(), number + 1, [])
                else:
                    self.blocks.append(block)
                    block = None
            elif block is not None:
                block[2].append(line)
            else:
                self.prose.append((number, line))
        if block is not None:
            report.add(path, block[1] - 1, "this code block has no end")

    def anchors(self):
        """The names that GitHub gives to headings."""
        found = set()
        for _, line in self.prose:
            if re.match(r"#+ ", line):
                title = re.sub(r"[^\w\- ]", "", line.lstrip("#").strip().lower().replace("`", ""))
                found.add(title.replace(" ", "-"))
        return found


def text_of(name):
    path = root / name
    return cpp.read(path) if path.is_file() else ""


names = [p for p in ("README.md",) if (root / p).is_file()]
names += sorted(p.relative_to(root).as_posix() for p in (root / "docs").rglob("*.md"))
pages = {name: Page(name) for name in names}


def check_links(page):
    folder = os.path.dirname(page.path)
    for number, line in page.prose:
        for target in LINK.findall(re.sub(r"`[^`]*\]\([^`]*`", "", line)):   # a link that is only shown is none
            if re.match(r"[a-z][a-z0-9+.-]*:", target):
                continue
            file, _, anchor = target.partition("#")
            name = os.path.normpath(os.path.join(folder, file)) if file else page.path
            if name.startswith("..") or not (root / name).exists():
                report.add(page.path, number, f"the link to {target} leads nowhere")
            elif anchor and name in pages and anchor not in pages[name].anchors():
                report.add(page.path, number, f"{name} has no heading #{anchor}")


def braces(text):
    match = re.search(r"\{([^{}]*)\}", text)
    if not match:
        return [text]
    before, after = text[:match.start()], text[match.end():]
    return [path for part in match.group(1).split(",") for path in braces(before + part.strip() + after)]


every_name = {p.name for folder in FOLDERS for p in (root / folder).rglob("*") if "node_modules" not in p.parts}


def exists(path):
    if "<" in path:   # a placeholder: what stands before it must exist
        path = path[:path.index("<")].rpartition("/")[0]
    return bool(glob.glob(str(root / path))) if "*" in path else (root / path).exists()


def check_paths(page):
    for number, line in page.prose:
        for code in CODE.findall(line):
            word = code.split()[0] if code.split() else ""
            word = re.sub(r"(:\d+|[.,;:])$", "", word.removeprefix("./"))
            if FILE_NAME.fullmatch(word) and not (root / word).exists() and word not in every_name:
                report.add(page.path, number, f"there is no file {word}")
            if word.partition("/")[0] not in FOLDERS or not re.fullmatch(r"[\w.\-/*<>{},]+", word) or "/" not in word:
                continue
            for path in braces(word):
                if not exists(path):
                    report.add(page.path, number, f"there is no {path}")


def endpoints():
    return re.findall(r'Endpoint\{"([^"]+)",\s*"([A-Z]+)"', text_of("server/endpoints.cpp"))


def check_curl(page):
    for _, first, lines in page.blocks:
        number = 0
        while number < len(lines):
            start, command = number, lines[number]
            while command.endswith("\\") and number + 1 < len(lines):
                number += 1
                command = command[:-1] + lines[number]
            number += 1
            if re.search(r"\bcurl\b", command):
                check_command(page, first + start, command)
    for number, line in page.prose:
        for code in CODE.findall(line):
            if code.startswith("curl "):
                check_command(page, number, code)


def check_command(page, number, command):
    asked = re.search(r"(?:-X|--request)[ =]?([A-Z]+)", command)
    method = asked.group(1) if asked else "POST" if re.search(r"\s(-d|--data[\w-]*|--json)\b", command) else "GET"
    for path in LOCAL_URL.findall(command):
        fitting = [m for row, m in endpoints()
                   if (path.startswith(row) and path != row if row.endswith("/") else path == row)]
        if not fitting:
            report.add(page.path, number, f"server/endpoints.cpp has no {path or '/'}")
        elif method not in fitting:
            report.add(page.path, number, f"{path} is asked for by {method}, but takes {' or '.join(fitting)}")


def check_quotes(page):
    """A C++ block that begins with the comment `// path` quotes that file."""
    for info, first, lines in page.blocks:
        source = re.fullmatch(r"// (\S+\.(?:cpp|hpp|inc))", lines[0].strip()) if info == "cpp" and lines else None
        if not source:
            continue
        if not (root / source.group(1)).is_file():
            report.add(page.path, first, f"there is no {source.group(1)} to quote")
            continue
        there = [line.strip() for line in text_of(source.group(1)).splitlines()]
        for number, line in enumerate(lines[1:], first + 1):
            if line.strip() and line.strip() not in there:
                report.add(page.path, number, f"{source.group(1)} has no such line")


def check_yaml(page, binary):
    for info, first, lines in page.blocks:
        if info != "yaml":
            continue
        text = "\n".join(lines) + "\n"
        environment = {"PATH": os.environ.get("PATH", ""), "HOME": "/nonexistent"}
        environment.update({name: "http://127.0.0.1:1" if "PROXY" in name or "URL" in name else "example"
                            for name in re.findall(r"\$\{(\w+)\}", text)})
        with tempfile.NamedTemporaryFile("w", suffix=".yaml", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            result = subprocess.run([binary, "check", "-c", file.name], capture_output=True, text=True, check=False,
                                    env=environment, timeout=60)
            for line in result.stdout.splitlines():
                found = re.match(rf"error: {re.escape(file.name)}(?::(\d+):\d+)?: (.*)", line)
                if found and not ("names no enabled provider" in found.group(2) and "\nproviders:" not in "\n" + text):
                    report.add(page.path, first + int(found.group(1) or 1) - 1, f"tollgate check: {found.group(2)}")
            if result.returncode != 0 and "error: " not in result.stdout:
                report.add(page.path, first, f"tollgate check ended with {result.returncode}: {result.stderr.strip()}")


def compare(page, number, listed, catalog):
    for name in sorted(catalog - listed):
        report.add(page.path, number, f"the vendor {name} of adapters/catalog.inc is missing here")
    for name in sorted(listed - catalog):
        report.add(page.path, number, f"{name} is not in adapters/catalog.inc")


def check_vendor_table(page, catalog):
    header = next((n for n, line in page.prose if line.startswith("| vendor |")), None)
    if header is None:
        report.add(page.path, 1, "the table of vendors (| vendor | dialect | …) is missing")
        return
    listed = set()
    for number, line in page.prose:
        if number < header + 2:
            continue
        if not line.startswith("|"):
            break
        cells = [cell.strip().strip("`") for cell in line.split("|")[1:]]
        listed.add(cells[0])
        said = re.search(r"\.dialect = DialectName::(\w+)", text_of(f"adapters/{cells[0]}.cpp"))
        dialect = said.group(1) if said else "openai"
        if cells[0] in catalog and cells[1] != dialect:
            report.add(page.path, number, f"adapters/{cells[0]}.cpp says dialect {dialect}")
        if cells[0] not in catalog:
            report.add(page.path, number, f"{cells[0]} is not in adapters/catalog.inc")
    compare(page, header, listed & catalog, catalog)


def check_vendor_list(page, catalog):
    """The paragraph that begins with **Vendors.** names every vendor, and nothing else, in backticks."""
    start = next((i for i, (_, line) in enumerate(page.prose) if line.startswith("**Vendors.**")), None)
    if start is None:
        report.add(page.path, 1, "the paragraph **Vendors.** is missing")
        return
    paragraph = []
    for _, line in page.prose[start:]:
        if not line.strip():
            break
        paragraph.append(line)
    listed = {code for code in CODE.findall(" ".join(paragraph)) if VENDOR_WORD.fullmatch(code)}
    compare(page, page.prose[start][0], listed, catalog)


def check_access_fields(page):
    source = text_of("metrics/access_log.cpp")
    wanted = dict.fromkeys(re.findall(r'line\.(?:text|number|boolean|thousandths)\(\s*"(\w+)"', source))
    said = {code for _, line in page.prose for code in CODE.findall(line)}
    for name in wanted:
        if name not in said:
            report.add(page.path, 1, f"the field {name} of the access line is not explained")


def check_decision(page):
    if not re.match(r"# \d{4}: \S", page.lines[0] if page.lines else ""):
        report.add(page.path, 1, "a decision begins with its number: # 0001: What was chosen")
    if not any(re.fullmatch(r"Date: \d{4}-\d\d-\d\d", line) for line in page.lines):
        report.add(page.path, 1, "the line `Date: YYYY-MM-DD` is missing")
    for heading in ("Context", "Choice", "Cost"):
        if f"## {heading}" not in page.lines:
            report.add(page.path, 1, f"the heading {heading} is missing")


catalog_names = set(re.findall(r"^TOLLGATE_VENDOR\((\w+)\)", text_of("adapters/catalog.inc"), re.M))
checker = os.environ.get("TOLLGATE_BIN", "")
if checker and not os.access(checker, os.X_OK):
    sys.exit(f"TOLLGATE_BIN={checker} cannot be run")
for checked in pages.values():
    check_links(checked)
    check_paths(checked)
    check_curl(checked)
    check_quotes(checked)
    if checker:
        check_yaml(checked, checker)
    if checked.path.startswith("docs/decisions/"):
        check_decision(checked)
for path, check in (("docs/adding-a-vendor.md", lambda page: check_vendor_table(page, catalog_names)),
                    ("README.md", lambda page: check_vendor_list(page, catalog_names)),
                    ("docs/operations.md", check_access_fields)):
    if path in pages:
        check(pages[path])
    else:
        report.add(path, 1, "this page is missing")
if "docs/architecture.md" in pages and len(pages["docs/architecture.md"].lines) > arguments.architecture:
    report.add("docs/architecture.md", arguments.architecture + 1,
               f"longer than {arguments.architecture} lines: two pages that everybody reads, details go elsewhere")
report.finish()
