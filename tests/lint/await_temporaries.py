"""Nothing with braces or captures is born inside a co_await statement, and no co_await stands inside ?:.

g++ 12 destroys such temporaries twice (docs/house-style.md, Coroutines): aggregates built with braces, lambdas with
captures, and conditional operators around a co_await.  Name the object, or the result, on the line above.
"""
import cpp

report = cpp.Report()


def own_tokens(items):
    """The tokens of a statement with their enclosing groups, without bodies of lambdas."""
    for index, token in enumerate(items):
        yield token, items, index
        is_attribute = token.text == "[" and token.children and token.children[0].text == "["
        if token.children and token.kind != "block" and not is_attribute:
            yield from own_tokens(token.children)


def awaits(items):
    return any(token.text == "co_await" for token, _, _ in own_tokens(items))


def operand(items, index):
    """The part of `items` around `index` that commas and semicolons bound."""
    first = max((i + 1 for i in range(index) if items[i].text in (",", ";")), default=0)
    last = min((i for i in range(index, len(items)) if items[i].text in (",", ";")), default=len(items))
    return items[first:last]


def check(path, statement):
    if not awaits(statement):
        return
    for token, group, index in own_tokens(statement):
        if token.text == "{" and token.kind == "braces":
            report.add(path, token.line, "braces inside a co_await statement: build the object on the line above")
        elif token.text == "[" and token.children and cpp.is_lambda(group[:index], token):
            report.add(path, token.line,
                       "a lambda with captures inside a co_await statement: name it on the line above")
        elif token.text == "?" and awaits(operand(group, index)):
            report.add(path, token.line, "co_await inside ?: — use if and else")


def bodies(items):
    """The blocks of lambdas anywhere inside a statement."""
    for token in items:
        if token.text == "{" and token.kind == "block":
            yield token
        else:
            yield from bodies(token.children)


def walk(path, items):
    for statement, block in cpp.statements(items):
        check(path, statement)
        for body in bodies(statement):
            walk(path, body.children)
        if block is not None:
            walk(path, block.children)


root = cpp.root_of_arguments(__doc__)
for name in cpp.files(root, {".cpp", ".hpp"}):
    walk(name, cpp.tokens(cpp.read(root / name)))
report.finish()
