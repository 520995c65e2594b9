/* test_lib_arrow.c: record batches of every accepted column type, and refused ones. The exporter
 * below makes the structures of the Arrow C Data interface by hand. */
#include "lib_fixture.h"

#define N 40

/* ---- a tiny exporter ---- */

static void released(struct ArrowArray *a) { a->release = NULL; }
static void released_schema(struct ArrowSchema *s) { s->release = NULL; }

struct column {
    struct ArrowSchema schema, item_schema, *schema_children[1];
    struct ArrowArray array, item_array, *array_children[1];
    const void *buffers[4], *item_buffers[3];
};

struct table {
    struct ArrowSchema schema, *schema_children[8];
    struct ArrowArray array, *array_children[8];
    const void *buffers[1];
    struct column columns[8];
    int n;
};

static struct column *add_column(struct table *t, const char *name, const char *format,
                                 int n_buffers) {
    struct column *c = &t->columns[t->n];
    c->schema = (struct ArrowSchema){.format = format, .name = name, .release = released_schema};
    c->array = (struct ArrowArray){
        .length = N, .n_buffers = n_buffers, .buffers = c->buffers, .release = released};
    t->schema_children[t->n] = &c->schema;
    t->array_children[t->n] = &c->array;
    t->n++;
    return c;
}

static void add_items(struct column *c, const char *format, const void *values, int64_t length) {
    c->item_schema =
        (struct ArrowSchema){.format = format, .name = "item", .release = released_schema};
    c->item_array = (struct ArrowArray){
        .length = length, .n_buffers = 2, .buffers = c->item_buffers, .release = released};
    c->item_buffers[1] = values;
    c->schema_children[0] = &c->item_schema;
    c->array_children[0] = &c->item_array;
    c->schema.children = c->schema_children;
    c->array.children = c->array_children;
    c->schema.n_children = c->array.n_children = 1;
}

static void finish_table(struct table *t) {
    t->schema = (struct ArrowSchema){.format = "+s",
                                     .n_children = t->n,
                                     .children = t->schema_children,
                                     .release = released_schema};
    t->array = (struct ArrowArray){.length = N,
                                   .n_buffers = 1,
                                   .buffers = t->buffers,
                                   .n_children = t->n,
                                   .children = t->array_children,
                                   .release = released};
}

/* ---- data ---- */

static char text[N * 64];
static int32_t ends32[N + 1], list_ends[N + 1];
static int64_t ends64[N + 1], ints[N];
static uint8_t views[N][16];
static float f32[N * FIXTURE_DIM];
static double f64[N * FIXTURE_DIM];
static uint16_t f16[N * FIXTURE_DIM];

/* Vectors whose values half precision holds exactly: multiples of 1/8 below 8. */
static void make_data(void) {
    for (int i = 0; i < N; i++) {
        int len = snprintf(text + ends32[i], 64, i % 2 ? "key-%d" : "a-rather-long-key-%d", i);
        ends32[i + 1] = ends32[i] + len;
        ends64[i + 1] = ends32[i + 1];
        list_ends[i + 1] = (i + 1) * FIXTURE_DIM;
        ints[i] = i * 1000 + 1;
        memset(views[i], 0, 16);
        memcpy(views[i], &len, 4);
        memcpy(views[i] + 4, text + ends32[i], len <= 12 ? (size_t)len : 4);
        if (len > 12) memcpy(views[i] + 12, &ends32[i], 4);
        for (int d = 0; d < FIXTURE_DIM; d++) {
            int eighths = (i * (d + 1) + d * 5) % 63 + 1; /* 1/8 .. 63/8 */
            float v = (float)eighths / 8;
            int e = 0;
            float m = frexpf(v, &e); /* v = m * 2^e, 0.5 <= m < 1 */
            f32[i * FIXTURE_DIM + d] = v;
            f64[i * FIXTURE_DIM + d] = (double)v;
            f16[i * FIXTURE_DIM + d] =
                (uint16_t)((unsigned)(e + 14) << 10 | (unsigned)((m * 2 - 1) * 1024));
        }
    }
}

static void bytes_column(struct table *t, const char *name, const char *format) {
    static int64_t variadic[1];
    if (format[0] == 'v') {
        struct column *c = add_column(t, name, format, 4);
        c->buffers[1] = views;
        c->buffers[2] = text;
        variadic[0] = sizeof text;
        c->buffers[3] = variadic;
        return;
    }
    struct column *c = add_column(t, name, format, 3);
    c->buffers[1] = format[0] == 'U' || format[0] == 'Z' ? (const void *)ends64 : ends32;
    c->buffers[2] = text;
}

static void vector_column(struct table *t, const char *list, const char *item) {
    struct column *c = add_column(t, "vec", list, list[1] == 'w' ? 1 : 2);
    static int64_t ends[N + 1];
    for (int i = 0; i <= N; i++) ends[i] = list_ends[i];
    if (list[1] == 'l') c->buffers[1] = list_ends;
    if (list[1] == 'L') c->buffers[1] = ends;
    add_items(c, item,
              item[0] == 'e'   ? (void *)f16
              : item[0] == 'f' ? (void *)f32
                               : (void *)f64,
              N * FIXTURE_DIM);
}

static shardy_arrow_columns names(void) {
    shardy_arrow_columns c = SHARDY_ARROW_COLUMNS_INIT;
    c.key = "key";
    c.value = "val";
    c.vector = "vec";
    return c;
}

static shardy_writer *open_writer(const char *prefix) {
    shardy_vector_spec spec = fixture_spec(SHARDY_METRIC_L2);
    shardy_writer_options o = SHARDY_WRITER_OPTIONS_INIT;
    shardy_writer *w;
    o.prefix = prefix;
    o.num_dbs = 3;
    o.vector = &spec;
    CHECK_OK(shardy_writer_open(&o, &w, &err), err);
    return w;
}

/* Rows first .. N-1 are stored: value = key's text, and vector i under the key's text. */
static void check_rows(const char *prefix, int first, bool int_keys) {
    shardy_reader *r;
    CHECK_OK(shardy_reader_open(prefix, NULL, &r, &err), err);
    shardy_snapshot_info info = SHARDY_SNAPSHOT_INFO_INIT;
    CHECK_OK(shardy_reader_info(r, &info, &err), err);
    CHECK_INT(info.row_count, N - first);
    for (int i = first; i < N; i++) {
        const char *p = text + ends32[i];
        size_t len = (size_t)(ends32[i + 1] - ends32[i]);
        char id[32];
        float v[FIXTURE_DIM];
        bool found;
        shardy_key k = int_keys ? shardy_key_int(ints[i])
                       : shardy_reader_key_encoding(r) == SHARDY_ENCODING_RAW
                           ? shardy_key_bytes(p, len)
                           : shardy_key_str(p, len);
        shardy_value value;
        CHECK_OK(shardy_reader_get(r, &k, &value, &err), err);
        CHECK_MEM(value.data, value.len, p, len);
        shardy_value_release(&value);
        if (shardy_reader_key_encoding(r) == SHARDY_ENCODING_RAW) continue; /* ids are hex then */
        shardy_slice want = {p, len};
        if (int_keys)
            want = (shardy_slice){id, (size_t)snprintf(id, sizeof id, "%lld", (long long)ints[i])};
        CHECK_OK(shardy_reader_vector(r, want, v, FIXTURE_DIM, &found, &err), err);
        CHECK(found);
        CHECK_MEM(v, sizeof v, f32 + i * FIXTURE_DIM, sizeof v);
    }
    shardy_reader_close(r);
}

TEST(every_accepted_type) {
    static const char *const keys[] = {"u", "U", "vu", "z", "Z", "vz", "l"};
    static const char *const lists[] = {"+w:8", "+l", "+L"};
    static const char *const items[] = {"e", "f", "g"};
    make_data();
    for (size_t k = 0; k < 7; k++) {
        for (size_t l = 0; l < 3; l++) {
            struct table t = {0};
            char prefix[64];
            bool int_keys = keys[k][0] == 'l';
            shardy_arrow_columns c = names();
            snprintf(prefix, sizeof prefix, "memory://arrow-%zu-%zu", k, l);
            if (int_keys) {
                add_column(&t, "key", "l", 2)->buffers[1] = ints;
            } else {
                bytes_column(&t, "key", keys[k]);
            }
            bytes_column(&t, "val", keys[(k + l) % 6]);
            vector_column(&t, lists[l], items[(k + l) % 3]);
            finish_table(&t);
            shardy_writer *w = open_writer(prefix);
            CHECK_OK(shardy_writer_add_arrow(w, &t.schema, &t.array, &c, &err), err);
            CHECK_OK(shardy_writer_finish(w, NULL, &err), err);
            shardy_writer_close(w);
            check_rows(prefix, 0, int_keys);
        }
    }
}

TEST(sliced_batches_and_integer_widths) {
    static const struct {
        const char *format;
        size_t width;
    } widths[] = {{"c", 1}, {"C", 1}, {"s", 2}, {"S", 2}, {"i", 4}, {"I", 4}, {"l", 8}, {"L", 8}};
    make_data();
    for (size_t f = 0; f < 8; f++) {
        struct table t = {0};
        uint8_t keys[N * 8];
        char prefix[64];
        shardy_arrow_columns c = names();
        snprintf(prefix, sizeof prefix, "memory://slice-%zu", f);
        for (int i = 0; i < N; i++) {
            ints[i] = i;
            memcpy(keys + (size_t)i * widths[f].width, &ints[i], widths[f].width);
        }
        add_column(&t, "key", widths[f].format, 2)->buffers[1] = keys;
        bytes_column(&t, "val", "u");
        vector_column(&t, "+w:8", "f");
        finish_table(&t);
        t.array.offset = 3; /* a slice of the struct ... */
        t.array.length = N - 10;
        for (int i = 0; i < t.n; i++) { /* ... over children that are slices themselves */
            t.columns[i].array.offset = 7;
            t.columns[i].array.length = N - 7;
        }
        shardy_writer *w = open_writer(prefix);
        CHECK_OK(shardy_writer_add_arrow(w, &t.schema, &t.array, &c, &err), err);
        CHECK_OK(shardy_writer_finish(w, NULL, &err), err);
        shardy_writer_close(w);
        check_rows(prefix, 10, true);
    }
}

TEST(payload_fields_become_json) {
    struct table t = {0};
    uint8_t bits[N / 8 + 1] = {0x55, 0xff, 0xff, 0xff, 0xff, 0xff}, valid[N / 8 + 1];
    const char *const fields[] = {"val", "n", "flag", "x"};
    shardy_arrow_columns c = names();
    make_data();
    memset(valid, 0xff, sizeof valid);
    valid[0] = 0xfd; /* row 1 of "n" is null */
    bytes_column(&t, "key", "u");
    bytes_column(&t, "val", "u");
    vector_column(&t, "+w:8", "f");
    struct column *n = add_column(&t, "n", "l", 2);
    n->buffers[0] = valid;
    n->buffers[1] = ints;
    n->array.null_count = 1;
    add_column(&t, "flag", "b", 2)->buffers[1] = bits;
    add_column(&t, "x", "g", 2)->buffers[1] = f64;
    finish_table(&t);
    c.payload_fields = fields;
    c.n_payload_fields = 4;
    shardy_writer *w = open_writer("memory://payload");
    CHECK_OK(shardy_writer_add_arrow(w, &t.schema, &t.array, &c, &err), err);
    CHECK_OK(shardy_writer_finish(w, NULL, &err), err);
    shardy_writer_close(w);
    shardy_reader *r;
    shardy_search_result *result;
    CHECK_OK(shardy_reader_open("memory://payload", NULL, &r, &err), err);
    CHECK_OK(shardy_reader_search(r, f32 + FIXTURE_DIM, FIXTURE_DIM, NULL, &result, &err), err);
    char found[300];
    snprintf(found, sizeof found, "%.*s", (int)result->hits[0].payload.len,
             (const char *)result->hits[0].payload.data);
    CHECK_STR(found, "{\"val\": \"key-1\", \"n\": null, \"flag\": false, \"x\": 0.75}");
    shardy_search_result_free(result);
    shardy_reader_close(r);
}

static void refused(struct table *t, const shardy_arrow_columns *c, const char *message) {
    shardy_error other = SHARDY_ERROR_INIT;
    shardy_writer *w = open_writer("memory://refused-arrow");
    finish_table(t);
    CHECK_FAILS(shardy_writer_add_arrow(w, &t->schema, &t->array, c, &err), SHARDY_E_CONFIG);
    CHECK_CONTAINS(err.message, message);
    CHECK_FAILS(shardy_writer_finish(w, NULL, &other), SHARDY_E_CONFIG); /* the writer has failed */
    CHECK_STR(other.message, err.message);
    shardy_writer_close(w);
    CHECK_INT(fixture_objects("memory://refused-arrow"), 0);
}

static void good_table(struct table *t) {
    memset(t, 0, sizeof *t);
    bytes_column(t, "key", "u");
    bytes_column(t, "val", "u");
    vector_column(t, "+w:8", "f");
}

TEST(refused_batches_name_column_and_key) {
    struct table t;
    uint8_t valid[N / 8 + 1];
    shardy_arrow_columns c = names();
    make_data();
    memset(valid, 0xff, sizeof valid);
    valid[1] = 0xf7; /* row 11 */

    good_table(&t);
    c.key = "nope";
    refused(&t, &c, "column \"nope\" is not in the data");
    c = names();
    good_table(&t);
    t.columns[0].schema.format = "tdD";
    refused(&t, &c,
            "column \"key\" has Arrow type \"tdD\"; it must be an integer or a string or binary");
    good_table(&t);
    t.columns[2].item_schema.format = "i";
    refused(&t, &c, "column \"vec\" has Arrow type \"+w:8\"");
    for (int column = 0; column < 3; column++) {
        good_table(&t);
        t.columns[column].buffers[0] = valid;
        t.columns[column].array.null_count = 1;
        refused(&t, &c,
                column == 0   ? "column \"key\", row 11 of the batch, is null"
                : column == 1 ? "key \"key-11\": column \"val\", row 11"
                              : "key \"key-11\": column \"vec\", row 11");
    }
    good_table(&t);
    t.columns[2].item_buffers[0] = valid;
    t.columns[2].item_array.null_count = 1;
    refused(&t, &c, "column \"vec\", row 1 of the batch: the vector has a null value");
    good_table(&t);
    t.columns[2].schema.format = "+w:7";
    refused(&t, &c, "vector has 7 values; vector_spec.dim is 8");
    good_table(&t);
    t.columns[1].array.length = N - 1;
    refused(&t, &c, "column \"val\": the array is not well formed");
    good_table(&t);
    t.columns[1].schema.name = "key";
    refused(&t, &c, "column \"key\" occurs more than once");
    good_table(&t);
    t.columns[0].schema.format = "L";
    int64_t negative[N] = {-1};
    t.columns[0].buffers[1] = negative;
    refused(&t, &c, "cannot be routed");
    shardy_writer *w = open_writer("memory://refused-arrow");
    good_table(&t);
    finish_table(&t);
    t.buffers[0] = valid; /* row 11 of the batch itself is null, and nobody has counted */
    t.array.null_count = -1;
    CHECK_FAILS(shardy_writer_add_arrow(w, &t.schema, &t.array, &c, &err), SHARDY_E_CONFIG);
    CHECK_CONTAINS(err.message, "null rows");
    shardy_writer_close(w);
    w = open_writer("memory://refused-arrow");
    good_table(&t);
    finish_table(&t);
    t.schema.format = "l";
    CHECK_FAILS(shardy_writer_add_arrow(w, &t.schema, &t.array, &c, &err), SHARDY_E_CONFIG);
    CHECK_CONTAINS(err.message, "record batch");
    shardy_writer_close(w);
}
