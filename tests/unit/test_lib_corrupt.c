/* test_lib_corrupt.c: damaged snapshots. Every object of a small snapshot is cut, flipped bit by
 * bit and removed; readers answer right or with an error, and verify reports every change. */
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib_fixture.h"

#define ROWS 12
#define MAX_FILES 64

static char files[MAX_FILES][600];
static size_t n_files;

static int note_file(const char *path, const struct stat *st, int flag, struct FTW *ftw) {
    (void)ftw, (void)st;
    if (flag == FTW_F && n_files < MAX_FILES) snprintf(files[n_files++], sizeof *files, "%s", path);
    return 0;
}

static void write_file(const char *path, const uint8_t *data, size_t len) {
    char tmp[700];
    snprintf(tmp, sizeof tmp, "%s.new", path);
    FILE *f = fopen(tmp, "wb");
    CHECK(f && fwrite(data, 1, len, f) == len && !fclose(f));
    CHECK(!rename(tmp, path)); /* mapped readers of the old file are left alone */
}

/* Ten hits, nearest first, each with the id and the distance of a row of the fixture. */
static void check_hits(const shardy_search_result *result, const float *query) {
    CHECK_INT(result->n_hits, 10);
    for (size_t i = 0; i < result->n_hits; i++) {
        const shardy_hit *hit = &result->hits[i];
        uint32_t row = 0;
        char key[32];
        float v[FIXTURE_DIM];
        while (row < ROWS && (fixture_key(row, key) != hit->id.len ||
                              memcmp(key, hit->id.data, hit->id.len) != 0)) {
            row++;
        }
        CHECK(row < ROWS);
        fixture_vector(row, v);
        CHECK(fabs(hit->score - fixture_distance(SHARDY_METRIC_L2, query, v)) < 1e-9);
        CHECK(i == 0 || hit->score >= result->hits[i - 1].score);
    }
    CHECK(result->hits[0].score == 0);
}

/* Errors are fine, wrong answers are not. Returns true if everything was answered, and rightly. */
static bool read_all(const char *prefix) {
    shardy_reader *r;
    bool all = true;
    if (shardy_reader_open(prefix, NULL, &r, &err)) return false;
    for (uint32_t i = 0; i < ROWS; i++) {
        char key[32], text[64];
        shardy_key k = shardy_key_str(key, fixture_key(i, key));
        shardy_value v;
        if (shardy_reader_get(r, &k, &v, &err)) {
            all = false;
            continue;
        }
        CHECK(v.found);
        CHECK_MEM(v.data, v.len, text, fixture_text(i, text));
        shardy_value_release(&v);
    }
    shardy_scan *scan = NULL;
    shardy_status rc = shardy_reader_scan(r, NULL, &scan, &err);
    uint32_t n = 0;
    for (bool more = true; !rc && more; n += more) {
        shardy_key k;
        shardy_slice value;
        rc = shardy_scan_next(scan, &more, &k, &value, &err);
    }
    shardy_scan_close(scan);
    if (!rc) CHECK_INT(n, ROWS);
    float query[FIXTURE_DIM];
    shardy_search_result *result;
    fixture_vector(3, query);
    shardy_status searched = shardy_reader_search(r, query, FIXTURE_DIM, NULL, &result, &err);
    if (!searched) check_hits(result, query);
    if (!searched) shardy_search_result_free(result);
    shardy_reader_close(r);
    return all && !rc && !searched;
}

static bool verify_finds(const char *prefix) {
    shardy_verify_report report;
    return shardy_verify(prefix, NULL, &report, &err) || report.problems;
}

/* The manifest and _CURRENT have no checksum of their own: a flipped byte in a name, a number or
 * unused space may read as another valid one. For those only crashes and wrong answers count. */
static bool checksummed(const char *path) {
    return !strstr(path, "/_CURRENT") && !strstr(path, "/manifests/");
}

static void make(const char *prefix) {
    shardy_vector_spec spec = fixture_spec(SHARDY_METRIC_L2);
    fixture_build(prefix, ROWS, 2, &spec);
    n_files = 0;
    CHECK(!nftw(prefix, note_file, 16, FTW_PHYS));
    CHECK_INT(n_files,
              2 + 2 * 6); /* _CURRENT, manifest; per shard SST, manifest, four of the table */
    CHECK(read_all(prefix));
    CHECK(!verify_finds(prefix));
}

TEST_TIMEOUT(flipped_bytes, 300) {
    char prefix[200];
    snprintf(prefix, sizeof prefix, "%s/flip", test_tmpdir());
    make(prefix);
    for (size_t f = 0; f < n_files; f++) {
        size_t len;
        uint8_t *data = test_read_file(files[f], &len);
        size_t step = len > 4000 ? 37 : 3;
        for (size_t i = 0; i < len; i += step) {
            data[i] ^= (uint8_t)(1u << (i / step % 8));
            write_file(files[f], data, len);
            bool right = read_all(prefix);
            if (checksummed(files[f]) && !verify_finds(prefix)) {
                test_fail(__FILE__, __LINE__,
                          "byte %zu of %s: flipped, and verify found nothing (reads %s)", i,
                          files[f], right ? "right" : "failed");
            }
            data[i] ^= (uint8_t)(1u << (i / step % 8));
        }
        write_file(files[f], data, len);
        free(data);
    }
    CHECK(read_all(prefix) && !verify_finds(prefix));
}

TEST_TIMEOUT(cut_objects, 300) {
    char prefix[200];
    snprintf(prefix, sizeof prefix, "%s/cut", test_tmpdir());
    make(prefix);
    for (size_t f = 0; f < n_files; f++) {
        size_t len;
        uint8_t *data = test_read_file(files[f], &len);
        for (size_t keep = 0; keep < len; keep += 1 + len / 40) {
            write_file(files[f], data, keep);
            read_all(prefix);
            if (!verify_finds(prefix)) {
                test_fail(__FILE__, __LINE__, "%s cut to %zu bytes: verify found nothing", files[f],
                          keep);
            }
        }
        write_file(files[f], data, len);
        free(data);
    }
    CHECK(read_all(prefix) && !verify_finds(prefix));
}

TEST(missing_objects) {
    char prefix[200];
    snprintf(prefix, sizeof prefix, "%s/missing", test_tmpdir());
    make(prefix);
    for (size_t f = 0; f < n_files; f++) {
        char away[700];
        snprintf(away, sizeof away, "%s/../away", prefix);
        CHECK(!rename(files[f], away));
        CHECK(!read_all(prefix));
        CHECK_CONTAINS(err.message, strrchr(files[f], '/') + 1); /* the object is named */
        CHECK(verify_finds(prefix));
        CHECK(!rename(away, files[f]));
    }
    CHECK(read_all(prefix) && !verify_finds(prefix));
}

TEST(problems_name_shard_and_object) {
    char prefix[200];
    snprintf(prefix, sizeof prefix, "%s/named", test_tmpdir());
    make(prefix);
    for (size_t f = 0; f < n_files; f++) {
        if (!strstr(files[f], "db=00001") || !strstr(files[f], ".sst")) continue;
        CHECK(!unlink(files[f]));
        shardy_reader *r;
        CHECK_OK(shardy_reader_open(prefix, NULL, &r, &err), err);
        shardy_status rc = SHARDY_OK;
        for (uint32_t i = 0; i < ROWS && !rc; i++) {
            char key[32];
            shardy_key k = shardy_key_str(key, fixture_key(i, key));
            shardy_value v;
            rc = shardy_reader_get(r, &k, &v, &err);
            shardy_value_release(&v);
        }
        CHECK_INT(rc, SHARDY_E_NOT_FOUND);
        CHECK_INT(err.shard, 1);
        CHECK_CONTAINS(err.message, "shard 1: ");
        CHECK_CONTAINS(err.message, ".sst");
        shardy_reader_close(r);
    }
}
