/* snapshot_decode.c: a manifest out of an SQLite image that anybody may have made.
 *
 * The image is opened read-only in memory with everything switched off that a schema could make
 * SQLite run (https://www.sqlite.org/security.html); then each field is checked. The work is
 * bounded by the image's size, even if its pages refer to one another in circles.
 */
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/utf8.h"
#include "snapshot/snapshot_impl.h"

#define HEADER_BYTES 100
#define ROW_BYTES 16 /* less than any row of ours takes in an image */

typedef struct image {
    sqlite3 *db;
    uint64_t ops;    /* steps of SQLite's machine that are still allowed, in thousands */
    uint64_t budget; /* bytes of rows that the image can still hold */
    shardy_error *err;
} image;

static shardy_status bad(image *im, const char *what, const char *rule) {
    return shardy__fail(im->err, SHARDY_E_MANIFEST_PARSE, "manifest: %s %s", what, rule);
}

static shardy_status sqlite_failed(image *im, int rc) {
    if ((rc & 0xff) == SQLITE_NOMEM) return shardy__fail_nomem(im->err);
    return shardy__fail(im->err, SHARDY_E_MANIFEST_PARSE,
                        "Failed to read SQLite manifest tables: %s",
                        im->db ? sqlite3_errmsg(im->db) : sqlite3_errstr(rc));
}

/* ---- opening ---- */

static int on_progress(void *ctx) {
    image *im = ctx;
    if (im->ops == 0) return 1;
    im->ops--;
    return 0;
}

static void harden(image *im, size_t len) {
    static const struct {
        int id, value;
    } limits[] = {{SQLITE_LIMIT_SQL_LENGTH, 100000}, {SQLITE_LIMIT_COLUMN, 200},
                  {SQLITE_LIMIT_EXPR_DEPTH, 50},     {SQLITE_LIMIT_COMPOUND_SELECT, 5},
                  {SQLITE_LIMIT_VDBE_OP, 100000},    {SQLITE_LIMIT_ATTACHED, 0},
                  {SQLITE_LIMIT_TRIGGER_DEPTH, 1},   {SQLITE_LIMIT_WORKER_THREADS, 0}};
    static const struct {
        int id, value;
    } switches[] = {{SQLITE_DBCONFIG_DEFENSIVE, 1},
                    {SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0},
                    {SQLITE_DBCONFIG_ENABLE_TRIGGER, 0},
                    {SQLITE_DBCONFIG_ENABLE_VIEW, 0},
                    {SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0}};
    for (size_t i = 0; i < sizeof switches / sizeof *switches; i++) {
        sqlite3_db_config(im->db, switches[i].id, switches[i].value, NULL);
    }
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        sqlite3_limit(im->db, limits[i].id, limits[i].value);
    }
    sqlite3_limit(im->db, SQLITE_LIMIT_LENGTH, (int)len); /* no value is longer than the image */
    sqlite3_progress_handler(im->db, 1000, on_progress, im);
}

static shardy_status check_header(image *im, const uint8_t *bytes, size_t len) {
    static const char magic[16] = "SQLite format 3";
    if (len < HEADER_BYTES || memcmp(bytes, magic, sizeof magic) != 0) {
        char text[60];
        return shardy__fail(im->err, SHARDY_E_MANIFEST_PARSE,
                            "manifest of %zu bytes begins with %s: expected SQLite", len,
                            shardy__quote(text, sizeof text, bytes, len < 16 ? len : 16));
    }
    if (len > SHARDY__MANIFEST_MAX) {
        return shardy__fail(im->err, SHARDY_E_MANIFEST_PARSE,
                            "manifest of %zu bytes: at most %llu are allowed", len,
                            (unsigned long long)SHARDY__MANIFEST_MAX);
    }
    if (bytes[18] != 1 || bytes[19] != 1) {
        return bad(im, "the database", "is in write-ahead-log mode; expected a rollback journal");
    }
    if (bytes[56] || bytes[57] || bytes[58] || bytes[59] != 1) {
        return bad(im, "the database", "has a text encoding other than UTF-8");
    }
    return SHARDY_OK;
}

static shardy_status open_image(image *im, const void *bytes, size_t len) {
    SHARDY_TRY(check_header(im, bytes, len));
    int rc =
        sqlite3_open_v2(":memory:", &im->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    if (rc != SQLITE_OK) return sqlite_failed(im, rc);
    im->budget = len;
    im->ops = 1000 + len / 64;
    harden(im, len);
    rc = sqlite3_deserialize(im->db, "main", (unsigned char *)bytes, (sqlite3_int64)len,
                             (sqlite3_int64)len, SQLITE_DESERIALIZE_READONLY);
    return rc == SQLITE_OK ? SHARDY_OK : sqlite_failed(im, rc);
}

/* ---- statements and columns ---- */

static shardy_status prepare(image *im, const char *sql, sqlite3_stmt **out) {
    int rc = sqlite3_prepare_v2(im->db, sql, -1, out, NULL);
    return rc == SQLITE_OK ? SHARDY_OK : sqlite_failed(im, rc);
}

/* The next row; *more false at the end. */
static shardy_status step(image *im, sqlite3_stmt *st, bool *more) {
    int rc = sqlite3_step(st);
    *more = rc == SQLITE_ROW;
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? SHARDY_OK : sqlite_failed(im, rc);
}

/* Every byte of a sound image is read at most once, so more than its size means that pages are used
 * several times. */
static shardy_status spend(image *im, uint64_t bytes) {
    if (bytes > im->budget) return bad(im, "the database", "holds more rows than bytes");
    im->budget -= bytes;
    return SHARDY_OK;
}

typedef struct column {
    sqlite3_stmt *st;
    int index;
    const char *name; /* table and column, for messages */
} column;

static shardy_status read_text(image *im, column c, bool null_allowed, char **out) {
    int type = sqlite3_column_type(c.st, c.index);
    *out = NULL;
    if (type == SQLITE_NULL && null_allowed) return SHARDY_OK;
    if (type != SQLITE_TEXT) return bad(im, c.name, "must be TEXT");
    const unsigned char *text = sqlite3_column_text(c.st, c.index);
    if (!text) return shardy__fail_nomem(im->err);
    size_t len = (size_t)sqlite3_column_bytes(c.st, c.index);
    SHARDY_TRY(spend(im, len));
    if (memchr(text, 0, len) || !shardy__utf8_valid(text, len)) {
        return bad(im, c.name, "must be UTF-8 without NUL");
    }
    *out = shardy__strndup((const char *)text, len);
    return *out ? SHARDY_OK : shardy__fail_nomem(im->err);
}

static shardy_status read_int(image *im, column c, int64_t max, uint64_t *out) {
    if (sqlite3_column_type(c.st, c.index) != SQLITE_INTEGER) {
        return bad(im, c.name, "must be INTEGER");
    }
    int64_t v = sqlite3_column_int64(c.st, c.index);
    if (v < 0 || v > max) {
        return shardy__fail(im->err, SHARDY_E_MANIFEST_PARSE,
                            "manifest: %s %lld is out of range [0, %lld]", c.name, (long long)v,
                            (long long)max);
    }
    *out = (uint64_t)v;
    return SHARDY_OK;
}

/* ---- schema ---- */

/* The first two must be there. */
static const char *const table_names[] = {"build_meta", "shards", "shard_objects"};
enum { TABLES = 3, REQUIRED = 2, OBJECTS = 1u << 2 };

static bool begins(const char *sql, const char *with) {
    return !sqlite3_strnicmp(sql, with, (int)strlen(with));
}

/* SQLite stores each statement with its first words in this form. Virtual tables and whatever else
 * there may be have no business in a manifest; views and triggers are never run. */
static shardy_status check_entry(image *im, const char *name, const char *sql, unsigned *found) {
    bool table = begins(sql, "CREATE TABLE ");
    if (!table && !begins(sql, "CREATE INDEX ") && !begins(sql, "CREATE UNIQUE INDEX ") &&
        !begins(sql, "CREATE VIEW ") && !begins(sql, "CREATE TRIGGER ")) {
        char text[80];
        return shardy__fail(im->err, SHARDY_E_MANIFEST_PARSE,
                            "manifest: schema entry %s is not a plain table",
                            shardy__quote(text, sizeof text, sql, strlen(sql)));
    }
    for (unsigned i = 0; i < TABLES; i++) {
        if (sqlite3_stricmp(name, table_names[i]) != 0) continue;
        if (!table) return bad(im, table_names[i], "is not a plain table");
        *found |= 1u << i;
    }
    return SHARDY_OK;
}

/* Columns that are computed are not plain data. */
static shardy_status check_columns(image *im, const char *table) {
    sqlite3_stmt *st = NULL;
    bool more = false;
    char *sql = sqlite3_mprintf("PRAGMA table_xinfo(%Q)", table);
    shardy_status rc = sql ? prepare(im, sql, &st) : shardy__fail_nomem(im->err);
    if (!rc) rc = step(im, st, &more);
    while (!rc && more) {
        if (sqlite3_column_int(st, 6) != 0) {
            rc = bad(im, table, "has computed columns");
            break;
        }
        rc = step(im, st, &more);
    }
    sqlite3_finalize(st);
    sqlite3_free(sql);
    return rc;
}

static shardy_status check_schema(image *im, unsigned *found) {
    sqlite3_stmt *st = NULL;
    bool more = false;
    *found = 0;
    shardy_status rc =
        prepare(im, "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL", &st);
    if (!rc) rc = step(im, st, &more);
    while (!rc && more) {
        const char *name = (const char *)sqlite3_column_text(st, 0);
        const char *sql = (const char *)sqlite3_column_text(st, 1);
        rc = name && sql ? check_entry(im, name, sql, found)
                         : bad(im, "sqlite_master", "has a nameless entry");
        if (!rc) rc = step(im, st, &more);
    }
    sqlite3_finalize(st);
    for (unsigned i = 0; i < TABLES && !rc; i++) {
        if (*found >> i & 1) {
            rc = check_columns(im, table_names[i]);
        } else if (i < REQUIRED) {
            rc = shardy__fail(im->err, SHARDY_E_MANIFEST_PARSE,
                              "Failed to read SQLite manifest tables: no such table: %s",
                              table_names[i]);
        }
    }
    return rc;
}

/* ---- build_meta ---- */

static shardy_status parse_encoding(image *im, shardy__manifest *m, const char *name) {
    if (!shardy_key_encoding_parse(name, &m->key_encoding, NULL) &&
        m->key_encoding != SHARDY_ENCODING_AUTO) {
        return SHARDY_OK;
    }
    char text[80];
    return shardy__fail(im->err, SHARDY_E_MANIFEST_PARSE,
                        "manifest: key_encoding %s is none of u64be, u32be, utf8, raw",
                        shardy__quote(text, sizeof text, name, strlen(name)));
}

static shardy_status read_build_meta_row(image *im, shardy__manifest *m, sqlite3_stmt *st) {
    const struct {
        const char *name;
        char **field;
    } texts[] = {{"build_meta.run_id", &m->run_id},
                 {"build_meta.created_at", &m->created_at},
                 {"build_meta.s3_prefix", &m->prefix},
                 {"build_meta.key_col", &m->key_col},
                 {"build_meta.sharding", &m->sharding_json},
                 {"build_meta.db_path_template", &m->db_path_template},
                 {"build_meta.shard_prefix", &m->shard_prefix},
                 {"build_meta.custom", &m->custom_json}};
    uint64_t version = 0, num_dbs = 0;
    char *encoding = NULL;
    SHARDY_TRY(read_int(im, (column){st, 8, "format_version"}, INT64_MAX, &version));
    if (version != SHARDY__MANIFEST_VERSION) {
        return shardy__fail(im->err, SHARDY_E_MANIFEST_PARSE,
                            "manifest: format_version %llu is not supported; expected %d",
                            (unsigned long long)version, SHARDY__MANIFEST_VERSION);
    }
    SHARDY_TRY(read_int(im, (column){st, 9, "num_dbs"}, SHARDY__NUM_DBS_MAX, &num_dbs));
    if (!num_dbs) return bad(im, "num_dbs", "must be at least 1");
    m->num_dbs = (uint32_t)num_dbs;
    for (int i = 0; i < 8; i++) {
        SHARDY_TRY(read_text(im, (column){st, i, texts[i].name}, false, texts[i].field));
    }
    SHARDY_TRY(read_text(im, (column){st, 10, "build_meta.key_encoding"}, false, &encoding));
    shardy_status rc = parse_encoding(im, m, encoding);
    shardy__free(encoding);
    return rc;
}

static shardy_status read_build_meta(image *im, shardy__manifest *m) {
    sqlite3_stmt *st = NULL;
    bool more = false;
    shardy_status rc = prepare(im,
                               "SELECT run_id, created_at, s3_prefix, key_col, sharding, "
                               "db_path_template, shard_prefix, custom, format_version, num_dbs, "
                               "key_encoding FROM build_meta NOT INDEXED LIMIT 2",
                               &st);
    if (!rc) rc = step(im, st, &more);
    if (!rc && !more) rc = bad(im, "there is", "no build_meta row");
    if (!rc) rc = read_build_meta_row(im, m, st);
    if (!rc) rc = step(im, st, &more);
    if (!rc && more) rc = bad(im, "there is", "more than one build_meta row");
    sqlite3_finalize(st);
    return rc;
}

/* ---- shards ---- */

static shardy_status read_shard(image *im, sqlite3_stmt *st, shardy_shard_info *s) {
    const struct {
        const char *name;
        const char **field;
        bool null_allowed;
    } texts[] = {{"shards.db_url", &s->db_url, true},
                 {"shards.min_key", &s->min_key, true},
                 {"shards.max_key", &s->max_key, true},
                 {"shards.checkpoint_id", &s->checkpoint_id, true},
                 {"shards.writer_info", &s->writer_info, false}};
    uint64_t db_id = 0, attempt = 0;
    SHARDY_TRY(spend(im, ROW_BYTES));
    SHARDY_TRY(read_int(im, (column){st, 0, "shards.db_id"}, UINT32_MAX, &db_id));
    s->db_id = (uint32_t)db_id;
    SHARDY_TRY(read_int(im, (column){st, 1, "shards.attempt"}, UINT32_MAX, &attempt));
    s->attempt = (uint32_t)attempt;
    SHARDY_TRY(read_int(im, (column){st, 2, "shards.row_count"}, INT64_MAX, &s->row_count));
    SHARDY_TRY(read_int(im, (column){st, 3, "shards.db_bytes"}, INT64_MAX, &s->db_bytes));
    for (int i = 0; i < 5; i++) {
        char *text = NULL;
        SHARDY_TRY(read_text(im, (column){st, 4 + i, texts[i].name}, texts[i].null_allowed, &text));
        *texts[i].field = text;
    }
    return SHARDY_OK;
}

/* A row without a place is an empty shard, which has no entry here. */
static shardy_status drop_if_empty(image *im, shardy__manifest *m) {
    shardy_shard_info *s = &m->shards[m->n_shards - 1];
    if (s->db_url) return SHARDY_OK;
    if (s->row_count) {
        return shardy__fail(im->err, SHARDY_E_MANIFEST_PARSE,
                            "manifest: shard %u has %llu rows but no db_url", s->db_id,
                            (unsigned long long)s->row_count);
    }
    const char *owned[] = {s->min_key, s->max_key, s->checkpoint_id, s->writer_info};
    for (size_t i = 0; i < 4; i++) shardy__free((char *)owned[i]);
    m->n_shards--;
    return SHARDY_OK;
}

static shardy_status read_shards(image *im, shardy__manifest *m) {
    sqlite3_stmt *st = NULL;
    size_t cap = 0;
    uint64_t rows = 0;
    bool more = false;
    shardy_status rc = prepare(im,
                               "SELECT db_id, attempt, row_count, db_bytes, db_url, min_key, "
                               "max_key, checkpoint_id, writer_info FROM shards NOT INDEXED",
                               &st);
    if (!rc) rc = step(im, st, &more);
    while (!rc && more) {
        if (rows++ == m->num_dbs) {
            rc = shardy__fail(im->err, SHARDY_E_MANIFEST_PARSE,
                              "manifest: number of shards exceeds num_dbs %u", m->num_dbs);
        } else if (shardy__grow(&m->shards, &cap, (size_t)m->n_shards + 1, sizeof *m->shards)) {
            rc = shardy__fail_nomem(im->err);
        } else {
            shardy_shard_info *s = &m->shards[m->n_shards++];
            memset(s, 0, sizeof *s);
            rc = read_shard(im, st, s);
            if (!rc) rc = drop_if_empty(im, m);
        }
        if (!rc) rc = step(im, st, &more);
    }
    sqlite3_finalize(st);
    return rc;
}

/* ---- shard_objects ---- */

static shardy_status parse_hex(image *im, const char *text, uint64_t *out) {
    uint64_t v = 0;
    size_t n = 0;
    for (; text[n] && n <= 16; n++) {
        char ch = text[n];
        if (!((ch >= '0' && ch <= '9') || (ch >= 'a' && ch <= 'f'))) break;
        v = v << 4 | (uint64_t)(ch <= '9' ? ch - '0' : ch - 'a' + 10);
    }
    if (n != 16 || text[n]) {
        return bad(im, "shard_objects.xxh3", "must be 16 lower-case hexadecimal digits");
    }
    *out = v;
    return SHARDY_OK;
}

static shardy_status read_object(image *im, sqlite3_stmt *st, shardy__manifest_object *o) {
    uint64_t db_id = 0;
    char *hex = NULL;
    SHARDY_TRY(spend(im, ROW_BYTES / 2)); /* and 17 bytes or more of text */
    SHARDY_TRY(read_int(im, (column){st, 0, "shard_objects.db_id"}, UINT32_MAX, &db_id));
    o->db_id = (uint32_t)db_id;
    SHARDY_TRY(read_int(im, (column){st, 1, "shard_objects.size"}, INT64_MAX, &o->size));
    SHARDY_TRY(read_text(im, (column){st, 2, "shard_objects.name"}, false, &o->name));
    SHARDY_TRY(read_text(im, (column){st, 3, "shard_objects.xxh3"}, false, &hex));
    shardy_status rc = parse_hex(im, hex, &o->xxh3);
    shardy__free(hex);
    return rc;
}

static shardy_status read_objects(image *im, shardy__manifest *m) {
    sqlite3_stmt *st = NULL;
    size_t cap = 0;
    bool more = false;
    shardy_status rc =
        prepare(im, "SELECT db_id, size, name, xxh3 FROM shard_objects NOT INDEXED", &st);
    if (!rc) rc = step(im, st, &more);
    while (!rc && more) {
        if (shardy__grow(&m->objects, &cap, m->n_objects + 1, sizeof *m->objects)) {
            rc = shardy__fail_nomem(im->err);
        } else {
            shardy__manifest_object *o = &m->objects[m->n_objects++];
            memset(o, 0, sizeof *o);
            rc = read_object(im, st, o);
        }
        if (!rc) rc = step(im, st, &more);
    }
    sqlite3_finalize(st);
    return rc;
}

/* ---- the whole ---- */

static int by_db_id(const void *a, const void *b) {
    uint32_t x = ((const shardy_shard_info *)a)->db_id, y = ((const shardy_shard_info *)b)->db_id;
    return (x > y) - (x < y);
}

static int by_object(const void *a, const void *b) {
    const shardy__manifest_object *x = a, *y = b;
    if (x->db_id != y->db_id) return x->db_id < y->db_id ? -1 : 1;
    return strcmp(x->name, y->name);
}

static shardy_status read_tables(image *im, shardy__manifest *m) {
    unsigned found;
    SHARDY_TRY(check_schema(im, &found));
    SHARDY_TRY(read_build_meta(im, m));
    SHARDY_TRY(read_shards(im, m));
    if (found & OBJECTS) SHARDY_TRY(read_objects(im, m));
    if (m->n_shards) qsort(m->shards, m->n_shards, sizeof *m->shards, by_db_id);
    if (m->n_objects) qsort(m->objects, m->n_objects, sizeof *m->objects, by_object);
    SHARDY_TRY(shardy__custom_parse(m, im->err));
    return shardy__manifest_check(m, SHARDY_E_MANIFEST_PARSE, im->err);
}

shardy_status shardy__manifest_decode(const void *bytes, size_t len, shardy__manifest *out,
                                      shardy_error *err) {
    image im = {.err = err};
    memset(out, 0, sizeof *out);
    shardy_status rc = open_image(&im, bytes, len);
    if (!rc) rc = read_tables(&im, out);
    sqlite3_close(im.db);
    if (rc) shardy__manifest_free(out);
    return rc;
}
