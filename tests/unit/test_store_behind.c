/* test_store_behind.c: objects written on a thread of their own. */
#include <string.h>

#include "base/alloc.h"
#include "base/fault.h"
#include "store/store_impl.h"
#include "test.h"
#include "xxhash.h"

#define LARGE ((size_t)9 << 20) /* so large that the thread is started, with an odd rest */

static shardy_error err = SHARDY_ERROR_INIT;

static uint8_t *make_bytes(size_t len) {
    uint8_t *bytes = malloc(len);
    CHECK(bytes != NULL);
    for (size_t i = 0; i < len; i++) bytes[i] = (uint8_t)(i * 2654435761u >> 24);
    return bytes;
}

/* Append in pieces of growing, odd sizes. */
static shardy_status append_all(shardy__sink *sink, const uint8_t *bytes, size_t len) {
    for (size_t at = 0, piece = 1; at < len; at += piece, piece = piece * 3 + 1) {
        if (piece > len - at) piece = len - at;
        SHARDY_TRY(shardy__sink_append(sink, bytes + at, piece, &err));
    }
    return SHARDY_OK;
}

static void expect_bytes(shardy__dir *dir, const char *name, const uint8_t *bytes, size_t len) {
    shardy__buf read = {0};
    CHECK_OK(shardy__dir_read(dir, name, len + 1, &read, &err), err);
    CHECK_INT(read.len, len);
    CHECK(!len || !memcmp(read.data, bytes, len));
    shardy__buf_free(&read);
}

static void round_trip(const char *url) {
    static const size_t lengths[] = {0, 1, 4 << 20, (4 << 20) + 1, LARGE + 12345};
    uint8_t *bytes = make_bytes(LARGE + 12345);
    shardy__dir *dir;
    shardy__recorder *recorder;
    shardy__object *objects;
    size_t n;
    CHECK_OK(shardy__store_open(url, &dir, &err), err);
    CHECK_OK(shardy__recorder_open(dir, NULL, NULL, &recorder, &err), err);
    shardy__recorder_write_behind(recorder);
    for (size_t i = 0; i < 5; i++) {
        char name[2] = {(char)('a' + i), 0};
        shardy__sink *sink;
        CHECK_OK(shardy__dir_create(shardy__recorder_dir(recorder), name, &sink, &err), err);
        CHECK_OK(append_all(sink, bytes, lengths[i]), err);
        CHECK_INT(sink->written, lengths[i]);
        CHECK_OK(shardy__sink_commit(sink, &err), err);
        shardy__sink_close(sink);
        expect_bytes(dir, name, bytes, lengths[i]);
    }
    shardy__recorder_take(recorder, &objects, &n);
    CHECK_INT(n, 5);
    for (size_t i = 0; i < n; i++) {
        CHECK_INT(objects[i].size, lengths[i]);
        CHECK_HEX(objects[i].xxh3, XXH3_64bits(bytes, lengths[i]));
    }
    shardy__objects_free(objects, n);
    shardy__recorder_close(recorder);
    shardy__dir_close(dir);
    free(bytes);
}

TEST(files) { round_trip(test_tmpdir()); }
TEST(memory) { round_trip("memory://behind"); }

TEST(dropped_objects_leave_nothing) {
    uint8_t *bytes = make_bytes(LARGE);
    shardy__dir *dir;
    shardy__sink *sink;
    shardy__source *source;
    CHECK_OK(shardy__store_open(test_tmpdir(), &dir, &err), err);
    CHECK_OK(shardy__dir_create(dir, "a", &sink, &err), err);
    CHECK_OK(shardy__behind(&sink, &err), err);
    CHECK_OK(append_all(sink, bytes, LARGE), err);
    shardy__sink_close(sink);
    CHECK_FAILS(shardy__dir_open(dir, "a", 0, &source, &err), SHARDY_E_NOT_FOUND);
    shardy__dir_close(dir);
    free(bytes);
}

/* A sink that takes so many bytes and then fails. */
struct failing {
    shardy__sink base;
    uint64_t room;
    unsigned refused;
    bool *closed;
};

static shardy_status failing_append(shardy__sink *sink, const void *data, size_t len,
                                    shardy_error *e) {
    struct failing *f = (struct failing *)sink;
    (void)data;
    if (len > f->room) {
        f->refused++;
        return shardy__fail(e, SHARDY_E_IO, "disk of the test is full");
    }
    f->room -= len;
    return SHARDY_OK;
}

static shardy_status failing_commit(shardy__sink *sink, shardy_error *e) {
    (void)sink;
    return shardy__fail(e, SHARDY_E_INTERNAL, "must not be committed");
}

static void failing_close(shardy__sink *sink) { *((struct failing *)sink)->closed = true; }

static const shardy__sink_ops failing_ops = {failing_append, failing_commit, failing_close};

/* Whatever the append that meets the end of the disk, the object is not committed, the message
 * comes through, and nothing is written after the gap. */
TEST(failures_come_through) {
    static char url[] = "test://failing";
    uint8_t *bytes = make_bytes(LARGE);
    for (uint64_t room = 0; room < LARGE; room += 1 << 20) {
        bool closed = false;
        struct failing f = {{&failing_ops, 0, url}, room, 0, &closed};
        shardy__sink *sink = &f.base;
        err.message[0] = 0;
        CHECK_OK(shardy__behind(&sink, &err), err);
        shardy_status rc = append_all(sink, bytes, LARGE);
        if (!rc) rc = shardy__sink_commit(sink, &err);
        CHECK_INT(rc, SHARDY_E_IO);
        CHECK_STR(err.message, "disk of the test is full");
        CHECK_FAILS(shardy__sink_commit(sink, NULL),
                    room < (4 << 20) ? SHARDY_E_INTERNAL : SHARDY_E_IO);
        shardy__sink_close(sink);
        CHECK(closed);
        CHECK_INT(f.refused, 1);
    }
    free(bytes);
}

#ifdef SHARDY_FAULTS
/* Without memory for the slots the caller's thread writes; otherwise failing is all that may
 * happen. */
TEST(every_allocation_and_store_call_fails) {
    uint8_t *bytes = make_bytes(LARGE);
    for (int kind = 0; kind < SHARDY__FAULT_KINDS; kind++) {
        unsigned failures = 0;
        for (int64_t nth = 1;; nth++) {
            shardy__dir *dir;
            shardy__sink *sink;
            shardy__memory_drop("behind-faults");
            CHECK_OK(shardy__store_open("memory://behind-faults", &dir, &err), err);
            CHECK_OK(shardy__dir_create(dir, "a", &sink, &err), err);
            shardy__fault_arm((shardy__fault_kind)kind, nth);
            shardy_status rc = shardy__behind(&sink, &err);
            if (!rc) rc = append_all(sink, bytes, LARGE);
            if (!rc) rc = shardy__sink_commit(sink, &err);
            bool all_seen = shardy__fault_count((shardy__fault_kind)kind) < nth;
            shardy__fault_arm((shardy__fault_kind)kind, 0);
            shardy__sink_close(sink);
            if (!rc) expect_bytes(dir, "a", bytes, LARGE);
            failures += rc != SHARDY_OK;
            shardy__dir_close(dir);
            if (all_seen) break;
        }
        CHECK(failures > 0);
    }
    free(bytes);
}
#endif
