"""What each feature of the matrix is, said once for every revision: a function that raises if it does not work.

`impossible` says which cells no bridge can make work, and why.
"""
import itertools
import json

from client import Missing, RpcError
from peer_client import ROOT
from revisions import MODERN

tags = itertools.count(1)


def expect(right, what):
    if not right:
        raise Missing(what)


def call(client):
    outcome = client.call("echo", {"text": "grüß", "region": "Österreich"})
    expect(outcome.text() == "grüß Österreich", outcome.text())


def progress(client):
    outcome = client.call("progress", progress=True)
    heard = [params["progress"] for params in outcome.of("notifications/progress")]
    expect(heard == [1, 2, 3], "progress %s" % heard)


def completed(client, name, value):
    return client.request("completion/complete", {"ref": {"type": "ref/prompt", "name": "greet"},
                                                  "argument": {"name": name, "value": value}})["completion"]["values"]


def cancel(client, tag=None):
    tag = tag or "tag %d" % next(tags)
    stop, done = client.begin("hold", {"tag": tag})
    expect(completed(client, "state", "held " + tag), "the call did not reach the server")
    stop()
    expect(completed(client, "state", "cancelled " + tag), "the server did not hear of it")
    expect(not done(), "what was cancelled was answered")


def log(client):
    words = "log %d" % next(tags)
    outcome = client.call("log", {"text": words}, level="info")
    client.heard_while(outcome, "notifications/message", lambda params: params.get("data") == words)


def subscribe(client):
    uri = "peer://one/%d" % next(tags)
    watch = client.watch("notifications/resources/updated", uri=uri)
    client.call("touch", {"uri": uri})
    watch.wait(client, "that %s has changed" % uri)
    watch.close()


def list_change(client):
    watch = client.watch("notifications/tools/list_changed", kind="tools")
    client.call("change", {"kind": "tools"})
    watch.wait(client, "that the tools have changed")
    watch.close()


def asked(client, kind):
    before = len(client.user.asked)
    answer = json.loads(client.call("ask", {"kind": kind}).text())
    times = len(client.user.asked) - before
    expect(times == 1, "the user was asked %d times" % times)
    return answer, client.user.asked[-1][1]


def elicitation_form(client):
    answer, _ = asked(client, "form")
    expect(answer == {"action": "accept", "content": {"name": client.user.name}}, str(answer))


def elicitation_url(client):
    answer, params = asked(client, "url")
    expect(answer == {"action": "accept"}, str(answer))
    expect(params["url"] == "https://example.com/look", str(params))


def url_required(client):
    walked, outcome = client.call_after_a_walk("required", {"tag": "tag %d" % next(tags)})
    expect(walked and walked["url"] == "https://example.com/look", "the user was not sent anywhere")
    expect(outcome.text() == "welcome", outcome.text())


def sampling(client):
    answer, _ = asked(client, "sampling")
    expect(answer.get("content") == {"type": "text", "text": "for " + client.user.name}, str(answer))


def roots(client):
    """A server may be answered from what the client has said before: it need not be asked again."""
    answer = json.loads(client.call("ask", {"kind": "roots"}).text())
    expect(ROOT["uri"] in [root["uri"] for root in answer.get("roots", [])], str(answer))


def completion(client):
    values = completed(client, "city", "Wien")
    expect(values == ["Wien-land", "Wien-stadt"], str(values))


def asking_prompt(client):
    before = len(client.user.asked)
    words = client.prompt("ask")["messages"][0]["content"]["text"]
    expect("for " + client.user.name in words, words)
    expect(len(client.user.asked) == before + 1, "the user was asked %d times" % (len(client.user.asked) - before))


def structured(client):
    """For those who know it, and before 2026-07-28, it is an object, whatever the server says."""
    result = client.call("structured").result
    expect(result["content"][0]["text"] == "[1, 2]", str(result))
    value = result.get("structuredContent")
    expect(value in (None, [1, 2], {"numbers": [1, 2]}, {"result": [1, 2]}), str(result))
    expect(not "2025-06-18" <= client.revision < MODERN or not isinstance(value, list), str(result))


def not_found(client):
    try:
        client.request("resources/read", {"uri": "peer://none"})
    except RpcError as error:
        expect(error.code == -32602 or (error.code == -32002 and client.revision < MODERN), str(error))
        expect((error.data or {}).get("uri") == "peer://none", str(error.data))
    else:
        raise Missing("what is not there was read")


def tasks(client):
    expect(client.task("work").text() == "worked", "the task's answer is another one")


FEATURES = {
    "call": call, "progress": progress, "cancel": cancel, "log": log, "subscribe": subscribe, "list change": list_change,
    "elicitation form": elicitation_form, "elicitation URL": elicitation_url, "URL required": url_required,
    "sampling": sampling, "roots": roots, "asking prompt": asking_prompt, "structured content": structured,
    "resource not found": not_found, "completion": completion, "tasks": tasks,
}

# From which revision on it is in the protocol, and what then is to be said of the others.
SINCE = {
    "elicitation form": ("2025-06-18", "elicitation came with 2025-06-18"),
    "elicitation URL": ("2025-11-25", "URLs in elicitation came with 2025-11-25"),
    "URL required": ("2025-11-25", "the error -32042 is of 2025-11-25 only"),
    "tasks": ("2025-11-25", "tasks came with 2025-11-25"),
}


def impossible(feature, client, server):
    """Why a client of one revision and a server of another cannot have the feature; None if they can."""
    since, otherwise = SINCE.get(feature, ("", ""))
    if client < since or server < since:
        return otherwise
    if feature == "URL required" and server >= MODERN:
        return otherwise  # A client of it is asked during the call instead.
    return None
