/* test_lance_verify.c: what only verify notices. Each table is well-formed and wrong in one way. */
#include "test_lance.h"

/* Write the fixture, open it, verify, and expect one problem. */
static void found(fixture *f, const char *object, const char *text) {
    shardy_error err = SHARDY_ERROR_INIT;
    shardy__lance *t = NULL;
    problems p;
    shardy__dir *dir = memory_dir();
    CHECK_OK(shardy__lance_write(dir, &f->rows, fixture_ivf(f), &f->options, &err), err);
    CHECK_OK(shardy__lance_open(dir, NULL, &t, &err), err);
    verify(t, &p);
    CHECK_CONTAINS(p.text, text);
    CHECK_CONTAINS(p.text, object);
    CHECK_INT(p.n, 1);
    shardy__lance_close(t);
    memory_close(dir);
    fixture_free(f);
}

static void table(fixture *f, shardy_metric metric, uint64_t zero_every) {
    fixture_init(f, 50, 6, TEXTS_MIXED, zero_every);
    fixture_index(f, metric, 4);
}

TEST(row_not_indexed) {
    fixture f;
    table(&f, SHARDY_METRIC_L2, 0);
    f.lengths[3]--;
    found(&f, GOLDEN_AUXILIARY, "row is not in the index (1 row, the first is");
}

TEST(row_indexed_twice) {
    fixture f;
    shardy_error err = SHARDY_ERROR_INIT;
    shardy__lance *t = NULL;
    problems p;
    shardy__dir *dir = memory_dir();
    table(&f, SHARDY_METRIC_L2, 0);
    uint64_t at = f.lengths[0]; /* the first of partition 1 becomes the first of partition 0 */
    f.row_ids[at] = f.row_ids[0];
    memcpy(f.entries + at * 6, f.entries, 24);
    CHECK_OK(shardy__lance_write(dir, &f.rows, &f.ivf, &f.options, &err), err);
    CHECK_OK(shardy__lance_open(dir, NULL, &t, &err), err);
    verify(t, &p);
    CHECK_CONTAINS(p.text, "row is in the index more than once (1 row, the first is 0)");
    CHECK_CONTAINS(p.text, "row is not in the index (1 row");
    CHECK_CONTAINS(p.text, "entry is not in its nearest partition (1 entry");
    shardy__lance_close(t);
    memory_close(dir);
    fixture_free(&f);
}

TEST(other_vector_indexed) {
    fixture f;
    for (int metric = SHARDY_METRIC_COSINE; metric <= SHARDY_METRIC_DOT; metric++) {
        table(&f, (shardy_metric)metric, 0);
        f.entries[7 * 6 + 2] += 0.001f;
        found(&f, GOLDEN_AUXILIARY, "indexed vector is not that of its row (1 row");
    }
    table(&f, SHARDY_METRIC_COSINE, 0); /* not of unit length */
    for (uint32_t i = 0; i < 6; i++) f.entries[i] *= 1.01f;
    found(&f, GOLDEN_AUXILIARY, "indexed vector is not that of its row (1 row");
    table(&f, SHARDY_METRIC_COSINE, 0);
    f.entries[3] = NAN;
    found(&f, GOLDEN_AUXILIARY, "indexed vector is not that of its row (1 row");
}

TEST(wrong_partition) {
    fixture f;
    for (int metric = SHARDY_METRIC_COSINE; metric <= SHARDY_METRIC_DOT; metric++) {
        table(&f, (shardy_metric)metric, 0);
        for (uint32_t i = 0; i < 6; i++) { /* two centroids change places */
            float c = f.centroids[i];
            f.centroids[i] = f.centroids[6 + i];
            f.centroids[6 + i] = c;
        }
        found(&f, GOLDEN_AUXILIARY, "entry is not in its nearest partition");
    }
}

TEST(zero_vectors) {
    fixture f;
    table(&f, SHARDY_METRIC_L2, 10); /* under l2 they are vectors like others */
    shardy__dir *dir = memory_dir();
    shardy_error err = SHARDY_ERROR_INIT;
    shardy__lance *t = NULL;
    problems p;
    CHECK_OK(shardy__lance_write(dir, &f.rows, &f.ivf, &f.options, &err), err);
    CHECK_OK(shardy__lance_open(dir, NULL, &t, &err), err);
    CHECK_INT(verify(t, &p), 0);
    CHECK_INT(shardy__lance_get_index(t)->offsets[4], 50);
    shardy__lance_close(t);
    memory_close(dir);
    f.ivf.metric = SHARDY_METRIC_COSINE; /* and now the rest is not of unit length either */
    dir = memory_dir();
    CHECK_OK(shardy__lance_write(dir, &f.rows, &f.ivf, &f.options, &err), err);
    CHECK_OK(shardy__lance_open(dir, NULL, &t, &err), err);
    verify(t, &p);
    CHECK_CONTAINS(p.text, "zero vector is in an index of directions (5 rows, the first is");
    CHECK_CONTAINS(p.text, "indexed vector is not that of its row (45 rows");
    shardy__lance_close(t);
    memory_close(dir);
    fixture_free(&f);
}

TEST(not_finite) {
    fixture f;
    table(&f, SHARDY_METRIC_DOT, 0);
    f.centroids[8] = INFINITY;
    found(&f, GOLDEN_INDEX, "centroid is not finite (1 partition, the first is 1)");
    fixture_init(&f, 20, 3, TEXTS_MIXED, 0);
    f.vectors[3 * 11 + 1] = NAN;
    f.vectors[3 * 12 + 1] = -INFINITY;
    found(&f, GOLDEN_DATA, "vector is not finite (2 rows, the first is 11)");
}

/* Texts that are not UTF-8 cannot be written, so they are put into the file. */
TEST(text_not_utf8) {
    shardy_error err = SHARDY_ERROR_INIT;
    shardy__dir *dir = memory_dir();
    shardy__buf b = {0};
    shardy__lance *t = NULL;
    problems p;
    CHECK_OK(shardy__lance_write(dir, &golden_rows, NULL, &golden_options, &err), err);
    CHECK_OK(shardy__dir_read(dir, GOLDEN_DATA, 1 << 20, &b, &err), err);
    b.data[64] = 0xff; /* "a" */
    b.data[257] = 'x'; /* the second half of "é" */
    CHECK_OK(shardy__dir_replace(dir, GOLDEN_DATA, b.data, b.len, &err), err);
    CHECK_OK(shardy__lance_open(dir, NULL, &t, &err), err);
    CHECK_INT(verify(t, &p), 2);
    CHECK_CONTAINS(p.text, GOLDEN_DATA ": id is not UTF-8 (1 row, the first is 0)");
    CHECK_CONTAINS(p.text, GOLDEN_DATA ": payload is not UTF-8 (1 row, the first is 2)");
    shardy__lance_close(t);
    shardy__buf_free(&b);
    memory_close(dir);
}
