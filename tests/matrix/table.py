"""The table of docs/protocol.md that the matrix keeps: a row for each pair of revisions, a column for each feature."""
import os

from features import impossible

DOCUMENT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs", "protocol.md")
BEGIN, END = "<!-- matrix: written by tests/matrix/run.py --write -->", "<!-- /matrix -->"


def cell(pairs, feature, outcomes, notes):
    """What stands for one feature between two revisions, tried over every pair of transports."""
    client, server = pairs[0][0][0], pairs[0][1][0]
    reason = impossible(feature, client, server)
    if reason is not None:
        return "–%s" % notes.setdefault(reason, "abcdefghijklmnopqrstuvwxyz"[len(notes)])
    if any((*one, feature) not in outcomes for one in pairs):
        return "…%s" % notes.setdefault("not yet", "abcdefghijklmnopqrstuvwxyz"[len(notes)])
    failed = [one for one in pairs if outcomes[(*one, feature)] is not None]
    return "✓" if not failed else "FAILED"


def lines(wanted, features, outcomes):
    by_revision, notes = {}, {}
    for client, server in wanted:
        by_revision.setdefault((client[0], server[0]), []).append((client, server))
    rows = [["client", "server", *features]]
    for (client, server), pairs in sorted(by_revision.items()):
        rows.append([client, server, *(cell(pairs, feature, outcomes, notes) for feature in features)])
    text = ["| %s |" % " | ".join(row) for row in rows]
    text.insert(1, "|---|---|%s" % (":-:|" * len(features)))
    return text + [""] + ["- **%s** %s" % (letter, reason) for reason, letter in notes.items()]


def keep(lines_now, write):
    """Writes the table, or says whether it is the one that stands there; a status for the shell."""
    with open(DOCUMENT, encoding="utf-8") as file:
        document = file.read()
    before, found, rest = document.partition(BEGIN + "\n")
    there, also, after = rest.partition(END)
    if not found or not also:
        print("docs/protocol.md has no place for the table: %s" % BEGIN)
        return 1
    now = "\n" + "\n".join(lines_now) + "\n\n"
    if there == now:
        return 0
    if not write:
        print("the table in docs/protocol.md is another one; run.py --write writes it")
        return 1
    with open(DOCUMENT, "w", encoding="utf-8") as file:
        file.write(before + BEGIN + "\n" + now + END + after)
    print("written to docs/protocol.md")
    return 0
