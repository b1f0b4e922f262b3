#!/usr/bin/env python3
"""Names every function longer than 60 lines in the C++ sources given as arguments; tables of data are no functions.

Usage: tests/check_functions.py FILE..        (exit status 1 and one line for each function that is too long)
       tests/check_functions.py --self-test   (exit status 1 where the check itself finds too much or too little)
"""
import re
import sys

LONGEST = 60  # lines, from the one that opens the body to the one that closes it

BLANKS = re.compile(
    r'//[^\n]*|/\*.*?\*/|R"(?P<mark>[^(\s]*)\(.*?\)(?P=mark)"|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'|^[ \t]*#(?:\\\n|[^\n])*',
    re.DOTALL | re.MULTILINE)
# What may stand between a parameter list and a body; `members`: a constructor's, of which each has brackets.
BODY = re.compile(r'\)(?:\s*(?:const|noexcept|override|final|try|mutable|&&?|->\s*[\w:<>,&*\s]+))*\s*(?P<members>:(?!:).*)?$',
                  re.DOTALL)
SCOPE = re.compile(r'\b(?:namespace|class|struct|union|enum|extern)\b[^()=]*$')


def blank(match):
    """Text of the same lines without comments, literals and directives, whose braces mean nothing."""
    return re.sub(r'[^\n]', ' ', match.group())


def opens_function(heading):
    body = BODY.search(heading)
    return body and not re.search(r'[\w>]\s*$', body.group('members') or '')


def functions(text):
    """(line, lines, heading) of every function body that is in no other."""
    text = BLANKS.sub(blank, text)
    inside = []  # of each open brace: 'scope', 'function' or 'other', and where it began
    start = 0  # of the statement
    for at, mark in ((m.start(), m.group()) for m in re.finditer(r'[{};]', text)):
        outer = all(k == 'scope' for k, _, _ in inside)
        if mark == '{':
            heading = text[start:at]
            if not outer:
                kind = 'other'
            elif SCOPE.search(heading):
                kind = 'scope'
            else:
                kind = 'function' if opens_function(heading) else 'other'
            inside.append((kind, at, heading))
        elif mark == '}' and inside:
            kind, began, heading = inside.pop()
            if kind == 'function':
                lines = text.count('\n', began, at) + 1
                yield text.count('\n', 0, began) + 1, lines, ' '.join(heading.split())
        # A brace of an initialiser list (a{b}) belongs to the statement that goes on.
        if (outer or all(k == 'scope' for k, _, _ in inside)) and (mark == ';' or kind != 'other'):
            start = at + 1


def too_long(text):
    return [(line, lines, heading) for line, lines, heading in functions(text) if lines > LONGEST]


def self_test():
    """Functions one line too long are found, and nothing else is."""
    def body(lines):
        return "{\n" + "  f(\"}\");  // }\n" * (lines - 2) + "}\n"
    good = ["int fits() " + body(LONGEST), "Thing::Thing(int a) : a_{a}, b_(2) " + body(LONGEST),
            "const int kTable[] = {\n" + "  {1, 2},\n" * 2 * LONGEST + "};\n",
            "class Many {\n" + "  int small() { return 1; }\n" * 2 * LONGEST + "};\n"]
    long = {"void plain(int a)": "void plain(int a) ", "Thing::Thing(int a) : a_{a}, b_(2)": "Thing::Thing(int a) : a_{a}, b_(2) ",
            "int Thing::get() const noexcept": "int Thing::get() const noexcept ", "TEST(Suite, Case)": "TEST(Suite, Case) ",
            "auto deduced() -> std::map<int, int>": "auto deduced() -> std::map<int, int> "}
    wrong = [f"found in a text without any: {found}" for found in too_long("namespace a {\n" + "".join(good) + "}\n")]
    for heading, opening in long.items():
        text = "namespace a {\n" + "".join(good) + opening + body(LONGEST + 1) + "".join(good) + "}\n"
        found = [(lines, of) for _, lines, of in too_long(text)]
        if found != [(LONGEST + 1, heading)]:
            wrong.append(f"of a text with {heading}: {found}")
    print("\n".join(f"check_functions.py: {line}" for line in wrong), end="\n" if wrong else "")
    return 1 if wrong else 0


def main(arguments):
    if arguments == ["--self-test"]:
        return self_test()
    failed = False
    for path in arguments:
        with open(path, encoding='utf-8') as file:
            for line, lines, heading in too_long(file.read()):
                failed = True
                print(f'{path}:{line}: a function of {lines} lines, more than {LONGEST}: {heading[:100]}')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
