/* test_lib_contract.c: what the public headers promise about arguments, ownership and failures. */
#include <glob.h>
#include <pthread.h>
#include <sqlite3.h>
#include <unistd.h>

#include "lib_fixture.h"

static shardy_writer *open_writer(const char *prefix, const char *run_id,
                                  const shardy_vector_spec *spec) {
    shardy_writer_options o = SHARDY_WRITER_OPTIONS_INIT;
    shardy_writer *w;
    o.prefix = prefix;
    o.num_dbs = 4;
    o.vector = spec;
    o.run_id = run_id;
    CHECK_OK(shardy_writer_open(&o, &w, &err), err);
    return w;
}

/* ---- rows ---- */

TEST(a_vector_id_may_begin_where_the_key_begins) {
    static const char text[] = "user1:document5";
    shardy_vector_spec spec = fixture_spec(SHARDY_METRIC_L2);
    shardy_writer *w = open_writer("memory://shared-bytes", NULL, &spec);
    shardy_row row = SHARDY_ROW_INIT;
    float v[FIXTURE_DIM];
    fixture_vector(1, v);
    row.key = shardy_key_str(text, 5);
    row.value = (shardy_slice){"some value", 10};
    row.vector = v;
    row.vector_len = FIXTURE_DIM;
    row.vector_id = (shardy_slice){text, 15};
    CHECK_OK(shardy_writer_add(w, &row, &err), err);
    row.key = shardy_key_str(text, 6);
    row.vector_id = (shardy_slice){text, 4};
    v[0] += 1;
    CHECK_OK(shardy_writer_add(w, &row, &err), err);
    CHECK_OK(shardy_writer_finish(w, NULL, &err), err);
    shardy_writer_close(w);
    shardy_reader *r;
    shardy_search_result *result;
    CHECK_OK(shardy_reader_open("memory://shared-bytes", NULL, &r, &err), err);
    v[0] -= 1;
    CHECK_OK(shardy_reader_search(r, v, FIXTURE_DIM, NULL, &result, &err), err);
    CHECK_INT(result->n_hits, 2);
    CHECK_MEM(result->hits[0].id.data, result->hits[0].id.len, text, 15);
    CHECK_MEM(result->hits[1].id.data, result->hits[1].id.len, text, 4);
    shardy_search_result_free(result);
    shardy_reader_close(r);
}

/* data NULL means "absent", whatever the length says. */
TEST(absent_slices_with_a_length) {
    shardy_vector_spec spec = fixture_spec(SHARDY_METRIC_L2);
    shardy_writer *w = open_writer("memory://absent", NULL, &spec);
    shardy_row row = SHARDY_ROW_INIT;
    float v[FIXTURE_DIM];
    fixture_vector(1, v);
    row.key = shardy_key_str("k", 1);
    row.value = (shardy_slice){"v", 1};
    row.vector = v;
    row.vector_len = FIXTURE_DIM;
    row.payload = row.vector_id = (shardy_slice){NULL, 7};
    CHECK_OK(shardy_writer_add(w, &row, &err), err);
    row.key = shardy_key_str(NULL, 7);
    CHECK_FAILS(shardy_writer_add(w, &row, &err), SHARDY_E_CONFIG);
    row.value.data = NULL;
    CHECK_FAILS(shardy_writer_add(w, &row, &err), SHARDY_E_CONFIG);
    CHECK_OK(shardy_writer_finish(w, NULL, &err), err);
    shardy_writer_close(w);
    shardy_reader *r;
    shardy_search_result *result;
    shardy_value value[2];
    shardy_key keys[2] = {shardy_key_str("k", 1), shardy_key_str(NULL, 7)};
    CHECK_OK(shardy_reader_open("memory://absent", NULL, &r, &err), err);
    CHECK_OK(shardy_reader_search(r, v, FIXTURE_DIM, NULL, &result, &err), err);
    CHECK_MEM(result->hits[0].id.data, result->hits[0].id.len, "k", 1);
    CHECK(!result->hits[0].payload.data);
    shardy_search_result_free(result);
    CHECK_FAILS(shardy_reader_get(r, &keys[1], value, &err), SHARDY_E_CONFIG);
    CHECK_FAILS(shardy_reader_multi_get(r, keys, 2, value, &err), SHARDY_E_CONFIG);
    CHECK(!value[0].found && !value[0].owner);
    shardy_reader_close(r);
}

/* Many equal, very long keys take the sort down to its last window. */
TEST(long_equal_keys) {
    shardy_writer *w = open_writer("memory://long-keys", NULL, NULL);
    char *key = malloc(SHARDY_KEY_MAX);
    memset(key, 'k', SHARDY_KEY_MAX);
    shardy_row row = SHARDY_ROW_INIT;
    for (uint32_t i = 0; i < 300; i++) {
        key[0] = i % 3 ? 'a' : 'z';
        row.key = shardy_key_str(key, SHARDY_KEY_MAX - i % 2);
        row.value = (shardy_slice){&i, sizeof i};
        CHECK_OK(shardy_writer_add(w, &row, &err), err);
    }
    shardy_build_result *result;
    CHECK_OK(shardy_writer_finish(w, &result, &err), err);
    CHECK_INT(result->snapshot.row_count, 4);
    CHECK_INT(result->duplicate_rows, 296);
    shardy_build_result_free(result);
    shardy_writer_close(w);
    free(key);
}

/* ---- what would otherwise fail after hours ---- */

TEST(options_that_could_never_be_published) {
    shardy_vector_spec spec = fixture_spec(SHARDY_METRIC_L2);
    shardy_writer_options good = SHARDY_WRITER_OPTIONS_INIT, o;
    shardy_writer *w;
    good.prefix = "memory://never";
    good.num_dbs = 1;
    good.vector = &spec;
#define REFUSED(change, text)                                           \
    do {                                                                \
        o = good;                                                       \
        change;                                                         \
        CHECK_FAILS(shardy_writer_open(&o, &w, &err), SHARDY_E_CONFIG); \
        CHECK_CONTAINS(err.message, text);                              \
        CHECK(!w);                                                      \
    } while (0)
    REFUSED(o.key_col = "", "key_col");
    REFUSED(o.key_col = "\xff", "key_col");
    REFUSED(o.prefix = "/tmp/\xff", "\\xff");
    REFUSED(o.prefix = "memory://\xc3", "UTF-8");
    REFUSED(o.custom_json = "{\"sqlite_sidecar\": 1}", "sqlite_sidecar");
    spec.nprobes = 3000000000u;
    REFUSED((void)0, "nprobes");
#undef REFUSED
    shardy_reader *r;
    CHECK_FAILS(shardy_reader_open("/tmp/\xff", NULL, &r, &err), SHARDY_E_CONFIG);
}

/* ---- cancelling ---- */

static bool cancel_when_built(void *ctx, const shardy_progress *p) {
    return !p->shards_total || p->shards_built < *(uint32_t *)ctx;
}

TEST(cancelling_at_the_last_shard_publishes_nothing) {
    for (uint32_t at = 1; at <= 3; at++) {
        shardy_writer_options o = SHARDY_WRITER_OPTIONS_INIT;
        shardy_writer *w;
        o.prefix = "memory://cancel-last";
        o.num_dbs = 3;
        o.threads = 1;
        o.progress = cancel_when_built;
        o.progress_ctx = &at;
        CHECK_OK(shardy_writer_open(&o, &w, &err), err);
        for (uint32_t i = 0; i < 100; i++) CHECK_OK(fixture_add(w, i, false, &err), err);
        CHECK_FAILS(shardy_writer_finish(w, NULL, &err), SHARDY_E_CANCELLED);
        CHECK_INT(err.code, SHARDY_E_CANCELLED);
        shardy_writer_close(w);
        CHECK_INT(fixture_objects("memory://cancel-last"), 0);
    }
}

static bool cancel_once(void *ctx, const shardy_progress *p) {
    (void)p;
    return ++*(int *)ctx != 1;
}

TEST(a_build_cancelled_while_adding_stays_cancelled) {
    shardy_writer_options o = SHARDY_WRITER_OPTIONS_INIT;
    shardy_writer *w;
    int calls = 0;
    o.prefix = "memory://cancel-add";
    o.num_dbs = 3;
    o.progress = cancel_once;
    o.progress_ctx = &calls;
    CHECK_OK(shardy_writer_open(&o, &w, &err), err);
    shardy_status rc = SHARDY_OK;
    uint32_t i = 0;
    for (; i < 5000 && !rc; i++) rc = fixture_add(w, i, false, &err);
    CHECK_INT(rc, SHARDY_E_CANCELLED);
    CHECK_FAILS(fixture_add(w, i, false, &err), SHARDY_E_CANCELLED);
    CHECK_FAILS(shardy_writer_finish(w, NULL, &err), SHARDY_E_CANCELLED);
    CHECK_INT(calls, 1);
    shardy_writer_close(w);
}

/* ---- two builders ---- */

/* The second run of that name must not touch the first one's objects. */
TEST(a_run_id_taken_meanwhile) {
    char prefix[200];
    snprintf(prefix, sizeof prefix, "%s/twice", test_tmpdir());
    shardy_writer *a = open_writer(prefix, "nightly", NULL),
                  *b = open_writer(prefix, "nightly", NULL);
    for (uint32_t i = 0; i < 50; i++) {
        CHECK_OK(fixture_add(a, i, false, &err), err);
        CHECK_OK(fixture_add(b, i + 1, false, &err), err);
    }
    CHECK_OK(shardy_writer_finish(a, NULL, &err), err);
    uint64_t objects = fixture_objects(prefix);
    CHECK_FAILS(shardy_writer_finish(b, NULL, &err), SHARDY_E_CONFIG);
    CHECK_CONTAINS(err.message, "nightly");
    shardy_writer_close(a);
    shardy_writer_close(b);
    CHECK_INT(fixture_objects(prefix), objects);
    shardy_reader *r;
    CHECK_OK(shardy_reader_open(prefix, NULL, &r, &err), err);
    fixture_check_kv(r, 50);
    shardy_reader_close(r);
}

/* A failed run takes nothing with it that merely begins with the same letters. */
TEST(runs_with_similar_names) {
    uint32_t at = 1;
    shardy_writer_options o = SHARDY_WRITER_OPTIONS_INIT;
    shardy_writer *w = open_writer("memory://similar", "ab", NULL);
    for (uint32_t i = 0; i < 50; i++) CHECK_OK(fixture_add(w, i, false, &err), err);
    CHECK_OK(shardy_writer_finish(w, NULL, &err), err);
    shardy_writer_close(w);
    o.prefix = "memory://similar";
    o.num_dbs = 4;
    o.run_id = "a";
    o.progress = cancel_when_built;
    o.progress_ctx = &at;
    CHECK_OK(shardy_writer_open(&o, &w, &err), err);
    for (uint32_t i = 0; i < 50; i++) CHECK_OK(fixture_add(w, i, false, &err), err);
    CHECK_FAILS(shardy_writer_finish(w, NULL, &err), SHARDY_E_CANCELLED);
    shardy_writer_close(w);
    shardy_reader *r;
    CHECK_OK(shardy_reader_open("memory://similar", NULL, &r, &err), err);
    fixture_check_kv(r, 50);
    shardy_reader_close(r);
}

struct builders {
    const char *prefix, *run_id;
    _Atomic int published, refused;
};

static void *build_and_publish(void *arg) {
    struct builders *b = arg;
    shardy_writer_options o = SHARDY_WRITER_OPTIONS_INIT;
    shardy_writer *w;
    shardy_error e = SHARDY_ERROR_INIT;
    o.prefix = b->prefix;
    o.num_dbs = 4;
    o.run_id = b->run_id;
    o.threads = 2;
    shardy_status rc = shardy_writer_open(&o, &w, &e);
    for (uint32_t i = 0; i < 50 && !rc; i++) rc = fixture_add(w, i, false, &e);
    if (!rc) rc = shardy_writer_finish(w, NULL, &e);
    shardy_writer_close(w);
    if (rc && rc != SHARDY_E_CONFIG) test_fail(__FILE__, __LINE__, "%s", e.message);
    (*(rc ? &b->refused : &b->published))++;
    return NULL;
}

/* Builders on one prefix at once: those of one name exclude each other, others all publish. */
TEST(builders_at_once) {
    char prefix[200];
    for (int round = 0; round < 20; round++) {
        snprintf(prefix, sizeof prefix, "%s/round%d/deep/prefix", test_tmpdir(), round);
        struct builders b = {.prefix = prefix, .run_id = round % 2 ? "same" : NULL};
        pthread_t ids[4];
        for (int i = 0; i < 4; i++) CHECK(!pthread_create(&ids[i], NULL, build_and_publish, &b));
        for (int i = 0; i < 4; i++) pthread_join(ids[i], NULL);
        CHECK_INT(b.published, b.run_id ? 1 : 4);
        CHECK_INT(b.published + b.refused, 4);
        shardy_reader *r;
        CHECK_OK(shardy_reader_open(prefix, NULL, &r, &err), err);
        fixture_check_kv(r, 50);
        shardy_reader_close(r);
    }
}

/* ---- arguments ---- */

TEST(null_arguments) {
    shardy_vector_spec spec = fixture_spec(SHARDY_METRIC_L2), spec2 = SHARDY_VECTOR_SPEC_INIT;
    shardy_writer *w = (void *)1;
    shardy_reader *r = (void *)1;
    shardy_scan *scan = (void *)1;
    shardy_search_result *result = (void *)1;
    shardy_verify_report report = {.shards = 9};
    shardy_key key = shardy_key_str("k", 1);
    shardy_key_encoding encoding;
    shardy_value value = {&spec, 3, true, NULL};
    shardy_slice slice = {&spec, 3};
    uint8_t scratch[8];
    uint32_t id = 7;
    bool flag = true;
    float v[FIXTURE_DIM] = {0};
    const shardy_shard_info *shards = (void *)1;
#define ARGUMENT(call) CHECK_FAILS(call, SHARDY_E_ARGUMENT)
    ARGUMENT(shardy_writer_open(NULL, &w, NULL));
    CHECK(!w);
    ARGUMENT(shardy_writer_open(&(shardy_writer_options)SHARDY_WRITER_OPTIONS_INIT, NULL, NULL));
    ARGUMENT(shardy_writer_add(NULL, NULL, NULL));
    ARGUMENT(shardy_writer_add_arrow(NULL, NULL, NULL, NULL, NULL));
    ARGUMENT(shardy_writer_finish(NULL, NULL, NULL));
    shardy_writer_close(NULL);
    shardy_build_result_free(NULL);
    ARGUMENT(shardy_reader_open(NULL, NULL, &r, NULL));
    CHECK(!r);
    ARGUMENT(shardy_reader_open("memory://x", NULL, NULL, NULL));
    ARGUMENT(shardy_verify(NULL, NULL, &report, NULL));
    CHECK_INT(report.shards, 0);
    ARGUMENT(shardy_verify("memory://x", NULL, NULL, NULL));
    ARGUMENT(shardy_reader_info(NULL, NULL, NULL));
    ARGUMENT(shardy_reader_shards(NULL, &shards, &id, NULL));
    CHECK(!shards && !id);
    ARGUMENT(shardy_reader_route_key(NULL, &key, &id, NULL));
    ARGUMENT(shardy_reader_get(NULL, &key, &value, NULL));
    CHECK(!value.data && !value.found);
    value.found = true;
    ARGUMENT(shardy_reader_multi_get(NULL, &key, 1, &value, NULL));
    CHECK(!value.found);
    value.found = true;
    ARGUMENT(shardy_reader_multi_get(NULL, NULL, 1, &value, NULL));
    CHECK(!value.found);
    ARGUMENT(shardy_reader_scan(NULL, NULL, &scan, NULL));
    CHECK(!scan);
    ARGUMENT(shardy_scan_next(NULL, &flag, &key, &slice, NULL));
    CHECK(!flag && !slice.data && !key.bytes.data);
    ARGUMENT(shardy_reader_search(NULL, v, FIXTURE_DIM, NULL, &result, NULL));
    CHECK(!result);
    flag = true;
    ARGUMENT(shardy_reader_vector(NULL, slice, v, FIXTURE_DIM, &flag, NULL));
    CHECK(!flag);
    shardy_reader_close(NULL);
    shardy_scan_close(NULL);
    shardy_search_result_free(NULL);
    shardy_value_release(NULL);
    key = shardy_key_str("k", 1);
    ARGUMENT(shardy_key_encode(NULL, SHARDY_ENCODING_RAW, scratch, &slice, NULL));
    ARGUMENT(shardy_key_encode(&key, SHARDY_ENCODING_RAW, scratch, NULL, NULL));
    key = shardy_key_int(5);
    ARGUMENT(shardy_key_encode(&key, SHARDY_ENCODING_U64BE, NULL, &slice, NULL));
    ARGUMENT(shardy_key_encode_lookup(NULL, SHARDY_ENCODING_RAW, scratch, &slice, NULL));
    ARGUMENT(shardy_key_decode((shardy_slice){"12345678", 8}, SHARDY_ENCODING_U64BE, NULL, NULL));
    CHECK_FAILS(shardy_key_decode((shardy_slice){NULL, 8}, SHARDY_ENCODING_U64BE, &key, NULL),
                SHARDY_E_CORRUPT);
    ARGUMENT(shardy_key_encoding_parse("raw", NULL, NULL));
    CHECK_FAILS(shardy_key_encoding_parse(NULL, &encoding, NULL), SHARDY_E_CONFIG);
    ARGUMENT(shardy_quantization_parse(NULL, NULL, NULL));
    ARGUMENT(shardy_vector_spec_set_param(NULL, "M", 1, NULL));
    ARGUMENT(shardy_vector_spec_set_param(&spec, NULL, 1, NULL));
    ARGUMENT(shardy_vector_spec_check(NULL, NULL));
    spec2.size = 3;
    ARGUMENT(shardy_vector_spec_check(&spec2, NULL));
#undef ARGUMENT
}

/* The caller's error keeps its size, and names the shard. */
TEST(errors_of_parallel_work) {
    char prefix[200], command[600];
    shardy_vector_spec spec = fixture_spec(SHARDY_METRIC_L2);
    snprintf(prefix, sizeof prefix, "%s/broken", test_tmpdir());
    fixture_build(prefix, 100, 4, &spec);
    snprintf(command, sizeof command,
             "rm -r %s/shards/run_id=*/db=00002/attempt=00/manifest "
             "%s/shards/run_id=*/db=00002/attempt=00/vector",
             prefix, prefix);
    CHECK_INT(system(command), 0);
    for (uint32_t threads = 1; threads <= 4; threads += 3) {
        shardy_reader_options o = SHARDY_READER_OPTIONS_INIT;
        shardy_reader *r;
        o.threads = threads;
        o.preload = true;
        CHECK_FAILS(shardy_reader_open(prefix, &o, &r, &err), SHARDY_E_NOT_FOUND);
        CHECK_INT(err.size, sizeof err);
        CHECK_INT(err.shard, 2);
        o.preload = false;
        CHECK_OK(shardy_reader_open(prefix, &o, &r, &err), err);
        shardy_key keys[100];
        shardy_value values[100];
        char names[100][32];
        float v[FIXTURE_DIM] = {1};
        shardy_search_result *result;
        for (uint32_t i = 0; i < 100; i++)
            keys[i] = shardy_key_str(names[i], fixture_key(i, names[i]));
        memset(&err, 0, sizeof err);
        err.size = sizeof err;
        CHECK_FAILS(shardy_reader_multi_get(r, keys, 100, values, &err), SHARDY_E_NOT_FOUND);
        CHECK_INT(err.size, sizeof err);
        CHECK_INT(err.shard, 2);
        for (uint32_t i = 0; i < 100; i++) CHECK(!values[i].found && !values[i].owner);
        memset(&err, 0, sizeof err);
        err.size = sizeof err;
        CHECK_FAILS(shardy_reader_search(r, v, FIXTURE_DIM, NULL, &result, &err),
                    SHARDY_E_NOT_FOUND);
        CHECK_INT(err.size, sizeof err);
        CHECK_INT(err.shard, 2);
        CHECK_CONTAINS(err.message, "shard 2: ");
        CHECK_FAILS(shardy_reader_multi_get(r, keys, 100, values, NULL), SHARDY_E_NOT_FOUND);
        CHECK_FAILS(shardy_reader_search(r, v, FIXTURE_DIM, NULL, &result, NULL),
                    SHARDY_E_NOT_FOUND);
        shardy_reader_close(r);
    }
}

static void remember_object(void *ctx, int32_t db_id, const char *object, const char *text) {
    (void)text;
    CHECK_INT(db_id, 1);
    if (strstr(object, ".sst")) ++*(int *)ctx;
}

/* Preloading opens all objects, and a missing one is named by its own URL. */
TEST(a_missing_table_of_rows) {
    char prefix[200], command[600];
    snprintf(prefix, sizeof prefix, "%s/missing", test_tmpdir());
    fixture_build(prefix, 100, 3, NULL);
    snprintf(command, sizeof command, "rm %s/shards/run_id=*/db=00001/attempt=00/compacted/*.sst",
             prefix);
    CHECK_INT(system(command), 0);
    shardy_reader_options o = SHARDY_READER_OPTIONS_INIT;
    shardy_reader *r;
    o.preload = true;
    CHECK_FAILS(shardy_reader_open(prefix, &o, &r, &err), SHARDY_E_NOT_FOUND);
    CHECK_INT(err.shard, 1);
    CHECK_CONTAINS(err.message, ".sst");
    int named = 0;
    shardy_verify_options v = SHARDY_VERIFY_OPTIONS_INIT;
    shardy_verify_report report;
    v.problem = remember_object;
    v.problem_ctx = &named;
    CHECK_OK(shardy_verify(prefix, &v, &report, &err), err);
    CHECK(report.problems > 0 && named > 0);
}

/* Make the manifest at `from` say that it was written to `prefix`, with URLs below `base`. */
static void set_recorded_prefix(const char *from, const char *prefix, const char *base) {
    char pattern[300], sql[1000];
    glob_t found;
    sqlite3 *db;
    snprintf(pattern, sizeof pattern, "%s/manifests/*/manifest", from);
    CHECK_INT(glob(pattern, 0, NULL, &found), 0);
    CHECK_INT(sqlite3_open(found.gl_pathv[0], &db), SQLITE_OK);
    snprintf(sql, sizeof sql,
             "UPDATE build_meta SET s3_prefix = '%s';"
             "UPDATE shards SET db_url = replace(db_url, 'file://%s', '%s')",
             prefix, from, base);
    CHECK_INT(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    globfree(&found);
}

/* A snapshot that another program wrote to s3:// and somebody copied down. */
TEST(a_snapshot_copied_from_s3) {
    static const char *const prefixes[] = {"s3://bucket/some/where", "s3://bucket/some/where/",
                                           "s3://bucket"};
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
        char from[200], base[200], command[700];
        snprintf(from, sizeof from, "%s/from%zu", test_tmpdir(), i);
        snprintf(base, sizeof base, "%s", prefixes[i]);
        if (base[strlen(base) - 1] == '/') base[strlen(base) - 1] = 0;
        fixture_build(from, 50, 3, NULL);
        set_recorded_prefix(from, prefixes[i], base);
        snprintf(command, sizeof command, "sed -i 's|file://%s|%s|' %s/_CURRENT", from, base, from);
        CHECK_INT(system(command), 0);
        shardy_reader *r;
        CHECK_OK(shardy_reader_open(from, NULL, &r, &err), err);
        fixture_check_kv(r, 50);
        shardy_reader_close(r);
    }
}

/* ---- sizes ---- */

static void release_nothing(struct ArrowSchema *schema) { (void)schema; }
static void release_no_array(struct ArrowArray *array) { (void)array; }

TEST(payload_fields_without_names) {
    struct ArrowSchema schema = {.format = "+s", .release = release_nothing};
    struct ArrowArray array = {.release = release_no_array};
    const char *fields[2] = {"a", NULL};
    shardy_vector_spec spec = fixture_spec(SHARDY_METRIC_L2);
    for (int i = 0; i < 2; i++) {
        shardy_writer *w = open_writer("memory://fields", NULL, &spec);
        shardy_arrow_columns c = SHARDY_ARROW_COLUMNS_INIT;
        c.key = c.value = c.vector = "x";
        c.payload_fields = i ? fields : NULL;
        c.n_payload_fields = 2;
        CHECK_FAILS(shardy_writer_add_arrow(w, &schema, &array, &c, &err), SHARDY_E_CONFIG);
        CHECK_CONTAINS(err.message, i ? "payload field 1" : "payload field 0");
        shardy_writer_close(w);
    }
}

/* What a call costs must not follow the number of empty shards. */
TEST(a_million_shards_with_ten_rows) {
    shardy_vector_spec spec = fixture_spec(SHARDY_METRIC_L2);
    fixture_build("memory://million", 10, 1000000, &spec);
    shardy_reader_options o = SHARDY_READER_OPTIONS_INIT;
    shardy_reader *r;
    shardy_verify_report report;
    o.preload = true;
    CHECK_OK(shardy_reader_open("memory://million", &o, &r, &err), err);
    for (int round = 0; round < 100; round++) {
        fixture_check_kv(r, 10);
        fixture_check_search(r, 10, SHARDY_METRIC_L2, NULL, 10);
    }
    shardy_key keys[10];
    shardy_value values[10];
    char names[10][32];
    for (uint32_t i = 0; i < 10; i++) keys[i] = shardy_key_str(names[i], fixture_key(i, names[i]));
    for (int round = 0; round < 1000; round++) {
        CHECK_OK(shardy_reader_multi_get(r, keys, 10, values, &err), err);
        for (int i = 0; i < 10; i++) {
            CHECK(values[i].found);
            shardy_value_release(&values[i]);
        }
    }
    shardy_reader_close(r);
    CHECK_OK(shardy_verify("memory://million", NULL, &report, &err), err);
    CHECK_INT(report.shards, 10);
    CHECK_INT(report.problems, 0);
}

TEST_TIMEOUT(many_shards_with_rows, 300) {
    fixture_build("memory://many", 70000, 70000, NULL);
    shardy_reader *r;
    shardy_verify_report report;
    CHECK_OK(shardy_reader_open("memory://many", NULL, &r, &err), err);
    fixture_check_kv(r, 5000);
    shardy_reader_close(r);
    CHECK_OK(shardy_verify("memory://many", NULL, &report, &err), err);
    CHECK_INT(report.keys, 70000);
    CHECK_INT(report.problems, 0);
}

/* ---- prefixes ---- */

TEST(prefixes_with_spaces_links_and_relative_ones) {
    char dir[200], path[400], link[500];
    shardy_reader *r;
    snprintf(dir, sizeof dir, "%s", test_tmpdir());
    snprintf(path, sizeof path, "%s/sp ace/\xc3\xbc\xe6\x97\xa5 %%20?#", dir);
    fixture_build(path, 20, 2, NULL);
    snprintf(link, sizeof link, "%s/link", dir);
    CHECK(!symlink(path, link));
    CHECK_OK(shardy_reader_open(link, NULL, &r, &err), err);
    fixture_check_kv(r, 20);
    shardy_reader_close(r);
    fixture_build(link, 30, 2, NULL);
    snprintf(link, sizeof link, "file://%s/", path);
    CHECK_OK(shardy_reader_open(link, NULL, &r, &err), err);
    fixture_check_kv(r, 30);
    shardy_reader_close(r);
    CHECK(!chdir(dir));
    shardy_writer *w = open_writer("relative/./x/..//", NULL, NULL);
    CHECK(!chdir("/"));
    CHECK_OK(fixture_add(w, 0, false, &err), err);
    CHECK_OK(shardy_writer_finish(w, NULL, &err), err);
    shardy_writer_close(w);
    CHECK(!chdir(dir));
    CHECK_OK(shardy_reader_open("./relative", NULL, &r, &err), err);
    CHECK(!chdir("/"));
    fixture_check_kv(r, 1);
    shardy_reader_close(r);
}

TEST(a_prefix_longer_than_paths_may_be) {
    char *prefix = malloc(6000);
    shardy_writer_options o = SHARDY_WRITER_OPTIONS_INIT;
    shardy_writer *w;
    shardy_reader *r;
    size_t len = (size_t)snprintf(prefix, 6000, "%s", test_tmpdir());
    while (len < 5000) len += (size_t)snprintf(prefix + len, 6000 - len, "/%050d", (int)len);
    o.prefix = prefix;
    o.num_dbs = 1;
    CHECK_FAILS(shardy_writer_open(&o, &w, &err), SHARDY_E_IO);
    CHECK_CONTAINS(err.message, "too long");
    CHECK_FAILS(shardy_reader_open(prefix, NULL, &r, &err), SHARDY_E_IO);
    free(prefix);
}
