"""A state of many files, made in moments: what riacho made is there many times over.

The copies are hard links under the names that further runs would have given them, and rows in the state for each, so that
a reader of the state cannot tell them from files of their own. The disk's cache can: it holds each only once.
"""

import os
import sqlite3
import time

# Files land a hundredth of a second apart.
STEP_MS = 10

COPIES = """
INSERT INTO runs SELECT number + :copy, resource, resumes, status, process, started, ended, first_page, last_page, counts, why, error
    FROM runs WHERE number = 1;
INSERT INTO files SELECT seq + :copy * :files, replace(id, '-000001-', :run), stage, subject, root, replace(path, '-000001-', :run), bytes,
    rows, sha256, schema, first_page, last_page, replace(run || '-', '-000001-', rtrim(:run, '-')), request, time,
    replace(event, '-000001-', :run), removed, replaced_by FROM files WHERE seq <= :files;
INSERT INTO origins SELECT file + :copy * :files, replace(origin, '-000001-', :run) FROM origins WHERE file <= :files;
INSERT INTO messages SELECT topic, offset + :copy * (SELECT next FROM topics WHERE no = topic), replace(id, '-000001-', :run), time, value,
    headers FROM messages WHERE offset < (SELECT next FROM topics WHERE no = topic);
INSERT INTO consumed SELECT grp, replace(id, '-000001-', :run) FROM consumed WHERE instr(id, '-000001-');
"""
SUMS = """
UPDATE files SET time = :now - (:files * :times - seq) * :step;
UPDATE totals SET files = files * :times, rows = rows * :times, bytes = bytes * :times;
UPDATE topics SET next = next * :times;
UPDATE groups SET next = next * :times;
UPDATE resources SET run = :times;
"""


def statements(script):
    return [statement for statement in script.split(";") if statement.strip()]


def multiply(folder, times):
    """What one run made in the pipeline's folder is there `times` times."""
    db = sqlite3.connect(folder / "output/.riacho/state.db", isolation_level=None)
    files = db.execute("SELECT max(seq) FROM files").fetchone()[0]
    db.execute("BEGIN")
    for copy in range(1, times):
        for statement in statements(COPIES):
            db.execute(statement, {"copy": copy, "files": files, "run": f"-{copy + 1:06}-"})
    for statement in statements(SUMS):
        db.execute(statement, {"files": files, "times": times, "now": int(time.time() * 1000), "step": STEP_MS})
    db.execute("COMMIT")
    link_files(folder, db, files)
    db.close()


def link_files(folder, db, files):
    made = db.execute("SELECT root, path FROM files WHERE seq <= ?", (files,)).fetchall()
    origin = {path: folder / "output" / root / path for root, path in made}
    for root, path, old in db.execute(
        "SELECT n.root, n.path, o.path FROM files n JOIN files o ON o.seq = (n.seq - 1) % ?1 + 1 WHERE n.seq > ?1", (files,)
    ):
        os.link(origin[old], folder / "output" / root / path)
