"""Just enough C++ to measure it: text without comments and strings, and where functions begin and end.

No parser: it relies on the project's formatter (a body's brace follows a space, an initialiser's does not).
"""

import re

TOKEN = re.compile(
    r"""//[^\n]* | /\*.*?\*/
      | R"(?P<mark>[^(\s]*)\(.*?\)(?P=mark)"
      | "(?:\\.|[^"\\\n])*"
      | (?<![0-9A-Fa-f])'(?:\\.|[^'\\\n])+'
    """,
    re.VERBOSE | re.DOTALL,
)


def without_comments_and_strings(text):
    """The same lines, with comments gone and strings empty. Includes keep their names."""

    def blank(match):
        token = match[0]
        newlines = "\n" * token.count("\n")
        if token.startswith("/"):
            return newlines
        line_start = text.rfind("\n", 0, match.start()) + 1
        if text[line_start:match.start()].lstrip().startswith("#include"):
            return token
        return token[-1] * 2 + newlines

    return TOKEN.sub(blank, text)


NOT_FUNCTIONS = re.compile(r"^\s*(?:template\s*<.*>\s*)?(?:namespace|class|struct|union|enum|extern\b)")


def functions(code):
    """(line, lines, name) of each function that is not inside another. `code` has no comments and strings."""
    code = without_directives(code)
    found = []
    scopes = []  # One entry per open brace: None, or (line, head) of a function.
    inside = 0  # How many of them are functions or initialisers: what opens there is part of them.
    head_start = 0
    line = 1
    parentheses = 0
    for position, character in enumerate(code):
        if character == "\n":
            line += 1
        elif character == "(":
            parentheses += 1
        elif character == ")":
            parentheses -= 1
        elif character == "{":
            head = code[head_start:position]
            value = not head[-1:].isspace() or head.rstrip().endswith(("=", ",", "return"))
            if inside or parentheses > 0 or value:
                scopes.append("part")
                inside += 1
            elif "(" in head and not NOT_FUNCTIONS.match(head.strip()):
                scopes.append((line - head.lstrip().count("\n"), " ".join(head.split())))
                inside += 1
            else:
                scopes.append(None)
                head_start = position + 1
        elif character == "}" and scopes:
            scope = scopes.pop()
            if scope is not None:
                inside -= 1
            if scope != "part":
                head_start = position + 1
            if isinstance(scope, tuple):
                found.append((scope[0], line - scope[0] + 1, name_of(scope[1])))
        elif character == ";" and not inside and parentheses == 0:
            head_start = position + 1
    return found


def without_directives(code):
    """Empty lines in place of preprocessor lines, those of macros that go on over several lines too."""
    directive = re.compile(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", re.MULTILINE)
    return directive.sub(lambda match: "\n" * match[0].count("\n"), code)


def name_of(head):
    before = head.split("(")[0].split()
    return before[-1] if before else "a function"
