/* writer_sort.c: the order in which a shard's rows are stored.
 *
 * A stable sort of (8 key bytes as a big-endian number, row number) pairs. The window of 8 bytes
 * begins behind the prefix that all keys share. Large ranges go through a least-significant-digit
 * radix sort that skips bytes in which all keys agree; ranges that stay equal over the window are
 * sorted again 8 bytes further on, or by comparison when they are small or some key ends inside the
 * window.
 */
#include <string.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "writer/writer_rows.h"

struct item {
    uint64_t window;
    uint32_t row;
};

struct sorter {
    const shardy__row_entry *entries;
    struct item *items, *scratch;
};

static uint64_t window_at(const shardy__row_entry *e, uint32_t depth) {
    uint8_t bytes[8] = {0};
    if (e->key_len >= depth + 8) return shardy__be64(e->key + depth);
    if (e->key_len > depth) memcpy(bytes, e->key + depth, e->key_len - depth);
    return shardy__be64(bytes);
}

static int compare(const shardy__row_entry *a, const shardy__row_entry *b) {
    return shardy__slice_cmp(a->key, a->key_len, b->key, b->key_len);
}

/* Stable merge sort by whole keys; insertion sort for short runs. */
static void sort_by_key(struct sorter *s, size_t from, size_t n) {
    struct item *v = s->items + from;
    const shardy__row_entry *e = s->entries;
    if (n <= 16) {
        for (size_t i = 1; i < n; i++) {
            struct item x = v[i];
            size_t j = i;
            while (j && compare(&e[v[j - 1].row], &e[x.row]) > 0) {
                v[j] = v[j - 1];
                j--;
            }
            v[j] = x;
        }
        return;
    }
    size_t half = n / 2;
    sort_by_key(s, from, half);
    sort_by_key(s, from + half, n - half);
    if (compare(&e[v[half - 1].row], &e[v[half].row]) <= 0) return;
    memcpy(s->scratch, v, half * sizeof *v);
    size_t i = 0, j = half, o = 0;
    while (i < half && j < n) {
        v[o++] = compare(&e[v[j].row], &e[s->scratch[i].row]) < 0 ? v[j++] : s->scratch[i++];
    }
    while (i < half) v[o++] = s->scratch[i++];
}

/* Stable radix sort of a range by window. */
static void sort_by_window(struct sorter *s, size_t from, size_t n) {
    struct item *a = s->items + from, *b = s->scratch;
    uint64_t ones = 0, zeros = 0;
    for (size_t i = 0; i < n; i++) {
        ones |= a[i].window;
        zeros |= ~a[i].window;
    }
    uint64_t differ = ones & zeros;
    for (unsigned shift = 0; shift < 64; shift += 8) {
        if (!(differ >> shift & 0xff)) continue;
        size_t start[256] = {0}, at = 0;
        for (size_t i = 0; i < n; i++) start[a[i].window >> shift & 0xff]++;
        for (int d = 0; d < 256; d++) {
            size_t count = start[d];
            start[d] = at;
            at += count;
        }
        for (size_t i = 0; i < n; i++) b[start[a[i].window >> shift & 0xff]++] = a[i];
        struct item *t = a;
        a = b;
        b = t;
    }
    if (a != s->items + from) memcpy(s->items + from, a, n * sizeof *a);
}

static void sort_range(struct sorter *s, size_t from, size_t n, uint32_t depth) {
    if (n < 64) {
        sort_by_key(s, from, n);
        return;
    }
    for (size_t i = from; i < from + n; i++) {
        s->items[i].window = window_at(&s->entries[s->items[i].row], depth);
    }
    sort_by_window(s, from, n);
    for (size_t i = from, end = from + n; i < end;) {
        size_t j = i + 1;
        bool all_longer = s->entries[s->items[i].row].key_len >= depth + 8;
        while (j < end && s->items[j].window == s->items[i].window) {
            all_longer &= s->entries[s->items[j].row].key_len >= depth + 8;
            j++;
        }
        if (j - i > 1) {
            if (all_longer) {
                sort_range(s, i, j - i, depth + 8);
            } else {
                sort_by_key(s, i, j - i);
            }
        }
        i = j;
    }
}

static uint32_t common_prefix(const shardy__row_entry *e, uint32_t n) {
    uint32_t len = e[0].key_len;
    for (uint32_t i = 1; i < n && len; i++) {
        uint32_t max = e[i].key_len < len ? e[i].key_len : len, k = 0;
        while (k < max && e[i].key[k] == e[0].key[k]) k++;
        len = k;
    }
    return len;
}

/* Of each run of equal keys keep the last, which arrived last because the sort is stable. Equal
 * keys went through the same ranges, so they have the same window: comparing windows first leaves
 * the keys, which lie all over the memory, alone (random order: 16 ms of 70 per 200,000 rows). */
static uint32_t keep_last(const shardy__row_entry *e, const struct item *items, uint32_t n,
                          uint32_t *order) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (i + 1 < n && items[i].window == items[i + 1].window &&
            !compare(&e[items[i].row], &e[items[i + 1].row])) {
            continue;
        }
        order[kept++] = items[i].row;
    }
    return kept;
}

shardy_status shardy__rows_order(const shardy__rows *rows, uint32_t **out, uint32_t *n_out,
                                 shardy_error *err) {
    uint32_t n = rows->n;
    shardy_status rc = SHARDY_OK;
    struct sorter s = {rows->entries, NULL, NULL};
    *out = NULL;
    *n_out = 0;
    uint32_t *order = shardy__realloc_array(NULL, n, sizeof *order);
    if (!order) return shardy__fail_nomem(err);
    if (!rows->unsorted) {
        for (uint32_t i = 0; i < n; i++) order[i] = i;
        *n_out = n;
        goto done;
    }
    s.items = shardy__realloc_array(NULL, n, sizeof *s.items);
    s.scratch = shardy__realloc_array(NULL, n, sizeof *s.scratch);
    if (!s.items || !s.scratch) {
        rc = shardy__fail_nomem(err);
        goto done;
    }
    for (uint32_t i = 0; i < n; i++) s.items[i] = (struct item){0, i};
    sort_range(&s, 0, n, common_prefix(rows->entries, n));
    *n_out = keep_last(rows->entries, s.items, n, order);
done:
    shardy__free(s.items);
    shardy__free(s.scratch);
    if (rc) {
        shardy__free(order);
    } else {
        *out = order;
    }
    return rc;
}
