"""Files over 600 lines and functions over 100 lines fail; functions over 60 are warned about.

Test files may have 900 lines, and their test cases are tables, so only files count there.  Tables (*.inc) and golden
data are exempt.
"""
import cpp

arguments = cpp.root_of_arguments(__doc__, (("--file", 600), ("--test-file", 900), ("--function", 100),
                                            ("--function-warning", 60)))
report = cpp.Report()
for path in cpp.files(arguments.root, {".cpp", ".hpp"}):
    if path.parts[:2] == ("tests", "golden"):
        continue
    text = cpp.read(arguments.root / path)
    lines = text.count("\n")
    is_test = path.parts[0] == "tests"
    limit = arguments.test_file if is_test else arguments.file
    if lines > limit:
        report.add(path, limit + 1, f"{lines} lines; at most {limit}: split the file by concept")
    if is_test:
        continue
    for name, first, last in cpp.functions(cpp.tokens(text)):
        length = last - first + 1
        if length > arguments.function:
            report.add(path, first, f"{name}() has {length} lines; at most {arguments.function}")
        elif length > arguments.function_warning:
            report.warn(path, first, f"{name}() has {length} lines; aim at {arguments.function_warning}")
report.finish()
