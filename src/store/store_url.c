/* store_url.c: prefix URLs. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/utf8.h"
#include "store/store_impl.h"

static shardy_status bad_url(const char *url, const char *rule, shardy_error *err) {
    char text[300];
    return shardy__fail(err, SHARDY_E_CONFIG, "prefix %s: %s",
                        shardy__quote(text, sizeof text, url, strlen(url)), rule);
}

/* Fold "", "." and ".." segments of an absolute path, in place, without looking at the disk. */
static void fold_path(char *path) {
    char *out = path, *in = path;
    while (*in) {
        while (*in == '/') in++;
        size_t len = strcspn(in, "/");
        if (len == 2 && in[0] == '.' && in[1] == '.') {
            while (out > path && *--out != '/') {
            }
        } else if (len && !(len == 1 && in[0] == '.')) {
            *out++ = '/';
            memmove(out, in, len);
            out += len;
        }
        in += len;
    }
    *out = 0;
}

static shardy_status normalise_path(const char *url, const char *path, char **out,
                                    shardy_error *err) {
    char *absolute = NULL;
    if (path[0] == '/') {
        absolute = shardy__strdup(path);
    } else {
        char cwd[4096];
        if (!getcwd(cwd, sizeof cwd)) return shardy__fail_os(err, errno, "current directory");
        absolute = shardy__format("%s/%s", cwd, path);
    }
    if (!absolute) return shardy__fail_nomem(err);
    fold_path(absolute);
    if (!*absolute) {
        shardy__free(absolute);
        return bad_url(url, "must name a directory other than the root", err);
    }
    *out = shardy__format(SHARDY__FILE_SCHEME "%s", absolute);
    shardy__free(absolute);
    return *out ? SHARDY_OK : shardy__fail_nomem(err);
}

static shardy_status normalise_memory(const char *url, char **out, shardy_error *err) {
    const char *name = url + strlen(SHARDY__MEMORY_SCHEME);
    char *folded = shardy__format("/%s", name);
    if (!folded) return shardy__fail_nomem(err);
    fold_path(folded);
    size_t kept = strlen(folded), given = strlen(name);
    while (given && name[given - 1] == '/') given--;
    if (kept < 2 || kept != given + 1) { /* something was folded away */
        shardy__free(folded);
        return bad_url(url, "must be memory://name or memory://name/path", err);
    }
    *out = shardy__format(SHARDY__MEMORY_SCHEME "%s", folded + 1);
    shardy__free(folded);
    return *out ? SHARDY_OK : shardy__fail_nomem(err);
}

static shardy_status normalise(const char *url, char **out, shardy_error *err) {
    if (!strncmp(url, SHARDY__MEMORY_SCHEME, strlen(SHARDY__MEMORY_SCHEME))) {
        return normalise_memory(url, out, err);
    }
    if (!strncmp(url, SHARDY__FILE_SCHEME, strlen(SHARDY__FILE_SCHEME))) {
        const char *path = url + strlen(SHARDY__FILE_SCHEME);
        if (!strncmp(path, "localhost/", 10)) path += 9;
        if (*path != '/') return bad_url(url, "a file URL is file:///absolute/path", err);
        return normalise_path(url, path, out, err);
    }
    const char *colon = strstr(url, "://");
    if (colon) {
        return shardy__fail(err, SHARDY_E_UNSUPPORTED,
                            "prefix %s: scheme \"%.*s\" is not supported; use a path, file:/// or "
                            "memory://",
                            url, (int)(colon - url), url);
    }
    return normalise_path(url, url, out, err);
}

/* Manifests and messages are UTF-8, and URLs are part of both. */
shardy_status shardy__url_normalise(const char *url, char **out, shardy_error *err) {
    static const char rule[] = "must be UTF-8";
    *out = NULL;
    if (!url || !*url) return shardy__fail(err, SHARDY_E_CONFIG, "prefix must not be empty");
    if (!shardy__utf8_valid(url, strlen(url))) return bad_url(url, rule, err);
    SHARDY_TRY(normalise(url, out, err));
    if (shardy__utf8_valid(*out, strlen(*out))) return SHARDY_OK;
    shardy_status rc = bad_url(*out, rule, err); /* the current directory is not */
    shardy__free(*out);
    *out = NULL;
    return rc;
}

char *shardy__url_join(const char *base, const char *rest) {
    return *rest ? shardy__format("%s/%s", base, rest) : shardy__strdup(base);
}
