/* test_lib_crash.c: builds that end badly: killed at any moment, on a full disk, on a read-only
 * one. */
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib_fixture.h"

#define FIRST_ROWS 50
#define NEXT_ROWS 400

static void mount_small(char path[200], const char *name, const char *options,
                        unsigned long flags) {
    snprintf(path, 200, "%s/%s", test_tmpdir(), name);
    CHECK(!mkdir(path, 0777));
    if (mount("tmpfs", path, "tmpfs", flags, options)) test_skip("cannot mount a tmpfs here");
}

/* The current snapshot is whole: the first one or a later one, never a mixture. */
static void check_whole(const char *prefix) {
    shardy_reader *r;
    shardy_snapshot_info info = SHARDY_SNAPSHOT_INFO_INIT;
    shardy_verify_report report;
    CHECK_OK(shardy_reader_open(prefix, NULL, &r, &err), err);
    CHECK_OK(shardy_reader_info(r, &info, &err), err);
    CHECK(info.row_count == FIRST_ROWS || info.row_count == NEXT_ROWS);
    fixture_check_kv(r, (uint32_t)info.row_count);
    shardy_reader_close(r);
    CHECK_OK(shardy_verify(prefix, NULL, &report, &err), err);
    CHECK_INT(report.problems, 0);
}

TEST_TIMEOUT(killed_at_any_moment, 300) {
    char prefix[200];
    snprintf(prefix, sizeof prefix, "%s/kill", test_tmpdir());
    shardy_vector_spec spec = fixture_spec(SHARDY_METRIC_COSINE);
    fixture_build(prefix, FIRST_ROWS, 4, &spec);
    int killed = 0;
    for (int i = 0; i < 30; i++) {
        fflush(NULL);
        pid_t pid = fork();
        if (pid == 0) { /* publishes again and again until it is killed */
            for (;;) fixture_build(prefix, NEXT_ROWS, 4, &spec);
        }
        usleep((useconds_t)(i * 1700 + 300)); /* from before the first object to several runs in */
        kill(pid, SIGKILL);
        int status;
        CHECK(waitpid(pid, &status, 0) == pid);
        killed += WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
        check_whole(prefix);
    }
    CHECK_INT(killed, 30);
    fixture_build(prefix, NEXT_ROWS, 4, &spec); /* what the dead left behind is in nobody's way */
    check_whole(prefix);
}

TEST(full_disk_publishes_nothing) {
    char prefix[200];
    mount_small(prefix, "full", "size=3m", 0);
    shardy_vector_spec spec = fixture_spec(SHARDY_METRIC_L2);
    fixture_build(prefix, FIRST_ROWS, 2, &spec);
    uint64_t objects = fixture_objects(prefix);
    shardy_writer_options o = SHARDY_WRITER_OPTIONS_INIT;
    shardy_writer *w;
    o.prefix = prefix;
    o.num_dbs = 2;
    o.vector = &spec;
    CHECK_OK(shardy_writer_open(&o, &w, &err), err);
    for (uint32_t i = 0; i < 40000; i++) CHECK_OK(fixture_add(w, i, true, &err), err);
    shardy_status rc = shardy_writer_finish(w, NULL, &err);
    shardy_writer_close(w);
    uint64_t left = fixture_objects(prefix);
    check_whole(prefix);
    umount(prefix);
    CHECK_INT(rc, SHARDY_E_COVERAGE);
    CHECK_CONTAINS(err.message, "No space left on device");
    CHECK_CONTAINS(err.message, "shard ");
    CHECK_INT(left, objects);
}

TEST(read_only_directory) {
    char prefix[200];
    mount_small(prefix, "ro", "size=1m", MS_RDONLY);
    shardy_writer_options o = SHARDY_WRITER_OPTIONS_INIT;
    shardy_writer *w;
    o.prefix = prefix;
    o.num_dbs = 1;
    shardy_status rc = shardy_writer_open(&o, &w, &err);
    umount(prefix);
    CHECK_INT(rc, SHARDY_E_IO);
    CHECK_CONTAINS(err.message, "Read-only file system");
}

TEST(a_read_only_snapshot_is_read_and_verified) {
    char prefix[200];
    mount_small(prefix, "rw", "size=8m", 0);
    shardy_vector_spec spec = fixture_spec(SHARDY_METRIC_COSINE);
    fixture_build(prefix, FIRST_ROWS, 3, &spec);
    CHECK(!mount("tmpfs", prefix, "tmpfs", MS_REMOUNT | MS_RDONLY, "size=8m"));
    check_whole(prefix);
    umount(prefix);
}
