/*
 * The tables of the state. What grows with the data is found by an index; what a step touches
 * costs the same in the millionth step as in the first.
 */
#include "db/journal_format.h"

#include "base/clock.h"
#include "db/journal.h"
#include "riacho.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/banned.h"

/* Times are milliseconds since 1970 (UTC). */
static const char tables[] =
    "CREATE TABLE meta("
    "  key TEXT PRIMARY KEY,"
    "  value TEXT NOT NULL) WITHOUT ROWID;"

    /* AUTOINCREMENT: a number is never given twice, also when the row is gone. */
    "CREATE TABLE runs("
    "  number INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  resource TEXT NOT NULL,"
    "  resumes INTEGER NOT NULL,"
    "  status TEXT NOT NULL," /* running, ended, failed, stopped, killed */
    "  process TEXT NOT NULL,"
    "  started INTEGER NOT NULL,"
    "  ended INTEGER,"
    "  first_page INTEGER NOT NULL,"
    "  last_page INTEGER NOT NULL,"
    "  counts TEXT,"
    "  why TEXT,"
    "  error TEXT);"
    "CREATE INDEX runs_resource ON runs(resource, number);"
    "CREATE INDEX runs_open ON runs(process) WHERE status = 'running';"

    /* cursor, boundary: of the last run that ended. The rest is of the run that goes on. */
    "CREATE TABLE resources("
    "  name TEXT PRIMARY KEY,"
    "  run INTEGER NOT NULL,"
    "  cursor TEXT,"
    "  boundary TEXT,"
    "  next_page INTEGER NOT NULL DEFAULT 1,"
    "  position TEXT," /* null: the next run is a fresh one */
    "  start_value TEXT,"
    "  start_boundary TEXT,"
    "  run_cursor TEXT,"
    "  run_boundary TEXT);"

    "CREATE TABLE schemas("
    "  resource TEXT NOT NULL,"
    "  seq INTEGER NOT NULL,"
    "  fingerprint TEXT NOT NULL,"
    "  time INTEGER NOT NULL,"
    "  doc TEXT NOT NULL,"
    "  PRIMARY KEY (resource, seq));"
    "CREATE UNIQUE INDEX schemas_fingerprint ON schemas(resource, fingerprint);"

    /* next: the offset that the next message gets. remote: a server's id of the topic, when it was last met. */
    "CREATE TABLE topics("
    "  no INTEGER PRIMARY KEY,"
    "  name TEXT NOT NULL UNIQUE,"
    "  next INTEGER NOT NULL,"
    "  remote TEXT);"
    /* value: null if it is the event of the file of that id. */
    "CREATE TABLE messages("
    "  topic INTEGER NOT NULL REFERENCES topics,"
    "  offset INTEGER NOT NULL,"
    "  id TEXT NOT NULL,"
    "  time INTEGER NOT NULL,"
    "  value BLOB,"
    "  headers TEXT,"
    "  PRIMARY KEY (topic, offset)) WITHOUT ROWID;"
    "CREATE UNIQUE INDEX messages_id ON messages(topic, id);"
    /* Messages that a broker outside of the state has not confirmed (meta: broker). */
    "CREATE TABLE outbox("
    "  seq INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  topic INTEGER NOT NULL REFERENCES topics,"
    "  offset INTEGER NOT NULL,"
    "  UNIQUE (topic, offset));"

    /* A group's place in a topic: offsets from `next` on were never handed out; below it those are open
     * that have a claim. */
    "CREATE TABLE groups("
    "  no INTEGER PRIMARY KEY,"
    "  grp TEXT NOT NULL,"
    "  topic INTEGER NOT NULL REFERENCES topics,"
    "  next INTEGER NOT NULL,"
    "  UNIQUE (grp, topic));"
    /* until: when the lease ends; 0: anybody may have it. intent: a step about to consume it. */
    "CREATE TABLE claims("
    "  grp INTEGER NOT NULL REFERENCES groups,"
    "  offset INTEGER NOT NULL,"
    "  process TEXT,"
    "  until INTEGER NOT NULL,"
    "  handed INTEGER NOT NULL," /* how often it was handed out and neither done nor given back */
    "  intent INTEGER,"
    "  PRIMARY KEY (grp, offset)) WITHOUT ROWID;"
    "CREATE TABLE consumed("
    "  grp TEXT NOT NULL,"
    "  id TEXT NOT NULL,"
    "  PRIMARY KEY (grp, id)) WITHOUT ROWID;"
    /* What a step about to be applied will consume, so that no other step may. */
    "CREATE TABLE pending("
    "  grp TEXT NOT NULL,"
    "  id TEXT NOT NULL,"
    "  intent INTEGER NOT NULL,"
    "  PRIMARY KEY (grp, id)) WITHOUT ROWID;"

    /* The folders that were seen, and what their id files said. */
    "CREATE TABLE roots("
    "  path TEXT PRIMARY KEY,"
    "  id TEXT NOT NULL) WITHOUT ROWID;"

    "CREATE TABLE intents("
    "  seq INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  process TEXT NOT NULL,"
    "  time INTEGER NOT NULL,"
    "  doc BLOB NOT NULL);"

    /* event: the reference, as it travels. removed: since when the file is no more. */
    "CREATE TABLE files("
    "  seq INTEGER PRIMARY KEY,"
    "  id TEXT NOT NULL UNIQUE,"
    "  stage TEXT NOT NULL,"
    "  subject TEXT NOT NULL,"
    "  root TEXT NOT NULL,"
    "  path TEXT NOT NULL,"
    "  bytes INTEGER NOT NULL,"
    "  rows INTEGER NOT NULL,"
    "  sha256 TEXT,"
    "  schema TEXT,"
    "  first_page INTEGER NOT NULL,"
    "  last_page INTEGER NOT NULL,"
    "  run TEXT,"
    "  request TEXT,"
    "  time INTEGER NOT NULL,"
    "  event TEXT,"
    "  removed INTEGER,"
    "  replaced_by TEXT);"
    "CREATE INDEX files_present ON files(stage, subject, seq) WHERE removed IS NULL;"
    "CREATE INDEX files_stage ON files(stage, seq) WHERE removed IS NULL;"
    "CREATE INDEX files_removed ON files(removed) WHERE removed IS NOT NULL;"
    "CREATE TABLE origins("
    "  file INTEGER NOT NULL REFERENCES files,"
    "  origin TEXT NOT NULL,"
    "  PRIMARY KEY (file, origin)) WITHOUT ROWID;"
    "CREATE INDEX origins_of ON origins(origin);"
    /* Sums over the files that are there, kept by every step. */
    "CREATE TABLE totals("
    "  stage TEXT NOT NULL,"
    "  root TEXT NOT NULL,"
    "  subject TEXT NOT NULL,"
    "  files INTEGER NOT NULL,"
    "  rows INTEGER NOT NULL,"
    "  bytes INTEGER NOT NULL,"
    "  PRIMARY KEY (stage, root, subject)) WITHOUT ROWID;";

/* What the stages know besides messages and files. */
static const char other_tables[] =
    "CREATE TABLE columns("
    "  tbl TEXT NOT NULL,"
    "  name TEXT NOT NULL COLLATE NOCASE,"
    "  place INTEGER NOT NULL,"
    "  type TEXT NOT NULL,"
    "  PRIMARY KEY (tbl, name)) WITHOUT ROWID;"

    /* letter: its name on every host: "<epoch of the state that buried it>-<no there>". */
    "CREATE TABLE dead("
    "  no INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  letter TEXT UNIQUE,"
    "  id TEXT NOT NULL,"
    "  grp TEXT NOT NULL,"
    "  topic TEXT NOT NULL,"
    "  partition INTEGER NOT NULL,"
    "  offset INTEGER NOT NULL,"
    "  error TEXT NOT NULL,"
    "  attempts INTEGER NOT NULL,"
    "  time INTEGER NOT NULL,"
    "  value BLOB,"
    "  state TEXT NOT NULL," /* open, retried, dropped */
    "  closed INTEGER);"
    "CREATE INDEX dead_open ON dead(no) WHERE state = 'open';"
    "CREATE INDEX dead_closed ON dead(closed) WHERE closed IS NOT NULL;"
    "CREATE INDEX dead_open_id ON dead(id) WHERE state = 'open';"

    /* How far topics of another broker, which belong to no group, were read. */
    "CREATE TABLE places("
    "  topic TEXT NOT NULL,"
    "  partition INTEGER NOT NULL,"
    "  next INTEGER NOT NULL,"
    "  PRIMARY KEY (topic, partition)) WITHOUT ROWID;"

    /* full_at: microseconds since 1970 at which the bucket is full again. */
    "CREATE TABLE rates("
    "  key TEXT PRIMARY KEY,"
    "  full_at INTEGER NOT NULL) WITHOUT ROWID;";

static int not_a_state(const struct lite *lite, struct err *err)
{
    err_set(err, ERR_USAGE, "\"%s\" is not a state of riacho", lite->path);
    return err_hint(err, "Give the pipeline another state folder, or move that file away.");
}

static int unknown_format(const struct lite *lite, int64_t format, struct err *err)
{
    err_set(err, ERR_USAGE, "the state \"%s\" has format %" PRId64 "; this riacho knows format %d",
            lite->path, format, JOURNAL_FORMAT);
    if (format > JOURNAL_FORMAT)
        return err_hint(err, "It was written by a newer riacho: use that one.");
    return err_hint(err,
                    "It was written by an older riacho: use that one, or begin with another state "
                    "folder.");
}

int format_check(struct lite *lite, enum format_found *ret_found, struct err *err)
{
    int64_t application = 0;
    int64_t format = 0;
    int64_t table_count = 0;

    TRY(lite_number(lite, "PRAGMA application_id", BIND_NOTHING, &application, err));
    TRY(lite_number(lite, "PRAGMA user_version", BIND_NOTHING, &format, err));
    TRY(lite_number(lite, "SELECT count(*) FROM sqlite_schema", BIND_NOTHING, &table_count, err));
    if (application == 0 && format == 0 && table_count == 0) {
        *ret_found = FORMAT_EMPTY;
        return 0;
    }
    if (application != STATE_APPLICATION_ID)
        return not_a_state(lite, err);
    if (format != JOURNAL_FORMAT)
        return unknown_format(lite, format, err);
    *ret_found = FORMAT_OURS;
    return 0;
}

static int put_meta(struct lite *lite, const char *key, const char *value, struct err *err)
{
    return lite_run(lite, "INSERT INTO meta(key, value) VALUES (?, ?)",
                    BIND(lite_text(key), lite_text(value)), err);
}

int format_create(struct lite *lite, const char *pipeline, const char *broker, const char *epoch,
                  struct err *err)
{
    char marks[96];
    char now[CLOCK_TEXT];

    snprintf(marks, sizeof marks, "PRAGMA application_id=%d; PRAGMA user_version=%d",
             STATE_APPLICATION_ID, JOURNAL_FORMAT);
    TRY(lite_script(lite, tables, err));
    TRY(lite_script(lite, other_tables, err));
    TRY(lite_script(lite, marks, err));
    TRY(put_meta(lite, "pipeline", pipeline, err));
    TRY(put_meta(lite, "broker", broker, err));
    TRY(put_meta(lite, "epoch", epoch, err));
    TRY(put_meta(lite, "created", clock_iso8601(clock_wall_ms(), now), err));
    return put_meta(lite, "created_by", RIACHO_VERSION, err);
}
