/* test_lib_snapshot.c: build, read back and verify whole snapshots. */
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib_fixture.h"

static shardy_reader *open_reader(const char *prefix, uint32_t threads) {
    shardy_reader_options o = SHARDY_READER_OPTIONS_INIT;
    shardy_reader *r;
    o.threads = threads;
    CHECK_OK(shardy_reader_open(prefix, &o, &r, &err), err);
    return r;
}

static void print_problem(void *ctx, int32_t db_id, const char *object, const char *problem) {
    (void)ctx;
    fprintf(stderr, "shard %d: %s: %s\n", db_id, object, problem);
}

static void check_clean(const char *prefix, uint64_t keys, uint64_t vectors) {
    shardy_verify_options o = SHARDY_VERIFY_OPTIONS_INIT;
    shardy_verify_report report;
    o.problem = print_problem;
    CHECK_OK(shardy_verify(prefix, &o, &report, &err), err);
    CHECK_INT(report.problems, 0);
    CHECK_INT(report.keys, keys);
    CHECK_INT(report.vectors, vectors);
}

TEST(round_trip_on_files_for_each_metric) {
    for (int metric = SHARDY_METRIC_COSINE; metric <= SHARDY_METRIC_DOT; metric++) {
        char prefix[200];
        snprintf(prefix, sizeof prefix, "%s/m%d", test_tmpdir(), metric);
        shardy_vector_spec spec = fixture_spec(metric);
        fixture_build(prefix, 1500, 5, &spec);
        shardy_reader *r = open_reader(prefix, 1);
        fixture_check_kv(r, 1500);
        fixture_check_search(r, 1500, metric, NULL, 10);
        shardy_reader_close(r);
        check_clean(prefix, 1500, 1500);
    }
}

TEST(several_partitions_probe_and_exact) {
    shardy_vector_spec spec = fixture_spec(SHARDY_METRIC_L2);
    spec.index_type = SHARDY_INDEX_IVF;
    spec.quantization = SHARDY_QUANTIZATION_NONE;
    spec.num_partitions = 8;
    fixture_build("memory://ivf", 3000, 2, &spec);
    shardy_reader *r = open_reader("memory://ivf", 2);
    shardy_search_options o = SHARDY_SEARCH_OPTIONS_INIT;
    fixture_check_search(r, 3000, SHARDY_METRIC_L2, NULL, 10); /* default: all partitions */
    float query[FIXTURE_DIM];
    shardy_search_result *few, *all;
    fixture_vector(77, query);
    o.nprobes = 1;
    CHECK_OK(shardy_reader_search(r, query, FIXTURE_DIM, &o, &few, &err), err);
    o.exact = true;
    CHECK_OK(shardy_reader_search(r, query, FIXTURE_DIM, &o, &all, &err), err);
    CHECK(few->distances < all->distances / 2);
    CHECK(all->distances >= 3000);
    CHECK_INT(few->hits[0].score == all->hits[0].score, 1); /* the row itself */
    shardy_search_result_free(few);
    shardy_search_result_free(all);
    shardy_snapshot_info info = SHARDY_SNAPSHOT_INFO_INIT;
    CHECK_OK(shardy_reader_info(r, &info, &err), err);
    CHECK_STR(info.index_built, "IVF_FLAT");
    CHECK_STR(info.index_type, "ivf");
    CHECK_STR(info.quantization, "none");
    CHECK(!info.index_note);
    shardy_reader_close(r);
    check_clean("memory://ivf", 3000, 3000);
}

TEST(the_default_index_says_what_it_is) {
    shardy_vector_spec spec = fixture_spec(SHARDY_METRIC_COSINE);
    fixture_build("memory://note", 50, 2, &spec);
    shardy_reader *r = open_reader("memory://note", 1);
    shardy_snapshot_info info = SHARDY_SNAPSHOT_INFO_INIT;
    CHECK_OK(shardy_reader_info(r, &info, &err), err);
    CHECK_STR(info.index_type, "hnsw");
    CHECK_STR(info.index_built, "IVF_FLAT");
    CHECK_CONTAINS(info.index_note, "HNSW graphs are not built");
    shardy_reader_close(r);
}

TEST(key_value_only) {
    fixture_build("memory://kv", 700, 3, NULL);
    shardy_reader *r = open_reader("memory://kv", 1);
    fixture_check_kv(r, 700);
    float query[FIXTURE_DIM] = {1};
    shardy_search_result *result;
    CHECK_FAILS(shardy_reader_search(r, query, FIXTURE_DIM, NULL, &result, &err), SHARDY_E_CONFIG);
    shardy_reader_close(r);
    check_clean("memory://kv", 700, 0);
}

TEST(empty_and_nearly_empty) {
    shardy_vector_spec spec = fixture_spec(SHARDY_METRIC_COSINE);
    for (uint32_t rows = 0; rows < 3; rows++) {
        char prefix[64];
        snprintf(prefix, sizeof prefix, "memory://few%u", rows);
        fixture_build(prefix, rows, 16, &spec);
        shardy_reader *r = open_reader(prefix, 1);
        fixture_check_kv(r, rows);
        fixture_check_search(r, rows, SHARDY_METRIC_COSINE, NULL, 10);
        const shardy_shard_info *shards;
        uint32_t n;
        CHECK_OK(shardy_reader_shards(r, &shards, &n, &err), err);
        CHECK_INT(n, 16);
        uint64_t total = 0;
        for (uint32_t i = 0; i < n; i++) {
            CHECK_INT(shards[i].db_id, i);
            CHECK((shards[i].db_url == NULL) == (shards[i].row_count == 0));
            total += shards[i].row_count;
        }
        CHECK_INT(total, rows);
        shardy_reader_close(r);
        check_clean(prefix, rows, rows);
    }
}

TEST(results_and_facts) {
    shardy_vector_spec spec = fixture_spec(SHARDY_METRIC_DOT);
    shardy_writer_options o = SHARDY_WRITER_OPTIONS_INIT;
    shardy_writer *w;
    shardy_build_result *result;
    o.prefix = "memory://facts/p";
    o.num_dbs = 4;
    o.vector = &spec;
    o.run_id = "run-1";
    o.custom_json = "{\"owner\": \"caf\xc3\xa9\"}";
    CHECK_OK(shardy_writer_open(&o, &w, &err), err);
    for (uint32_t i = 0; i < 100; i++) CHECK_OK(fixture_add(w, i % 90, true, &err), err);
    CHECK_OK(shardy_writer_finish(w, &result, &err), err);
    CHECK_INT(result->rows_written, 100);
    CHECK_INT(result->duplicate_rows, 10);
    CHECK_INT(result->n_shards, 4);
    CHECK_INT(result->snapshot.row_count, 90);
    CHECK_INT(result->snapshot.vector_count, 90);
    CHECK_STR(result->snapshot.run_id, "run-1");
    CHECK_STR(result->snapshot.key_encoding, "utf8");
    CHECK_CONTAINS(result->snapshot.manifest_ref, "memory://facts/p/manifests/");
    CHECK_CONTAINS(result->snapshot.custom_json, "\"owner\": \"caf\\u00E9\"");
    CHECK_CONTAINS(result->snapshot.custom_json, "\"backend\": \"lancedb\"");
    CHECK_CONTAINS(result->shards[2].db_url, "shards/run_id=run-1/db=00002/attempt=00");
    CHECK_INT(strlen(result->shards[2].checkpoint_id), 32);
    shardy_build_result_free(result);
    CHECK_FAILS(fixture_add(w, 1, true, &err), SHARDY_E_STATE);
    CHECK_FAILS(shardy_writer_finish(w, NULL, &err), SHARDY_E_STATE);
    shardy_writer_close(w);
    CHECK_FAILS(shardy_writer_open(&o, &w, &err), SHARDY_E_CONFIG); /* the run id is taken */
    CHECK_CONTAINS(err.message, "run-1");
    shardy_reader *r = open_reader("memory://facts/p", 1);
    uint32_t db_id;
    shardy_key k = shardy_key_str("user:42", 7);
    CHECK_OK(shardy_reader_route_key(r, &k, &db_id, &err), err);
    CHECK_INT(db_id, 0x9fc1e605fa7174aaULL % 4);
    shardy_reader_close(r);
}

TEST(integer_keys_and_last_write_wins) {
    shardy_vector_spec spec = fixture_spec(SHARDY_METRIC_L2);
    shardy_writer_options o = SHARDY_WRITER_OPTIONS_INIT;
    shardy_writer *w;
    o.prefix = "memory://ints";
    o.num_dbs = 3;
    o.vector = &spec;
    CHECK_OK(shardy_writer_open(&o, &w, &err), err);
    for (uint32_t round = 0; round < 3; round++) {
        for (int64_t i = 0; i < 200; i++) {
            float v[FIXTURE_DIM];
            char text[32];
            shardy_row row = SHARDY_ROW_INIT;
            fixture_vector((uint32_t)i + 1000 * round, v);
            row.key = shardy_key_int(i * 1000003);
            row.value =
                (shardy_slice){text, (size_t)snprintf(text, sizeof text, "round %u", round)};
            row.vector = v;
            row.vector_len = FIXTURE_DIM;
            CHECK_OK(shardy_writer_add(w, &row, &err), err);
        }
    }
    CHECK_OK(shardy_writer_finish(w, NULL, &err), err);
    shardy_writer_close(w);
    shardy_reader *r = open_reader("memory://ints", 1);
    CHECK_INT(shardy_reader_key_encoding(r), SHARDY_ENCODING_U64BE);
    for (int64_t i = 0; i < 200; i++) {
        shardy_key k = shardy_key_int(i * 1000003);
        shardy_value v;
        float stored[FIXTURE_DIM], expected[FIXTURE_DIM];
        char id[32];
        bool found;
        CHECK_OK(shardy_reader_get(r, &k, &v, &err), err);
        CHECK_MEM(v.data, v.len, "round 2", 7);
        shardy_value_release(&v);
        int len = snprintf(id, sizeof id, "%lld", (long long)i * 1000003);
        CHECK_OK(shardy_reader_vector(r, (shardy_slice){id, (size_t)len}, stored, FIXTURE_DIM,
                                      &found, &err),
                 err);
        CHECK(found);
        fixture_vector((uint32_t)i + 2000, expected);
        CHECK_MEM(stored, sizeof stored, expected, sizeof expected);
    }
    shardy_scan *scan;
    shardy_key k;
    shardy_slice value;
    bool more;
    CHECK_OK(shardy_reader_scan(r, NULL, &scan, &err), err);
    for (int64_t i = 0; i < 200; i++) { /* in numeric order over all shards */
        CHECK_OK(shardy_scan_next(scan, &more, &k, &value, &err), err);
        CHECK(more && k.type == SHARDY_KEY_INT);
        CHECK_INT(k.i64, i * 1000003);
    }
    CHECK_OK(shardy_scan_next(scan, &more, &k, &value, &err), err);
    CHECK(!more);
    shardy_scan_close(scan);
    shardy_reader_close(r);
    check_clean("memory://ints", 200, 200);
}

static uint32_t count_scan(shardy_reader *r, const shardy_scan_options *o) {
    shardy_scan *scan;
    shardy_key k;
    shardy_slice value;
    bool more = true;
    uint32_t n = 0;
    char last[64] = "";
    CHECK_OK(shardy_reader_scan(r, o, &scan, &err), err);
    for (;; n++) {
        CHECK_OK(shardy_scan_next(scan, &more, &k, &value, &err), err);
        if (!more) break;
        char text[64];
        snprintf(text, sizeof text, "%.*s", (int)k.bytes.len, (const char *)k.bytes.data);
        CHECK(strcmp(last, text) < 0);
        strcpy(last, text);
    }
    shardy_scan_close(scan);
    return n;
}

TEST(scan_bounds) {
    fixture_build("memory://scan", 1000, 4, NULL);
    shardy_reader *r = open_reader("memory://scan", 1);
    shardy_scan_options o = SHARDY_SCAN_OPTIONS_INIT;
    CHECK_INT(count_scan(r, NULL), 1000);
    uint32_t below = 0, inside = 0, with_prefix = 0;
    for (uint32_t i = 0; i < 1000; i++) {
        char key[32];
        fixture_key(i, key);
        below += strcmp(key, "key500000") < 0;
        inside += strcmp(key, "key200000") >= 0 && strcmp(key, "key500000") < 0;
        with_prefix += !strncmp(key, "key3", 4);
    }
    o.end = (shardy_slice){"key500000", 9};
    CHECK_INT(count_scan(r, &o), below);
    o.start = (shardy_slice){"key200000", 9};
    CHECK_INT(count_scan(r, &o), inside);
    o.prefix = (shardy_slice){"key3", 4};
    shardy_scan *scan;
    CHECK_FAILS(shardy_reader_scan(r, &o, &scan, &err), SHARDY_E_CONFIG);
    o.start = o.end = (shardy_slice){NULL, 0};
    CHECK_INT(count_scan(r, &o), with_prefix);
    o.prefix = (shardy_slice){"\xff\xff", 2};
    CHECK_INT(count_scan(r, &o), 0);
    o.prefix = (shardy_slice){NULL, 0};
    uint32_t ids[] = {3, 1, 3}, missing[] = {4}, total = 0;
    const shardy_shard_info *shards;
    uint32_t n;
    CHECK_OK(shardy_reader_shards(r, &shards, &n, &err), err);
    total = (uint32_t)(shards[1].row_count + shards[3].row_count);
    o.shard_ids = ids;
    o.n_shard_ids = 3;
    CHECK_INT(count_scan(r, &o), total);
    o.shard_ids = missing;
    o.n_shard_ids = 1;
    CHECK_FAILS(shardy_reader_scan(r, &o, &scan, &err), SHARDY_E_CONFIG);
    CHECK_CONTAINS(err.message, "shard id 4 does not exist");
    shardy_reader_close(r);
}

TEST(multi_get_answers_in_order) {
    fixture_build("memory://multi", 300, 7, NULL);
    for (uint32_t threads = 1; threads <= 4; threads += 3) {
        shardy_reader *r = open_reader("memory://multi", threads);
        char names[400][32], text[64];
        shardy_key keys[400];
        shardy_value values[400];
        for (uint32_t i = 0; i < 400; i++) { /* 300 stored, then absent ones; some twice */
            uint32_t row = i % 7 == 0 ? 5 : i;
            size_t len = row < 300 ? fixture_key(row, names[i])
                                   : (size_t)snprintf(names[i], 32, "absent%u", row);
            keys[i] = shardy_key_str(names[i], len);
        }
        CHECK_OK(shardy_reader_multi_get(r, keys, 400, values, &err), err);
        for (uint32_t i = 0; i < 400; i++) {
            uint32_t row = i % 7 == 0 ? 5 : i;
            CHECK_INT(values[i].found, row < 300);
            if (row < 300) CHECK_MEM(values[i].data, values[i].len, text, fixture_text(row, text));
        }
        shardy_reader_close(r); /* values outlive the reader */
        for (uint32_t i = 0; i < 400; i++) {
            uint32_t row = i % 7 == 0 ? 5 : i;
            if (row < 300) CHECK_MEM(values[i].data, values[i].len, text, fixture_text(row, text));
            shardy_value_release(&values[i]);
        }
        r = open_reader("memory://multi", threads);
        keys[17] = shardy_key_int(3);
        CHECK_FAILS(shardy_reader_multi_get(r, keys, 400, values, &err), SHARDY_E_CONFIG);
        for (uint32_t i = 0; i < 400; i++) CHECK(!values[i].found && !values[i].owner);
        shardy_reader_close(r);
    }
}

TEST(compressed_and_small_blocks) {
    shardy_writer_options o = SHARDY_WRITER_OPTIONS_INIT;
    shardy_writer *w;
    o.prefix = "memory://zstd";
    o.num_dbs = 2;
    o.compression = SHARDY_COMPRESSION_ZSTD;
    o.block_size = 1024;
    o.sst_bytes = 65536;
    CHECK_OK(shardy_writer_open(&o, &w, &err), err);
    for (uint32_t i = 0; i < 5000; i++) CHECK_OK(fixture_add(w, i, false, &err), err);
    CHECK_OK(shardy_writer_finish(w, NULL, &err), err);
    shardy_writer_close(w);
    shardy_reader *r = open_reader("memory://zstd", 1);
    fixture_check_kv(r, 5000);
    CHECK_INT(count_scan(r, NULL), 5000);
    shardy_reader_close(r);
    check_clean("memory://zstd", 5000, 0);
}

TEST(search_options) {
    shardy_vector_spec spec = fixture_spec(SHARDY_METRIC_COSINE);
    fixture_build("memory://search", 500, 4, &spec);
    shardy_reader *r = open_reader("memory://search", 3);
    shardy_search_options o = SHARDY_SEARCH_OPTIONS_INIT;
    shardy_search_result *result;
    float query[FIXTURE_DIM], zero[FIXTURE_DIM] = {0}, bad[FIXTURE_DIM];
    fixture_vector(123, query);
    o.top_k = 1;
    o.with_vectors = true;
    CHECK_OK(shardy_reader_search(r, query, FIXTURE_DIM, &o, &result, &err), err);
    CHECK_INT(result->n_hits, 1);
    CHECK_INT(result->num_shards_queried, 4);
    char key[32], text[64];
    CHECK_MEM(result->hits[0].id.data, result->hits[0].id.len, key, fixture_key(123, key));
    CHECK_MEM(result->hits[0].vector, sizeof query, query, sizeof query);
    CHECK(result->hits[0].payload.data == NULL); /* 123 is divisible by 3 */
    CHECK(fabs(result->hits[0].score) < 1e-12);
    shardy_search_result_free(result);
    fixture_vector(124, query);
    CHECK_OK(shardy_reader_search(r, query, FIXTURE_DIM, &o, &result, &err), err);
    CHECK_MEM(result->hits[0].payload.data, result->hits[0].payload.len, text,
              fixture_text(124, text));
    shardy_search_result_free(result);
    o.top_k = 1000; /* more than there are */
    fixture_check_search(r, 500, SHARDY_METRIC_COSINE, &o, 1000);
    uint32_t ids[] = {2};
    o.shard_ids = ids;
    o.n_shard_ids = 1;
    CHECK_OK(shardy_reader_search(r, query, FIXTURE_DIM, &o, &result, &err), err);
    CHECK_INT(result->num_shards_queried, 1);
    for (size_t i = 0; i < result->n_hits; i++) CHECK_INT(result->hits[i].db_id, 2);
    shardy_search_result_free(result);
    CHECK_FAILS(shardy_reader_search(r, query, FIXTURE_DIM - 1, NULL, &result, &err),
                SHARDY_E_CONFIG);
    CHECK_CONTAINS(err.message, "query has 7 values; the snapshot's dim is 8");
    CHECK_FAILS(shardy_reader_search(r, zero, FIXTURE_DIM, NULL, &result, &err), SHARDY_E_CONFIG);
    memcpy(bad, query, sizeof bad);
    bad[3] = NAN;
    CHECK_FAILS(shardy_reader_search(r, bad, FIXTURE_DIM, NULL, &result, &err), SHARDY_E_CONFIG);
    shardy_reader_close(r);
}

TEST(a_copied_snapshot_is_read_where_it_is) {
    char a[200], b[200], command[600];
    snprintf(a, sizeof a, "%s/a", test_tmpdir());
    snprintf(b, sizeof b, "%s/b", test_tmpdir());
    shardy_vector_spec spec = fixture_spec(SHARDY_METRIC_COSINE);
    fixture_build(a, 100, 2, &spec);
    snprintf(command, sizeof command, "mv %s %s", a, b);
    CHECK_INT(system(command), 0);
    shardy_reader *r = open_reader(b, 1);
    fixture_check_kv(r, 100);
    fixture_check_search(r, 100, SHARDY_METRIC_COSINE, NULL, 10);
    shardy_reader_close(r);
}

TEST(a_new_run_replaces_the_old_one) {
    fixture_build("memory://twice", 10, 2, NULL);
    shardy_reader *old = open_reader("memory://twice", 1);
    fixture_build("memory://twice", 500, 3, NULL);
    shardy_reader *fresh = open_reader("memory://twice", 1);
    fixture_check_kv(fresh, 500);
    fixture_check_kv(old, 10); /* keeps reading its snapshot */
    shardy_reader_close(old);
    shardy_reader_close(fresh);
}

/* ---- threads and fork ---- */

static void *hammer(void *arg) {
    shardy_reader *r = arg;
    shardy_error e = SHARDY_ERROR_INIT;
    for (uint32_t i = 0; i < 3000; i++) {
        char key[32], text[64];
        uint32_t row = i % 800;
        shardy_key k = shardy_key_str(key, fixture_key(row, key));
        shardy_value v;
        if (shardy_reader_get(r, &k, &v, &e) || !v.found) return "get";
        if (v.len != fixture_text(row, text) || memcmp(v.data, text, v.len)) return "value";
        shardy_value_release(&v);
        if (i % 50) continue;
        float query[FIXTURE_DIM];
        shardy_search_result *result;
        fixture_vector(row, query);
        if (shardy_reader_search(r, query, FIXTURE_DIM, NULL, &result, &e)) return "search";
        if (result->n_hits != 10) return "hits";
        shardy_search_result_free(result);
    }
    return NULL;
}

TEST(many_threads_share_a_reader) {
    shardy_vector_spec spec = fixture_spec(SHARDY_METRIC_COSINE);
    fixture_build("memory://threads", 800, 8, &spec);
    shardy_reader *r = open_reader("memory://threads", 2);
    pthread_t ids[6];
    for (int i = 0; i < 6; i++) CHECK(!pthread_create(&ids[i], NULL, hammer, r));
    for (int i = 0; i < 6; i++) {
        void *problem;
        pthread_join(ids[i], &problem);
        CHECK_STR(problem ? (char *)problem : "none", "none");
    }
    shardy_reader_close(r);
}

TEST(a_forked_child_opens_its_own) {
    char prefix[200];
    snprintf(prefix, sizeof prefix, "%s/fork", test_tmpdir());
    fixture_build(prefix, 100, 2, NULL);
    shardy_reader *r = open_reader(prefix, 2);
    shardy_writer_options o = SHARDY_WRITER_OPTIONS_INIT;
    shardy_writer *w;
    shardy_scan *scan;
    o.prefix = prefix;
    o.num_dbs = 1;
    CHECK_OK(shardy_writer_open(&o, &w, &err), err);
    CHECK_OK(shardy_reader_scan(r, NULL, &scan, &err), err);
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        shardy_key k = shardy_key_str("x", 1);
        shardy_value v;
        shardy_slice s;
        bool more;
        CHECK_FAILS(shardy_reader_get(r, &k, &v, &err), SHARDY_E_FORKED);
        CHECK_FAILS(shardy_scan_next(scan, &more, &k, &s, &err), SHARDY_E_FORKED);
        CHECK_FAILS(fixture_add(w, 1, false, &err), SHARDY_E_FORKED);
        CHECK_FAILS(shardy_writer_finish(w, NULL, &err), SHARDY_E_FORKED);
        shardy_reader *own = open_reader(prefix, 2);
        fixture_check_kv(own, 100);
        shardy_reader_close(own);
        _exit(0);
    }
    int status;
    CHECK(waitpid(pid, &status, 0) == pid);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    fixture_check_kv(r, 100);
    shardy_scan_close(scan);
    shardy_writer_close(w);
    shardy_reader_close(r);
}
