"""Sentences that a reader has to turn round before they say anything: "Who has left is not told".

Looks at comments of C++, JavaScript and Python, at docstrings, names of tests and Markdown. Finds each sentence that
begins with one of BEGINNINGS or has the form "What ... is none".
"""

import ast
import io
import re
import tokenize

from cpp import TOKEN

BEGINNINGS = "Who|Whoever|Whom|Whose|Nobody|Such|Those"
# A sentence begins where a piece of prose does, and after the end of another sentence.
BEGINS = re.compile(rf"(?:\A|[.!?][\")*_]*\s)[\s\"(*_]*({BEGINNINGS})\b")
IS_NONE = re.compile(r"(?:\A|[.!?]\s)\s*(What\b[^.:;!?]*\bis none)\b")
CASE = re.compile(r'\b(?:TEST_CASE(?:_FIXTURE|_TEMPLATE)?|SUBCASE)\((?:\s*\w+,)?\s*"((?:[^"\\]|\\.)*)"')
IN_TITLE = re.compile(rf"(?:\A|: )({BEGINNINGS})\b", re.IGNORECASE)
METHOD = re.compile(rf"\bdef (test_(?:{BEGINNINGS.lower()})_\w+)")
# Where a new piece begins in Markdown: an empty line, a list entry, a heading, a table's cell.
MARKDOWN_PIECE = re.compile(r"(?:\n[ \t]*\n\s*|\n[ \t]*(?=[-*>#|\d])|\A)(?:[-*>#]+[ \t]+|\d+\.[ \t]+)?|\|")
MARKDOWN_CODE = re.compile(r"^```.*?^```|`[^`\n]*`", re.MULTILINE | re.DOTALL)


def riddles(suffix, text):
    """(line, words) of each sentence in a file that begins like a riddle."""
    found = []
    for start, prose in PROSE.get(suffix, lambda _: ())(text):
        for pattern in (BEGINS, IS_NONE):
            for match in pattern.finditer(prose):
                found.append((line_of(text, start) + prose.count("\n", 0, match.start(1)), " ".join(match[1].split())))
    if suffix == ".cpp":
        for match in CASE.finditer(text):
            if riddle := IN_TITLE.search(match[1]):
                found.append((line_of(text, match.start(1)), riddle[1]))
    if suffix == ".py":
        found += [(line_of(text, match.start()), match[1]) for match in METHOD.finditer(text)]
    return sorted(found)


def line_of(text, position):
    return text.count("\n", 0, position) + 1


def of_cpp(text):
    """Each run of // lines as one piece."""
    piece, start, end = "", 0, -1
    for match in TOKEN.finditer(text):
        if not match[0].startswith("/"):
            continue
        between = text[end:match.start()] if end >= 0 else "none yet"
        if between.strip() == "" and between.count("\n") == 1:
            piece += "\n" + match[0].lstrip("/")
        else:
            yield start, piece
            piece, start = match[0].strip("/*"), match.start()
        end = match.end()
    yield start, piece


def of_python(text):
    """Each run of # lines as one piece, each docstring as another."""
    piece, start, row = "", 0, -1
    starts = [0]
    for line in text.split("\n"):
        starts.append(starts[-1] + len(line) + 1)
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type != tokenize.COMMENT:
            continue
        alone = token.line.lstrip().startswith("#")
        if alone and token.start[0] == row + 1:
            piece += "\n" + token.string.lstrip("#")
        else:
            yield start, piece
            piece, start = token.string.lstrip("#"), starts[token.start[0] - 1]
        row = token.start[0]
    yield start, piece
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            if ast.get_docstring(node, clean=False) is not None:
                yield starts[node.body[0].lineno - 1], ast.get_docstring(node, clean=False)


def of_markdown(text):
    """Paragraphs, list entries, headings and cells of tables, with code blanked out."""
    text = MARKDOWN_CODE.sub(lambda match: re.sub(r"[^\n]", "x", match[0]), text)
    start = 0
    for match in MARKDOWN_PIECE.finditer(text):
        yield start, text[start:match.start()]
        start = match.end()
    yield start, text[start:]


PROSE = {".h": of_cpp, ".cpp": of_cpp, ".mjs": of_cpp, ".py": of_python, ".md": of_markdown}
