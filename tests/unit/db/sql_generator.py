#!/usr/bin/python3
"""script/generate-sql.py: what it makes of statements and migrations, and what it refuses."""

import hashlib
import os
import subprocess
import sys
import tempfile
import unittest

SCRIPT = sys.argv.pop(1)


class GenerateSql(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        for name in ("queries", "migrations", "out"):
            os.mkdir(self.path(name))

    def path(self, *parts):
        return os.path.join(self.folder.name, *parts)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)

    def read(self, name):
        with open(self.path("out", name), encoding="utf-8") as file:
            return file.read()

    def run_script(self):
        return subprocess.run(
            [SCRIPT, "--queries", self.path("queries"), "--migrations", self.path("migrations"),
             "--symbol", "set", "--header", self.path("out", "sql.h"),
             "--source", self.path("out", "sql.c"), "--depfile", self.path("out", "sql.d")],
            capture_output=True, text=True, check=False)

    def generate(self):
        done = self.run_script()
        self.assertEqual(done.returncode, 0, done.stderr)

    def refuse(self, *words):
        done = self.run_script()
        self.assertNotEqual(done.returncode, 0)
        self.assertNotIn("Traceback", done.stderr)
        for word in words:
            self.assertIn(word, done.stderr)

    def test_names_become_an_enum_in_order(self):
        self.write("queries/b.sql", "-- name: second\nSELECT 2;\n")
        self.write("queries/a.sql", "-- About the file.\n\n-- name: first\n-- What it is.\nSELECT 1;\n")
        self.generate()
        header = self.read("sql.h")
        self.assertIn("/* What it is. */\n    SQL_FIRST,\n    SQL_SECOND,\n    SQL_COUNT", header)
        self.assertNotIn("About the file", header)

    def test_text_loses_comments_and_semicolon(self):
        self.write("queries/a.sql", "-- name: one\n-- A word.\nSELECT \"a\",\n  'x\\y';\n\n")
        self.generate()
        self.assertIn('"SELECT \\"a\\",\\n"\n       "  \'x\\\\y\'",', self.read("sql.c"))
        self.assertNotIn("A word", self.read("sql.c"))

    def test_sqlite_reads_numbers(self):
        self.write("queries/a.sql", "-- name: one\nSELECT $2, '$7', $1, $2 -- $8\nFROM t;\n")
        self.generate()
        self.assertIn("SELECT ?2, '$7', ?1, ?2 -- $8", self.read("sql.c"))
        self.assertIn('{"one", 2,', self.read("sql.c"))

    def test_an_engine_may_have_its_own_text(self):
        self.write("queries/a.sql", "-- name: both\nSELECT $1;\n")
        self.write("queries/a.sqlite.sql", "-- name: own\nSELECT 'lite', $1;\n")
        self.write("queries/a.postgres.sql", "-- name: own\nSELECT 'post', $1;\n")
        self.generate()
        self.assertIn("{\"SELECT 'lite', ?1\",\n       \"SELECT 'post', $1\"}", self.read("sql.c"))
        self.assertIn('{"SELECT ?1",\n       "SELECT $1"}', self.read("sql.c"))

    def test_no_postgres_at_all_is_fine(self):
        self.write("queries/a.sqlite.sql", "-- name: own\nSELECT 1;\n")
        self.write("migrations/0001_first.sqlite.sql", "CREATE TABLE t (a);\n")
        self.generate()
        self.assertIn('{"SELECT 1",\n       NULL}', self.read("sql.c"))

    def test_migrations_are_embedded_whole(self):
        text = "-- Why.\nCREATE TABLE t (a TEXT DEFAULT 'é');\n"
        self.write("migrations/0001_first.sqlite.sql", text)
        self.generate()
        source = self.read("sql.c")
        self.assertIn('{1, "first",\n      {"-- Why.\\n"', source)
        self.assertIn("'\\303\\251'", source)
        self.assertIn(hashlib.sha256(text.encode()).hexdigest(), source)

    def test_the_depfile_names_folders_and_files(self):
        self.write("queries/a.sql", "-- name: one\nSELECT 1;\n")
        self.generate()
        names = self.read("sql.d").split(": ", 1)[1].split()
        self.assertEqual(set(names), {self.path("queries"), self.path("migrations"),
                                      self.path("queries/a.sql")})

    def test_an_unchanged_header_keeps_its_time(self):
        self.write("queries/a.sql", "-- name: one\nSELECT 1;\n")
        self.generate()
        os.utime(self.path("out/sql.h"), (1, 1))
        self.write("queries/a.sql", "-- name: one\nSELECT 2;\n")
        self.generate()
        self.assertEqual(os.stat(self.path("out/sql.h")).st_mtime, 1)
        self.assertIn("SELECT 2", self.read("sql.c"))

    def test_a_name_is_taken_once(self):
        self.write("queries/a.sql", "-- name: one\nSELECT 1;\n")
        self.write("queries/b.sql", "\n-- name: one\nSELECT 2;\n")
        self.refuse("b.sql:2", "one", "a.sql:1")

    def test_shared_and_own_text_exclude_each_other(self):
        self.write("queries/a.sql", "-- name: one\nSELECT 1;\n")
        self.write("queries/a.sqlite.sql", "-- name: one\nSELECT 2;\n")
        self.refuse("one", "taken")

    def test_both_engines_need_a_text(self):
        self.write("queries/a.sqlite.sql", "-- name: one\nSELECT 1;\n-- name: two\nSELECT 2;\n")
        self.write("queries/a.postgres.sql", "-- name: one\nSELECT 1;\n")
        self.refuse("two", "no text for postgres")

    def test_engines_agree_in_parameters(self):
        self.write("queries/a.sqlite.sql", "-- name: one\nSELECT $1, $2;\n")
        self.write("queries/a.postgres.sql", "-- name: one\nSELECT $1;\n")
        self.refuse("one", "parameters")

    def test_parameters_have_no_gaps(self):
        for text, word in (("SELECT $1, $3", "$2 is missing"), ("SELECT $0", "from $1")):
            self.write("queries/a.sql", f"-- name: one\n{text};\n")
            self.refuse("one", word)

    def test_statements_are_single_named_and_not_empty(self):
        for text, word in (("SELECT 1;\n", "before the first"), ("-- name: One\nSELECT 1;\n", "One"),
                           ("-- name:\nSELECT 1;\n", "not a name"),
                           ("-- name: one\n-- name: two\nSELECT 1;\n", "no text"),
                           ("-- name: one\nSELECT 1; SELECT 2;\n", "more than one")):
            self.write("queries/a.sql", text)
            self.refuse("a.sql", word)

    def test_migrations_are_numbered_without_gaps(self):
        self.write("migrations/0002_second.sql", "SELECT 1;\n")
        self.refuse("0001 is missing")
        self.write("migrations/0001_first.sql", "SELECT 1;\n")
        self.generate()
        self.write("migrations/0002_other.sql", "SELECT 1;\n")
        self.refuse("0002", "taken")

    def test_migrations_have_numbers(self):
        self.write("migrations/first.sql", "SELECT 1;\n")
        self.refuse("first.sql", "0001_name.sql")

    def test_migrations_serve_both_engines(self):
        self.write("migrations/0001_first.sqlite.sql", "SELECT 1;\n")
        self.write("queries/a.postgres.sql", "-- name: one\nSELECT 1;\n")
        self.write("queries/a.sqlite.sql", "-- name: one\nSELECT 1;\n")
        self.refuse("0001", "no text for postgres")
        self.write("migrations/0001_first.sql", "SELECT 1;\n")
        self.refuse("0001", "twice")


if __name__ == "__main__":
    unittest.main()
