"""Scores probe results against a corpus of real files whose facts are known.

The corpus folder (AUDIOTRICKS_CORPUS, default ../shared/corpus beside the repository) holds
`expected.jsonl`: one row a file with the values that other projects' tests assert. `score` takes
records by the API's names, so it serves the probe alone and the server alike:

    python3 tests/lib/corpus_score.py build/x/tests/lib/media-probe
"""

import json
import os
import pathlib
import subprocess
import sys
from dataclasses import dataclass, field

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
COUNTING_TIERS = ("A", "A-tags")
NUMBER_TAGS = ("year", "track", "track_total", "disc", "disc_total")
GOAL = 0.98


def corpus_folder(configured=None):
    """The corpus folder, None where there is none. CONFIGURED is what took the variable's place."""
    folder = configured or os.environ.get("AUDIOTRICKS_CORPUS") or REPOSITORY.parent / "shared" / "corpus"
    folder = pathlib.Path(folder)
    return folder if (folder / "expected.jsonl").is_file() else None


def corpus_rows(folder):
    with open(folder / "expected.jsonl", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


@dataclass
class Score:
    """What came out right. Values that the corpus marks as unconfirmed are counted apart."""

    right: int = 0
    total: int = 0
    unconfirmed_right: int = 0
    unconfirmed_total: int = 0
    rejects_right: int = 0
    rejects_total: int = 0
    misses: list = field(default_factory=list)
    unconfirmed_misses: list = field(default_factory=list)
    failures: list = field(default_factory=list)

    @property
    def share(self):
        return self.right / self.total if self.total else 1.0

    @property
    def passed(self):
        return (
            self.share >= GOAL
            and self.rejects_right == self.rejects_total
            and not self.failures
        )

    def value(self, row, name, wanted, got, right):
        line = f"{row['file']}: {name}: wanted {wanted!r}, got {got!r}"
        if name in row.get("unconfirmed", ()):
            self.unconfirmed_total += 1
            self.unconfirmed_right += right
            if not right:
                self.unconfirmed_misses.append(line)
        else:
            self.total += 1
            self.right += right
            if not right:
                self.misses.append(line)

    def __str__(self):
        return (
            f"corpus: {self.right} of {self.total} values right ({100 * self.share:.2f} %), "
            f"{self.rejects_right} of {self.rejects_total} rejects refused, "
            f"{self.unconfirmed_right} of {self.unconfirmed_total} unconfirmed values right, "
            f"{len(self.failures)} failures"
        )


def duration_matches(row, got):
    wanted = row["duration"]
    slack = max(row.get("duration_tol", 0), 0.06, 0.01 * wanted)
    return got is not None and abs(got - wanted) <= slack


def bitrate_matches(row, got):
    """The corpus has bit/s, records have kbit/s; whoever reckons from bytes may round."""
    wanted = row["bitrate"] / 1000
    slack = max(row.get("bitrate_tol", 0) / 1000, 1, 0.02 * wanted)
    return got is not None and abs(got - wanted) <= slack


def tag_text(value):
    return " ".join(str(value).split())


def tag_matches(name, wanted, got):
    if got is None:
        # A blank, or a year or track of zero, says nothing.
        return not str(wanted).strip() or (name in NUMBER_TAGS and str(wanted) == "0")
    if name in NUMBER_TAGS:
        return str(got).lstrip("0")[:4] == str(wanted).lstrip("0")[:4]
    return tag_text(wanted) == tag_text(got)


def compare(row, record, score):
    metadata = record.get("metadata") or {}
    tags = metadata.get("tags") or {}
    if "duration" in row:
        got = record.get("duration")
        score.value(row, "duration", row["duration"], got, duration_matches(row, got))
    for name in ("sample_rate", "channels"):
        if name in row:
            score.value(row, name, row[name], record.get(name), row[name] == record.get(name))
    if "bitrate" in row:
        got = record.get("bitrate")
        score.value(row, "bitrate", row["bitrate"], got, bitrate_matches(row, got))
    if "bits_per_sample" in row:
        got = metadata.get("bits_per_sample")
        score.value(row, "bits_per_sample", row["bits_per_sample"], got,
                    row["bits_per_sample"] == got)
    for name, wanted in row.get("tags", {}).items():
        got = tags.get(name)
        score.value(row, f"tags.{name}", wanted, got, tag_matches(name, wanted, got))


def is_refusal(record):
    return record.get("code") in ("not_audio", "media_unreadable", "format_not_accepted",
                                  "empty_file")


def score(records, rows=None):
    """Compares records (by the `file` of the corpus row) with the rows of the corpus.

    A record is what the API says of an upload; a refused one holds `code`. A video that was refused
    for its picture may hold the facts all the same, and these are compared.
    """
    result = Score()
    for row in rows if rows is not None else corpus_rows(corpus_folder()):
        record = records.get(row["file"])
        if record is None:
            result.failures.append(f"{row['file']}: no record")
            continue
        if "code" in record and not is_refusal(record):
            result.failures.append(f"{row['file']}: {record['code']}")
        if "died" in record.get("log", "") or "in time" in record.get("log", ""):
            result.failures.append(f"{row['file']}: {record['log']}")
        if row["tier"] not in COUNTING_TIERS:
            continue
        if row["expect"] == "reject":
            result.rejects_total += 1
            refused = is_refusal(record)
            result.rejects_right += refused
            if not refused:
                result.misses.append(f"{row['file']}: not refused")
        elif row["expect"] == "ok":
            compare(row, record, result)
    return result


def probe_records(program, folder, rows):
    paths = sorted({str(folder / row["file"]) for row in rows})
    output = subprocess.run([program, *paths], check=True, capture_output=True).stdout
    records = {}
    for line in output.decode("utf-8").rstrip("\n").split("\n"):
        record = json.loads(line)
        records[os.path.relpath(record["file"], folder)] = record
    return records


def main():
    folder = corpus_folder()
    if folder is None:
        print("skipped: no corpus (AUDIOTRICKS_CORPUS)")
        return 77
    rows = corpus_rows(folder)
    result = score(probe_records(sys.argv[1], folder, rows), rows)
    for line in result.failures + result.misses:
        print("  " + line)
    if "--unconfirmed" in sys.argv:
        for line in result.unconfirmed_misses:
            print("  unconfirmed: " + line)
    print(result)
    return 0 if result.passed else 1


if __name__ == "__main__":
    sys.exit(main())
