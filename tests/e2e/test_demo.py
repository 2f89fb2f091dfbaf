"""`./dev demo`, the first thing that a new user sees: what it says where there is no Node."""
import os
import re
import subprocess
import sys

from world import HERE, HEARTH, Case, needs_hearth

DEMO = os.path.join(HERE, "..", "..", "demo", "demo.py")


@needs_hearth
class TestDemo(Case):
    def test_without_node_it_says_that_its_example_is_too_small_to_save_anything(self):
        """The example server is smaller than the daemon: negative savings would be shown, and mean nothing."""
        build = os.path.dirname(os.path.dirname(HEARTH))
        done = subprocess.run([sys.executable, DEMO, "--build", build, "--calls", "20"], text=True, timeout=120,
                              env=self.home.environment(PATH=self.home.project), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("so this takes the example server built into hearth", done.stdout)
        self.assertIn("No memory saved: the example server is too small for that", done.stdout)
        self.assertIsNone(re.search(r"-\d[\d.]* (MiB|KiB|µs|ms)", done.stdout), done.stdout)
        self.assertIn("nothing left behind", done.stdout)

    def test_no_negative_latency_is_shown(self):
        """A few calls on a busy machine can be quicker through Hearth than without."""
        sys.path.insert(0, os.path.dirname(DEMO))
        import demo
        self.assertEqual(demo.added(0.000021), "21 µs")
        self.assertIn("less than", demo.added(-0.000019))
