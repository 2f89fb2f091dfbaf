#!/usr/bin/env python3
"""Clients of every revision over every transport on one server at the same time: everybody hears what is his, and nobody
what is another's. For servers of every revision and transport.

    together.py [--server PREFIX] [--hasty]

Each client has a user of its own; what the server asks in a call of his, he and only he answers. With --hasty, resources
change while others still subscribe.
"""
import argparse
import collections
import concurrent.futures
import json
import sys
import threading

sys.dont_write_bytecode = True

from run import Bench, name_of, one_line, report_schemas  # First: it says where the rest is.
from features import cancel, expect
from revisions import PAIRS

ROUNDS = 3
EACH = 2  # Clients of each kind.
SHARED = "peer://shared"


def act(peer, number):
    """One round of one client."""
    words = "%s, round %d" % (peer.user.name, number)
    expect(peer.call("echo", {"text": words}).text().strip() == words, "another's answer")
    heard = [params["progress"] for params in peer.call("progress", progress=True).of("notifications/progress")]
    expect(heard == [1, 2, 3], "progress %s" % heard)
    asked = len(peer.user.asked)
    answer = json.loads(peer.call("ask", {"kind": "sampling"}).text())
    expect(answer.get("content", {}).get("text") == "for " + peer.user.name, "another's answer to a question: %s" % answer)
    expect(len(peer.user.asked) == asked + 1, "asked %d times" % (len(peer.user.asked) - asked))


def watches(peer, all_watch):
    """The resource that all clients watch; each also has one of its own."""
    own = "peer://of/" + peer.user.name.replace(" ", "-")
    watch = peer.watch("notifications/resources/updated", uri=own)
    shared = peer.watch("notifications/resources/updated", uri=SHARED)
    all_watch()
    peer.call("touch", {"uri": own})
    watch.wait(peer, "that %s has changed" % own)
    return own, shared


def heard_of(peer):
    """The resources that it was told of."""
    return {message["params"]["uri"] for message, _ in peer.tape.heard
            if message.get("method") == "notifications/resources/updated"}


def together(bench, server, hasty):
    peers, troubles = [], []
    run = collections.namedtuple("Run", "tapes bench")([], bench)
    for client in PAIRS * EACH:
        peer = bench.client(client, server)
        peer.user.name = "user %d over %s" % (len(peers) + 1, name_of(client))
        peers.append(peer)
        run.tapes.append((client, server, peer.tape))

    barrier = threading.Barrier(len(peers))

    def one(peer):
        try:
            peer.open()
            barrier.wait(30)
            for number in range(ROUNDS):
                act(peer, number)
            barrier.wait(30)  # A call that is given up may still ask: nobody could tell whom.
            cancel(peer, peer.user.name)
            own, shared = watches(peer, lambda: None if hasty else barrier.wait(30))
            barrier.wait(30)
            if peer is peers[0]:
                peer.call("touch", {"uri": SHARED})
            shared.wait(peer, "that the shared resource has changed")
            barrier.wait(30)
            expect(heard_of(peer) == {own, SHARED}, "updates of another's resource: %s" % heard_of(peer))
        except Exception as error:
            barrier.abort()
            troubles.append("%s: %s" % (peer.user.name, one_line(error)))
    with concurrent.futures.ThreadPoolExecutor(len(peers)) as pool:
        list(pool.map(one, peers))
    for peer in peers:
        peer.close()
    return run, [trouble for trouble in troubles if "BrokenBarrier" not in trouble] or troubles


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", default="", metavar="PREFIX")
    parser.add_argument("--hasty", action="store_true")
    options = parser.parse_args()
    servers = [pair for pair in PAIRS if name_of(pair).startswith(options.server)]
    # Where one stream is shared nothing says whom a question is for: calls that may lead to one take turns.
    bench, wrong = Bench(servers, direct=False, interactive="serialise"), 0
    try:
        for server in servers:
            run, troubles = together(bench, server, options.hasty)
            print("%-18s %s" % (name_of(server), "FAILED" if troubles else "ok"), flush=True)
            for trouble in troubles[:5]:
                print("    " + trouble)
            wrong += len(troubles) + report_schemas(run, [])
    finally:
        bench.stop()
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
