"""Reads the package's stubs: what there is, its signature, its docstring, and its name in C++.

A function or class has a docstring; an attribute has a comment behind it that begins with `#:`. A comment `# C++: NAME`
behind a definition names what it is in C++, `# C++: -` says that only Python has it; without one the name is the same in
camel case.
"""
import ast
import dataclasses
import re


@dataclasses.dataclass
class Entry:
    name: str  # Engine.build
    kind: str  # "class", "function", "property", "attribute"
    signature: str  # "(graph, device, options)", "-> str", ": str"
    doc: str
    cpp: str  # "" for Python alone
    parameters: list  # names, without self
    overloads: int = 1


def camel_case(name):
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


def cpp_name(name, lines, node, owner=""):
    """As the comment says, on any line of the definition's head; else in the class that `owner` is in C++."""
    last = node.body[0].end_lineno if getattr(node, "body", None) else node.lineno
    for line in lines[node.lineno - 1:last]:
        if match := re.search(r"# C\+\+: (.*\S)", line):
            return "" if match.group(1) == "-" else match.group(1)
    if name.endswith("__init__"):
        return ""
    if owner:
        return owner + "::" + camel_case(name.split(".")[-1])
    return "::".join(part if part[0].isupper() else camel_case(part) for part in name.split("."))


def decorators(node):
    return {ast.unparse(d) for d in node.decorator_list}


def function(node, name, lines, owner=""):
    arguments = node.args
    names = [a.arg for a in arguments.posonlyargs + arguments.args + arguments.kwonlyargs]
    if names and names[0] in ("self", "cls"):
        names = names[1:]
    marks = decorators(node)
    kind = "property" if "property" in marks else "function"
    returned = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    given = re.sub(r"^(self|cls)(, /)?(, )?", "", ast.unparse(arguments))
    signature = returned.strip() if kind == "property" else f"({given}){returned}"
    return Entry(name, kind, signature, ast.get_docstring(node) or "", cpp_name(name, lines, node, owner), names)


def body(nodes, prefix, lines, owner=""):
    for node in nodes:
        if isinstance(node, ast.ClassDef):
            name = prefix + node.name
            entry = Entry(name, "class", "", ast.get_docstring(node) or "", cpp_name(name, lines, node), [])
            yield entry
            yield from body(node.body, name + ".", lines, entry.cpp)
        elif isinstance(node, ast.FunctionDef):
            if not any(d.endswith(".setter") for d in decorators(node)):
                yield function(node, prefix + node.name, lines, owner)
        elif isinstance(node, ast.AnnAssign) and prefix:
            comment = re.search(r"#: (.*?)(?:\s*# C\+\+:.*)?$", lines[node.lineno - 1])
            name = prefix + node.target.id
            yield Entry(name, "attribute", ": " + ast.unparse(node.annotation), comment.group(1) if comment else "",
                        cpp_name(name, lines, node, owner), [])


def read(path):
    """Entries by name, in the stubs' order; the first of several overloads stands for all."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    tree = ast.parse(text)
    found = {"": Entry("", "module", "", ast.get_docstring(tree) or "", "", [])}
    for entry in body(tree.body, "", text.splitlines()):
        if entry.name in found:
            found[entry.name].overloads += 1
        else:
            found[entry.name] = entry
    return found
