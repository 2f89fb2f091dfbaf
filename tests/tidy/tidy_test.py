#!/usr/bin/env python3
"""The tidy test is worth something only if it finds things: one planted violation of each kind."""

import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from cpp import functions, without_comments_and_strings
import tidy
from tidy import Tidy

PROSE = "// What this is and what it promises to whoever reads it.\n"
HEADER = PROSE + "#pragma once\n"
USER = {"src/io/user.cpp": '#include "io/a.h"\n'}

CLEAN = {
    "src/broker/data.h": HEADER + "struct Data {};\n",
    "src/broker/life/user.cpp": '#include "broker/data.h"\n',
    "src/base/thing.h": HEADER + "struct Thing {};\n",
    "src/core/user.cpp": '#include <string>\n\n#include "base/thing.h"\n\n'
    '// steady_clock, fopen() and co_await in a comment, for those\n// who need such.\nconst char* text = "getenv shared_ptr";\n',
}

PLANTED = [
    ("arrows point down", {"src/base/low.cpp": '#include "io/high.h"\n', "src/io/high.h": HEADER}),
    ("arrows point down", {"src/io/loop.cpp": '#include "broker/b.h"\n', "src/broker/b.h": HEADER}),
    ("written from src/", {"src/core/lost.cpp": '#include "lost.h"\n'}),
    ("gone does not stand in src/base/a.cpp", {"ARCHITECTURE.md": "| Where? | `src/base/a.cpp` | `here`, then `gone` |\n",
                                               "src/base/a.cpp": "void here(int) {}\n"}),
    ("names no function", {"ARCHITECTURE.md": "| Where? | `src/base/a.cpp` | somewhere |\n", "src/base/a.cpp": "int a;\n"}),
    ("no place among the rooms", {"src/app/attic/a.cpp": "int a;\n"}),
    ("doors open one way only", {"src/app/config/a.h": HEADER + '#include "app/http/b.h"\n', "src/app/http/b.h": HEADER,
                                 "src/app/a.cpp": '#include "app/config/a.h"\n'}),
    ("doors open one way only", {"src/app/http/a.cpp": '#include "app/b.h"\n', "src/app/b.h": HEADER,
                                 "src/app/b.cpp": '#include "app/b.h"\n'}),
    ("doors open one way only", {"src/app/http/a.cpp": '#include "app/b.h"\n', "src/app/http/c.h": HEADER,
                                 "src/app/b.h": HEADER + '#include "app/http/c.h"\n'}),
    ("doors open one way only", {"src/broker/life/a.cpp": '#include "broker/calls/b.h"\n', "src/broker/calls/b.h": HEADER}),
    ("no place in the layers", {"src/attic/a.cpp": "int a;\n"}),
    ("no file includes", {"src/core/dead.h": HEADER}),
    ("cannot include <thread>", {"src/broker/a.cpp": "#include <thread>\n"}),
    ("cannot include <unistd.h>", {"src/core/a.cpp": "#include <unistd.h>\n"}),
    ("cannot include <sys/socket.h>", {"src/face/a.cpp": "#include <sys/socket.h>\n"}),
    ("cannot include <uv.h>", {"src/proto/a.cpp": "#include <uv.h>\n"}),
    ("stays behind a .cpp", USER | {"src/io/a.h": HEADER + "#include <uv.h>\n"}),
    ("is pure", {"src/core/a.cpp": "auto now = std::chrono::steady_clock::now();\n"}),
    ("is pure", {"src/proto/a.cpp": 'auto* f = fopen("a", "r");\n'}),
    ("501 lines", {"src/io/a.cpp": "int a;\n" * 501}),
    ("701 lines", {"tests/unit/a_test.cpp": "int a;\n" * 701}),
    ("71 lines", {"src/io/a.cpp": "void long_one(int a) {\n" + "  a = 1;\n" * 69 + "}\n"}),
    ("101 lines", {"tests/unit/a_test.cpp": 'TEST_CASE("a") {\n' + "  check();\n" * 99 + "}\n"}),
    ("111 columns", {"src/io/a.cpp": "// " + "x" * 108 + "\n"}),
    ("#pragma once", USER | {"src/io/a.h": PROSE}),
    ("does not begin with", USER | {"src/io/a.h": "#pragma once\nint a;\n"}),
    ("no coroutines", {"src/io/a.cpp": "void f() { co_await g(); }\n"}),
    ("shared ownership", {"src/io/a.cpp": "std::shared_ptr<int> a;\n"}),
    ("nothing sleeps", {"tests/unit/a_test.cpp": "void f() { std::this_thread::sleep_for(1s); }\n"}),
    ("unfinished", {"docs/a.md": "TO" + "DO: write this\n"}),
    ("a path of one machine", {"docs/a.md": "see /" + "work/main/docs\n"}),
    ("says nothing", {"src/io/string_util.cpp": "int a;\n"}),
    ("says nothing", {"src/core/session_manager.cpp": "int a;\n"}),
    ("no newline", {"src/io/a.cpp": "int a;"}),
    ("white space", {"src/io/a.cpp": "int a; \n"}),
    ("begin the sentence", {"src/io/a.cpp": "int a;  // Nobody reads it.\n"}),
    ("begin the sentence", {"src/io/a.cpp": "// It is told to all.\n// Who has left is not told.\nint a;\n"}),
    ("begin the sentence", {"src/io/a.cpp": "// It is told to all. What is left\n// of it is none of ours.\nint a;\n"}),
    ("begin the sentence", {"tests/unit/a_test.cpp": 'TEST_CASE("Whoever asks is told") {}\n'}),
    ("begin the sentence", {"tests/e2e/test_a.py": "def test" + "_nobody_asks():\n    pass\n"}),
    ("begin the sentence", {"tests/e2e/test_a.py": 'def f():\n    """Asks. Such a call fails."""\n'}),
    ("begin the sentence", {"tests/e2e/test_a.py": "a = 1  # Those are left.\n"}),
    ("begin the sentence", {"docs/a.md": "# A\n\nIt asks.\nSuch a call\nfails.\n"}),
    ("begin the sentence", {"docs/a.md": "| what | why |\n|---|---|\n| a call | Nobody asks |\n"}),
    ("names no test", {"docs/compatibility.md": "| it bites | we bite back | trust us |\n"}),
    ("there is no test", {"docs/compatibility.md": "| a | b | `unit/a_test.cpp: it bites` |\n"}),
    ("there is no test", {"docs/compatibility.md": "| a | b | `e2e/test_a.py: TestA.test_b` |\n",
                          "tests/e2e/test_a.py": "class TestB:\n    def test_b(self):\n        pass\n"}),
]
NAMED_TESTS = {
    "docs/compatibility.md": "| what | what | shown by |\n|---|---|---|\n"
    "| a | b | `unit/a_test.cpp: it bites back`, `e2e/test_a.py: TestA.test_b` |\n",
    "tests/unit/a_test.cpp": 'TEST_CASE(\n    "it "\n    "bites back") {\n}\n',
    "tests/e2e/test_a.py": "class TestA:\n    def test_b(self):\n        pass\n",
}

SHAPES = r"""
namespace a {
struct S {
  S(int x)
      : x_{x}, y_{x, x} {
    run();
  }
  int x_{3};
};
template <class F>
void each(F f) {
  for (int i = 0; i < 3; ++i) {
    f([](int j) { return j; });
  }
}
const char* raw = R"({ not { a brace)";
char brace = '{';
const std::map<int, int> table = {
    {1, 2},
};
constexpr auto big = 1'000'000;
}  // namespace a
#define SEVERAL(x) \
  ({               \
    x;             \
  })
TEST_CASE("one {") {
  check();
}
"""


class TidyTest(unittest.TestCase):
    def complaints(self, files):
        with tempfile.TemporaryDirectory() as directory:
            root = Path(directory).resolve()
            for name, text in files.items():
                path = root / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
            return Tidy(root).run()

    def test_clean(self):
        self.assertEqual(self.complaints(CLEAN), [])

    def test_arrows_have_no_circle(self):
        self.assertEqual([], tidy.circle(tidy.LAYERS))
        for rooms in tidy.ROOMS.values():
            self.assertEqual([], tidy.circle(rooms))
        self.assertEqual(["a", "b", "a"], tidy.circle({"a": ["b"], "b": ["a"]}))
        print("\n".join(tidy.house()))

    def test_planted(self):
        for sentence, files in PLANTED:
            with self.subTest(sentence=sentence, files=list(files)):
                found = self.complaints(CLEAN | files)
                self.assertEqual(len(found), 1, found)
                self.assertIn(sentence, found[0][2])

    def test_seventy_lines_are_fine(self):
        text = "void long_one(int a) {\n" + "  a = 1;\n" * 68 + "}\n"
        self.assertEqual(self.complaints(CLEAN | {"src/io/a.cpp": text}), [])

    def test_named_tests_are_found(self):
        self.assertEqual(self.complaints(CLEAN | NAMED_TESTS), [])

    def test_functions(self):
        found = functions(without_comments_and_strings(SHAPES))
        expected = [("S", 4), ("each", 6), ("TEST_CASE", 3)]
        self.assertEqual([(name, lines) for _, lines, name in found], expected)
        self.assertEqual(found[0][0], SHAPES.split("\n").index("  S(int x)") + 1)


if __name__ == "__main__":
    unittest.main()
