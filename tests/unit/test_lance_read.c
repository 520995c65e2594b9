/* test_lance_read.c: bytes that are not what they should be: reported, or without influence. */
#include "test_lance.h"

#include "lance/lance_file.h"
#include "lance/lance_write.h"

static const char *const golden_names[] = {GOLDEN_DATA, GOLDEN_AUXILIARY, GOLDEN_INDEX,
                                           GOLDEN_MANIFEST};

static shardy__dir *golden_dir(void) {
    shardy_error err = SHARDY_ERROR_INIT;
    shardy__dir *dir = memory_dir();
    CHECK_OK(shardy__lance_write(dir, &golden_rows, &golden_ivf, &golden_options, &err), err);
    return dir;
}

static void replace(shardy__dir *dir, const char *name, const void *data, size_t len) {
    shardy_error err = SHARDY_ERROR_INIT;
    CHECK_OK(shardy__dir_replace(dir, name, data, len, &err), err);
}

static shardy__buf load(shardy__dir *dir, const char *name) {
    shardy_error err = SHARDY_ERROR_INIT;
    shardy__buf b = {0};
    CHECK_OK(shardy__dir_read(dir, name, 1 << 20, &b, &err), err);
    return b;
}

static bool same_slice(shardy_slice a, shardy_slice b) {
    return (a.data == NULL) == (b.data == NULL) && a.len == b.len &&
           (!a.len || !memcmp(a.data, b.data, a.len));
}

/* Are all answers those of the golden table? */
static bool golden_answers(const shardy__lance *t) {
    const shardy__lance_index *index = shardy__lance_get_index(t);
    bool same = shardy__lance_count(t) == 3 && shardy__lance_dim(t) == 4 && index;
    for (uint64_t i = 0; same && i < 3; i++) {
        same = same_slice(shardy__lance_id(t, i), golden_id(NULL, i)) &&
               same_slice(shardy__lance_payload(t, i), golden_payload(NULL, i));
    }
    return same && !memcmp(shardy__lance_vectors(t), golden_vector(NULL, 0), 48) &&
           index->kind == golden_ivf.kind && index->metric == golden_ivf.metric &&
           index->partitions == 1 && index->offsets[0] == 0 && index->offsets[1] == 3 &&
           !memcmp(index->row_ids, golden_row_ids, 24) &&
           !memcmp(index->centroids, golden_centroid, 16) &&
           !memcmp(index->vectors, golden_vector(NULL, 0), 48);
}

typedef enum outcome { REPORTED, UNCHANGED, CHANGED } outcome;

static outcome look(shardy__dir *dir) {
    shardy_error err = SHARDY_ERROR_INIT;
    shardy__lance *t = NULL;
    problems p;
    shardy_status rc = shardy__lance_open(dir, NULL, &t, &err);
    if (rc) {
        CHECK(t == NULL);
        CHECK(rc == SHARDY_E_CORRUPT || rc == SHARDY_E_UNSUPPORTED || rc == SHARDY_E_NOT_FOUND);
        CHECK_CONTAINS(err.message, "memory://lance/table.lance/");
        return REPORTED;
    }
    outcome out = verify(t, &p) ? REPORTED : golden_answers(t) ? UNCHANGED : CHANGED;
    shardy__lance_close(t);
    return out;
}

/* ---- every byte ---- */

/* Bytes that may change unnoticed. UNPROTECTED: the answer changes with them, as they are stored
 * once and have no checksum. IGNORED: no answer depends on them. Everything else must be reported.
 */
typedef enum care { UNPROTECTED, IGNORED } care;

static const struct region {
    const char *name;
    size_t from, to; /* inclusive */
    care care;
} regions[] = {
    {GOLDEN_DATA, 0, 23, UNPROTECTED},    /* ends of ids */
    {GOLDEN_DATA, 24, 63, IGNORED},       /* padding */
    {GOLDEN_DATA, 64, 69, UNPROTECTED},   /* ids */
    {GOLDEN_DATA, 70, 127, IGNORED},      /* padding */
    {GOLDEN_DATA, 176, 191, IGNORED},     /* padding behind the vectors */
    {GOLDEN_DATA, 192, 215, UNPROTECTED}, /* ends of payloads */
    {GOLDEN_DATA, 216, 255, IGNORED},     /* padding */
    {GOLDEN_DATA, 256, 258, UNPROTECTED}, /* payloads */
    {GOLDEN_DATA, 259, 319, IGNORED},     /* padding */
    {GOLDEN_DATA, 0x15b, 0x15c, IGNORED}, /* encoding of field id */
    {GOLDEN_DATA, 0x18d, 0x18e, IGNORED}, /* of vector */
    {GOLDEN_DATA, 0x1af, 0x1b2, IGNORED}, /* nullable and encoding of payload */
    {GOLDEN_AUXILIARY, 24, 63, IGNORED},  /* padding behind row ids, vectors, IVF message */
    {GOLDEN_AUXILIARY, 112, 127, IGNORED},
    {GOLDEN_AUXILIARY, 134, 191, IGNORED},
    {GOLDEN_AUXILIARY, 0xe0, 0xe3, IGNORED}, /* nullable and encoding of both fields */
    {GOLDEN_AUXILIARY, 0x112, 0x113, IGNORED},
    {GOLDEN_INDEX, 16, 31, UNPROTECTED},    /* the only centroid: every entry is nearest to it */
    {GOLDEN_INDEX, 33, 40, IGNORED},        /* loss */
    {GOLDEN_INDEX, 41, 63, IGNORED},        /* padding */
    {GOLDEN_INDEX, 0x67, 0x68, IGNORED},    /* encoding of the field */
    {GOLDEN_MANIFEST, 0x20, 0x29, IGNORED}, /* name of the index */
    {GOLDEN_MANIFEST, 0x2b, 0x2b, IGNORED}, /* version that was indexed */
    {GOLDEN_MANIFEST, 0x6b, 0x6b, IGNORED}, /* index_version 0 is as good as 1 */
    {GOLDEN_MANIFEST, 0x6d, 0x72, IGNORED}, /* created_at */
    {GOLDEN_MANIFEST, 0xb4, 0xb5, IGNORED}, /* nullable and encoding of the fields */
    {GOLDEN_MANIFEST, 0xe6, 0xe7, IGNORED},
    {GOLDEN_MANIFEST, 0x108, 0x10b, IGNORED},
    {GOLDEN_MANIFEST, 0x14d, 0x14d, IGNORED}, /* the timestamp as another text that is ignored */
    {GOLDEN_MANIFEST, 0x14f, 0x15c, IGNORED}, /* timestamp, max_fragment_id */
    {GOLDEN_MANIFEST, 0x15e, 0x16d, IGNORED}, /* writer version */
};

static bool expected(const char *name, size_t at, outcome result) {
    if (result == REPORTED) return true;
    for (size_t i = 0; i < sizeof regions / sizeof *regions; i++) {
        const struct region *r = &regions[i];
        if (!strcmp(name, r->name) && at >= r->from && at <= r->to) {
            return result == UNCHANGED || r->care == UNPROTECTED;
        }
    }
    return false;
}

/* With `sizes` 0 the manifest does not say how large the files are, so that nothing but the files
 * themselves can show that they are cut. */
static void write_manifest(shardy__dir *dir, bool sizes) {
    if (sizes) return;
    shardy_error err = SHARDY_ERROR_INIT;
    static const uint8_t uuid[16] = FIXTURE_UUID;
    shardy__lance_plan plan = {.rows = &golden_rows,
                               .ivf = &golden_ivf,
                               .data_name = golden_options.data_name,
                               .version = "14.0.2",
                               .wall_ns = golden_options.wall_ns};
    memcpy(plan.uuid, uuid, 16);
    CHECK_OK(shardy__dir_remove_tree(dir, "_versions/", NULL, &err), err);
    CHECK_OK(shardy__lance_write_manifest(dir, &plan, &err), err);
}

static void flip_all(bool sizes) {
    static const uint8_t masks[] = {1, 2, 4, 8, 16, 32, 64, 128, 255};
    shardy__dir *dir = golden_dir();
    write_manifest(dir, sizes);
    CHECK_INT(look(dir), UNCHANGED);
    for (size_t o = 0; o < (sizes ? 4 : 3); o++) {
        shardy__buf b = load(dir, golden_names[o]);
        for (size_t i = 0; i < b.len; i++) {
            for (size_t m = 0; m < sizeof masks; m++) {
                b.data[i] ^= masks[m];
                replace(dir, golden_names[o], b.data, b.len);
                outcome result = look(dir);
                if (!expected(golden_names[o], i, result)) {
                    test_fail(__FILE__, __LINE__, "%s: byte %zu ^ %02x goes unnoticed",
                              golden_names[o], i, masks[m]);
                }
                b.data[i] ^= masks[m];
            }
        }
        replace(dir, golden_names[o], b.data, b.len);
        shardy__buf_free(&b);
    }
    memory_close(dir);
}

TEST_TIMEOUT(flipped_bytes, 300) { flip_all(true); }

TEST_TIMEOUT(flipped_bytes_without_sizes, 300) { flip_all(false); }

TEST_TIMEOUT(cut_at_every_length, 120) {
    for (int sizes = 0; sizes < 2; sizes++) {
        shardy__dir *dir = golden_dir();
        write_manifest(dir, sizes);
        for (size_t o = 0; o < 4; o++) {
            shardy__buf b = load(dir, golden_names[o]);
            for (size_t len = 0; len < b.len; len++) {
                replace(dir, golden_names[o], b.data, len);
                CHECK_INT(look(dir), REPORTED);
            }
            shardy__buf_u8(&b, 0); /* and one byte too long */
            replace(dir, golden_names[o], b.data, b.len);
            CHECK_INT(look(dir), REPORTED);
            replace(dir, golden_names[o], b.data, b.len - 1);
            shardy__buf_free(&b);
        }
        CHECK_INT(look(dir), UNCHANGED);
        memory_close(dir);
    }
}

/* Every aligned word of every object set to numbers that overflow somewhere. */
TEST_TIMEOUT(hostile_numbers, 120) {
    static const uint64_t numbers[] = {0,
                                       1,
                                       UINT32_MAX,
                                       UINT64_C(1) << 63,
                                       UINT64_MAX,
                                       UINT64_MAX - 15,
                                       UINT64_MAX / 8,
                                       UINT64_MAX - 39};
    shardy__dir *dir = golden_dir();
    write_manifest(dir, false);
    for (size_t o = 0; o < 4; o++) {
        shardy__buf b = load(dir, golden_names[o]);
        for (size_t i = 0; i + 8 <= b.len; i++) {
            uint64_t old;
            memcpy(&old, b.data + i, 8);
            for (size_t n = 0; n < sizeof numbers / sizeof *numbers; n++) {
                memcpy(b.data + i, &numbers[n], 8);
                replace(dir, golden_names[o], b.data, b.len);
                look(dir);
            }
            memcpy(b.data + i, &old, 8);
        }
        replace(dir, golden_names[o], b.data, b.len);
        shardy__buf_free(&b);
    }
    CHECK_INT(look(dir), UNCHANGED);
    memory_close(dir);
}

/* ---- objects ---- */

TEST(missing_object) {
    for (size_t o = 0; o < 4; o++) {
        shardy_error err = SHARDY_ERROR_INIT;
        shardy__lance *t = NULL;
        char folder[100];
        shardy__dir *dir = golden_dir();
        shardy__buf kept[4];
        for (size_t i = 0; i < 4; i++) kept[i] = load(dir, golden_names[i]);
        snprintf(folder, sizeof folder, "%.*s",
                 (int)(strchr(golden_names[o], '/') + 1 - golden_names[o]), golden_names[o]);
        CHECK_OK(shardy__dir_remove_tree(dir, folder, NULL, &err), err);
        for (size_t i = 0; i < 4; i++) {
            if (i != o && !strncmp(golden_names[i], folder, strlen(folder))) {
                replace(dir, golden_names[i], kept[i].data, kept[i].len);
            }
        }
        CHECK_FAILS(shardy__lance_open(dir, NULL, &t, &err), SHARDY_E_NOT_FOUND);
        CHECK_CONTAINS(err.message, o == 3 ? "_versions/" : golden_names[o]);
        CHECK_FAILS(shardy__lance_open(dir, GOLDEN_MANIFEST, &t, &err), SHARDY_E_NOT_FOUND);
        CHECK_CONTAINS(err.message, golden_names[o]);
        for (size_t i = 0; i < 4; i++) shardy__buf_free(&kept[i]);
        memory_close(dir);
    }
}

/* The newest manifest counts, names that are none do not. */
TEST(manifest_names) {
    shardy_error err = SHARDY_ERROR_INIT;
    shardy__lance *t = NULL;
    shardy__dir *dir = golden_dir();
    shardy__buf b = load(dir, GOLDEN_MANIFEST);
    static const char *const others[] = {"_versions/latest_version_hint.json",
                                         "_versions/1.manifest",
                                         "_versions/d7.manifest",
                                         "_versions/1844674407370955161x.manifest",
                                         "_versions/99999999999999999999.manifest",
                                         "_versions/00000000000000000000.manifest.tmp",
                                         "_versions/18446744073709551615.manifest"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) replace(dir, others[i], "?", 1);
    CHECK_INT(look(dir), UNCHANGED);
    /* a version in the name that is not the one inside */
    replace(dir, "_versions/18446744073709551613.manifest", b.data, b.len);
    CHECK_FAILS(shardy__lance_open(dir, NULL, &t, &err), SHARDY_E_CORRUPT);
    CHECK_CONTAINS(err.message, "613.manifest: the version in the manifest is not the one");
    /* another name says nothing about the version */
    replace(dir, "elsewhere", b.data, b.len);
    CHECK_OK(shardy__lance_open(dir, "elsewhere", &t, &err), err);
    CHECK(golden_answers(t));
    shardy__lance_close(t);
    shardy__buf_free(&b);
    memory_close(dir);
}

TEST(close_nothing) { shardy__lance_close(NULL); }

/* ---- pieces of valid files that do not belong together ---- */

/* Replace the first occurrence of `from` by `to`, of the same length, and open. */
static void swapped(const char *name, const char *from, const char *to, size_t len,
                    shardy_status status, const char *message) {
    shardy_error err = SHARDY_ERROR_INIT;
    shardy__lance *t = NULL;
    shardy__dir *dir = golden_dir();
    shardy__buf b = load(dir, name);
    uint8_t *at = memmem(b.data, b.len, from, len);
    CHECK(at != NULL);
    memcpy(at, to, len);
    replace(dir, name, b.data, b.len);
    CHECK_FAILS(shardy__lance_open(dir, NULL, &t, &err), status);
    CHECK_CONTAINS(err.message, name);
    CHECK_CONTAINS(err.message, message);
    shardy__buf_free(&b);
    memory_close(dir);
}

#define SWAPPED(name, from, to, status, message)                                    \
    do {                                                                            \
        _Static_assert(sizeof(from) == sizeof(to), "replacements keep the length"); \
        swapped(name, from, to, sizeof(from) - 1, status, message);                 \
    } while (0)

TEST(wrong_manifest) {
    SWAPPED(GOLDEN_MANIFEST, "LANC", "LANX", SHARDY_E_CORRUPT, "LANC");
    SWAPPED(GOLDEN_MANIFEST, "\0\0\2\0LANC", "\0\0\3\0LANC", SHARDY_E_UNSUPPORTED, "version 0.2");
    SWAPPED(GOLDEN_MANIFEST, "float:4", "float:0", SHARDY_E_UNSUPPORTED, "1..65536");
    SWAPPED(GOLDEN_MANIFEST, "float:4", "double4", SHARDY_E_UNSUPPORTED, "double4");
    SWAPPED(GOLDEN_MANIFEST, "payload", "pay_oad", SHARDY_E_UNSUPPORTED, "\"payload\"");
    SWAPPED(GOLDEN_MANIFEST,
            "\x12\3"
            "2.0",
            "\x12\3"
            "2.1",
            SHARDY_E_UNSUPPORTED, "2.0");
    SWAPPED(GOLDEN_MANIFEST, "VectorIndexDetails", "VectorIndexDetailx", SHARDY_E_UNSUPPORTED,
            "vector index");
    SWAPPED(GOLDEN_MANIFEST, "\x3a\x30\0\0", "\x3b\x30\0\0", SHARDY_E_UNSUPPORTED, "fragment 0");
    SWAPPED(GOLDEN_MANIFEST, "\x1a\3\0\1\2", "\x1a\3\0\2\1", SHARDY_E_UNSUPPORTED, "0, 1, 2");
    SWAPPED(GOLDEN_MANIFEST, "\x3a\x0b\x08", "\x4a\x0b\x08", SHARDY_E_CORRUPT, "field 9");
    SWAPPED(GOLDEN_MANIFEST, "\x58\0\x6a", "\x48\1\x6a", SHARDY_E_UNSUPPORTED, "features");
    SWAPPED(GOLDEN_MANIFEST, "\x58\0\x6a", "\x20\0\x6a", SHARDY_E_UNSUPPORTED,
            "field 4 of Manifest");
}

TEST(wrong_data) {
    SWAPPED(GOLDEN_DATA, "\0\0\3\0LANC", "\0\0\4\0LANC", SHARDY_E_UNSUPPORTED, "version 0.4");
    SWAPPED(GOLDEN_DATA, "LANC", "LANX", SHARDY_E_CORRUPT, "LANC");
    SWAPPED(GOLDEN_DATA, "float:4", "float:5", SHARDY_E_UNSUPPORTED, "float:4");
    SWAPPED(GOLDEN_DATA, "\x18\x07", "\x18\x08", SHARDY_E_UNSUPPORTED,
            "column id: the page encoding");
    SWAPPED(GOLDEN_DATA, "\x08\x20\x12", "\x08\x10\x12", SHARDY_E_UNSUPPORTED,
            "column vector: the page encoding");
    SWAPPED(GOLDEN_DATA, "\x12\2\x18\6", "\x12\2\x10\6", SHARDY_E_CORRUPT,
            "column id: buffer 0 has 16 bytes, not 8 for each of 3 rows");
    SWAPPED(GOLDEN_DATA, "ColumnEncoding", "ColumnEncodinh", SHARDY_E_UNSUPPORTED,
            "column id: the column encoding");
    SWAPPED(GOLDEN_DATA, "\1\0\0\0\0\0\0\0\3", "\4\0\0\0\0\0\0\0\3", SHARDY_E_CORRUPT,
            "column id: end offsets");
    SWAPPED(GOLDEN_DATA, "\1\0\0\0\0\0\0\0\3", "\x08\0\0\0\0\0\0\0\3", SHARDY_E_CORRUPT,
            "column id: end offsets"); /* a null id */
    SWAPPED(GOLDEN_DATA, "\6\0\0\0\0\0\0\0H", "\5\0\0\0\0\0\0\0H", SHARDY_E_CORRUPT,
            "column id: end offsets");
    SWAPPED(GOLDEN_DATA, "\x10\3\x0a\x29", "\x10\4\x0a\x29", SHARDY_E_CORRUPT,
            "4 rows, expected 3");
    SWAPPED(GOLDEN_DATA, "\x0a\2\0\x40", "\x0a\2\0\x41", SHARDY_E_UNSUPPORTED,
            "id: buffer at byte 65 is not aligned to 64");
    SWAPPED(GOLDEN_DATA, "\x0a\2\0\x40", "\x0a\2\0\0", SHARDY_E_CORRUPT, "overlaps another");
    SWAPPED(GOLDEN_DATA, "\x0a\2\x80\1", "\x0a\2\xc0\2", SHARDY_E_CORRUPT,
            "vector: buffer at byte 320 does not lie before the schema");
}

TEST(wrong_index) {
    SWAPPED(GOLDEN_INDEX, "IVF_FLAT", "IVF_SQ\",", SHARDY_E_CORRUPT, "lance:index");
    SWAPPED(GOLDEN_INDEX, "IVF_FLAT", "IVF_PQXX", SHARDY_E_UNSUPPORTED, "IVF_PQXX");
    SWAPPED(GOLDEN_INDEX, ":\"l2\"", ":\"l7\"", SHARDY_E_UNSUPPORTED, "metric \"l7\"");
    SWAPPED(GOLDEN_INDEX, ":\"l2\"", ":1234", SHARDY_E_CORRUPT,
            "lance:index is not an object with a string \"distance_type\"");
    SWAPPED(GOLDEN_INDEX, ":\"l2\"", ":12 4", SHARDY_E_CORRUPT,
            "metadata lance:index: invalid JSON at line 1, column 39: '}' expected near '4'");
    SWAPPED(GOLDEN_INDEX, "\4[\"\"]", "\4[\"]]", SHARDY_E_CORRUPT, "lance:flat");
    SWAPPED(GOLDEN_INDEX, "\4[\"\"]", "\4[ 1]", SHARDY_E_CORRUPT, "lance:flat");
    SWAPPED(GOLDEN_INDEX, "lance:flat", "lance:flaw", SHARDY_E_CORRUPT, "lance:flat is missing");
    SWAPPED(GOLDEN_INDEX,
            "lance:ivf\x12\1"
            "1",
            "lance:ivf\x12\1"
            "2",
            SHARDY_E_CORRUPT, "global buffer 2");
    SWAPPED(GOLDEN_INDEX,
            "lance:ivf\x12\1"
            "1",
            "lance:ivf\x12\1"
            "0",
            SHARDY_E_CORRUPT, "global buffer 0");
    SWAPPED(GOLDEN_INDEX,
            "lance:ivf\x12\1"
            "1",
            "lance:ivf\x12\1"
            "x",
            SHARDY_E_CORRUPT, "metadata lance:ivf: invalid JSON");
    SWAPPED(GOLDEN_INDEX, "\x12\2\1\4", "\x12\2\1\5", SHARDY_E_CORRUPT, "centroids");
    SWAPPED(GOLDEN_INDEX, "\x22\x18\x08\2", "\x22\x18\x08\3", SHARDY_E_CORRUPT, "centroids");
    SWAPPED(GOLDEN_INDEX, "\x1a\1\0", "\x1a\1\1", SHARDY_E_CORRUPT, "partition 0");
    SWAPPED(GOLDEN_AUXILIARY, "\x12\2l2", "\x12\2l3", SHARDY_E_CORRUPT, "distance_type");
    SWAPPED(GOLDEN_AUXILIARY, "dim\\\":4", "dim\\\":5", SHARDY_E_CORRUPT, "storage_metadata");
    SWAPPED(GOLDEN_AUXILIARY, "dim\\\":4", "dim\\\":x", SHARDY_E_CORRUPT, "storage_metadata");
    SWAPPED(GOLDEN_AUXILIARY, "\x1a\1\3", "\x1a\1\2", SHARDY_E_CORRUPT, "3 rows, expected 2");
    SWAPPED(GOLDEN_AUXILIARY, "\x1a\1\3", "\x1a\1\4", SHARDY_E_CORRUPT, "partition 0: entries 0+4");
    SWAPPED(GOLDEN_AUXILIARY, "\x12\1\0\x1a", "\x12\1\1\x1a", SHARDY_E_CORRUPT, "partition 0");
    SWAPPED(GOLDEN_AUXILIARY, "\2\0\0\0\0\0\0\0", "\3\0\0\0\0\0\0\0", SHARDY_E_CORRUPT,
            "entry 2 is of row 3");
}

/* Offsets of partitions may be left out: they follow from the lengths. */
TEST(offsets_left_out) {
    shardy__dir *dir = golden_dir();
    shardy__buf b = load(dir, GOLDEN_AUXILIARY);
    CHECK_MEM(b.data + 128, 6, "\x12\1\0\x1a\1\3", 6);
    memcpy(b.data + 128, "\x1a\0\x1a\0\x18\3", 6); /* and the length not packed */
    replace(dir, GOLDEN_AUXILIARY, b.data, b.len);
    CHECK_INT(look(dir), UNCHANGED);
    shardy__buf_free(&b);
    memory_close(dir);
}

/* ---- what other writers do ---- */

/* A data file whose column id has the given pages. */
static void other_pages(const char *pages, size_t len, shardy_status status, const char *message) {
    shardy_error err = SHARDY_ERROR_INIT;
    shardy__lance *t = NULL;
    shardy__lance_out out;
    shardy__lance_field fields[SHARDY__LANCE_DATA_FIELDS];
    uint64_t size;
    shardy__dir *dir = golden_dir();
    write_manifest(dir, false);
    CHECK_OK(shardy__dir_remove_tree(dir, "data/", NULL, &err), err);
    CHECK_OK(shardy__lance_out_open(&out, dir, GOLDEN_DATA, &err), err);
    shardy__lance_data_fields(fields, 4);
    for (size_t i = 0; i < SHARDY__LANCE_DATA_FIELDS; i++) {
        shardy__lance_out_column(&out, &fields[i], 0, NULL);
        if (i == 0) shardy__buf_put(&out.columns, pages, len);
        out.column_ends[i] = out.columns.len;
    }
    CHECK_OK(
        shardy__lance_out_finish(&out, fields, SHARDY__LANCE_DATA_FIELDS, 3, NULL, 0, &size, &err),
        err);
    shardy__lance_out_close(&out);
    CHECK_FAILS(shardy__lance_open(dir, NULL, &t, &err), status);
    CHECK_CONTAINS(err.message, GOLDEN_DATA ": column id");
    CHECK_CONTAINS(err.message, message);
    memory_close(dir);
}

TEST(other_pages) {
    other_pages("", 0, SHARDY_E_CORRUPT, "0 pages for 3 rows");
    other_pages("\x12\0\x12\0", 4, SHARDY_E_UNSUPPORTED, "split over 2 pages");
    other_pages("\x12\x0c\x0a\3\0\0\0\x12\3\0\0\0\x18\3", 14, SHARDY_E_UNSUPPORTED,
                "page of 3 buffers, expected 2");
    other_pages("\x12\x08\x0a\1\0\x12\1\0\x18\2", 10, SHARDY_E_CORRUPT, "page of 2 rows");
    other_pages("\x12\x07\x0a\1\0\x12\0\x18\3", 9, SHARDY_E_CORRUPT,
                "1 buffer offsets but 0 sizes");
}

TEST(other_metric_in_manifest) {
    shardy_error err = SHARDY_ERROR_INIT;
    static const uint8_t uuid[16] = FIXTURE_UUID;
    shardy__lance *t = NULL;
    shardy__dir *dir = golden_dir();
    shardy__lance_ivf ivf = golden_ivf;
    ivf.metric = SHARDY_METRIC_DOT;
    shardy__lance_plan plan = {.rows = &golden_rows,
                               .ivf = &ivf,
                               .data_name = golden_options.data_name,
                               .version = "1.0.0",
                               .wall_ns = 1};
    memcpy(plan.uuid, uuid, 16);
    CHECK_OK(shardy__dir_remove_tree(dir, "_versions/", NULL, &err), err);
    CHECK_OK(shardy__lance_write_manifest(dir, &plan, &err), err);
    CHECK_FAILS(shardy__lance_open(dir, NULL, &t, &err), SHARDY_E_CORRUPT);
    CHECK_CONTAINS(err.message, GOLDEN_INDEX ": the metric is not the one");
    memory_close(dir);
}
