/* store_impl.h: what the store's own files share: one constructor per kind of store. */
#ifndef SHARDY_STORE_STORE_IMPL_H
#define SHARDY_STORE_STORE_IMPL_H

#include "store/store.h"

#define SHARDY__FILE_SCHEME "file://"
#define SHARDY__MEMORY_SCHEME "memory://"

/* `url` is normalised. */
shardy_status shardy__file_dir(const char *url, shardy__dir **out, shardy_error *err);
shardy_status shardy__memory_dir(const char *url, shardy__dir **out, shardy_error *err);

/* Put a sink that writes on a thread of its own in front of *sink, which it owns from now on. On
 * failure *sink is as it was. A failed write is reported by a later append or by the commit. */
shardy_status shardy__behind(shardy__sink **sink, shardy_error *err);

#endif
