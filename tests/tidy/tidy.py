#!/usr/bin/env python3
"""Style as a test: what the compiler does not check and a reader would stumble over.

Prints one line per violation (file:line: sentence) and exits 1 if there is any. `tidy.py DIRECTORY` checks
another tree; tidy_test.py plants one violation of each kind in such a tree and expects it to be found. `tidy.py --house`
prints the arrows between folders and rooms.
"""

import re
import sys
from pathlib import Path

from cpp import functions, without_comments_and_strings
from english import riddles

# Which folders of src/ each may include. Arrows point down only; see ARCHITECTURE.md.
LAYERS = {
    "base": [],
    "save": ["base"],
    "proto": ["base"],
    "transport": ["base", "save", "proto"],
    "core": ["base", "proto"],
    "face": ["base", "proto", "core"],
    "broker": ["base", "save", "proto", "core", "face"],
    "record": ["base", "save", "proto", "core", "broker"],
    "io": ["base", "save", "proto"],
    "app": ["base", "save", "proto", "transport", "core", "face", "broker", "record", "io"],
    "shim": ["base", "proto", "io"],
    "cli": ["base", "proto", "io", "shim"],
    "bin": ["base", "save", "proto", "transport", "core", "face", "broker", "record", "io", "app", "shim", "cli"],
}
# The rooms of a folder, and which of its other rooms each may include. What stands in the folder itself may include
# all of them; they may include those headers of it that are only data (is_hallway).
ROOMS = {
    "app": {
        "config": [],
        "http": ["config"],
        "servers": ["config"],
        "api": ["config"],
    },
    "cli": {
        "doctor": [],
    },
    "transport": {
        "param_headers": [],
        "inbound": ["param_headers"],
        "outbound": ["param_headers"],
    },
    "broker": {
        "context": [],
        "life": ["context"],
        "calls": ["context", "life"],
        "questions": ["context", "calls"],
        "interests": ["context", "life", "calls"],
        "roots": ["context", "calls", "questions", "interests"],
        "tasks": ["context", "calls", "questions", "interests"],
        "sessions": ["context", "life", "calls", "questions", "interests", "roots", "tasks"],
        "servers": ["context", "life", "calls", "questions", "interests", "roots", "tasks", "sessions"],
        "sorting": ["context", "life", "calls", "questions", "interests", "roots", "tasks", "sessions", "servers"],
    },
}
PURE = ["base", "save", "proto", "transport", "core", "face", "broker", "record"]

IMPURE_HEADERS = re.compile(
    r"^(sys/.*|linux/.*|netinet/.*|arpa/.*|uv\.h|spdlog/.*|unistd\.h|fcntl\.h|poll\.h|signal\.h|csignal"
    r"|spawn\.h|pthread\.h|thread|mutex|shared_mutex|condition_variable|future|filesystem|fstream"
    r"|iostream|random)$"
)
IMPURE_NAMES = re.compile(
    r"\b(?:(?:system|steady|high_resolution)_clock|clock_gettime|gettimeofday|fopen|getenv|secure_getenv"
    r"|setenv|popen|random_device|thread_local)\b|\btime\s*\(\s*(?:NULL|nullptr|0)\s*\)|\bsystem\s*\("
)
# These stay behind .cpp files, so that no file compiles or sees them by accident.
HIDDEN_HEADERS = re.compile(r"^(uv\.h|spdlog/.*|fmt/.*|CLI/.*|boost/.*|curl/.*)$")

FILE_LINES_MAX = 500
TEST_FILE_LINES_MAX = 700
FUNCTION_LINES_MAX = 70
TEST_FUNCTION_LINES_MAX = 100  # A test may carry a table.
COLUMNS_MAX = {".h": 110, ".cpp": 110, ".cmake": 110, ".py": 130, ".mjs": 130}

SHARED_PTR_ALLOWED = re.compile(r"^src/(base/bytes\.h|proto/.*)$")
BANNED_FILE_NAME = re.compile(r"(^|_)(utils?|managers?|misc|common)(_|\.|$)")
# The brackets keep this file from finding itself.
UNFINISHED = re.compile(r"\b(TO[D]O|FIX[M]E|XX[X]|HAC[K])\b")
MACHINE_PATHS = re.compile(r"/[w]ork/(main|shared|farm)|\.\./[s]hared/|/[t]mp/(build-|brief)")
SLEEPS = re.compile(r"\b(sleep_for|sleep_until|usleep|nanosleep)\s*\(")

CODE = {".h", ".cpp"}
TEXT = CODE | {".md", ".txt", ".cmake", ".json", ".py", ".mjs", ".js", ".ts", ".sh", ".yml", ".yaml", ""}
SKIPPED_FOLDERS = {"build", "node_modules", "__pycache__", "corpus"}
# The shim and the start of the daemon back off, fakes play slow servers. A test or the daemon that slept would only
# hope that a state has come about.
NEVER_SLEEPS = re.compile(r"^(tests/(?!fake/)|src/(base|proto|core|face|broker|record|app)/)")


class Tidy:
    def __init__(self, root):
        self.root = root
        self.found = []
        self.included = set()

    def complain(self, path, line, sentence):
        self.found.append((str(path.relative_to(self.root)), line, sentence))

    def run(self):
        files = [path for path in self.files(self.root)]
        for path in files:
            if BANNED_FILE_NAME.search(path.name):
                self.complain(path, 1, "this file name says nothing; call it after the one thing it holds")
            self.check(path)
        for path in files:
            name = path.relative_to(self.root).as_posix()
            if name.startswith("src/") and path.suffix == ".h" and name[4:] not in self.included:
                self.complain(path, 1, "no file includes this header")
        self.check_compatibility(self.root / "docs" / "compatibility.md")
        self.check_index(self.root / "ARCHITECTURE.md")
        return sorted(self.found)

    def check_index(self, path):
        """Rows of the index: | question | `file` | `function` of that file, or `function` in `another file` |."""
        if not path.is_file():
            return
        lines = path.read_text(encoding="utf-8").split("\n")
        for number, line in enumerate(lines, 1):
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            if not line.startswith("| ") or len(cells) != 3 or not re.fullmatch(r"`src/[^`]+`", cells[1]):
                continue
            named = re.findall(r"`(\w+)`(?: in `(src/[^`]+)`)?", cells[2])
            if not named:
                self.complain(path, number, "this row of the index names no function")
            for function, file in named:
                file = self.root / (file or cells[1].strip("`"))
                text = file.read_text(encoding="utf-8") if file.is_file() else ""
                if not re.search(rf"^\S.*\b{function}\(", text, re.MULTILINE):
                    self.complain(path, number, f"{function} does not stand in {file.relative_to(self.root)}")

    def check_compatibility(self, path):
        """Each row of the table names tests, as `unit/x_test.cpp: title` or `e2e/test_x.py: Class.test_name`."""
        if not path.is_file():
            return
        for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1):
            if not line.startswith("|") or line.startswith("|---") or line.endswith("| shown by |"):
                continue
            tests = re.findall(r"`(\w+/\w+\.(?:cpp|py)): ([^`]+)`", line)
            if not tests:
                self.complain(path, number, "this row names no test")
            for name, title in tests:
                if not self.has_test(self.root / "tests" / name, title):
                    self.complain(path, number, f'there is no test "{title}" in tests/{name}')

    @staticmethod
    def has_test(path, title):
        if not path.is_file():
            return False
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".cpp":
            titles = re.findall(r'\bTEST_CASE(?:_FIXTURE|_TEMPLATE)?\((?:\s*\w+,)?\s*((?:"(?:[^"\\]|\\.)*"\s*)+)', text)
            return title in ["".join(re.findall(r'"((?:[^"\\]|\\.)*)"', pieces)) for pieces in titles]
        wanted, _, method = title.partition(".")
        body = re.search(rf"^class {wanted}\b.*?(?=^class |\Z)", text, re.MULTILINE | re.DOTALL)
        return bool(body) and f"    def {method}(" in body[0]

    def files(self, folder):
        for path in sorted(folder.iterdir()):
            if path.is_dir() and not path.is_symlink():
                hidden = path.name.startswith(".") and path.name != ".ci"
                if path.name not in SKIPPED_FOLDERS and not path.name.startswith("build-") and not hidden:
                    yield from self.files(path)
            elif path.is_file() and path.name != ".git" and path.suffix in TEXT and path.name != "package-lock.json":
                yield path

    def check(self, path):
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError:  # An editor's file that was there a moment ago.
            return
        except UnicodeDecodeError:
            self.complain(path, 1, "this is not UTF-8")
            return
        lines = text.split("\n")
        name = path.relative_to(self.root).as_posix()
        self.check_text(path, text, lines)
        if path.suffix in CODE:
            self.check_code(path, name, text, lines)
        if path.suffix == ".h":
            self.check_header(path, text)

    def check_text(self, path, text, lines):
        if text and not text.endswith("\n"):
            self.complain(path, len(lines), "the last line has no newline")
        for number, line in enumerate(lines, 1):
            if line != line.rstrip() and path.suffix != ".md":
                self.complain(path, number, "white space at the end of the line")
            if MACHINE_PATHS.search(line):
                self.complain(path, number, "a path of one machine")
            if UNFINISHED.search(line):
                self.complain(path, number, "unfinished: do it, or write it down as an issue")
            if len(line) > COLUMNS_MAX.get(path.suffix, len(line)):
                self.complain(path, number, f"{len(line)} columns; {COLUMNS_MAX[path.suffix]} is the limit")
        for number, words in riddles(path.suffix, text):
            self.complain(path, number, f'"{words}": begin the sentence with the thing it is about')

    def check_code(self, path, name, text, lines):
        is_test = name.startswith("tests/")
        limit = TEST_FILE_LINES_MAX if is_test else FILE_LINES_MAX
        if len(lines) - 1 > limit:
            self.complain(path, limit, f"{len(lines) - 1} lines; {limit} is the limit, and it holds one idea")
        code = without_comments_and_strings(text)
        limit = TEST_FUNCTION_LINES_MAX if is_test else FUNCTION_LINES_MAX
        for line, length, what in functions(code):
            if length > limit:
                self.complain(path, line, f"{what} has {length} lines; {limit} is the limit")
        folder = name.split("/")[1] if name.startswith("src/") and name.count("/") > 1 else ""
        for number, line in enumerate(code.split("\n"), 1):
            if re.search(r"\bco_(await|return|yield)\b", line):
                self.complain(path, number, "no coroutines: g++ 12 miscompiles them silently")
            shares = re.search(r"\b(shared_ptr|make_shared)\b", line)
            if shares and folder and not SHARED_PTR_ALLOWED.match(name):
                self.complain(path, number, "shared ownership is for the bytes of a message only; hold an id")
            if SLEEPS.search(line) and NEVER_SLEEPS.match(name):
                self.complain(path, number, "nothing sleeps to wait for a state; wait for the state")
            if folder in PURE and IMPURE_NAMES.search(line):
                self.complain(path, number, f"{folder} is pure: no clock, file, environment or thread")
        if folder:
            self.check_includes(path, folder, lines)
            self.check_rooms(path, folder, lines)
        else:
            self.included.update(re.findall(r'^#include "([^"]+)"', text, re.MULTILINE))

    def check_includes(self, path, folder, lines):
        if folder not in LAYERS:
            self.complain(path, 1, f"src/{folder} has no place in the layers; see ARCHITECTURE.md")
            return
        for number, line in enumerate(lines, 1):
            system = re.match(r"\s*#\s*include\s*<([^>]+)>", line)
            own = re.match(r'\s*#\s*include\s*"([^"]+)"', line)
            if system and folder in PURE and IMPURE_HEADERS.match(system[1]):
                self.complain(path, number, f"{folder} is pure and cannot include <{system[1]}>")
            if system and path.suffix == ".h" and HIDDEN_HEADERS.match(system[1]):
                self.complain(path, number, f"<{system[1]}> stays behind a .cpp file")
            if not own:
                continue
            self.included.add(own[1])
            target = own[1].split("/")[0]
            if not (self.root / "src" / own[1]).is_file():
                self.complain(path, number, f'there is no src/{own[1]}; includes are written from src/')
            elif target != folder and target not in LAYERS[folder]:
                self.complain(path, number, f"{folder} includes {target}: arrows point down only")

    def check_rooms(self, path, folder, lines):
        rooms = ROOMS.get(folder, {})
        room = room_of(path.relative_to(self.root / "src"))
        if room and room not in rooms:
            self.complain(path, 1, f"src/{folder}/{room} has no place among the rooms; see ARCHITECTURE.md")
            return
        for number, line in enumerate(lines, 1):
            own = re.match(r'\s*#\s*include\s*"([^"]+)"', line)
            target = Path(own[1]) if own else None
            if not room or target is None or target.parts[0] != folder or room_of(target) == room:
                continue
            if room_of(target) not in rooms[room] and not self.is_hallway(folder, target):
                where = f"{folder}/{room_of(target)}".rstrip("/")
                self.complain(path, number, f"{folder}/{room} includes {where}: doors open one way only")

    def is_hallway(self, folder, header):
        """A header of the folder itself that is only data: it has no code of its own, and includes no room."""
        path = self.root / "src" / header
        if len(header.parts) != 2 or not path.is_file() or path.with_suffix(".cpp").exists():
            return False
        text = path.read_text(encoding="utf-8")
        return not re.search(rf'#\s*include\s*"{folder}/[^"]*/', text)

    def check_header(self, path, text):
        if "#pragma once" not in text:
            self.complain(path, 1, "#pragma once is missing")
        prose = re.match(r"(?:#pragma once\s+)?((?://[^\n]*\n)+)", text)
        if not prose or len(re.findall(r"[A-Za-z]{2,}", prose[1])) < 5:
            self.complain(path, 1, "the header does not begin with a comment that says what it is")


def room_of(path):
    """Of a path from src/: the folder within its folder, or nothing."""
    return path.parts[1] if len(path.parts) > 2 else ""


def circle(graph):
    """Some nodes that lead back to the first of them, or nothing. `graph` maps each to those that it points at."""
    done = set()

    def walk(node, way):
        if node in way:
            return way[way.index(node):] + [node]
        if node in done:
            return []
        for target in graph[node]:
            if found := walk(target, way + [node]):
                return found
        done.add(node)
        return []

    for node in graph:
        if found := walk(node, []):
            return found
    return []


def house():
    """The arrows between folders, and between their rooms, as lines for people."""
    lines = [f"{folder} -> {' '.join(targets)}".rstrip(" ->") for folder, targets in LAYERS.items()]
    for folder, rooms in ROOMS.items():
        lines += [f"{folder}/{room} -> {' '.join(f'{folder}/{one}' for one in targets)}".rstrip(" ->")
                  for room, targets in rooms.items()]
    return lines


def main():
    if sys.argv[1:] == ["--house"]:
        print("\n".join(house()))
        return 0
    root = Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else Path(__file__).resolve().parents[2]
    found = Tidy(root).run()
    for path, line, sentence in found:
        print(f"{path}:{line}: {sentence}")
    if found:
        print(f"tidy: {len(found)} to mend", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
