/* snapshot_impl.h: what the files of this folder share with one another. */
#ifndef SHARDY_SNAPSHOT_SNAPSHOT_IMPL_H
#define SHARDY_SNAPSHOT_SNAPSHOT_IMPL_H

#include "base/json.h"
#include "snapshot/snapshot.h"

#define SHARDY__MANIFEST_MAX (UINT64_C(1) << 30) /* bytes of an image */
#define SHARDY__CURRENT_MAX 65536u               /* bytes of a pointer */
#define SHARDY__STRATEGY "hash"
#define SHARDY__HASH_ALGORITHM "xxh3_64"

/* A relative path of non-empty segments, none of them "." or "..", without control characters. */
bool shardy__plain_path(const char *path);
/* "2026-01-02T03:04:05..." as far as the seconds. */
bool shardy__is_time(const char *text);

/* Give the failure in `err` another code; the message stays. Returns the code. */
shardy_status shardy__recode(shardy_error *err, shardy_status code);

/* Check JSON of a manifest: one value, which must be an object if `object`, else a scalar. `out`
 * (owned) may be NULL. `code` with "{what}: ..." in front. */
shardy_status shardy__check_json(const char *what, const char *text, bool object, json_t **out,
                                 shardy_status code, shardy_error *err);

/* The rules that a manifest in memory obeys, whoever made it: `code` naming the field, or
 * SHARDY_E_UNSUPPORTED for a db_url outside the prefix. */
shardy_status shardy__manifest_check(const shardy__manifest *m, shardy_status code,
                                     shardy_error *err);

/* Fill the fields of `m` that come out of m->custom_json, and the vector facts of m->shards, which
 * must be sorted. SHARDY_E_MANIFEST_PARSE, SHARDY_E_UNSUPPORTED. */
shardy_status shardy__custom_parse(shardy__manifest *m, shardy_error *err);

#endif
