/* store.c: opens the directory of a URL. */
#include "store/store.h"

#include <string.h>

#include "base/alloc.h"
#include "store/store_impl.h"

shardy_status shardy__store_open(const char *url, shardy__dir **out, shardy_error *err) {
    char *normal = NULL;
    *out = NULL;
    SHARDY_TRY(shardy__url_normalise(url, &normal, err));
    bool memory = !strncmp(normal, SHARDY__MEMORY_SCHEME, strlen(SHARDY__MEMORY_SCHEME));
    shardy_status rc =
        memory ? shardy__memory_dir(normal, out, err) : shardy__file_dir(normal, out, err);
    shardy__free(normal);
    return rc;
}

shardy_status shardy__store_check_writable(shardy__dir *dir, shardy_error *err) {
    shardy_error local = SHARDY_ERROR_INIT;
    if (!err) err = &local;
    shardy__sink *sink = NULL;
    shardy_status rc = shardy__dir_create(dir, "write-check", &sink, err);
    if (!rc) rc = shardy__sink_append(sink, "x", 1, err);
    shardy__sink_close(sink);
    /* The name of an object that nobody asked for would only puzzle. */
    if (rc && err->os_error)
        shardy__fail_os(err, err->os_error, "%s: cannot write there", dir->url);
    return rc;
}
