"""What the lints share: which files are ours, and just enough C++ to find statements and functions.

Not a lint itself.  Every lint is called as `lint.py [--root DIR]`, prints `file:line: message` for each finding and
exits with 1 when there is one.
"""
import argparse
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path

FOLDERS = ("config", "metrics", "failover", "adapters", "router", "server")
SAMPLES = "tests/lint/samples"


class Report:
    """Collects findings; `finish` prints them and ends the program."""

    def __init__(self):
        self.findings = []
        self.warnings = []

    def add(self, path, line, message):
        self.findings.append((str(path), line, message))

    def warn(self, path, line, message):
        self.warnings.append((str(path), line, message))

    def finish(self):
        for path, line, message in sorted(self.warnings):
            print(f"{path}:{line}: warning: {message}")
        for path, line, message in sorted(self.findings):
            print(f"{path}:{line}: {message}")
        sys.exit(1 if self.findings else 0)


def root_of_arguments(description, extra=()):
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parents[2])
    for name, default in extra:
        parser.add_argument(name, type=type(default), default=default)
    arguments = parser.parse_args()
    return arguments if extra else arguments.root


def files(root, suffixes, folders=FOLDERS + ("tests",)):
    """Our files below `folders`, as paths relative to root; never samples, packages or builds."""
    found = []
    for folder in folders:
        for path in sorted((root / folder).rglob("*")):
            name = path.relative_to(root).as_posix()
            if path.suffix in suffixes and path.is_file() and not (
                    name.startswith(SAMPLES) or "node_modules" in path.parts):
                found.append(path.relative_to(root))
    return found


def read(path):
    return path.read_text(encoding="utf-8", errors="replace")


_TOKEN = re.compile(
    r"""(?P<comment>//[^\n]*|/\*.*?\*/)
      |(?P<raw>(?:u8|u|U|L)?R"(?P<mark>[^()\\\s]{0,16})\(.*?\)(?P=mark)")
      |(?P<string>(?:u8|u|U|L)?"(?:\\.|[^"\\\n])*")
      |(?P<char>(?<![0-9A-Za-z_])(?:u8|u|U|L)?'(?:\\.|[^'\\\n])+')
    """, re.S | re.X)


def blank_comments_and_strings(text):
    """The same text with comments blanked and literals emptied; offsets and lines stay."""
    def blank(match):
        part = match.group(0)
        if match.group("comment"):
            return re.sub(r"[^\n]", " ", part)
        quote = "'" if match.group("char") else '"'
        return quote + re.sub(r"[^\n]", " ", part[1:-1]) + quote
    return _TOKEN.sub(blank, text)


def blank_comments(text):
    """The same text with comments blanked; literals stay."""
    return _TOKEN.sub(
        lambda m: re.sub(r"[^\n]", " ", m.group(0)) if m.group("comment") else m.group(0), text)


@dataclass
class Token:
    text: str
    line: int
    children: list = field(default_factory=list)   # of '(', '[' and '{': what is inside
    last_line: int = 0
    kind: str = ""                                 # of '{': block | braces


_LEX = re.compile(r"[A-Za-z_]\w*|\d[\w.']*|\"[^\"]*\"|'[^']*'|::|->|&&|\|\||<=>|[<>=!]=|\S")
_CLOSE = {"(": ")", "[": "]", "{": "}"}


def tokens(text):
    """A tree of tokens: brackets hold their contents.  Preprocessor lines are left out."""
    text = blank_comments_and_strings(text)
    text = re.sub(r"(?m)^[ \t]*#(?:[^\n\\]|\\.|\\\n)*", lambda m: re.sub(r"[^\n]", " ", m.group(0)), text)
    line, last = 1, 0
    top = []
    stack = [(top, None)]
    for match in _LEX.finditer(text):
        line += text.count("\n", last, match.start())
        last = match.start()
        token = Token(match.group(0), line, last_line=line)
        if token.text in _CLOSE:
            stack[-1][0].append(token)
            stack.append((token.children, token))
        elif token.text in _CLOSE.values():
            if len(stack) > 1:
                stack.pop()[1].last_line = line
        else:
            stack[-1][0].append(token)
    return top


_BLOCK_WORDS = {"else", "do", "try", "const", "noexcept", "override", "final", "mutable", "constexpr", "requires",
                "static"}
_TYPE_WORDS = {"class", "struct", "union", "enum", "namespace", "extern", "concept"}


def _is_word(token):
    return re.match(r"[A-Za-z_]", token.text) is not None


def is_lambda(before, token):
    """`token` is a '[': does it start a lambda, after the tokens `before`?"""
    if token.text != "[" or (token.children and token.children[0].text == "["):
        return False
    previous = before[-1].text if before else ""
    if previous in ("]", ")", "(", "[") or previous in ("auto", "operator"):
        return False
    if previous in ("&", "&&") and len(before) > 1 and before[-2].text == "auto":
        return False   # auto& [a, b]
    return not (before and _is_word(before[-1])) or previous in (
        "return", "co_return", "co_await", "co_yield", "in")


def is_block(statement, in_parentheses):
    """Is the '{' after the tokens `statement` a block (of code or members) rather than an initialiser?"""
    if not statement:
        return not in_parentheses
    # Right after a lambda's introducer, parameters, specifiers or return type.
    for back in range(len(statement) - 1, -1, -1):
        token = statement[back]
        if is_lambda(statement[:back], token):
            between = statement[back + 1:]
            if between and between[0].text == "(":
                between = between[1:]
            if not between or between[0].text in ("mutable", "noexcept", "constexpr", "static", "requires"):
                return True
            return between[0].text == "->" and not any(t.text in (",", "{", "=", ";") for t in between)
        if token.text in (",", ";", "="):
            break
    if in_parentheses:
        return statement[-1].text == "requires" or (
            len(statement) > 1 and statement[-1].text == "(" and statement[-2].text == "requires")
    if statement[0].text in _TYPE_WORDS or (statement[0].text in ("template", "export", "typedef", "inline")
                                            and any(t.text in _TYPE_WORDS for t in statement)):
        return not any(t.text == "=" for t in statement)
    previous = statement[-1].text
    if previous == "(" or previous in _BLOCK_WORDS:
        return not any(t.text == "=" for t in statement) or statement[0].text in (
            "if", "for", "while", "switch", "catch") or any(t.text == "operator" for t in statement)
    if any(t.text == "->" and i and statement[i - 1].text in ("(", "const", "noexcept", "override")
           for i, t in enumerate(statement)) and not any(t.text in ("=", "return") for t in statement):
        return True    # auto f() -> T {
    return previous in (":", "]") and statement[0].text in ("case", "default", "public", "private", "protected")


def statements(items, in_parentheses=False):
    """Yields (tokens, block or None): the statements of a block, headers of blocks with the block."""
    statement = []
    for token in items:
        if token.text == "{":
            if is_block(statement, in_parentheses):
                token.kind = "block"
                lambda_body = any(is_lambda(statement[:i], t) for i, t in enumerate(statement))
                if lambda_body:
                    statement.append(token)
                else:
                    yield statement, token
                    statement = []
            else:
                token.kind = "braces"
                statement.append(token)
        elif token.text == ";" and not in_parentheses:
            if statement:
                yield statement, None
            statement = []
        elif token.text == ":" and len(statement) == 1 and statement[0].text in ("public", "private", "protected",
                                                                               "default"):
            statement = []
        else:
            if token.text in "([":
                mark(token.children)
            statement.append(token)
    if statement:
        yield statement, None


def mark(items):
    """Decides block or braces for what is inside parentheses."""
    before = []
    for token in items:
        if token.text == "{":
            token.kind = "block" if is_block(before, True) else "braces"
        elif token.text in "([":
            mark(token.children)
        before.append(token)


def functions(items):
    """Yields (name, first line, last line) of the functions defined in a token tree, members included."""
    for statement, block in statements(items):
        if block is None:
            continue
        words = [t.text for t in statement]
        if words and (words[0] in ("namespace", "extern", "struct", "class", "union", "enum", "template")
                      or "struct" in words or "class" in words) and "(" not in words:
            if "enum" not in words:
                yield from functions(block.children)
            continue
        if words[:1] == ["namespace"] or not words:
            yield from functions(block.children)
        elif "(" in words:
            name = next((words[i - 1] for i, w in enumerate(words) if w == "(" and i), "?")
            if any(w in ("struct", "class") for w in words[:3]) and "operator" not in words and words[-1] != "(":
                yield from functions(block.children)   # struct alignas(64) X {
            else:
                yield name, statement[0].line, block.last_line
