"""The catalog of a server as another process sees it, and changes it, whichever engine it is in."""
import contextlib
import sqlite3

import psycopg2


class Catalog:
    """Statements have ? for their arguments. What was changed is there when the context ends well."""

    def __init__(self, server):
        self.url = server.database_url
        if self.url:
            self.connection = psycopg2.connect(self.url)
        else:
            self.connection = sqlite3.connect(server.data / "catalog.db", timeout=30,
                                              check_same_thread=False)
            self.connection.execute("PRAGMA foreign_keys = ON")

    def execute(self, text, arguments=()):
        """Gives the cursor."""
        cursor = self.connection.cursor()
        if self.url and arguments:
            text = text.replace("%", "%%").replace("?", "%s")
        cursor.execute(text, arguments) if arguments else cursor.execute(text)
        return cursor

    def rows(self, text, arguments=()):
        return self.execute(text, arguments).fetchall()

    def value(self, text, arguments=()):
        (row,), = self.rows(text, arguments)
        return row

    def hold_writers(self):
        """Until this is rolled back, nobody else changes anything; the number is the server's."""
        self.execute("SELECT pg_advisory_xact_lock(4702111234474983745)" if self.url else "BEGIN EXCLUSIVE")

    def rollback(self):
        self.connection.rollback()

    # What the engines have different words for.

    def earlier(self, column, seconds):
        return f"{column} - interval '{seconds} s'" if self.url else f"{column} - {seconds} * 1000000"

    def made_id(self, number):
        """The text of an id for each value of the expression."""
        if self.url:
            return f"('01936f4e-8f5a-7c3e-9b1d-' || lpad(to_hex({number}), 12, '0'))::uuid"
        return f"'01936f4e-8f5a-7c3e-9b1d-' || printf('%012x', {number})"

    def columns(self, table):
        """Those that are given, not made of others."""
        if not self.url:
            return [row[1] for row in self.rows(f"PRAGMA table_info({table})")]
        return [name for name, in self.rows("SELECT column_name FROM information_schema.columns "
                                            "WHERE table_name = ? AND is_generated = 'NEVER' "
                                            "ORDER BY ordinal_position", [table])]

    def copy_rows(self, table, count, **made):
        """Copies each row of the table COUNT times; MADE: expressions of n.i, 1 to COUNT, for columns that
        differ."""
        columns = self.columns(table)
        self.execute("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n "
                     f"WHERE i < {count}) INSERT INTO {table} ({', '.join(columns)}) "
                     f"SELECT {', '.join(made.get(c, 't.' + c) for c in columns)} FROM {table} t, n")

    def dump(self):
        """All that the tables hold, as text."""
        if not self.url:
            return "\n".join(self.connection.iterdump())
        tables = self.rows("SELECT quote_ident(table_name) FROM information_schema.tables "
                           "WHERE table_schema = 'public' AND table_type = 'BASE TABLE'")
        return "\n".join(row for table, in tables
                         for row, in self.rows(f"SELECT CAST(t AS TEXT) FROM {table} t"))


@contextlib.contextmanager
def catalog_of(server):
    catalog = Catalog(server)
    with contextlib.closing(catalog.connection):
        yield catalog
        catalog.connection.commit()
