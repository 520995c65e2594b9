/* lance_write.c: shardy__lance_write: checks what it is given, fills in what is not, and writes the
 * parts in the order in which they may become visible, the manifest last.
 */
#include "lance/lance_write.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"

static shardy_status check_input(const shardy__lance_rows *rows, const shardy__lance_ivf *ivf,
                                 shardy_error *err) {
    if (rows->dim < 1 || rows->dim > SHARDY_DIM_MAX) {
        return shardy__fail(err, SHARDY_E_ARGUMENT, "vector table: dim is %u, allowed are 1..%u",
                            rows->dim, SHARDY_DIM_MAX);
    }
    if (rows->count > UINT32_MAX) { /* row addresses have 32 bits per fragment */
        return shardy__fail(err, SHARDY_E_LIMIT, "vector table: %llu rows, at most %u are allowed",
                            (unsigned long long)rows->count, UINT32_MAX);
    }
    if (!ivf) return SHARDY_OK;
    if (ivf->kind != SHARDY__LANCE_IVF_FLAT || ivf->partitions < 1) {
        return shardy__fail(err, SHARDY_E_ARGUMENT, "vector index: kind %s with %u partitions",
                            shardy__lance_index_name(ivf->kind), ivf->partitions);
    }
    return SHARDY_OK;
}

static shardy_status fill_plan(shardy__lance_plan *plan, const shardy__lance_options *options,
                               char fresh_name[48], shardy_error *err) {
    static const uint8_t none[16];
    uint8_t uuid[16];
    char hex[33];
    plan->version = options->version ? options->version : "14.0.2";
    plan->wall_ns = options->wall_ns ? options->wall_ns : shardy__wall_ns();
    memcpy(plan->uuid, options->index_uuid, 16);
    if (!memcmp(plan->uuid, none, 16)) SHARDY_TRY(shardy__uuid4(plan->uuid, err));
    plan->data_name = options->data_name;
    if (plan->data_name) return SHARDY_OK;
    SHARDY_TRY(shardy__uuid4(uuid, err));
    snprintf(fresh_name, 48, "%s.lance", shardy__uuid_hex(hex, uuid));
    plan->data_name = fresh_name;
    return SHARDY_OK;
}

shardy_status shardy__lance_write(shardy__dir *dir, const shardy__lance_rows *rows,
                                  const shardy__lance_ivf *ivf,
                                  const shardy__lance_options *options, shardy_error *err) {
    static const shardy__lance_options defaults;
    char fresh_name[48];
    if (!rows->count || (ivf && ivf->kind == SHARDY__LANCE_NO_INDEX)) ivf = NULL;
    SHARDY_TRY(check_input(rows, ivf, err));
    shardy__lance_plan plan = {.rows = rows, .ivf = ivf};
    SHARDY_TRY(fill_plan(&plan, options ? options : &defaults, fresh_name, err));
    if (rows->count) SHARDY_TRY(shardy__lance_write_data(dir, &plan, err));
    if (ivf) SHARDY_TRY(shardy__lance_write_index(dir, &plan, err));
    return shardy__lance_write_manifest(dir, &plan, err);
}
