"""Includes point one way: the folders are a DAG, and each outside library has one home (docs/architecture.md)."""
import re

import cpp

BELOW = {
    "config": {"config"},
    "metrics": {"metrics"},
    "failover": {"failover", "config", "metrics"},
    "adapters": {"adapters", "failover", "config", "metrics"},
    "router": {"router", "adapters", "failover", "config", "metrics"},
    "server": {"server", "router", "adapters", "failover", "config", "metrics"},
}
# Library headers, where they may be included, and how to say so.  The first pattern that matches decides.
HOMES = (
    (r"openssl/(evp|hmac|sha|pem|bio|err|params|core_names|rand|crypto)\.h", r"(server/|adapters/).*\.cpp|server/.*",
     "adapters/*.cpp and server/"),
    (r"(boost|openssl|nghttp2)/.*", r"server/.*", "server/"),
    (r"simdjson.*", r"adapters/.*\.cpp", "adapters/*.cpp"),
    (r"zstd\.h", r"(adapters|metrics/catalog|server)/.*\.cpp", "adapters/*.cpp, metrics/catalog/*.cpp and server/*.cpp"),
    (r"(zlib|zconf)\.h|brotli/.*", r"(adapters|server)/.*\.cpp", "adapters/*.cpp and server/*.cpp"),
    (r"sqlite3\.h", r"metrics/.*\.cpp", "metrics/*.cpp"),
    (r"yaml-cpp/.*", r"config/.*\.cpp", "config/*.cpp"),
    (r"(prometheus|spdlog|fmt)/.*", r"metrics/.*\.cpp", "metrics/*.cpp"),
    (r"catch2/.*|benchmark/.*", r"tests/.*", "tests/"),
)
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^">]+)[">]')

root = cpp.root_of_arguments(__doc__)
report = cpp.Report()
for path in cpp.files(root, {".cpp", ".hpp", ".inc"}):
    folder = path.parts[0]
    for number, line in enumerate(cpp.blank_comments(cpp.read(root / path)).splitlines(), 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        quote, name = match.groups()
        if quote == '"':
            target = name.split("/")[0]
            if folder == "tests":
                continue
            if target not in BELOW:
                report.add(path, number, f'"{name}": own headers are included by their path from the root')
            elif target not in BELOW[folder]:
                report.add(path, number, f'{folder}/ may not include "{name}": the arrow points the other way')
            continue
        if folder == "tests":
            continue
        for pattern, home, words in HOMES:
            if re.fullmatch(pattern, name):
                if not re.fullmatch(home, path.as_posix()):
                    report.add(path, number, f"<{name}> may be included in {words} only")
                break
report.finish()
