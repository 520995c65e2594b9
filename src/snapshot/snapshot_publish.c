/* snapshot_publish.c: making a snapshot visible, and finding the visible one.
 *
 * Publishing is two writes in order: the manifest under a name of its own, then `_CURRENT`.
 * Whatever fails when, `_CURRENT` names a complete manifest: the old one or the new one.
 */
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "snapshot/snapshot_impl.h"
#include "store/store.h"

#define CURRENT_NAME "_CURRENT"
#define ATTEMPTS 3

/* ---- loading ---- */

void shardy__loaded_free(shardy__loaded *l) {
    shardy__current_free(&l->current);
    shardy__manifest_free(&l->manifest);
}

static shardy_status load_current(shardy__dir *prefix, const char *name, shardy__current *out,
                                  shardy_error *err) {
    shardy__buf json = {0};
    shardy_status rc = shardy__dir_read(prefix, name, SHARDY__CURRENT_MAX, &json, err);
    if (rc == SHARDY_E_NOT_FOUND) {
        rc = shardy__fail(err, SHARDY_E_STATE,
                          "CURRENT pointer not found: there is no %s/%s, so no snapshot has been "
                          "published here",
                          prefix->url, name);
    } else if (rc == SHARDY_E_LIMIT) {
        shardy__recode(err, rc = SHARDY_E_MANIFEST_PARSE);
    } else if (!rc) {
        rc = shardy__current_decode(json.data ? (const void *)json.data : "", json.len, out, err);
        if (rc) shardy__error_prefix(err, "%s/%s: ", prefix->url, name);
    }
    shardy__buf_free(&json);
    return rc;
}

static shardy_status load_manifest(shardy__dir *prefix, const char *name, shardy__manifest *out,
                                   shardy_error *err) {
    shardy__buf image = {0};
    shardy_status rc = shardy__dir_read(prefix, name, SHARDY__MANIFEST_MAX, &image, err);
    if (rc == SHARDY_E_LIMIT) {
        shardy__recode(err, rc = SHARDY_E_MANIFEST_PARSE);
    } else if (!rc) {
        rc = shardy__manifest_decode(image.data ? (const void *)image.data : "", image.len, out,
                                     err);
        if (rc) shardy__error_prefix(err, "%s/%s: ", prefix->url, name);
    }
    shardy__buf_free(&image);
    return rc;
}

shardy_status shardy__load(shardy__dir *prefix, const char *current_name, shardy__loaded *out,
                           shardy_error *err) {
    char *name = NULL;
    memset(out, 0, sizeof *out);
    if (!current_name) current_name = CURRENT_NAME;
    shardy_status rc = load_current(prefix, current_name, &out->current, err);
    if (!rc) rc = shardy__relative_ref(out->current.manifest_ref, NULL, &name, err);
    if (!rc) rc = load_manifest(prefix, name, &out->manifest, err);
    if (rc == SHARDY_E_NOT_FOUND) {
        shardy__error_prefix(err, "%s names a manifest that is not there: ", current_name);
    }
    if (!rc && strcmp(out->manifest.run_id, out->current.run_id) != 0) {
        rc = shardy__fail(err, SHARDY_E_MANIFEST_PARSE,
                          "%s/%s: run_id \"%.200s\" is not the \"%.200s\" of %s", prefix->url, name,
                          out->manifest.run_id, out->current.run_id, current_name);
    }
    shardy__free(name);
    if (rc) shardy__loaded_free(out);
    return rc;
}

/* ---- publishing ---- */

/* Wait before another attempt if there may be one. */
static bool try_again(shardy_status rc, unsigned attempt) {
    if (attempt + 1 >= ATTEMPTS || (rc != SHARDY_E_IO && !shardy_status_retryable(rc)))
        return false;
    shardy__sleep_ns(attempt ? 200000000 : 20000000);
    return true;
}

/* An attempt may have failed after the object was made; then the object is there with our bytes. */
static shardy_status accept_own(shardy__dir *prefix, const char *name, const shardy__buf *image,
                                shardy_error *err) {
    shardy__buf there = {0};
    shardy_status rc = shardy__dir_read(prefix, name, SHARDY__MANIFEST_MAX, &there, err);
    if (!rc && (there.len != image->len || memcmp(there.data, image->data, image->len) != 0)) {
        rc = shardy__fail(err, SHARDY_E_EXISTS, "%s/%s exists with other content", prefix->url,
                          name);
    }
    shardy__buf_free(&there);
    return rc;
}

static shardy_status put_manifest_once(shardy__dir *prefix, const char *name,
                                       const shardy__buf *image, shardy_error *err) {
    shardy__sink *sink = NULL;
    shardy_status rc = shardy__dir_create(prefix, name, &sink, err);
    if (!rc) rc = shardy__sink_append(sink, image->data, image->len, err);
    if (!rc) rc = shardy__sink_commit(sink, err);
    shardy__sink_close(sink);
    return rc == SHARDY_E_EXISTS ? accept_own(prefix, name, image, err) : rc;
}

static shardy_status put_manifest(shardy__dir *prefix, const char *name, const shardy__buf *image,
                                  shardy_error *err) {
    shardy_status rc;
    unsigned attempt = 0;
    do {
        rc = put_manifest_once(prefix, name, image, err);
    } while (rc && try_again(rc, attempt++));
    if (!rc) return SHARDY_OK;
    shardy__error_prefix(err, "manifest %s/%s could not be published: ", prefix->url, name);
    return shardy__recode(err, SHARDY_E_PUBLISH_MANIFEST);
}

static shardy_status put_current(shardy__dir *prefix, const shardy__buf *json, const char *ref,
                                 shardy_error *err) {
    shardy_status rc;
    unsigned attempt = 0;
    do {
        rc = shardy__dir_replace(prefix, CURRENT_NAME, json->data, json->len, err);
    } while (rc && try_again(rc, attempt++));
    if (!rc) return SHARDY_OK;
    shardy__error_prefix(
        err,
        "%s/" CURRENT_NAME " could not be published, manifest_ref=%s is complete: ", prefix->url,
        ref);
    return shardy__recode(err, SHARDY_E_PUBLISH_CURRENT);
}

/* The image of a manifest that has been read back once: nothing is published that could not be
 * loaded. */
static shardy_status make_image(const shardy__manifest *m, shardy__buf *out, shardy_error *err) {
    shardy__manifest back;
    SHARDY_TRY(shardy__manifest_encode(m, out, err));
    shardy_status rc = shardy__manifest_decode(out->data, out->len, &back, err);
    if (rc == SHARDY_E_NO_MEMORY) return rc;
    if (rc) {
        shardy__error_prefix(err, "manifest does not read back: ");
        return shardy__recode(err, SHARDY_E_MANIFEST_BUILD);
    }
    shardy__manifest_free(&back);
    return SHARDY_OK;
}

shardy_status shardy__publish(shardy__dir *prefix, const shardy__manifest *m, char **ref_out,
                              char **published_out, shardy_error *err) {
    shardy__buf image = {0}, json = {0};
    char now[SHARDY__TIME_MAX], updated[SHARDY__TIME_MAX];
    char *name = NULL, *ref = NULL, *published = NULL;
    *ref_out = *published_out = NULL;
    uint64_t wall = shardy__wall_ns();
    shardy__time_text(now, wall, false);
    shardy__time_text(updated, wall, true);
    shardy_status rc = shardy__check_run_id(m->run_id, err);
    if (!rc) rc = make_image(m, &image, err);
    if (rc) goto done;
    name = shardy__format("manifests/%s_run_id=%s/manifest", now, m->run_id);
    ref = name ? shardy__url_join(prefix->url, name) : NULL;
    published = shardy__strdup(updated);
    if (!ref || !published) {
        rc = shardy__fail_nomem(err);
        goto done;
    }
    rc = shardy__current_encode(&(shardy__current){ref, m->run_id, published}, &json, err);
    if (!rc) rc = put_manifest(prefix, name, &image, err);
    if (rc) goto done;
    rc = put_current(prefix, &json, ref, err);
    *ref_out = ref;
    ref = NULL;
    if (rc) goto done;
    *published_out = published;
    published = NULL;
done:
    shardy__free(published);
    shardy__free(ref);
    shardy__free(name);
    shardy__buf_free(&json);
    shardy__buf_free(&image);
    return rc;
}
