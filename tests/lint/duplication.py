"""Six or more equal lines in two places of our sources are a copy; copies may be 3 % of all lines."""
import re
import sys

import cpp

WINDOW = 6
NOISE = re.compile(r"[{}()\[\];,]*|(public|private|protected):|#.*|using .*;|namespace .*|\}.*//.*|break;|return.?;|else|"
                   r"\} ?else ?\{|default:")

arguments = cpp.root_of_arguments(__doc__, (("--percent", 3.0),))
places = {}      # window of lines -> [(file index, line index)]
sources = []
for path in cpp.files(arguments.root, {".cpp", ".hpp"}):
    if path.parts[:2] == ("tests", "golden"):
        continue
    kept = []
    for number, line in enumerate(cpp.blank_comments(cpp.read(arguments.root / path)).splitlines(), 1):
        line = re.sub(r"\s+", "", line.replace("//", ""))
        if not NOISE.fullmatch(line):
            kept.append((number, line))
    index = len(sources)
    sources.append((path, kept))
    for start in range(len(kept) - WINDOW + 1):
        key = tuple(line for _, line in kept[start:start + WINDOW])
        places.setdefault(key, []).append((index, start))

copied = [set() for _ in sources]
groups = {}      # (file, file) -> line pairs where equal windows start
for found in places.values():
    apart = [p for p in found if p[0] != found[0][0] or abs(p[1] - found[0][1]) >= WINDOW]
    if not apart:
        continue
    for index, start in [found[0]] + apart:
        copied[index].update(range(start, start + WINDOW))
    for index, start in apart:
        first, second = found[0], (index, start)
        groups.setdefault((first[0], second[0], second[1] - first[1]), []).append((first[1], second[1]))

total = sum(len(kept) for _, kept in sources)
lines = sum(len(c) for c in copied)
percent = 100.0 * lines / total if total else 0.0
longest = sorted(groups.items(), key=lambda item: -len(item[1]))
for (first, second, _), starts in longest[:15]:
    here, there = sources[first], sources[second]
    print(f"{here[0]}:{here[1][starts[0][0]][0]}: {len(starts) + WINDOW - 1} lines equal to "
          f"{there[0]}:{there[1][starts[0][1]][0]}")
print(f"{lines} of {total} lines are copies: {percent:.1f} %, at most {arguments.percent:g} %")
sys.exit(1 if percent > arguments.percent else 0)
