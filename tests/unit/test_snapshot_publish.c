/* test_snapshot_publish.c: `_CURRENT`, loading and publishing, with stores that fail on purpose. */
#include "base/alloc.h"
#include "base/fault.h"
#include "snapshot/snapshot.h"
#include "store/store.h"
#include "test.h"

/* ---- a store that fails ---- */

/* What goes wrong in the next `times` calls of a kind. */
typedef struct failing {
    shardy__dir base;
    shardy__dir *inner;
    shardy_status create, commit, replace; /* 0: nothing */
    unsigned create_times, commit_times, replace_times;
    bool done_before; /* commit and replace take effect and then report failure */
    unsigned creates, commits, replaces;
} failing;

typedef struct failing_sink {
    shardy__sink base;
    shardy__sink *inner;
    failing *dir;
} failing_sink;

static shardy_status sink_append(shardy__sink *sink, const void *data, size_t len,
                                 shardy_error *err) {
    return shardy__sink_append(((failing_sink *)sink)->inner, data, len, err);
}

static bool fails(unsigned *times) {
    if (!*times) return false;
    --*times;
    return true;
}

static shardy_status broken(shardy_error *err, shardy_status code) {
    if (err) {
        err->code = code;
        snprintf(err->message, sizeof err->message, "the store is broken");
    }
    return code;
}

static shardy_status sink_commit(shardy__sink *sink, shardy_error *err) {
    failing_sink *s = (failing_sink *)sink;
    s->dir->commits++;
    bool fail = fails(&s->dir->commit_times);
    if (fail && !s->dir->done_before) return broken(err, s->dir->commit);
    shardy_status rc = shardy__sink_commit(s->inner, err);
    return rc ? rc : fail ? broken(err, s->dir->commit) : SHARDY_OK;
}

static void sink_close(shardy__sink *sink) {
    shardy__sink_close(((failing_sink *)sink)->inner);
    free(sink);
}

static const shardy__sink_ops sink_ops = {sink_append, sink_commit, sink_close};

static shardy_status dir_open(shardy__dir *dir, const char *name, unsigned flags,
                              shardy__source **out, shardy_error *err) {
    return shardy__dir_open(((failing *)dir)->inner, name, flags, out, err);
}

static shardy_status dir_create(shardy__dir *dir, const char *name, shardy__sink **out,
                                shardy_error *err) {
    failing *f = (failing *)dir;
    f->creates++;
    if (fails(&f->create_times)) return broken(err, f->create);
    failing_sink *s = calloc(1, sizeof *s);
    CHECK(s);
    shardy_status rc = shardy__dir_create(f->inner, name, &s->inner, err);
    if (rc) {
        free(s);
        return rc;
    }
    s->base = (shardy__sink){.ops = &sink_ops, .url = s->inner->url};
    s->dir = f;
    *out = &s->base;
    return SHARDY_OK;
}

static shardy_status dir_replace(shardy__dir *dir, const char *name, const void *data, size_t len,
                                 shardy_error *err) {
    failing *f = (failing *)dir;
    f->replaces++;
    bool fail = fails(&f->replace_times);
    if (fail && !f->done_before) return broken(err, f->replace);
    shardy_status rc = shardy__dir_replace(f->inner, name, data, len, err);
    return rc ? rc : fail ? broken(err, f->replace) : SHARDY_OK;
}

static const shardy__dir_ops dir_ops = {
    .open = dir_open, .create = dir_create, .replace = dir_replace};

static failing open_failing(shardy__dir *inner) {
    return (failing){.base = {&dir_ops, inner->url}, .inner = inner};
}

/* ---- manifests ---- */

static shardy_shard_info one_shard = {.db_id = 1, .db_url = "memory://t/s/x", .row_count = 3};

static shardy__manifest manifest_of(const char *run_id) {
    return (shardy__manifest){.run_id = (char *)run_id,
                              .created_at = (char *)"2026-01-02T03:04:05Z",
                              .prefix = (char *)"memory://t",
                              .key_col = (char *)"_key",
                              .db_path_template = (char *)"db={db_id:05d}",
                              .shard_prefix = (char *)"shards",
                              .num_dbs = 2,
                              .key_encoding = SHARDY_ENCODING_UTF8,
                              .shards = &one_shard,
                              .n_shards = 1};
}

static shardy__dir *open_store(void) {
    shardy_error err = SHARDY_ERROR_INIT;
    shardy__dir *dir = NULL;
    CHECK_OK(shardy__store_open("memory://t", &dir, &err), err);
    return dir;
}

static void close_store(shardy__dir *dir) {
    shardy__dir_close(dir);
    shardy__memory_drop("t");
}

static void publish(shardy__dir *dir, const char *run_id) {
    shardy_error err = SHARDY_ERROR_INIT;
    shardy__manifest m = manifest_of(run_id);
    char *ref = NULL, *published = NULL;
    CHECK_OK(shardy__publish(dir, &m, &ref, &published, &err), err);
    CHECK(!strncmp(ref, "memory://t/manifests/20", 23));
    char end[100];
    snprintf(end, sizeof end, "Z_run_id=%s/manifest", run_id);
    CHECK_CONTAINS(ref, end);
    CHECK(published[10] == 'T');
    shardy__free(ref);
    shardy__free(published);
}

static void check_current(shardy__dir *dir, const char *run_id) {
    shardy_error err = SHARDY_ERROR_INIT;
    shardy__loaded l;
    CHECK_OK(shardy__load(dir, NULL, &l, &err), err);
    CHECK_STR(l.current.run_id, run_id);
    CHECK_STR(l.manifest.run_id, run_id);
    CHECK_INT(l.manifest.n_shards, 1);
    shardy__loaded_free(&l);
}

static shardy_status count_one(void *ctx, const char *name, uint64_t size, shardy_error *err) {
    (void)name, (void)size, (void)err;
    ++*(int *)ctx;
    return SHARDY_OK;
}

static int count(shardy__dir *dir, const char *prefix) {
    shardy_error err = SHARDY_ERROR_INIT;
    int n = 0;
    CHECK_OK(shardy__dir_list(dir, prefix, count_one, &n, &err), err);
    return n;
}

/* ---- the pointer ---- */

TEST(current_is_the_golden_json) {
    shardy_error err = SHARDY_ERROR_INIT;
    shardy__current c,
        in = {(char *)"s3://b/p/manifests/2026-01-02T03:04:06.000001Z_run_id=r1/manifest",
              (char *)"r1", (char *)"2026-01-02T03:04:05.678900Z"};
    size_t len;
    uint8_t *expected =
        test_read_file(test_source_path("tests/golden/snapshot/current.json"), &len);
    shardy__buf out = {0};
    CHECK_OK(shardy__current_encode(&in, &out, &err), err);
    CHECK_MEM(out.data, out.len, expected, len);
    CHECK_OK(shardy__current_decode(expected, len, &c, &err), err);
    CHECK_STR(c.manifest_ref, in.manifest_ref);
    CHECK_STR(c.run_id, in.run_id);
    CHECK_STR(c.updated_at, in.updated_at);
    shardy__current_free(&c);
    shardy__buf_free(&out);
    free(expected);
}

TEST(current_ignores_what_it_does_not_know) {
    shardy_error err = SHARDY_ERROR_INIT;
    shardy__current c;
    static const char json[] =
        " {\"updated_at\": \"2026-01-02T03:04:05+00:00\", \"x\": [null], "
        "\"run_id\": \"\\u00e9\", \"manifest_ref\": \"a/manifests/b\"}\n";
    CHECK_OK(shardy__current_decode(json, sizeof json - 1, &c, &err), err);
    CHECK_STR(c.run_id, "\xc3\xa9");
    shardy__current_free(&c);
}

TEST(bad_pointers) {
#define MORE ",\"updated_at\":\"2026-01-02T03:04:05Z\"}"
    static const struct {
        const char *json, *message;
    } bad[] = {
        {"", "invalid JSON at line 1, column 0: unexpected token near end of file"},
        {"{", "invalid JSON at line 1, column 1: string or '}' expected"},
        {"[]", "it must be a JSON object"},
        {"{}", "manifest_ref must be a string"},
        {"{\"manifest_ref\":1" MORE, "manifest_ref must be a string"},
        {"{\"manifest_ref\":\"\"" MORE, "manifest_ref must be a non-empty string without NUL"},
        {"{\"manifest_ref\":\"a\\u0000\"" MORE, "manifest_ref must be a non-empty"},
        {"{\"manifest_ref\":\"\\ud800\"" MORE, "invalid Unicode '\\uD800'"},
        {"{\"manifest_ref\":\"a\"" MORE, "run_id must be a string"},
        {"{\"manifest_ref\":\"a\",\"run_id\":null" MORE, "run_id must be a string"},
        {"{\"manifest_ref\":\"a\",\"run_id\":\"r\"}", "updated_at must be a string"},
        {"{\"manifest_ref\":\"a\",\"run_id\":\"r\",\"updated_at\":\"now\"}",
         "updated_at is not a time"}};
    shardy_error err = SHARDY_ERROR_INIT;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        shardy__current c;
        CHECK_FAILS(shardy__current_decode(bad[i].json, strlen(bad[i].json), &c, &err),
                    SHARDY_E_MANIFEST_PARSE);
        CHECK_CONTAINS(err.message, "CURRENT pointer validation failed: ");
        CHECK_CONTAINS(err.message, bad[i].message);
        CHECK(!c.manifest_ref && !c.run_id && !c.updated_at);
    }
}

/* ---- loading ---- */

TEST(publish_and_load) {
    shardy__dir *dir = open_store();
    publish(dir, "r1");
    check_current(dir, "r1");
    publish(dir, "r2");
    check_current(dir, "r2");
    CHECK_INT(count(dir, "manifests/"), 2);
    CHECK_INT(count(dir, ""), 3);
    close_store(dir);
}

TEST(publish_to_files_and_move_them) {
    char from[300], to[300];
    shardy_error err = SHARDY_ERROR_INIT;
    shardy__dir *dir = NULL;
    snprintf(from, sizeof from, "%s/a", test_tmpdir());
    snprintf(to, sizeof to, "%s/b", test_tmpdir());
    CHECK_OK(shardy__store_open(from, &dir, &err), err);
    shardy__manifest m = manifest_of("r1");
    char *ref = NULL, *published = NULL;
    CHECK_OK(shardy__publish(dir, &m, &ref, &published, &err), err);
    CHECK(!strncmp(ref, "file:///", 8));
    shardy__free(ref);
    shardy__free(published);
    shardy__dir_close(dir);
    CHECK_INT(rename(from, to), 0);
    CHECK_OK(shardy__store_open(to, &dir, &err), err);
    check_current(dir, "r1");
    shardy__dir_close(dir);
}

TEST(no_pointer) {
    shardy_error err = SHARDY_ERROR_INIT;
    shardy__dir *dir = open_store();
    shardy__loaded l;
    CHECK_FAILS(shardy__load(dir, NULL, &l, &err), SHARDY_E_STATE);
    CHECK_CONTAINS(err.message, "CURRENT pointer not found: there is no memory://t/_CURRENT");
    publish(dir, "r1");
    CHECK_FAILS(shardy__load(dir, "_OTHER", &l, &err), SHARDY_E_STATE);
    CHECK_CONTAINS(err.message, "memory://t/_OTHER");
    close_store(dir);
}

static void put(shardy__dir *dir, const char *name, const char *text) {
    shardy_error err = SHARDY_ERROR_INIT;
    CHECK_OK(shardy__dir_replace(dir, name, text, strlen(text), &err), err);
}

#define POINTER(ref, run)                             \
    "{\"manifest_ref\":\"" ref "\",\"run_id\":\"" run \
    "\",\"updated_at\":\"2026-01-02T03:04:"           \
    "05Z\"}"

TEST(pointers_to_nothing_good) {
    shardy_error err = SHARDY_ERROR_INIT;
    shardy__dir *dir = open_store();
    shardy__loaded l;
    put(dir, "_CURRENT", "garbage");
    CHECK_FAILS(shardy__load(dir, NULL, &l, &err), SHARDY_E_MANIFEST_PARSE);
    CHECK_CONTAINS(err.message, "memory://t/_CURRENT: CURRENT pointer validation failed");
    put(dir, "_CURRENT", "");
    CHECK_FAILS(shardy__load(dir, NULL, &l, &err), SHARDY_E_MANIFEST_PARSE);
    put(dir, "_CURRENT", POINTER("memory://t/manifests/gone/manifest", "r"));
    CHECK_FAILS(shardy__load(dir, NULL, &l, &err), SHARDY_E_NOT_FOUND);
    CHECK_CONTAINS(err.message, "_CURRENT names a manifest that is not there: ");
    CHECK_CONTAINS(err.message, "memory://t/manifests/gone/manifest");
    put(dir, "_CURRENT", POINTER("memory://t/x", "r"));
    CHECK_FAILS(shardy__load(dir, NULL, &l, &err), SHARDY_E_UNSUPPORTED);
    put(dir, "_CURRENT", POINTER("memory://t/manifests/../../etc", "r"));
    CHECK_FAILS(shardy__load(dir, NULL, &l, &err), SHARDY_E_UNSUPPORTED);
    put(dir, "manifests/a/manifest", "not a database");
    put(dir, "_CURRENT", POINTER("s3://b/p/manifests/a/manifest", "r"));
    CHECK_FAILS(shardy__load(dir, NULL, &l, &err), SHARDY_E_MANIFEST_PARSE);
    CHECK_CONTAINS(err.message, "memory://t/manifests/a/manifest: manifest of 14 bytes");
    put(dir, "manifests/a/manifest", "");
    CHECK_FAILS(shardy__load(dir, NULL, &l, &err), SHARDY_E_MANIFEST_PARSE);
    char *big = malloc(70001);
    CHECK(big);
    memset(big, ' ', 70000);
    big[70000] = 0;
    put(dir, "_CURRENT", big);
    CHECK_FAILS(shardy__load(dir, NULL, &l, &err), SHARDY_E_MANIFEST_PARSE);
    CHECK_CONTAINS(err.message, "70000");
    free(big);
    close_store(dir);
}

TEST(pointer_and_manifest_of_different_runs) {
    shardy_error err = SHARDY_ERROR_INIT;
    shardy__dir *dir = open_store();
    shardy__loaded l;
    publish(dir, "r1");
    CHECK_OK(shardy__load(dir, NULL, &l, &err), err);
    shardy__buf json = {0};
    shardy__current wrong = {l.current.manifest_ref, (char *)"r9", l.current.updated_at};
    CHECK_OK(shardy__current_encode(&wrong, &json, &err), err);
    CHECK_OK(shardy__dir_replace(dir, "_CURRENT", json.data, json.len, &err), err);
    shardy__loaded_free(&l);
    shardy__buf_free(&json);
    CHECK_FAILS(shardy__load(dir, NULL, &l, &err), SHARDY_E_MANIFEST_PARSE);
    CHECK_CONTAINS(err.message, "run_id \"r1\" is not the \"r9\" of _CURRENT");
    close_store(dir);
}

/* ---- publishing that fails ---- */

TEST(passing_failures_are_retried) {
    static const shardy_status codes[] = {SHARDY_E_IO, SHARDY_E_TRANSIENT};
    for (size_t i = 0; i < 4; i++) {
        shardy__dir *dir = open_store();
        failing f = open_failing(dir);
        f.create = f.commit = f.replace = codes[i % 2];
        f.create_times = 1;
        f.commit_times = 1;
        f.replace_times = 2;
        f.done_before = i >= 2; /* the object is there although the call failed */
        publish(&f.base, "r1");
        CHECK_INT(f.creates, 3);
        CHECK_INT(f.commits, f.done_before ? 1 : 2);
        CHECK_INT(f.replaces, 3);
        check_current(dir, "r1");
        CHECK_INT(count(dir, "manifests/"), 1);
        close_store(dir);
    }
}

TEST(a_manifest_that_cannot_be_written_changes_nothing) {
    shardy_error err = SHARDY_ERROR_INIT;
    shardy__dir *dir = open_store();
    publish(dir, "old");
    failing f = open_failing(dir);
    shardy__manifest m = manifest_of("new");
    char *ref = (char *)"unset", *published = (char *)"unset";
    f.commit = SHARDY_E_IO;
    f.commit_times = 99;
    CHECK_FAILS(shardy__publish(&f.base, &m, &ref, &published, &err), SHARDY_E_PUBLISH_MANIFEST);
    CHECK_INT(err.code, SHARDY_E_PUBLISH_MANIFEST);
    CHECK_CONTAINS(err.message, "manifest memory://t/manifests/");
    CHECK_CONTAINS(err.message, "could not be published: the store is broken");
    CHECK(!ref && !published);
    CHECK_INT(f.commits, 3);
    CHECK_INT(f.replaces, 0);
    check_current(dir, "old");
    CHECK_INT(count(dir, "manifests/"), 1);

    f = open_failing(dir); /* an error that does not pass is not retried */
    f.create = SHARDY_E_CONFIG;
    f.create_times = 99;
    CHECK_FAILS(shardy__publish(&f.base, &m, &ref, &published, &err), SHARDY_E_PUBLISH_MANIFEST);
    CHECK_INT(f.creates, 1);
    check_current(dir, "old");
    close_store(dir);
}

TEST(a_pointer_that_cannot_be_written_leaves_the_manifest) {
    shardy_error err = SHARDY_ERROR_INIT;
    shardy__dir *dir = open_store();
    publish(dir, "old");
    failing f = open_failing(dir);
    shardy__manifest m = manifest_of("new");
    char *ref = NULL, *published = (char *)"unset";
    f.replace = SHARDY_E_TRANSIENT;
    f.replace_times = 99;
    CHECK_FAILS(shardy__publish(&f.base, &m, &ref, &published, &err), SHARDY_E_PUBLISH_CURRENT);
    CHECK_INT(err.code, SHARDY_E_PUBLISH_CURRENT);
    CHECK_CONTAINS(err.message, "memory://t/_CURRENT could not be published, manifest_ref=");
    CHECK_CONTAINS(err.message, ref);
    CHECK(!published);
    CHECK_INT(f.replaces, 3);
    check_current(dir, "old");
    CHECK_INT(count(dir, "manifests/"), 2);
    /* The manifest that is there is complete: pointing to it is all that was missing. */
    shardy__current c = {ref, (char *)"new", (char *)"2026-01-02T03:04:05Z"};
    shardy__buf json = {0};
    CHECK_OK(shardy__current_encode(&c, &json, &err), err);
    CHECK_OK(shardy__dir_replace(dir, "_CURRENT", json.data, json.len, &err), err);
    check_current(dir, "new");
    shardy__buf_free(&json);
    shardy__free(ref);
    close_store(dir);
}

TEST(a_manifest_that_breaks_a_rule_is_not_written) {
    shardy_error err = SHARDY_ERROR_INIT;
    shardy__dir *dir = open_store();
    shardy__manifest m = manifest_of("r1");
    char *ref = NULL, *published = NULL;
    m.num_dbs = 1;
    CHECK_FAILS(shardy__publish(dir, &m, &ref, &published, &err), SHARDY_E_MANIFEST_BUILD);
    m = manifest_of("a/b");
    CHECK_FAILS(shardy__publish(dir, &m, &ref, &published, &err), SHARDY_E_CONFIG);
    m = manifest_of("r1"); /* passes the rules of encoding, but no reader would take it */
    m.custom_json = (char *)"{\"vector\": {\"unified\": true}}";
    CHECK_FAILS(shardy__publish(dir, &m, &ref, &published, &err), SHARDY_E_MANIFEST_BUILD);
    CHECK_CONTAINS(err.message, "manifest does not read back: custom[\"vector\"]");
    CHECK_INT(count(dir, ""), 0);
    CHECK(!ref && !published);
    close_store(dir);
}

/* ---- injected failures ---- */

#ifdef SHARDY_FAULTS
/* Publish over an old snapshot with the nth event failing, then look: old or new, and whole. */
static bool publish_with_fault(shardy__fault_kind kind, int64_t nth) {
    shardy_error err = SHARDY_ERROR_INIT;
    shardy__dir *dir = open_store();
    shardy__manifest m = manifest_of("new");
    char *ref = NULL, *published = NULL;
    publish(dir, "old");
    shardy__fault_arm(kind, nth);
    shardy_status rc = shardy__publish(dir, &m, &ref, &published, &err);
    bool reached = shardy__fault_count(kind) >= nth;
    shardy__fault_arm(kind, 0);
    check_current(dir, rc ? "old" : "new");
    CHECK(!rc == (published != NULL));
    if (rc) {
        CHECK(rc == SHARDY_E_NO_MEMORY || rc == SHARDY_E_PUBLISH_MANIFEST ||
              rc == SHARDY_E_PUBLISH_CURRENT);
        CHECK((rc == SHARDY_E_PUBLISH_CURRENT) == (ref != NULL));
    }
    shardy__free(ref);
    shardy__free(published);
    close_store(dir);
    return reached;
}

static bool load_with_fault(shardy__fault_kind kind, int64_t nth) {
    shardy_error err = SHARDY_ERROR_INIT;
    shardy__dir *dir = open_store();
    shardy__loaded l;
    publish(dir, "r1");
    shardy__fault_arm(kind, nth);
    shardy_status rc = shardy__load(dir, NULL, &l, &err);
    bool reached = shardy__fault_count(kind) >= nth;
    shardy__fault_arm(kind, 0);
    CHECK_INT(rc, !reached                      ? SHARDY_OK
                  : kind == SHARDY__FAULT_ALLOC ? SHARDY_E_NO_MEMORY
                                                : SHARDY_E_IO);
    if (rc) CHECK(!l.current.run_id && !l.manifest.run_id);
    if (!rc) shardy__loaded_free(&l);
    close_store(dir);
    return reached;
}

static int64_t until_success(bool (*once)(shardy__fault_kind, int64_t), shardy__fault_kind kind) {
    int64_t nth = 1;
    while (once(kind, nth)) nth++;
    return nth;
}
#endif

TEST_TIMEOUT(every_event_may_fail, 120) {
#ifdef SHARDY_FAULTS
    CHECK(until_success(publish_with_fault, SHARDY__FAULT_STORE) > 4);
    CHECK(until_success(publish_with_fault, SHARDY__FAULT_ALLOC) > 20);
    CHECK(until_success(load_with_fault, SHARDY__FAULT_STORE) > 4);
    CHECK(until_success(load_with_fault, SHARDY__FAULT_ALLOC) > 20);
#else
    test_skip("built without SHARDY_FAULTS");
#endif
}
