/* test_snapshot_manifest.c: manifests as SQLite images: golden bytes, round trips, refusals.
 *
 * tests/golden/snapshot/ holds images made by Python (generate.py there).
 */
#include <sqlite3.h>

#include "base/alloc.h"
#include "base/fault.h"
#include "snapshot/snapshot.h"
#include "test.h"

static uint8_t *golden(const char *name, size_t *len) {
    char path[200];
    snprintf(path, sizeof path, "tests/golden/snapshot/%s.sqlite", name);
    return test_read_file(test_source_path(path), len);
}

static shardy__manifest decode_golden(const char *name) {
    shardy_error err = SHARDY_ERROR_INIT;
    shardy__manifest m;
    size_t len;
    uint8_t *image = golden(name, &len);
    CHECK_OK(shardy__manifest_decode(image, len, &m, &err), err);
    free(image);
    return m;
}

#define WRITER_INFO(ms) \
    "{\"attempt\": 0, \"duration_ms\": " ms ", \"stage_id\": null, \"task_attempt_id\": null}"

/* ---- golden images ---- */

static const shardy_shard_info golden_shards[] = {
    {.db_id = 0,
     .db_url = "s3://b/p/shards/run_id=r1/db=00000/attempt=00",
     .row_count = 2,
     .min_key = "1",
     .max_key = "9",
     .checkpoint_id = "abc",
     .writer_info = WRITER_INFO("0")},
    {.db_id = 2,
     .db_url = "s3://b/p/shards/run_id=r1/db=00002/attempt=00",
     .row_count = 1,
     .db_bytes = 7,
     .min_key = "\"\\u00e9\"",
     .max_key = "\"\\u00e9\"",
     .writer_info = WRITER_INFO("5")}};

/* Everything borrowed: for encoding only. */
static shardy__manifest golden_manifest(void) {
    return (shardy__manifest){.run_id = (char *)"r1",
                              .created_at = (char *)"2026-01-02T03:04:05.678900Z",
                              .prefix = (char *)"s3://b/p",
                              .key_col = (char *)"_key",
                              .db_path_template = (char *)"db={db_id:05d}",
                              .shard_prefix = (char *)"shards",
                              .num_dbs = 4,
                              .key_encoding = SHARDY_ENCODING_U64BE,
                              .custom_json = (char *)"{\"a\": {\"k\": [1, null]}, \"z\": 1}",
                              .shards = (shardy_shard_info *)golden_shards,
                              .n_shards = 2};
}

TEST(encodes_the_golden_bytes) {
    shardy_error err = SHARDY_ERROR_INIT;
    shardy__manifest m = golden_manifest();
    shardy__buf image = {0};
    size_t len;
    uint8_t *expected = golden("golden", &len);
    CHECK_OK(shardy__manifest_encode(&m, &image, &err), err);
    CHECK_MEM(image.data, image.len, expected, len);
    shardy__buf_free(&image);
    free(expected);
}

TEST(decodes_the_golden_bytes) {
    shardy__manifest m = decode_golden("golden"), expected = golden_manifest();
    CHECK_STR(m.run_id, expected.run_id);
    CHECK_STR(m.created_at, expected.created_at);
    CHECK_STR(m.prefix, expected.prefix);
    CHECK_STR(m.key_col, expected.key_col);
    CHECK_STR(m.db_path_template, expected.db_path_template);
    CHECK_STR(m.shard_prefix, expected.shard_prefix);
    CHECK_STR(m.custom_json, expected.custom_json);
    CHECK_STR(m.sharding_json,
              "{\"cel_columns\": null, \"cel_expr\": null, \"hash_algorithm\": \"xxh3_64\", "
              "\"routing_values\": null, \"strategy\": \"hash\"}");
    CHECK_INT(m.num_dbs, 4);
    CHECK_INT(m.key_encoding, SHARDY_ENCODING_U64BE);
    CHECK(!m.has_vectors && m.n_objects == 0);
    CHECK_INT(m.n_shards, 2);
    for (size_t i = 0; i < 2; i++) {
        const shardy_shard_info *s = &m.shards[i], *e = &golden_shards[i];
        CHECK_INT(s->db_id, e->db_id);
        CHECK_STR(s->db_url, e->db_url);
        CHECK_INT(s->attempt, e->attempt);
        CHECK_INT(s->row_count, e->row_count);
        CHECK_INT(s->db_bytes, e->db_bytes);
        CHECK_STR(s->min_key, e->min_key);
        CHECK_STR(s->max_key, e->max_key);
        CHECK_STR(s->writer_info, e->writer_info);
    }
    CHECK_STR(m.shards[0].checkpoint_id, "abc");
    CHECK(!m.shards[1].checkpoint_id);
    shardy__manifest_free(&m);
}

static void check_round_trip(const char *name) {
    shardy_error err = SHARDY_ERROR_INIT;
    shardy__buf image = {0};
    size_t len;
    uint8_t *expected = golden(name, &len);
    shardy__manifest m = decode_golden(name);
    CHECK_OK(shardy__manifest_encode(&m, &image, &err), err);
    CHECK_MEM(image.data, image.len, expected, len);
    shardy__buf_free(&image);
    shardy__manifest_free(&m);
    free(expected);
}

TEST(python_images_come_back_byte_for_byte) {
    check_round_trip("golden");
    check_round_trip("empty");
    check_round_trip("vector");
    check_round_trip("vector_plain");
    check_round_trip("objects");
}

TEST(empty_snapshot) {
    shardy__manifest m = decode_golden("empty");
    shardy_snapshot_info info;
    CHECK_STR(m.created_at, "2026-01-02T03:04:05Z");
    CHECK_INT(m.n_shards, 0);
    CHECK_INT(m.key_encoding, SHARDY_ENCODING_RAW);
    shardy__manifest_info(&m, "ref", NULL, &info);
    CHECK_INT(info.num_dbs, 1);
    CHECK_INT(info.num_shards, 0);
    CHECK_INT(info.row_count, 0);
    CHECK(!info.published_at && !info.has_vectors && !info.metric);
    CHECK_STR(info.manifest_ref, "ref");
    CHECK_STR(info.key_encoding, "raw");
    shardy__manifest_free(&m);
}

TEST(text_keys_and_slashes_behind_the_prefix) {
    shardy__manifest m = decode_golden("text_keys");
    CHECK_STR(m.prefix, "s3://b/p/");
    CHECK_STR(m.key_col, "na\xc3\xafve");
    CHECK_INT(m.n_shards, 2); /* the third row has no place: an empty shard */
    CHECK_INT(m.shards[0].db_id, 0);
    CHECK(!m.shards[0].min_key && !m.shards[0].max_key);
    CHECK_INT(m.shards[1].attempt, 101);
    CHECK_STR(m.shards[1].min_key, "\"a\\\"\\\\\\u20ac\"");
    CHECK_STR(m.shards[1].max_key, "\"\\ud83d\\ude00\"");
    shardy__manifest_free(&m);
}

TEST(vector_facts) {
    shardy_snapshot_info info;
    shardy__manifest m = decode_golden("vector");
    shardy__manifest_info(&m, "ref", "now", &info);
    CHECK(info.has_vectors);
    CHECK_INT(info.dim, 384);
    CHECK_STR(info.metric, "l2");
    CHECK_STR(info.index_type, "hnsw");
    CHECK_STR(info.quantization, "i8");
    CHECK_INT(m.nprobes, 8);
    CHECK(!info.index_built && !info.index_note);
    CHECK_INT(info.row_count, 3);
    CHECK_STR(info.strategy, "hash");
    CHECK_STR(info.hash_algorithm, "xxh3_64");
    CHECK_STR(info.published_at, "now");
    CHECK_CONTAINS(info.custom_json, "\"numbers\": [1e+300, -0.0, -9223372036854775808]");
    shardy__manifest_free(&m);

    m = decode_golden("vector_plain"); /* no backends, no index type */
    CHECK(m.has_vectors && !m.quantization && m.nprobes == 0);
    CHECK_STR(m.index_type, "hnsw");
    CHECK_INT(m.metric, SHARDY_METRIC_COSINE);
    shardy__manifest_free(&m);
}

TEST(objects_and_facts_per_shard) {
    shardy__manifest m = decode_golden("objects");
    shardy_snapshot_info info;
    CHECK_INT(m.n_objects, 3);
    CHECK_INT(m.objects[0].db_id, 0);
    CHECK_STR(m.objects[0].name, "compacted/01J79C21YKR31J2BS1EFXJZ7MR.sst");
    CHECK(m.objects[0].size == UINT64_C(1) << 40);
    CHECK_HEX(m.objects[0].xxh3, 0xff);
    CHECK_HEX(m.objects[1].xxh3, UINT64_MAX);
    CHECK_INT(m.objects[2].db_id, 2);
    CHECK_HEX(m.objects[2].xxh3, 0x2d06800538d394c2);
    CHECK_INT(m.shards[0].vector_count, 2);
    CHECK_INT(m.shards[1].vector_partitions, 7);
    CHECK_STR(m.shards[1].vector_index, "IVF_FLAT");
    shardy__manifest_info(&m, "ref", NULL, &info);
    CHECK_INT(info.vector_count, 3);
    CHECK_STR(info.index_built, "IVF_FLAT");
    CHECK_STR(info.index_note, "hnsw was asked for");
    memcpy((char *)m.shards[1].vector_index, "IVF_NONE", 8);
    shardy__manifest_info(&m, "ref", NULL, &info);
    CHECK_STR(info.index_built, "mixed");
    shardy__manifest_free(&m);
}

TEST(unknown_columns_tables_and_facts_are_ignored) {
    shardy__manifest m = decode_golden("extras");
    CHECK_INT(m.n_shards, 2);
    CHECK_INT(m.n_objects, 0);
    CHECK(!m.index_note);
    shardy__manifest_free(&m);
}

TEST(other_configurations_are_named) {
    static const struct {
        const char *name;
        shardy_status code;
        const char *message;
    } cases[] = {
        {"cel", SHARDY_E_UNSUPPORTED, "strategy \"cel\" is not supported"},
        {"sqlite_vec", SHARDY_E_UNSUPPORTED, "custom[\"vector\"][\"backend\"] is \"sqlite-vec\""},
        {"sqlite_kv", SHARDY_E_UNSUPPORTED, "custom[\"vector\"][\"kv_backend\"] is \"sqlite\""},
        {"sqlite_sidecar", SHARDY_E_UNSUPPORTED, "shards are SQLite databases"},
        {"vector_only", SHARDY_E_UNSUPPORTED, "unsupported or incomplete vector metadata"},
        {"utf16", SHARDY_E_MANIFEST_PARSE, "text encoding other than UTF-8"}};
    shardy_error err = SHARDY_ERROR_INIT;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        shardy__manifest m;
        size_t len;
        uint8_t *image = golden(cases[i].name, &len);
        CHECK_FAILS(shardy__manifest_decode(image, len, &m, &err), cases[i].code);
        CHECK_CONTAINS(err.message, cases[i].message);
        CHECK(!m.run_id && !m.shards);
        free(image);
    }
}

/* ---- images that SQL made wrong ---- */

/* Decode the golden image after `sql` has changed it. */
static shardy_status decode_changed(const char *name, const char *sql, shardy_error *err) {
    sqlite3 *db = NULL;
    size_t len;
    sqlite3_int64 size = 0;
    uint8_t *image = golden(name, &len);
    CHECK_INT(sqlite3_open(":memory:", &db), SQLITE_OK);
    unsigned char *copy = sqlite3_malloc64(len);
    CHECK(copy);
    memcpy(copy, image, len);
    free(image);
    CHECK_INT(sqlite3_deserialize(db, "main", copy, (sqlite3_int64)len, (sqlite3_int64)len,
                                  SQLITE_DESERIALIZE_FREEONCLOSE | SQLITE_DESERIALIZE_RESIZEABLE),
              SQLITE_OK);
    char *message = NULL;
    if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK) {
        test_fail(__FILE__, __LINE__, "%s: %s", sql, message);
    }
    unsigned char *changed = sqlite3_serialize(db, "main", &size, 0);
    CHECK(changed);
    shardy__manifest m;
    shardy_status rc = shardy__manifest_decode(changed, (size_t)size, &m, err);
    if (!rc) shardy__manifest_free(&m);
    sqlite3_free(changed);
    sqlite3_close(db);
    return rc;
}

typedef struct change {
    const char *sql, *message;
} change;

static void check_refused(const char *name, const change *changes, size_t n) {
    shardy_error err = SHARDY_ERROR_INIT;
    for (size_t i = 0; i < n; i++) {
        shardy_status rc = decode_changed(name, changes[i].sql, &err);
        if (rc != SHARDY_E_MANIFEST_PARSE && rc != SHARDY_E_UNSUPPORTED) {
            test_fail(__FILE__, __LINE__, "%s gives %s", changes[i].sql, shardy_status_name(rc));
        }
        if (!strstr(err.message, changes[i].message)) {
            test_fail(__FILE__, __LINE__, "%s gives \"%s\", not \"%s\"", changes[i].sql,
                      err.message, changes[i].message);
        }
    }
}

#define CHECK_REFUSED(name, changes) \
    check_refused(name, changes, sizeof(changes) / sizeof *(changes))

TEST(bad_build_meta) {
    static const change changes[] = {
        {"DELETE FROM build_meta", "there is no build_meta row"},
        {"INSERT INTO build_meta SELECT * FROM build_meta", "more than one build_meta row"},
        {"DROP TABLE build_meta",
         "Failed to read SQLite manifest tables: no such table: build_meta"},
        {"ALTER TABLE build_meta RENAME COLUMN run_id TO x", "no such column: run_id"},
        {"UPDATE build_meta SET format_version = 3",
         "format_version 3 is not supported; expected 4"},
        {"UPDATE build_meta SET format_version = 5", "format_version 5 is not supported"},
        {"UPDATE build_meta SET format_version = '4x'", "format_version must be INTEGER"},
        {"UPDATE build_meta SET num_dbs = 0", "num_dbs must be at least 1"},
        {"UPDATE build_meta SET num_dbs = -4", "num_dbs -4 is out of range"},
        {"UPDATE build_meta SET num_dbs = 4294967296", "num_dbs 4294967296 is out of range"},
        {"UPDATE build_meta SET num_dbs = 2.5", "num_dbs must be INTEGER"},
        {"UPDATE build_meta SET num_dbs = 2", "shards: db_id 2 is out of range [0, 2)"},
        {"UPDATE build_meta SET num_dbs = 1", "number of shards exceeds num_dbs 1"},
        {"UPDATE build_meta SET run_id = ''", "run_id must be non-empty"},
        {"UPDATE build_meta SET run_id = x'7231'", "build_meta.run_id must be TEXT"},
        {"UPDATE build_meta SET run_id = 'a' || char(0)", "must be UTF-8 without NUL"},
        {"UPDATE build_meta SET run_id = CAST(x'61ff' AS TEXT)", "must be UTF-8 without NUL"},
        {"UPDATE build_meta SET created_at = 'yesterday'",
         "created_at \"yesterday\" is not a time"},
        {"UPDATE build_meta SET key_encoding = 'u16be'", "key_encoding \"u16be\" is none of"},
        {"UPDATE build_meta SET key_encoding = 'auto'", "key_encoding \"auto\" is none of"},
        {"UPDATE build_meta SET s3_prefix = 's3://b/q'", "not below the snapshot's prefix"},
        {"UPDATE build_meta SET sharding = '{'",
         "sharding: invalid JSON at line 1, column 1: string or '}' expected"},
        {"UPDATE build_meta SET sharding = '[]'", "sharding must be a JSON object"},
        {"UPDATE build_meta SET sharding = '{}'", "sharding: strategy is missing"},
        {"UPDATE build_meta SET sharding = '{\"strategy\": \"range\"}'",
         "strategy is \"\"range\"\"; expected \"hash\""},
        {"UPDATE build_meta SET sharding = '{\"strategy\": \"hash\"}'",
         "hash_algorithm is missing"},
        {"UPDATE build_meta SET sharding = "
         "'{\"strategy\": \"hash\", \"hash_algorithm\": \"md5\"}'",
         "hash_algorithm is \"\"md5\"\"; expected \"xxh3_64\""},
        {"UPDATE build_meta SET sharding = '{\"strategy\": \"hash\", \"hash_algorithm\": "
         "\"xxh3_64\", "
         "\"routing_values\": [1, 2]}'",
         "routing_values cardinality 2 does not fit num_dbs 4"},
        {"UPDATE build_meta SET sharding = '{\"strategy\": \"hash\", \"hash_algorithm\": "
         "\"xxh3_64\", "
         "\"routing_values\": 4}'",
         "routing_values must be a list or null"},
        {"UPDATE build_meta SET custom = 'x'", "custom: invalid JSON at line 1, column 1: invalid"},
        {"UPDATE build_meta SET custom = '{\"a\": NaN}'", "invalid token near 'NaN'"},
        {"UPDATE build_meta SET custom = '{\"a\": \"\\ud800\"}'", "invalid Unicode"},
        {"UPDATE build_meta SET custom = '{\"a\": 12345678901234567890}'", "too big integer"},
        {"UPDATE build_meta SET custom = '[]'", "custom must be a JSON object"}};
    CHECK_REFUSED("golden", changes);
    shardy_error err = SHARDY_ERROR_INIT;
    CHECK_OK(decode_changed("golden",
                            "UPDATE build_meta SET sharding = '{\"strategy\": \"hash\", "
                            "\"hash_algorithm\": \"xxh3_64\", \"routing_values\": [1, 2, 3, 4]}'",
                            &err),
             err);
}

TEST(bad_shards) {
    static const change changes[] = {
        {"DROP TABLE shards", "no such table: shards"},
        {"ALTER TABLE shards DROP COLUMN attempt", "no such column: attempt"},
        {"UPDATE shards SET db_id = -1 WHERE db_id = 0", "shards.db_id -1 is out of range"},
        {"UPDATE shards SET db_id = 4 WHERE db_id = 0", "shards: db_id 4 is out of range [0, 4)"},
        {"UPDATE shards SET db_id = 1 << 40 WHERE db_id = 0",
         "shards.db_id 1099511627776 is out of"},
        {"INSERT INTO shards SELECT db_id + 4, db_url, attempt, row_count, db_bytes, min_key, "
         "max_key, checkpoint_id, writer_info FROM shards;"
         "INSERT INTO shards SELECT db_id + 1, db_url, attempt, row_count, db_bytes, min_key, "
         "max_key, checkpoint_id, writer_info FROM shards",
         "number of shards exceeds num_dbs 4"},
        {"ALTER TABLE shards RENAME TO old; CREATE TABLE shards AS SELECT * FROM old;"
         "UPDATE shards SET db_id = 2",
         "shards: duplicate db_id 2"},
        {"UPDATE shards SET db_url = NULL", "shard 0 has 2 rows but no db_url"},
        {"UPDATE shards SET db_url = ''", "shard 0: db_url must be non-empty"},
        {"UPDATE shards SET db_url = 's3://c/p/x' WHERE db_id = 2",
         "shard 2: reference \"s3://c/p/x\""},
        {"UPDATE shards SET db_url = 's3://b/p/../x'", "\"..\" segment"},
        {"UPDATE shards SET attempt = -1", "shards.attempt -1 is out of range"},
        {"UPDATE shards SET row_count = -1", "shards.row_count -1 is out of range"},
        {"UPDATE shards SET row_count = 'many'", "shards.row_count must be INTEGER"},
        {"UPDATE shards SET row_count = 9223372036854775807", "adds up to more than 2^63-1"},
        {"UPDATE shards SET db_bytes = -7", "shards.db_bytes -7 is out of range"},
        {"UPDATE shards SET min_key = 'a'", "shard 0: min_key: invalid JSON at line 1, column 1"},
        {"UPDATE shards SET max_key = '[1]' WHERE db_id = 2",
         "shard 2: max_key must be a JSON scalar"},
        {"UPDATE shards SET min_key = x'31'", "shards.min_key must be TEXT"},
        {"UPDATE shards SET writer_info = '3'", "shard 0: writer_info must be a JSON object"},
        {"UPDATE shards SET checkpoint_id = ''", "shard 0: checkpoint_id must be non-empty"}};
    CHECK_REFUSED("golden", changes);
    shardy_error err = SHARDY_ERROR_INIT;
    CHECK_OK(
        decode_changed("golden",
                       "ALTER TABLE shards RENAME TO old; CREATE TABLE shards AS SELECT * FROM "
                       "old ORDER BY db_id DESC",
                       &err),
        err); /* no primary key and in another order, but sound */
}

TEST(bad_objects) {
    static const change changes[] = {
        {"ALTER TABLE shard_objects RENAME COLUMN xxh3 TO x", "no such column: xxh3"},
        {"UPDATE shard_objects SET db_id = 1", "shard_objects: db_id 1 of \"compacted/"},
        {"UPDATE shard_objects SET db_id = 3 WHERE db_id = 2", "shard_objects: db_id 3"},
        {"UPDATE shard_objects SET size = -1", "shard_objects.size -1 is out of range"},
        {"UPDATE shard_objects SET size = 'x'", "shard_objects.size must be INTEGER"},
        {"UPDATE shard_objects SET xxh3 = 'FFFFFFFFFFFFFFFF'", "16 lower-case hexadecimal digits"},
        {"UPDATE shard_objects SET xxh3 = '0123'", "16 lower-case hexadecimal digits"},
        {"UPDATE shard_objects SET xxh3 = xxh3 || '0'", "16 lower-case hexadecimal digits"},
        {"UPDATE shard_objects SET name = '../x' WHERE db_id = 2",
         "shard 2: name \"../x\" is not a plain relative path"},
        {"UPDATE shard_objects SET name = '/x' WHERE db_id = 2", "name \"/x\" is not a plain"},
        {"UPDATE shard_objects SET name = '' WHERE db_id = 2", "name \"\" is not a plain"},
        {"UPDATE shard_objects SET name = x'61' WHERE db_id = 2",
         "shard_objects.name must be TEXT"},
        {"ALTER TABLE shard_objects RENAME TO o; CREATE TABLE shard_objects AS SELECT * FROM o;"
         "INSERT INTO shard_objects SELECT * FROM o",
         "is there twice"}};
    CHECK_REFUSED("objects", changes);
    shardy_error err = SHARDY_ERROR_INIT;
    CHECK_OK(decode_changed("objects", "DROP TABLE shard_objects", &err), err);
    CHECK_OK(decode_changed("objects", "DELETE FROM shard_objects WHERE db_id = 0", &err), err);
}

TEST(tables_that_are_not_plain) {
    static const change changes[] = {
        {"ALTER TABLE shards RENAME TO s; CREATE VIEW shards AS SELECT * FROM s",
         "shards is not a plain table"},
        {"ALTER TABLE build_meta RENAME TO b; CREATE VIEW BUILD_META AS SELECT * FROM b",
         "build_meta is not a plain table"},
        {"ALTER TABLE shards ADD COLUMN twice AS (row_count * 2)", "shards has computed columns"},
        {"CREATE VIEW shard_objects AS SELECT 1", "shard_objects is not a plain table"},
        /* A view behind an entry that calls itself a table. */
        {"ALTER TABLE shards RENAME TO s; CREATE VIEW shards AS SELECT * FROM s;"
         "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET type = 'table', rootpage = 3 WHERE "
         "name = 'shards'",
         "malformed database schema"}};
    CHECK_REFUSED("golden", changes);
    sqlite3 *db = NULL; /* only where SQLite has the module */
    CHECK_INT(sqlite3_open(":memory:", &db), SQLITE_OK);
    bool fts = !sqlite3_exec(db, "CREATE VIRTUAL TABLE t USING fts5(x)", NULL, NULL, NULL);
    sqlite3_close(db);
    static const change virtual[] = {{"CREATE VIRTUAL TABLE t USING fts5(x)",
                                      "\"CREATE VIRTUAL TABLE t USING fts5(x)\" is not a plain"}};
    if (fts) CHECK_REFUSED("golden", virtual);
}

TEST(bad_custom_vector) {
#define SET(path, value) \
    "UPDATE build_meta SET custom = json_set(custom, '$." path "', json('" value "'))"
#define REMOVE(path) "UPDATE build_meta SET custom = json_remove(custom, '$." path "')"
    static const change changes[] = {
        {SET("vector", "3"), "custom[\"vector\"] must be an object"},
        {SET("vector.unified", "false"), "unsupported or incomplete vector metadata"},
        {SET("vector.unified", "0"), "unsupported or incomplete vector metadata"},
        {SET("vector.unified", "\"\""), "unsupported or incomplete vector metadata"},
        {SET("vector.backend", "5"), "custom[\"vector\"][\"backend\"] must be a string or null"},
        {SET("vector.backend", "\"x\""), "[\"backend\"] is \"x\"; this library reads \"lancedb\""},
        {SET("vector.kv_backend", "\"x\""), "this library reads \"slatedb\" only"},
        {SET("vector.dim", "0"),
         "custom[\"vector\"][\"dim\"] is \"0\"; it must be an integer from 1"},
        {SET("vector.dim", "65537"), "it must be an integer from 1 to 65536"},
        {SET("vector.dim", "3.0"), "[\"dim\"] is \"3.0\""},
        {SET("vector.dim", "null"), "[\"dim\"] is \"null\""},
        {REMOVE("vector.dim"), "custom[\"vector\"][\"dim\"] is missing"},
        {SET("vector.metric", "\"hamming\""), "[\"metric\"] is \"hamming\"; it must be one of"},
        {REMOVE("vector.metric"), "[\"metric\"] is missing"},
        {SET("vector.index_type", "[]"), "[\"index_type\"] must be a string or null"},
        {SET("vector.quantization", "\"\\u0000\""), "[\"quantization\"] must be a string"},
        {SET("vector.index_params", "[]"), "[\"index_params\"] must be an object"},
        {SET("vector.index_params", "{\"nprobes\": 0}"),
         "custom[\"vector\"][\"index_params\"][\"nprobes\"] is \"0\""}};
    static const change own[] = {
        {SET("shardyfusion", "[]"), "custom[\"shardyfusion\"] must be an object"},
        {SET("shardyfusion.format", "\"1\""), "[\"format\"] must be an integer"},
        {SET("shardyfusion.index_note", "1"), "[\"index_note\"] must be a string or null"},
        {SET("shardyfusion.shards", "[]"), "[\"shards\"] must be an object"},
        {SET("shardyfusion.shards.1", "{}"), "[\"shards\"][\"1\"] is not the db_id of a shard"},
        {SET("shardyfusion.shards.x", "{}"), "[\"x\"] is not the db_id of a shard"},
        {SET("shardyfusion.shards.2", "7"), "[\"shards\"][\"2\"] must be an object"},
        {SET("shardyfusion.shards.2.vector_count", "-1"), "[\"2\"][\"vector_count\"] is \"-1\""},
        {SET("shardyfusion.shards.2.vector_count", "9223372036854775807"), "adds up to more"},
        {SET("shardyfusion.shards.2.vector_index", "1"), "[\"vector_index\"] must be a string"},
        {SET("shardyfusion.shards.2.vector_partitions", "4294967296"), "[\"vector_partitions\"]"}};
    CHECK_REFUSED("objects", changes);
    CHECK_REFUSED("objects", own);
    shardy_error err = SHARDY_ERROR_INIT;
    CHECK_OK(decode_changed("objects", SET("vector", "null"), &err), err);
    CHECK_OK(decode_changed("objects", SET("shardyfusion.format", "9"), &err), err);
    CHECK_OK(decode_changed("objects", REMOVE("shardyfusion.shards"), &err), err);
    CHECK_OK(decode_changed("objects", REMOVE("shardyfusion"), &err), err);
    CHECK_OK(decode_changed("objects", SET("vector.unified", "1"), &err), err);
}

/* ---- images that are damaged ---- */

TEST(not_sqlite) {
    shardy_error err = SHARDY_ERROR_INIT;
    shardy__manifest m;
    static const char json[] =
        "{\"run_id\": \"this is not a database, but long enough to be one,"
        " which takes one hundred bytes\"}";
    CHECK_FAILS(shardy__manifest_decode(json, sizeof json, &m, &err), SHARDY_E_MANIFEST_PARSE);
    CHECK_CONTAINS(err.message, "expected SQLite");
    CHECK_CONTAINS(err.message, "begins with \"{\"run_id\"");
    CHECK_FAILS(shardy__manifest_decode("", 0, &m, &err), SHARDY_E_MANIFEST_PARSE);
    CHECK_CONTAINS(err.message, "expected SQLite");
    CHECK_FAILS(shardy__manifest_decode(json, (size_t)1 << 31, &m, NULL), SHARDY_E_MANIFEST_PARSE);
}

TEST(oversized_and_wal_images) {
    shardy_error err = SHARDY_ERROR_INIT;
    shardy__manifest m;
    size_t len;
    uint8_t *image = golden("golden", &len);
    CHECK_FAILS(shardy__manifest_decode(image, ((size_t)1 << 30) + 1, &m, &err),
                SHARDY_E_MANIFEST_PARSE); /* refused by its length alone */
    CHECK_CONTAINS(err.message, "at most 1073741824 are allowed");
    image[18] = image[19] = 2;
    CHECK_FAILS(shardy__manifest_decode(image, len, &m, &err), SHARDY_E_MANIFEST_PARSE);
    CHECK_CONTAINS(err.message, "write-ahead-log mode");
    free(image);
}

static uint8_t *small_image(size_t *len) {
    return test_read_file(test_source_path("tests/fuzz/corpus/snapshot_manifest/objects.sqlite"),
                          len);
}

/* The image may still be read, but then it is a manifest that can be written again. */
static bool decode_damaged(const uint8_t *image, size_t len) {
    shardy_error err = SHARDY_ERROR_INIT;
    shardy__manifest m;
    uint8_t *copy = malloc(len ? len : 1); /* exact, for the address sanitizer */
    CHECK(copy);
    memcpy(copy, image, len);
    shardy_status rc = shardy__manifest_decode(copy, len, &m, &err);
    CHECK(memcmp(copy, image, len) == 0);
    free(copy);
    if (rc) {
        CHECK(rc == SHARDY_E_MANIFEST_PARSE || rc == SHARDY_E_UNSUPPORTED);
        return false;
    }
    shardy__buf again = {0};
    CHECK_OK(shardy__manifest_encode(&m, &again, &err), err);
    shardy__buf_free(&again);
    shardy__manifest_free(&m);
    return true;
}

TEST_TIMEOUT(every_byte_damaged, 300) {
    size_t len, read = 0;
    uint8_t *image = small_image(&len);
    CHECK(decode_damaged(image, len));
    for (size_t i = 0; i < len; i++) {
        static const uint8_t flips[] = {0x01, 0x80, 0xff};
        for (size_t k = 0; k < sizeof flips; k++) {
            image[i] ^= flips[k];
            read += decode_damaged(image, len);
            image[i] ^= flips[k];
        }
    }
    CHECK(read < 3 * len);
    free(image);
}

TEST_TIMEOUT(cut_everywhere, 300) {
    size_t len;
    uint8_t *image = small_image(&len);
    for (size_t cut = 0; cut < len; cut++) CHECK(!decode_damaged(image, cut));
    free(image);
}

/* All cells of an interior page refer to one child: far more rows than the image has bytes for. */
TEST(pages_in_circles) {
    sqlite3 *db = NULL;
    sqlite3_int64 size = 0;
    size_t len;
    uint8_t *golden_image = golden("objects", &len);
    CHECK_INT(sqlite3_open(":memory:", &db), SQLITE_OK);
    unsigned char *copy = sqlite3_malloc64(len);
    CHECK(copy);
    memcpy(copy, golden_image, len);
    free(golden_image);
    CHECK_INT(sqlite3_deserialize(db, "main", copy, (sqlite3_int64)len, (sqlite3_int64)len,
                                  SQLITE_DESERIALIZE_FREEONCLOSE | SQLITE_DESERIALIZE_RESIZEABLE),
              SQLITE_OK);
    CHECK_INT(
        sqlite3_exec(db,
                     "DROP TABLE shard_objects;"
                     "CREATE TABLE shard_objects (db_id INTEGER NOT NULL, name TEXT NOT NULL, "
                     "size INTEGER NOT NULL, xxh3 TEXT NOT NULL);"
                     "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < "
                     "20000) INSERT INTO shard_objects SELECT 0, 'a/' || i, i, "
                     "'0123456789abcdef' FROM n",
                     NULL, NULL, NULL),
        SQLITE_OK);
    sqlite3_stmt *st = NULL;
    CHECK_INT(
        sqlite3_prepare_v2(db, "SELECT rootpage FROM sqlite_schema WHERE name = 'shard_objects'",
                           -1, &st, NULL),
        SQLITE_OK);
    CHECK_INT(sqlite3_step(st), SQLITE_ROW);
    size_t root = (size_t)sqlite3_column_int(st, 0);
    sqlite3_finalize(st);
    unsigned char *image = sqlite3_serialize(db, "main", &size, 0);
    CHECK(image);
    sqlite3_close(db);
    CHECK(decode_damaged(image, (size_t)size));
    uint8_t *page = image + (root - 1) * 4096;
    CHECK_INT(page[0], 5); /* an interior page of a table */
    size_t cells = (size_t)(page[3] << 8 | page[4]);
    CHECK(cells > 100);
    uint8_t *first = page + (page[12] << 8 | page[13]);
    for (size_t i = 1; i < cells; i++) {
        uint8_t *cell = page + (page[12 + 2 * i] << 8 | page[13 + 2 * i]);
        memcpy(cell, first, 4);
    }
    shardy_error err = SHARDY_ERROR_INIT;
    shardy__manifest m;
    CHECK_FAILS(shardy__manifest_decode(image, (size_t)size, &m, &err), SHARDY_E_MANIFEST_PARSE);
    sqlite3_free(image);
}

/* ---- encoding ---- */

TEST(encode_refuses_what_decode_would) {
    static const shardy_shard_info backwards[] = {{.db_id = 1, .db_url = "s3://b/p/a"},
                                                  {.db_id = 0, .db_url = "s3://b/p/b"}};
    static const shardy_shard_info elsewhere[] = {{.db_id = 1, .db_url = "s3://b/q/a"}};
    static const shardy_shard_info nowhere[] = {{.db_id = 1}};
    static const shardy_shard_info far[] = {{.db_id = 4, .db_url = "s3://b/p/a"}};
    static const shardy_shard_info key[] = {{.db_id = 0, .db_url = "s3://b/p/a", .min_key = "a"}};
    shardy__manifest_object stray[] = {{3, (char *)"x", 1, 1}};
    shardy__manifest_object outside[] = {{2, (char *)"../x", 1, 1}};
    shardy__manifest_object huge[] = {{2, (char *)"x", UINT64_MAX, 1}};
    const struct {
        const shardy_shard_info *shards;
        shardy__manifest_object *object;
        const char *message;
    } bad[] = {{backwards, NULL, "db_id 0 after 1"},
               {elsewhere, NULL, "shard 1: reference \"s3://b/q/a\" is not below"},
               {nowhere, NULL, "shard 1: db_url must be non-empty"},
               {far, NULL, "db_id 4 is out of range [0, 4)"},
               {key, NULL, "shard 0: min_key: invalid JSON"},
               {golden_shards, stray, "db_id 3 of \"x\" is not in shards"},
               {golden_shards, outside, "name \"../x\" is not a plain relative path"},
               {golden_shards, huge, "is larger than 2^63-1"}};
    shardy_error err = SHARDY_ERROR_INIT;
    shardy__buf image = {0};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        shardy__manifest m = golden_manifest();
        m.shards = (shardy_shard_info *)bad[i].shards;
        m.n_shards = i == 0 || bad[i].shards == golden_shards ? 2 : 1;
        m.objects = bad[i].object;
        m.n_objects = bad[i].object != NULL;
        CHECK_FAILS(shardy__manifest_encode(&m, &image, &err), SHARDY_E_MANIFEST_BUILD);
        CHECK_CONTAINS(err.message, bad[i].message);
        CHECK_INT(image.len, 0);
    }
    shardy__manifest m = golden_manifest();
    m.key_encoding = SHARDY_ENCODING_AUTO;
    CHECK_FAILS(shardy__manifest_encode(&m, &image, &err), SHARDY_E_MANIFEST_BUILD);
    m = golden_manifest();
    m.run_id = NULL;
    CHECK_FAILS(shardy__manifest_encode(&m, &image, &err), SHARDY_E_MANIFEST_BUILD);
    CHECK_STR(err.message, "run_id must be non-empty");
    m = golden_manifest();
    m.prefix = (char *)"\xff";
    CHECK_FAILS(shardy__manifest_encode(&m, &image, &err), SHARDY_E_MANIFEST_BUILD);
    CHECK_STR(err.message, "s3_prefix is not UTF-8");
    m = golden_manifest();
    m.num_dbs = SHARDY__NUM_DBS_MAX + 1;
    CHECK_FAILS(shardy__manifest_encode(&m, &image, &err), SHARDY_E_MANIFEST_BUILD);
    m = golden_manifest();
    m.sharding_json = (char *)"{\"strategy\": \"cel\"}";
    CHECK_FAILS(shardy__manifest_encode(&m, &image, &err), SHARDY_E_MANIFEST_BUILD);
}

TEST(many_shards_and_objects) {
    enum { N = 3000 };
    static shardy_shard_info shards[N];
    static shardy__manifest_object objects[3 * N];
    static char urls[N][64];
    shardy_error err = SHARDY_ERROR_INIT;
    for (uint32_t i = 0; i < N; i++) {
        snprintf(urls[i], sizeof urls[i], "s3://b/p/shards/%u", i * 7);
        shards[i] = (shardy_shard_info){.db_id = i * 7, .db_url = urls[i], .row_count = i};
        for (uint32_t k = 0; k < 3; k++) {
            static char *const names[] = {(char *)"a", (char *)"a/b", (char *)"b"};
            objects[3 * i + k] = (shardy__manifest_object){i * 7, names[k], i, k};
        }
    }
    shardy__manifest m = golden_manifest(), back;
    m.num_dbs = 7 * N;
    m.shards = shards;
    m.n_shards = N;
    m.objects = objects;
    m.n_objects = 3 * N;
    shardy__buf image = {0};
    CHECK_OK(shardy__manifest_encode(&m, &image, &err), err);
    CHECK_OK(shardy__manifest_decode(image.data, image.len, &back, &err), err);
    CHECK_INT(back.n_shards, N);
    CHECK_INT(back.n_objects, 3 * N);
    CHECK_STR(back.shards[N - 1].db_url, urls[N - 1]);
    CHECK_STR(back.shards[5].writer_info, "{}");
    CHECK_STR(back.objects[3 * N - 2].name, "a/b");
    shardy__manifest_free(&back);
    shardy__buf_free(&image);
}

/* ---- injected failures ---- */

TEST(every_allocation_may_fail) {
#ifdef SHARDY_FAULTS
    size_t len;
    uint8_t *image = golden("objects", &len);
    shardy_error err = SHARDY_ERROR_INIT;
    shardy__manifest m;
    int64_t nth = 1;
    for (;; nth++) {
        shardy__fault_arm(SHARDY__FAULT_ALLOC, nth);
        shardy_status rc = shardy__manifest_decode(image, len, &m, &err);
        shardy__fault_arm(SHARDY__FAULT_ALLOC, 0);
        if (!rc) break;
        CHECK_INT(rc, SHARDY_E_NO_MEMORY);
        CHECK(!m.run_id && !m.shards && !m.n_objects);
    }
    CHECK(nth > 30);
    for (nth = 1;; nth++) {
        shardy__buf out = {0};
        shardy__fault_arm(SHARDY__FAULT_ALLOC, nth);
        shardy_status rc = shardy__manifest_encode(&m, &out, &err);
        shardy__fault_arm(SHARDY__FAULT_ALLOC, 0);
        shardy__buf_free(&out);
        if (!rc) break;
        CHECK_INT(rc, SHARDY_E_NO_MEMORY);
    }
    CHECK(nth > 2);
    shardy__manifest_free(&m);
    free(image);
#else
    test_skip("built without SHARDY_FAULTS");
#endif
}
