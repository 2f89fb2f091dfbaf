"""What is known before: how much passes without Hearth, and what no bridge can pass."""

# How the suite is asked on the server side.
SUITES = {
    "2025-06-18": ["--suite", "all", "--spec-version", "2025-06-18"],
    "2025-11-25": ["--requirements", "2025-11-25"],
    "2026-07-28": ["--requirements", "2026-07-28"],
}

# Direct runs: in how many scenarios of how many nothing fails. Less means that the reference or the way it is asked is
# broken, and that the comparison says nothing. The nine of 2026-07-28 are an extension (tasks) that the official SDK does
# not have; they are not scored.
DIRECT = {
    ("legacy-http", "2025-06-18"): (27, 27),
    ("legacy-http", "2025-11-25"): (33, 33),
    ("dual-http", "2025-11-25"): (33, 33),
    ("dual-http", "2026-07-28"): (41, 50),
}
DIRECT_CLIENT = {"2025-11-25": (18, 18), "2026-07-28": (32, 32)}

# The scenario that a proxy fails which does not look at Host and Origin itself.
GUARDED = "dns-rebinding-protection"

# (which cells, scenario, check or None for all of them): why no bridge can pass it. A cell is (upstream, suite).
IMPOSSIBLE = [
    (lambda upstream, suite: upstream.startswith("legacy") and suite == "2026-07-28",
     "input-required-result-basic-elicitation", None,
     "the scenario wants its question under the key user_name. A legacy server asks without a key: whoever makes a round of "
     "input out of the question must choose one"),
    (lambda upstream, suite: upstream.startswith("legacy") and suite == "2026-07-28",
     "input-required-result-ignore-extra-params", "sep-2322-ignore-unexpected-params",
     "the scenario answers the question user_name before it is asked; see input-required-result-basic-elicitation"),
]


def why_impossible(cell, scenario, check):
    return next((reason for applies, of, which, reason in IMPOSSIBLE
                 if applies(*cell) and of == scenario and which in (None, check)), None)


# Client scenarios that are not run through Hearth.
WITHOUT_HEARTH = {"auth/": "Hearth logs in nowhere by itself yet: it is given its headers"}


def direct_of(upstream, suite):
    """Which direct run a cell is compared with. A legacy upstream is asked for 2026-07-28 what a dual one answers."""
    return ("legacy-http" if upstream.startswith("legacy") and suite != "2026-07-28" else "dual-http", suite)
