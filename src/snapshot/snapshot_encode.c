/* snapshot_encode.c: a manifest as an SQLite image.
 *
 * The text of the CREATE TABLE statements is part of the image; it is laid out as other
 * implementations write it, so that equal manifests are equal bytes. Format:
 * docs/format/snapshot.md.
 */
#include <sqlite3.h>
#include <string.h>

#include "base/alloc.h"
#include "snapshot/snapshot_impl.h"

static const char create_tables[] =
    "CREATE TABLE build_meta (\n"
    "    run_id           TEXT    NOT NULL,\n"
    "    created_at       TEXT    NOT NULL,\n"
    "    num_dbs          INTEGER NOT NULL,\n"
    "    s3_prefix        TEXT    NOT NULL,\n"
    "    key_col          TEXT    NOT NULL,\n"
    "    sharding         TEXT    NOT NULL,\n"
    "    db_path_template TEXT    NOT NULL,\n"
    "    shard_prefix     TEXT    NOT NULL,\n"
    "    format_version   INTEGER NOT NULL,\n"
    "    key_encoding     TEXT    NOT NULL,\n"
    "    custom           TEXT    NOT NULL DEFAULT '{}'\n"
    ");"
    "CREATE TABLE shards (\n"
    "    db_id         INTEGER NOT NULL PRIMARY KEY,\n"
    "    db_url        TEXT,\n"
    "    attempt       INTEGER NOT NULL,\n"
    "    row_count     INTEGER NOT NULL,\n"
    "    db_bytes      INTEGER NOT NULL,\n"
    "    min_key       TEXT,\n"
    "    max_key       TEXT,\n"
    "    checkpoint_id TEXT,\n"
    "    writer_info   TEXT    NOT NULL DEFAULT '{}'\n"
    ");";

static const char create_objects[] =
    "CREATE TABLE shard_objects (\n"
    "    db_id INTEGER NOT NULL,\n"
    "    name  TEXT    NOT NULL,\n"
    "    size  INTEGER NOT NULL,\n"
    "    xxh3  TEXT    NOT NULL,\n"
    "    PRIMARY KEY(db_id, name)\n"
    ") WITHOUT ROWID;";

static const char plain_hash[] =
    "{\"cel_columns\": null, \"cel_expr\": null, \"hash_algorithm\": \"" SHARDY__HASH_ALGORITHM
    "\", \"routing_values\": null, \"strategy\": \"" SHARDY__STRATEGY "\"}";

static shardy_status sqlite_failed(sqlite3 *db, int rc, shardy_error *err) {
    if (rc == SQLITE_NOMEM) return shardy__fail_nomem(err);
    return shardy__fail(err, SHARDY_E_MANIFEST_BUILD, "manifest: SQLite: %s",
                        db ? sqlite3_errmsg(db) : sqlite3_errstr(rc));
}

static shardy_status execute(sqlite3 *db, const char *sql, shardy_error *err) {
    int rc = sqlite3_exec(db, sql, NULL, NULL, NULL);
    return rc == SQLITE_OK ? SHARDY_OK : sqlite_failed(db, rc, err);
}

static shardy_status prepare(sqlite3 *db, const char *sql, sqlite3_stmt **out, shardy_error *err) {
    int rc = sqlite3_prepare_v2(db, sql, -1, out, NULL);
    return rc == SQLITE_OK ? SHARDY_OK : sqlite_failed(db, rc, err);
}

/* Results of binding are or-ed together and looked at once per row. NULL text binds NULL. */
static int bind_text(sqlite3_stmt *st, int column, const char *text) {
    return text ? sqlite3_bind_text(st, column, text, -1, SQLITE_STATIC)
                : sqlite3_bind_null(st, column);
}

static int bind_int(sqlite3_stmt *st, int column, uint64_t value) {
    return sqlite3_bind_int64(st, column, (sqlite3_int64)value);
}

static shardy_status insert(sqlite3 *db, sqlite3_stmt *st, int bound, shardy_error *err) {
    if (bound != SQLITE_OK) return sqlite_failed(db, sqlite3_errcode(db), err);
    if (sqlite3_step(st) != SQLITE_DONE) return sqlite_failed(db, sqlite3_errcode(db), err);
    sqlite3_reset(st);
    return SHARDY_OK;
}

static shardy_status insert_build_meta(sqlite3 *db, const shardy__manifest *m, shardy_error *err) {
    sqlite3_stmt *st = NULL;
    const char *const columns[] = {m->run_id,
                                   m->created_at,
                                   NULL /* num_dbs */,
                                   m->prefix,
                                   m->key_col,
                                   m->sharding_json ? m->sharding_json : plain_hash,
                                   m->db_path_template,
                                   m->shard_prefix,
                                   NULL /* version */,
                                   shardy_key_encoding_name(m->key_encoding),
                                   m->custom_json ? m->custom_json : "{}"};
    shardy_status rc =
        prepare(db, "INSERT INTO build_meta VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", &st, err);
    if (rc) goto done;
    int bound = 0;
    for (int i = 0; i < 11; i++) bound |= bind_text(st, i + 1, columns[i]);
    bound |= bind_int(st, 3, m->num_dbs);
    bound |= bind_int(st, 9, SHARDY__MANIFEST_VERSION);
    rc = insert(db, st, bound, err);
done:
    sqlite3_finalize(st);
    return rc;
}

static shardy_status insert_shards(sqlite3 *db, const shardy__manifest *m, shardy_error *err) {
    sqlite3_stmt *st = NULL;
    shardy_status rc =
        prepare(db, "INSERT INTO shards VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", &st, err);
    for (uint32_t i = 0; !rc && i < m->n_shards; i++) {
        const shardy_shard_info *s = &m->shards[i];
        int bound = bind_int(st, 1, s->db_id);
        bound |= bind_text(st, 2, s->db_url);
        bound |= bind_int(st, 3, s->attempt);
        bound |= bind_int(st, 4, s->row_count);
        bound |= bind_int(st, 5, s->db_bytes);
        bound |= bind_text(st, 6, s->min_key);
        bound |= bind_text(st, 7, s->max_key);
        bound |= bind_text(st, 8, s->checkpoint_id);
        bound |= bind_text(st, 9, s->writer_info ? s->writer_info : "{}");
        rc = insert(db, st, bound, err);
    }
    sqlite3_finalize(st);
    return rc;
}

static shardy_status insert_objects(sqlite3 *db, const shardy__manifest *m, shardy_error *err) {
    static const char digits[] = "0123456789abcdef";
    sqlite3_stmt *st = NULL;
    shardy_status rc = prepare(db, "INSERT INTO shard_objects VALUES (?, ?, ?, ?)", &st, err);
    for (size_t i = 0; !rc && i < m->n_objects; i++) {
        const shardy__manifest_object *o = &m->objects[i];
        char hex[17] = {0};
        for (int k = 0; k < 16; k++) hex[k] = digits[o->xxh3 >> (60 - 4 * k) & 15];
        int bound = bind_int(st, 1, o->db_id);
        bound |= bind_text(st, 2, o->name);
        bound |= bind_int(st, 3, o->size);
        bound |= bind_text(st, 4, hex);
        rc = insert(db, st, bound, err);
    }
    sqlite3_finalize(st);
    return rc;
}

static shardy_status fill(sqlite3 *db, const shardy__manifest *m, shardy_error *err) {
    SHARDY_TRY(execute(db, "PRAGMA page_size = 4096", err));
    SHARDY_TRY(execute(db, create_tables, err));
    if (m->n_objects) SHARDY_TRY(execute(db, create_objects, err));
    SHARDY_TRY(execute(db, "BEGIN", err));
    SHARDY_TRY(insert_build_meta(db, m, err));
    SHARDY_TRY(insert_shards(db, m, err));
    if (m->n_objects) SHARDY_TRY(insert_objects(db, m, err));
    return execute(db, "COMMIT", err);
}

shardy_status shardy__manifest_encode(const shardy__manifest *m, shardy__buf *out,
                                      shardy_error *err) {
    sqlite3 *db = NULL;
    unsigned char *image = NULL;
    sqlite3_int64 size = 0;
    shardy_status rc = shardy__manifest_check(m, SHARDY_E_MANIFEST_BUILD, err);
    if (rc == SHARDY_E_UNSUPPORTED) return shardy__recode(err, SHARDY_E_MANIFEST_BUILD);
    if (rc) return rc;
    int sqlite_rc = sqlite3_open_v2(
        ":memory:", &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
    if (sqlite_rc != SQLITE_OK) {
        rc = sqlite_failed(db, sqlite_rc, err);
        goto done;
    }
    rc = fill(db, m, err);
    if (rc) goto done;
    image = sqlite3_serialize(db, "main", &size, 0);
    if (!image) {
        rc = shardy__fail_nomem(err);
        goto done;
    }
    if ((uint64_t)size > SHARDY__MANIFEST_MAX) {
        rc = shardy__fail(err, SHARDY_E_MANIFEST_BUILD,
                          "manifest would have %lld bytes; at most %llu are allowed",
                          (long long)size, (unsigned long long)SHARDY__MANIFEST_MAX);
        goto done;
    }
    shardy__buf_put(out, image, (size_t)size);
    if (out->failed) rc = shardy__fail_nomem(err);
done:
    sqlite3_free(image);
    sqlite3_close(db);
    return rc;
}
