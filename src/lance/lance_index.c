/* lance_index.c: see lance_index.h.
 *
 * Sources: lance-index-14.0.2/protos/index.proto, lance-14.0.2/src/index/vector/ivf/v2.rs, the
 * Roaring bitmap specification (portable 32-bit form).
 */
#include "lance/lance_index.h"

#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"

static const struct metric {
    const char *name;
    uint32_t number;
} metrics[] = {
    [SHARDY_METRIC_COSINE] = {"cosine", 1},
    [SHARDY_METRIC_L2] = {"l2", 0},
    [SHARDY_METRIC_DOT] = {"dot", 2},
};

static const char *const kinds[] = {
    [SHARDY__LANCE_NO_INDEX] = "none",
    [SHARDY__LANCE_IVF_FLAT] = "IVF_FLAT",
};

const uint8_t shardy__lance_fragment_bitmap[SHARDY__LANCE_BITMAP] = {
    0x3a, 0x30, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 16, 0, 0, 0, 0, 0};

#define COUNT(array) (sizeof(array) / sizeof *(array))

const char *shardy__lance_metric_name(shardy_metric metric) { return metrics[metric].name; }

uint32_t shardy__lance_metric_number(shardy_metric metric) { return metrics[metric].number; }

const char *shardy__lance_index_name(shardy__lance_index_kind kind) {
    return (size_t)kind < COUNT(kinds) ? kinds[kind] : "unknown";
}

static bool equal(shardy_slice text, const char *name) {
    return text.len == strlen(name) && !memcmp(text.data, name, text.len);
}

bool shardy__lance_metric_parse(shardy_slice name, shardy_metric *out) {
    for (size_t i = 0; i < COUNT(metrics); i++) {
        if (!equal(name, metrics[i].name)) continue;
        *out = (shardy_metric)i;
        return true;
    }
    return false;
}

bool shardy__lance_index_parse(shardy_slice name, shardy__lance_index_kind *out) {
    for (size_t i = 1; i < COUNT(kinds); i++) {
        if (!equal(name, kinds[i])) continue;
        *out = (shardy__lance_index_kind)i;
        return true;
    }
    return false;
}

char *shardy__lance_index_object(const uint8_t uuid[16], const char *file) {
    char text[37];
    return shardy__format("_indices/%s/%s", shardy__uuid_dashed(text, uuid), file);
}
