/* test.c: runs each test in a child process; see test.h. */
#include "test.h"

#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_TESTS 400
#define EXIT_SKIPPED 77

static struct test {
    const char *name;
    void (*fn)(void);
    unsigned timeout_s;
} tests[MAX_TESTS];
static size_t n_tests;
static char tmpdir[64];

void test_register(const char *name, void (*fn)(void), unsigned timeout_s) {
    if (n_tests == MAX_TESTS) abort();
    tests[n_tests++] = (struct test){name, fn, timeout_s};
}

static int remove_entry(const char *path, const struct stat *st, int flag, struct FTW *ftw) {
    (void)st, (void)flag, (void)ftw;
    return remove(path);
}

static void remove_tmpdir(void) {
    if (tmpdir[0]) nftw(tmpdir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

void test_fail(const char *file, int line, const char *fmt, ...) {
    va_list ap;
    fprintf(stderr, "%s:%d: ", file, line);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
    fflush(NULL);
    remove_tmpdir();
    _exit(1);
}

void test_skip(const char *reason) {
    printf("  skipped: %s\n", reason);
    fflush(NULL);
    remove_tmpdir();
    _exit(EXIT_SKIPPED);
}

const char *test_tmpdir(void) {
    if (!tmpdir[0]) {
        strcpy(tmpdir, "/tmp/shardy-test-XXXXXX");
        if (!mkdtemp(tmpdir)) test_fail(__FILE__, __LINE__, "mkdtemp: %s", strerror(errno));
    }
    return tmpdir;
}

const char *test_source_path(const char *relative) {
    static char path[4096];
    snprintf(path, sizeof path, "%s/%s", SHARDY_SOURCE_DIR, relative);
    return path;
}

uint8_t *test_read_file(const char *path, size_t *len) {
    FILE *f = fopen(path, "rb");
    if (!f) test_fail(__FILE__, __LINE__, "%s: %s", path, strerror(errno));
    fseek(f, 0, SEEK_END);
    long size = ftell(f);
    rewind(f);
    uint8_t *data = malloc((size_t)size + 1);
    if (!data || fread(data, 1, (size_t)size, f) != (size_t)size) {
        test_fail(__FILE__, __LINE__, "%s: read failed", path);
    }
    data[size] = 0;
    fclose(f);
    if (len) *len = (size_t)size;
    return data;
}

/* 0 passed, 1 failed, 2 skipped */
static int run(const struct test *t) {
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        alarm(t->timeout_s);
        t->fn();
        remove_tmpdir();
        exit(0);
    }
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return 0;
    if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SKIPPED) return 2;
    if (WIFSIGNALED(status)) {
        fprintf(stderr, "  %s\n",
                WTERMSIG(status) == SIGALRM ? "timed out" : strsignal(WTERMSIG(status)));
    }
    return 1;
}

int main(int argc, char **argv) {
    unsigned count[3] = {0};
    static const char *const words[] = {"ok", "FAILED", "skipped"};
    for (size_t i = 0; i < n_tests; i++) {
        bool wanted = argc < 2;
        for (int a = 1; a < argc; a++) wanted |= !strcmp(argv[a], tests[i].name);
        if (argc == 2 && !strcmp(argv[1], "--list")) puts(tests[i].name);
        if (!wanted) continue;
        int result = run(&tests[i]);
        count[result]++;
        printf("%-8s %s\n", words[result], tests[i].name);
    }
    printf("%u passed, %u failed, %u skipped\n", count[0], count[1], count[2]);
    return count[1] != 0;
}
