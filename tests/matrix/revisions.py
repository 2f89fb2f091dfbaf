"""The revisions, the transports that each has, and the words that are the same in all of them."""
REVISIONS = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28")
MODERN = "2026-07-28"
TRANSPORTS = {revision: ("stdio", "sse" if revision == "2024-11-05" else "http") for revision in REVISIONS}
PAIRS = [(revision, transport) for revision in REVISIONS for transport in TRANSPORTS[revision]]

META = "io.modelcontextprotocol/"
VERSION, CLIENT, CAPABILITIES, LEVEL = (META + word for word in (
    "protocolVersion", "clientInfo", "clientCapabilities", "logLevel"))
SUBSCRIPTION, SERVER, RELATED = META + "subscriptionId", META + "serverInfo", META + "related-task"
TASKS = META + "tasks"

FORM = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}


def asks_of(revision):
    """What a server of that revision can ask the client for."""
    kinds = ["sampling", "roots"]
    if revision >= "2025-06-18":
        kinds.append("form")
    if revision >= "2025-11-25":
        kinds.append("url")
    return kinds


def question(kind, revision, number=1):
    """A question as it is put in that revision: its method and params."""
    if kind == "sampling":
        return "sampling/createMessage", {
            "messages": [{"role": "user", "content": {"type": "text", "text": "say something"}}], "maxTokens": 10}
    if kind == "roots":
        return "roots/list", None
    if kind == "form":
        mode = {"mode": "form"} if revision >= "2025-11-25" else {}
        return "elicitation/create", {**mode, "message": "Who are you?", "requestedSchema": FORM}
    identity = {"elicitationId": "elicitation-%d" % number} if revision == "2025-11-25" else {}
    return "elicitation/create", {"mode": "url", "message": "Please look", "url": "https://example.com/look", **identity}


def client_capabilities(revision):
    """Everything that a client of that revision can declare."""
    declared = {"roots": {"listChanged": True} if revision < MODERN else {}, "sampling": {}}
    if revision == "2025-06-18":
        declared["elicitation"] = {}
    elif revision >= "2025-11-25":
        declared["elicitation"] = {"form": {}, "url": {}}
    if revision >= MODERN:
        declared["extensions"] = {TASKS: {}}
    return declared


def server_capabilities(revision):
    declared = {"tools": {"listChanged": True}, "resources": {"subscribe": True, "listChanged": True},
                "prompts": {"listChanged": True}, "logging": {}}
    if revision >= "2025-03-26":
        declared["completions"] = {}
    if revision == "2025-11-25":
        declared["tasks"] = {"list": {}, "cancel": {}, "requests": {"tools": {"call": {}}}}
    if revision >= MODERN:
        declared["extensions"] = {TASKS: {}}
    return declared
