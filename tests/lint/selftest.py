"""Runs each lint on samples/<lint>/bad, where it must flag exactly the lines marked `expect`, and on
samples/<lint>/good, where it must flag nothing.  duplication has no lines to mark; it must only fail and pass.
"""
import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
NOT_LINTS = {"cpp", "selftest"}


def run(lint, tree):
    arguments = HERE / "samples" / lint / "args"
    extra = arguments.read_text().split() if arguments.exists() else []
    return subprocess.run([sys.executable, str(HERE / f"{lint}.py"), "--root", str(tree), *extra],
                          capture_output=True, text=True, check=False)


def expected(tree):
    return {(path.relative_to(tree).as_posix(), number)
            for path in tree.rglob("*") if path.is_file()
            for number, line in enumerate(path.read_text().splitlines(), 1)
            if re.search(r"//.*\bexpect$", line)}


def flagged(output):
    return {(m.group(1), int(m.group(2)))
            for m in re.finditer(r"^([^\s:]+):(\d+): (?!warning:)", output, re.M)}


def problems(lint):
    bad, good = HERE / "samples" / lint / "bad", HERE / "samples" / lint / "good"
    if not bad.is_dir() or not good.is_dir():
        yield "has no samples"
        return
    result = run(lint, bad)
    if result.returncode != 1:
        yield f"ended with {result.returncode} on bad samples\n{result.stdout}{result.stderr}"
    wanted = expected(bad)
    if wanted:
        for place, number in sorted(wanted - flagged(result.stdout)):
            yield f"missed {place}:{number}"
        for place, number in sorted(flagged(result.stdout) - wanted):
            yield f"wrongly flagged {place}:{number}"
    result = run(lint, good)
    if result.returncode != 0:
        yield f"flagged good samples\n{result.stdout}{result.stderr}"


failed = 0
for script in sorted(HERE.glob("*.py")):
    if script.stem in NOT_LINTS:
        continue
    found = list(problems(script.stem))
    failed += bool(found)
    print(f"{script.stem}: {'failed' if found else 'ok'}")
    for problem in found:
        print(f"  tests/lint/{script.name} {problem}")
sys.exit(1 if failed else 0)
