/* test_snapshot_custom.c: the manifest's `custom` object and JSON of keys. */
#include "base/alloc.h"
#include "base/fault.h"
#include "shardyfusion/route.h"
#include "shardyfusion/shardyfusion.h"
#include "snapshot/snapshot.h"
#include "test.h"

static void check_custom(const shardy__custom *in, const char *expected) {
    shardy_error err = SHARDY_ERROR_INIT;
    char *out = NULL;
    CHECK_OK(shardy__custom_json(in, &out, &err), err);
    CHECK_STR(out, expected);
    shardy__free(out);
}

#define WRITER "\"writer\": \"shardyfusion " SHARDY_VERSION "\""

TEST(without_vectors) {
    shardy__custom in = {.duplicate_rows = 7};
    check_custom(&in, "{\"shardyfusion\": {\"duplicate_rows\": 7, \"format\": 1, " WRITER "}}");
}

TEST(with_vectors) {
    shardy_vector_spec spec = SHARDY_VECTOR_SPEC_INIT;
    spec.dim = 384;
    shardy_shard_info shards[] = {
        {.db_id = 2, .vector_count = 5, .vector_index = "IVF_FLAT", .vector_partitions = 1},
        {.db_id = 10}};
    shardy__custom in = {
        .spec = &spec, .shards = shards, .n_shards = 2, .index_note = "said \"no\""};
    check_custom(
        &in,
        "{\"shardyfusion\": {\"duplicate_rows\": 0, \"format\": 1, \"index_note\": \"said "
        "\\\"no\\\"\", \"shards\": {\"10\": {\"vector_count\": 0, \"vector_index\": null, "
        "\"vector_partitions\": 0}, \"2\": {\"vector_count\": 5, \"vector_index\": "
        "\"IVF_FLAT\", \"vector_partitions\": 1}}, " WRITER
        "}, \"vector\": {\"backend\": \"lancedb\", \"dim\": 384, \"index_type\": \"hnsw\", "
        "\"kv_backend\": \"slatedb\", \"metric\": \"cosine\", \"quantization\": null, "
        "\"unified\": true}}");
}

TEST(index_params_only_when_set) {
    shardy_vector_spec spec = SHARDY_VECTOR_SPEC_INIT;
    spec.dim = 4;
    spec.metric = SHARDY_METRIC_DOT;
    spec.index_type = SHARDY_INDEX_IVF;
    spec.quantization = SHARDY_QUANTIZATION_SQ;
    spec.m = 16;
    spec.nprobes = 8;
    shardy__custom in = {.user_json = " {\"z\":[1,{\"y\":null,\"x\":1.50}],\"a\":\"\xc3\xa9\"} ",
                         .spec = &spec};
    check_custom(&in,
                 "{\"a\": \"\\u00E9\", \"shardyfusion\": {\"duplicate_rows\": 0, \"format\": 1, "
                 "\"shards\": {}, " WRITER
                 "}, \"vector\": {\"backend\": \"lancedb\", \"dim\": 4, \"index_params\": {\"M\": "
                 "16, \"nprobes\": 8}, \"index_type\": \"ivf\", \"kv_backend\": \"slatedb\", "
                 "\"metric\": \"dot_product\", \"quantization\": \"sq\", \"unified\": true}, "
                 "\"z\": [1, {\"x\": 1.5, \"y\": null}]}");
    spec.quantization = SHARDY_QUANTIZATION_NONE;
    spec.m = spec.nprobes = 0;
    in.user_json = NULL;
    char *out = NULL;
    shardy_error err = SHARDY_ERROR_INIT;
    CHECK_OK(shardy__custom_json(&in, &out, &err), err);
    CHECK_CONTAINS(out, "\"quantization\": \"none\"");
    CHECK(!strstr(out, "index_params"));
    shardy__free(out);
}

TEST(user_fields_that_are_refused) {
    static const struct {
        const char *json, *message;
    } bad[] = {{"", "invalid JSON at line 1, column 0: unexpected token"},
               {"{\"a\": 1,}",
                "custom manifest fields: invalid JSON at line 1, column 9: string or '}' expected"},
               {"{\"a\": nan}", "invalid JSON at line 1, column 9: invalid token near 'nan'"},
               {"{\"a\":\n NaN}", "invalid JSON at line 2, column 4: invalid token near 'NaN'"},
               {"[]", "custom manifest fields must be a JSON object"},
               {"3", "must be a JSON object"},
               {"null", "must be a JSON object"},
               {"{} {}", "invalid JSON at line 1, column 4: end of file expected"},
               {"{\"vector\": {}}", "key \"vector\" is reserved"},
               {"{\"x\": 1, \"shardyfusion\": 2}", "key \"shardyfusion\" is reserved"},
               {"{\"v\\u0065ctor\": {}}", "key \"vector\" is reserved"},
               {"{\"a\": 1, \"a\": 2}",
                "custom manifest fields: invalid JSON at line 1, column 12: duplicate object key"},
               {"{\"b\": [{\"a\": 1, \"a\": 2}]}", "duplicate object key near '\"a\"'"}};
    shardy_error err = SHARDY_ERROR_INIT;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        shardy__custom in = {.user_json = bad[i].json};
        char *out = (char *)"unset";
        CHECK_FAILS(shardy__custom_json(&in, &out, &err), SHARDY_E_CONFIG);
        CHECK_CONTAINS(err.message, bad[i].message);
        CHECK(!out);
    }
    size_t size = ((size_t)1 << 24) + 2;
    char *big = malloc(size);
    CHECK(big);
    memset(big, ' ', size - 1);
    big[size - 1] = 0;
    memcpy(big, "{}", 2);
    char *out = NULL;
    CHECK_FAILS(shardy__custom_json(&(shardy__custom){.user_json = big}, &out, &err),
                SHARDY_E_CONFIG);
    CHECK_CONTAINS(err.message, "16777217 bytes; at most 16777216");
    free(big);
}

TEST(keys_as_json) {
    static const struct {
        shardy_key key;
        const char *json;
    } cases[] = {{{SHARDY_KEY_INT, -5, {0, 0}}, "-5"},
                 {{SHARDY_KEY_INT, INT64_MIN, {0, 0}}, "-9223372036854775808"},
                 {{SHARDY_KEY_STR, 0, {"a\"\xc3\xa9", 4}}, "\"a\\\"\\u00e9\""},
                 {{SHARDY_KEY_BYTES, 0, {"a\0b", 3}}, "\"a\\u0000b\""},
                 {{SHARDY_KEY_BYTES, 0, {"\xff", 1}}, NULL}};
    shardy_error err = SHARDY_ERROR_INIT;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *out = (char *)"unset";
        CHECK_OK(shardy__key_json(&cases[i].key, &out, &err), err);
        if (cases[i].json) CHECK_STR(out, cases[i].json);
        CHECK(cases[i].json || !out);
        shardy__free(out);
    }
    shardy_key bad = shardy_key_str("\xff", 1);
    char *out = NULL;
    CHECK_FAILS(shardy__key_json(&bad, &out, &err), SHARDY_E_CONFIG);
}

TEST(every_allocation_may_fail) {
#ifdef SHARDY_FAULTS
    shardy_vector_spec spec = SHARDY_VECTOR_SPEC_INIT;
    spec.dim = 4;
    spec.ef = 3;
    shardy_shard_info shards[] = {{.db_id = 0, .vector_index = "IVF_FLAT"}, {.db_id = 1}};
    shardy__custom in = {.user_json = "{\"z\": {\"b\": \"text\", \"a\": [1, 2]}, \"y\": 1}",
                         .spec = &spec,
                         .shards = shards,
                         .n_shards = 2,
                         .index_note = "note"};
    shardy_error err = SHARDY_ERROR_INIT;
    char *out = NULL;
    int64_t nth = 1;
    for (;; nth++) {
        shardy__fault_arm(SHARDY__FAULT_ALLOC, nth);
        shardy_status rc = shardy__custom_json(&in, &out, &err);
        shardy__fault_arm(SHARDY__FAULT_ALLOC, 0);
        if (!rc) break;
        CHECK_INT(rc, SHARDY_E_NO_MEMORY);
        CHECK(!out);
    }
    CHECK(nth > 2);
    shardy__free(out);
#else
    test_skip("built without SHARDY_FAULTS");
#endif
}
