"""The bench job on Bytewax, with orjson: python job.py FILE OUT SUMMARY"""

import json
import sys
from pathlib import Path

import bytewax.operators as op
import orjson
from bytewax.dataflow import Dataflow
from bytewax.inputs import DynamicSource, StatelessSourcePartition
from bytewax.operators import StatefulBatchLogic
from bytewax.outputs import DynamicSink, StatelessSinkPartition
from bytewax.run import cli_main

TOPICS = "road water power gas sanitation greening noise parking building fire public-order livelihood".split()
KINDS = "damage leak overflow blocked complaint".split()
CATEGORIES = [f"{topic}.{kind}" for topic in TOPICS for kind in KINDS]
NUMBERS = {category: number for number, category in enumerate(CATEGORIES)}
SOURCES = {"hotline", "sensor", "app"}
BUCKET_MS, GRACE_MS = 600_000, 60_000
SHARDS = 8
READ_BYTES = 1 << 20

counts = dict.fromkeys(["lines", "malformed", "invalid", "rejected", "unique", "duplicates", "merged", "opened"], 0)


class Lines(StatelessSourcePartition):
    """Batches of whole lines, as bytes: they need not be UTF-8."""

    def __init__(self, path):
        self.file = open(path, "rb")

    def next_batch(self):
        lines = self.file.readlines(READ_BYTES)
        if not lines:
            raise StopIteration
        return lines


class LineSource(DynamicSource):
    def __init__(self, path):
        self.path = path

    def build(self, step_id, worker_index, worker_count):
        return Lines(self.path)


class Append(StatelessSinkPartition):
    def __init__(self, path):
        self.file = open(path, "w", encoding="utf-8")

    def write_batch(self, items):
        self.file.writelines(items)

    def close(self):
        self.file.close()


class LineSink(DynamicSink):
    def __init__(self, path):
        self.path = path

    def build(self, step_id, worker_index, worker_count):
        return Append(self.path)


def report(line):
    """(source, id, ts, category, column, row), or why not."""
    try:
        event = orjson.loads(line)
    except orjson.JSONDecodeError:
        return "malformed"
    if not isinstance(event, dict):
        return "malformed"
    source, name, ts = event.get("source"), event.get("id"), event.get("ts")
    lng, lat, category = event.get("lng"), event.get("lat"), event.get("category")
    right = (
        isinstance(source, str)
        and source in SOURCES
        and isinstance(name, str)
        and 0 < len(name.encode()) <= 64
        and type(ts) is int
        and ts > 0
        and type(lng) in (float, int)
        and 121.45 <= lng < 121.95
        and type(lat) in (float, int)
        and 30.9 <= lat < 31.4
        and isinstance(category, str)
        and category in NUMBERS
    )
    if not right:
        return "invalid"
    column, row = (round(lng * 1e6) - 121_450_000) // 1049, (round(lat * 1e6) - 30_900_000) // 902
    return source, name, ts, NUMBERS[category], column, row


def read(lines):
    """Reports by shard of their ids. (Several processes would need one PYTHONHASHSEED.)"""
    counts["lines"] += len(lines)
    reports = []
    for line in lines:
        found = report(line)
        if isinstance(found, str):
            counts[found] += 1
            counts["rejected"] += 1
        else:
            reports.append((str(hash(found[1]) % SHARDS), found))
    return reports


def pool(found):
    """Department and area."""
    return (found[3] * 7 + 3) % 40, found[5] // 50 * 10 + found[4] // 50


class Bucketed(StatefulBatchLogic):
    """A set for each ten minutes of event time, dropped a minute after its end."""

    def __init__(self):
        self.buckets, self.ts_max = {}, 0

    def is_new(self, ts, key):
        if ts > self.ts_max:
            self.ts_max = ts
            for over in [b for b in self.buckets if ts > (b + 1) * BUCKET_MS + GRACE_MS]:
                del self.buckets[over]
        seen = self.buckets.setdefault(ts // BUCKET_MS, set())
        before = len(seen)
        seen.add(key)
        return len(seen) > before

    def snapshot(self):
        return None  # no recovery is configured


class Unique(Bucketed):
    def on_batch(self, reports):
        fresh = [found for found in reports if self.is_new(found[2], found[:2])]
        counts["unique"] += len(fresh)
        counts["duplicates"] += len(reports) - len(fresh)
        return fresh, StatefulBatchLogic.RETAIN


class Assign(Bucketed):
    """Merging and assigning share a key: a case's cell and category fix its department."""

    def __init__(self):
        super().__init__()
        self.loads = {}

    def on_batch(self, reports):
        lines = [self.line(found) for found in reports if self.is_new(found[2], found[3:])]
        counts["opened"] += len(lines)
        counts["merged"] += len(reports) - len(lines)
        return lines, StatefulBatchLogic.RETAIN

    def line(self, found):
        source, name, ts, category, column, row = found
        department, area = pool(found)
        loads = self.loads.setdefault(area, [0] * 8)
        lightest = loads.index(min(loads))
        loads[lightest] += 1
        case = f"{row * 477 + column}-{category}-{ts // BUCKET_MS}"
        return (
            f'{{"case":"{case}","source":"{source}","id":{orjson.dumps(name).decode()},"ts":{ts},"cx":{column},"cy":{row},'
            f'"category":"{CATEGORIES[category]}","dept":{department},"area":{area},'
            f'"unit":{(department * 120 + area) * 8 + lightest}}}\n'
        )


def flow(file, out):
    flow = Dataflow("bench")
    lines = op.input("lines", flow, LineSource(file))
    reports = op.flat_map_batch("read", lines, read)
    unique = op.stateful_batch("unique", reports, lambda _state: Unique())
    by_department = op.flat_map_batch("by_department", unique, lambda all: [(str(pool(r)[0]), r) for _, r in all])
    assigned = op.stateful_batch("assign", by_department, lambda _state: Assign())
    op.output("out", op.key_rm("lines_out", assigned), LineSink(out))
    return flow


if __name__ == "__main__":
    file, out, summary = sys.argv[1:]
    # One worker: the interpreter's lock lets no second thread run Python.
    cli_main(flow(file, out))
    Path(summary).write_text(json.dumps(counts) + "\n")
