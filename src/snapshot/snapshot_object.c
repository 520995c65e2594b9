/* snapshot_object.c: is an object still what the manifest recorded? */
#include <inttypes.h>
#include <xxhash.h>

#include "snapshot/snapshot.h"

#define PIECE (UINT64_C(1) << 20) /* bytes read at once */

static shardy_status hash_source(shardy__source *src, uint64_t *hash, shardy_error *err) {
    XXH3_state_t *state = XXH3_createState();
    if (!state) return shardy__fail_nomem(err);
    XXH3_64bits_reset(state);
    shardy_status rc = SHARDY_OK;
    for (uint64_t at = 0; at < src->size && !rc; at += PIECE) {
        shardy__pin pin;
        uint64_t n = src->size - at < PIECE ? src->size - at : PIECE;
        rc = shardy__source_read(src, at, n, &pin, err);
        if (!rc) XXH3_64bits_update(state, pin.data, pin.len);
        shardy__pin_release(&pin);
    }
    *hash = XXH3_64bits_digest(state);
    XXH3_freeState(state);
    return rc;
}

shardy_status shardy__manifest_object_check(shardy__dir *shard,
                                            const shardy__manifest_object *object,
                                            shardy_error *err) {
    shardy__source *src = NULL;
    uint64_t hash = 0;
    SHARDY_TRY(shardy__dir_open(shard, object->name, 0, &src, err));
    shardy_status rc = SHARDY_OK;
    if (src->size != object->size) {
        rc = shardy__fail(err, SHARDY_E_CORRUPT,
                          "has %" PRIu64 " bytes; the manifest records %" PRIu64, src->size,
                          object->size);
        goto done;
    }
    rc = hash_source(src, &hash, err);
    if (!rc && hash != object->xxh3) {
        rc = shardy__fail(err, SHARDY_E_CORRUPT,
                          "has checksum %016" PRIx64 "; the manifest records %016" PRIx64, hash,
                          object->xxh3);
    }
done:
    shardy__source_close(src);
    return rc;
}
