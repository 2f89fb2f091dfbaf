"""What a server of the matrix remembers."""
import datetime
import itertools
import threading

PATIENCE = 10


class Stop(Exception):
    """The request is not wanted any more: it gets no answer."""


class Task:
    def __init__(self, number):
        self.id, self.status, self.began = "task-%d" % number, "working", datetime.datetime.now(datetime.timezone.utc)
        self.ended = threading.Event()
        timer = threading.Timer(0.02, self.end)
        timer.daemon = True
        timer.start()

    def end(self):
        if self.status == "working":
            self.status = "completed"
        self.ended.set()

    def wait(self):
        self.ended.wait()

    def shown(self, modern):
        at = self.began.strftime("%Y-%m-%dT%H:%M:%SZ")
        times = {"ttlMs": 60000, "pollIntervalMs": 10} if modern else {"ttl": 60000, "pollInterval": 10}
        return {"taskId": self.id, "status": self.status, "createdAt": at, "lastUpdatedAt": at, **times}


class State:
    def __init__(self):
        self.facts, self.changed = set(), threading.Condition()
        self.tasks, self.numbers = {}, itertools.count(1)

    def add(self, fact):
        with self.changed:
            self.facts.add(fact)
            self.changed.notify_all()

    def once(self, fact):
        """Whether it is new; it is not any more afterwards."""
        with self.changed:
            new = fact not in self.facts
            self.facts.add(fact)
            return new

    def wait(self, fact, cancelled):
        with self.changed:
            return self.changed.wait_for(lambda: fact in self.facts or cancelled.is_set(), PATIENCE) and fact in self.facts

    def task(self):
        with self.changed:
            task = Task(next(self.numbers))
            self.tasks[task.id] = task
            return task
