#!/usr/bin/python3
"""Turns sql/ into C: an enum of statement names, their texts for each engine, and the migrations.

Statements stand in FOLDER/NOUN.sql (both engines), FOLDER/NOUN.sqlite.sql and
FOLDER/NOUN.postgres.sql (one engine); each begins with a line `-- name: upload_by_id`. Further
comment lines document it and are not part of its text. Parameters are $1…$n without gaps; SQLite
reads them as ?1…?n, because it numbers $n by first appearance.

Migrations stand in FOLDER/0001_name.sql, or 0001_name.sqlite.sql and 0001_name.postgres.sql,
numbered from 1 without gaps. They are embedded byte for byte with their SHA-256.

Statements are numbered by the order of the folders given, then by file name, then as they stand.
"""

import argparse
import hashlib
import os
import re
import sys

ENGINES = ("sqlite", "postgres")
NAME = re.compile(r"^--\s*name:\s*(\S*)\s*$")
VALID_NAME = re.compile(r"^[a-z][a-z0-9_]*$")
MIGRATION = re.compile(r"^(\d{4})_([a-z0-9_]+)(?:\.(sqlite|postgres))?\.sql$")
# Whatever is not code is matched first, so that a $1 inside it is left alone.
TOKEN = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|--[^\n]*|/\*.*?\*/|\$(\d+)|(;)", re.S)


class Fault(Exception):
    """What is wrong with the input, for a person to read."""


class Statement:
    def __init__(self, name, where):
        self.name = name
        self.where = where
        self.docs = []
        self.texts = {}


def read(path):
    try:
        with open(path, encoding="utf-8", newline="") as file:
            return file.read()
    except UnicodeDecodeError as error:
        raise Fault(f"{path}: not UTF-8: {error}") from error


def sql_files(folder):
    """(path, base name, engine or None) of every .sql file, by name."""
    for name in sorted(os.listdir(folder)):
        if not name.endswith(".sql") or name.startswith("."):
            continue
        stem, engine = name[: -len(".sql")], None
        for candidate in ENGINES:
            if stem.endswith("." + candidate):
                stem, engine = stem[: -len(candidate) - 1], candidate
        yield os.path.join(folder, name), stem, engine


def parse_statements(path):
    """(name, line, docs, text) of each statement of one file."""
    current = None
    for number, line in enumerate(read(path).split("\n"), 1):
        head = NAME.match(line)
        if head:
            if current:
                yield current
            if not VALID_NAME.match(head.group(1)):
                raise Fault(f"{path}:{number}: \"{head.group(1)}\" is not a name (a-z, 0-9, _)")
            current = (head.group(1), number, [], [])
        elif current is None:
            if line.strip() and not line.lstrip().startswith("--"):
                raise Fault(f"{path}:{number}: text before the first \"-- name:\" line")
        elif line.lstrip().startswith("--"):
            current[2].append(line.strip()[2:].strip())
        else:
            current[3].append(line.rstrip())
    if current:
        yield current


def parameters(text, where):
    """How many parameters TEXT has; a gap among them is a fault."""
    numbers = {int(match.group(1)) for match in TOKEN.finditer(text) if match.group(1)}
    for expected in range(1, max(numbers, default=0) + 1):
        if expected not in numbers:
            raise Fault(f"{where}: ${expected} is missing, but ${max(numbers)} is used")
    if 0 in numbers:
        raise Fault(f"{where}: parameters count from $1")
    return len(numbers)


def for_engine(text, engine):
    if engine != "sqlite":
        return text
    return TOKEN.sub(lambda match: f"?{match.group(1)}" if match.group(1) else match.group(0), text)


def add_statement(statements, path, engine, parsed):
    name, line, docs, lines = parsed
    where = f"{path}:{line}: {name}"
    text = "\n".join(lines).strip().rstrip(";").rstrip()
    if not text:
        raise Fault(f"{where}: has no text")
    if any(match.group(2) for match in TOKEN.finditer(text)):
        raise Fault(f"{where}: holds more than one statement")
    count = parameters(text, where)
    statement = statements.setdefault(name, Statement(name, where))
    for target in [engine] if engine else ENGINES:
        if target in statement.texts:
            raise Fault(f"{where}: the name is taken by {statement.where}")
        statement.texts[target] = (for_engine(text, target), count)
    statement.docs = statement.docs or docs


def read_statements(folders):
    statements = {}
    for folder in folders:
        for path, _, engine in sql_files(folder):
            for parsed in parse_statements(path):
                add_statement(statements, path, engine, parsed)
    return list(statements.values())


def check_statements(statements, engines):
    for statement in statements:
        for engine in engines:
            if engine not in statement.texts:
                raise Fault(f"{statement.where}: has no text for {engine}")
        counts = {statement.texts[engine][1] for engine in engines}
        if len(counts) > 1:
            raise Fault(f"{statement.where}: the engines' texts differ in their parameters")


def read_migrations(folder, engines):
    migrations = {}
    for path, _, _ in sql_files(folder):
        match = MIGRATION.match(os.path.basename(path))
        if not match:
            raise Fault(f"{path}: not named like 0001_name.sql")
        number, name, engine = int(match.group(1)), match.group(2), match.group(3)
        known, texts = migrations.setdefault(number, (name, {}))
        if known != name:
            raise Fault(f"{path}: number {number:04} is taken by \"{known}\"")
        for target in [engine] if engine else ENGINES:
            if target in texts:
                raise Fault(f"{path}: migration {number:04} is there twice for {target}")
            texts[target] = read(path)
    for number in range(1, max(migrations, default=0) + 1):
        if number not in migrations:
            raise Fault(f"{folder}: migration {number:04} is missing")
        for engine in engines:
            if engine not in migrations[number][1]:
                raise Fault(f"{folder}: migration {number:04} has no text for {engine}")
    return sorted((number, name, texts) for number, (name, texts) in migrations.items())


def engines_in_use(folders):
    """PostgreSQL counts as soon as any file is meant for it."""
    names = [name for folder in folders for name in os.listdir(folder)]
    return ENGINES if any(name.endswith(".postgres.sql") for name in names) else ENGINES[:1]


def c_string(text, indent):
    """TEXT as C string literals, one line of it a line."""
    if text is None:
        return "NULL"
    lines = text.split("\n")
    pieces = [line + "\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])
    return ("\n" + indent).join(quote(piece) for piece in pieces) or '""'


def quote(text):
    escapes = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}
    out = []
    for byte in text.encode("utf-8"):
        char = chr(byte)
        plain = " " <= char <= "~"
        out.append(escapes.get(char) or (char if plain else f"\\{byte:03o}"))
    return '"' + "".join(out) + '"'


def header(statements, symbol):
    out = ["/* Generated from sql/ by script/generate-sql.py. */",
           f"#ifndef {symbol.upper()}_H", f"#define {symbol.upper()}_H", "", "enum sql_id {"]
    for statement in statements:
        for line in statement.docs:
            out.append("    /* " + line.replace("*/", "* /") + " */")
        out.append(f"    SQL_{statement.name.upper()},")
    return "\n".join(out + ["    SQL_COUNT", "};", "", "#endif", ""])


def statement_entry(statement, engines):
    texts = [statement.texts[engine][0] if engine in engines else None for engine in ENGINES]
    body = ",\n       ".join(c_string(text, " " * 7) for text in texts)
    count = statement.texts[engines[0]][1]
    return f"    {{\"{statement.name}\", {count},\n      {{{body}}}}},"


def migration_entry(number, name, texts, engines):
    bodies, sums = [], []
    for engine in ENGINES:
        text = texts[engine] if engine in engines else None
        bodies.append(c_string(text, " " * 7))
        sums.append("NULL" if text is None
                    else f'"{hashlib.sha256(text.encode("utf-8")).hexdigest()}"')
    return (f"    {{{number}, \"{name}\",\n      {{" + ",\n       ".join(bodies) + "},\n      {"
            + ",\n       ".join(sums) + "}},")


def source(statements, migrations, engines, symbol):
    out = ["/* Generated from sql/ by script/generate-sql.py. */",
           '#include "db/sql_set.h"', "", "#include <stddef.h>", "",
           "static const struct sql_statement statements[] = {"]
    out += [statement_entry(statement, engines) for statement in statements]
    out += ["    {NULL, 0, {NULL, NULL}},", "};", "",
            "static const struct sql_migration migrations[] = {"]
    out += [migration_entry(*migration, engines) for migration in migrations]
    out += ["    {0, NULL, {NULL, NULL}, {NULL, NULL}},", "};", "",
            f"const struct sql_set {symbol} = {{",
            f"    statements, {len(statements)}, migrations, {len(migrations)}", "};", ""]
    return "\n".join(out)


def write_if_changed(path, text):
    """An unchanged header keeps its time, so that editing one text does not rebuild everything."""
    try:
        with open(path, encoding="utf-8", newline="") as file:
            if file.read() == text:
                return
    except FileNotFoundError:
        pass
    with open(path, "w", encoding="utf-8", newline="") as file:
        file.write(text)


def depfile(target, folders):
    """The folders are dependencies too: their times change when a file is added or taken away."""
    paths = list(folders) + [path for folder in folders for path, _, _ in sql_files(folder)]
    return target + ": " + " ".join(path.replace(" ", "\\ ") for path in paths) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--queries", action="append", required=True, metavar="FOLDER")
    parser.add_argument("--migrations", required=True, metavar="FOLDER")
    parser.add_argument("--symbol", required=True, help="name of the struct sql_set")
    parser.add_argument("--header", required=True)
    parser.add_argument("--source", required=True)
    parser.add_argument("--depfile", required=True)
    args = parser.parse_args()
    folders = args.queries + [args.migrations]
    engines = engines_in_use(folders)
    statements = read_statements(args.queries)
    check_statements(statements, engines)
    migrations = read_migrations(args.migrations, engines)
    write_if_changed(args.header, header(statements, args.symbol))
    write_if_changed(args.source, source(statements, migrations, engines, args.symbol))
    with open(args.depfile, "w", encoding="utf-8") as file:
        file.write(depfile(args.header, folders))


if __name__ == "__main__":
    try:
        main()
    except (Fault, OSError) as fault:
        sys.exit(f"generate-sql.py: {fault}")
