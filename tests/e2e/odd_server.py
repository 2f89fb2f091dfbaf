#!/usr/bin/env python3
"""Small stdio servers with one habit each: odd_server.py HABIT [RECORD]. RECORD gets a line for every start, and for every
initialize the revision that it offered.

own-revision    refuses initialize for every revision but 2025-03-26, by an error
first-line      takes whatever comes first for initialize, and fails at every later one
idle-end        ends with status 0 after a second without a request
one-request     ends with status 0 after each answer to a tool's call
mute            closes its stdout at the tool's first call, and goes on
leaks           takes memory at the tool's call, up to 384 MiB, and does not answer
forks           starts processes at the tool's call, up to 60, and does not answer
"""
import json
import os
import select
import sys
import time

HABIT = sys.argv[1]


def record(text):
    if len(sys.argv) > 2:
        with open(sys.argv[2], "a", encoding="utf-8") as file:
            file.write(text + "\n")


def send(message):
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
    sys.stdout.flush()


def greeting(revision):
    return {"protocolVersion": revision, "capabilities": {"tools": {}}, "serverInfo": {"name": "odd", "version": "1"}}


def lines():
    buffer = b""
    while True:
        if HABIT == "idle-end" and not select.select([0], [], [], 1)[0]:
            return
        part = os.read(0, 65536)
        if not part:
            return
        *whole, buffer = (buffer + part).split(b"\n")
        yield from map(json.loads, whole)


def refuse(message, code, words):
    send({"id": message["id"], "error": {"code": code, "message": words}})


def initialize(message, first):
    offered = message.get("params", {}).get("protocolVersion")
    record("offered %s" % offered)
    if HABIT == "own-revision" and offered != "2025-03-26":
        return refuse(message, -32602, "Unsupported protocol version")
    if HABIT == "first-line" and not first:
        return refuse(message, -32600, "initialized already")
    send({"id": message["id"], "result": greeting(offered or "2025-06-18")})


def leak():
    taken = []
    for _ in range(48):
        taken.append(b"x" * (8 << 20))
        time.sleep(0.05)
    time.sleep(60)


def fork_often():
    for _ in range(60):
        if os.fork() == 0:
            time.sleep(60)
            os._exit(0)
        time.sleep(0.01)
    time.sleep(60)


def call(message):
    if HABIT == "leaks":
        leak()
    if HABIT == "forks":
        fork_often()
    if HABIT == "mute":
        os.close(1)
        time.sleep(600)
    send({"id": message["id"], "result": {"content": [{"type": "text", "text": "done"}]}})
    if HABIT == "one-request":
        sys.exit(0)


def main():
    record("started")
    first = True
    for message in lines():
        if "id" not in message:
            continue
        if message["method"] == "initialize" or (HABIT == "first-line" and first):
            initialize(message, first)
        elif message["method"] == "tools/call":
            call(message)
        elif message["method"] == "tools/list":
            send({"id": message["id"], "result": {"tools": [{"name": "t", "inputSchema": {"type": "object"}}]}})
        else:
            refuse(message, -32601, "Method not found")
        first = False


main()
