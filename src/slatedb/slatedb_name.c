/* slatedb_name.c: ULIDs and the object names made of them.
 *
 * The text form is Crockford's base 32 of the 128 bits, most significant digit first, as
 * ulid/spec (github.com/ulid/spec) defines it; slatedb-0.18.0/src/paths.rs names the objects.
 */
#include <string.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "slatedb/slatedb_format.h"

static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

const char *shardy__sdb_sst_name(char out[SHARDY__SDB_SST_NAME_MAX], shardy__sdb_ulid ulid) {
    static const char folder[] = "compacted/";
    char *p = out;
    memcpy(p, folder, sizeof folder - 1);
    p += sizeof folder - 1;
    for (unsigned i = 0; i < 26; i++) {
        unsigned shift = 5 * (25 - i); /* of the digit's lowest bit among the 128 */
        uint64_t v = shift >= 64   ? ulid.high >> (shift - 64)
                     : shift == 60 ? ulid.low >> 60 | ulid.high << 4
                                   : ulid.low >> shift;
        *p++ = digits[v & 31];
    }
    memcpy(p, ".sst", 5);
    return out;
}

shardy_status shardy__sdb_ulid_new(shardy__sdb_ulid *out, shardy_error *err) {
    uint8_t random[10];
    SHARDY_TRY(shardy__random(random, sizeof random, err));
    uint64_t ms = shardy__wall_ns() / 1000000u;
    out->high = ms << 16 | shardy__be16(random);
    out->low = shardy__be64(random + 2);
    return SHARDY_OK;
}

shardy__sdb_ulid shardy__sdb_ulid_next(shardy__sdb_ulid ulid) {
    ulid.low++;
    if (!ulid.low) ulid.high++;
    return ulid;
}
