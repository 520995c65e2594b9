/* slatedb_fb.c: see slatedb_fb.h. The encoding is described in the "FlatBuffer internals" chapter
 * of the FlatBuffers documentation (flatbuffers.dev).
 */
#include "slatedb/slatedb_fb.h"

#include <string.h>

#include "base/bytes.h"

void shardy__fb_init(shardy__fb *fb, const void *data, size_t len) {
    fb->data = data;
    fb->len = len > INT32_MAX ? 0 : (uint32_t)len;
    fb->bad = len > INT32_MAX ? "size of the buffer" : NULL;
}

static void spoil(shardy__fb *fb, const char *name) {
    if (!fb->bad) fb->bad = name;
}

static bool inside(const shardy__fb *fb, uint64_t pos, uint64_t len) {
    return pos <= fb->len && len <= fb->len - pos;
}

static shardy__fb_table table_at(shardy__fb *fb, uint64_t pos, const char *name) {
    shardy__fb_table t = {0}, none = {0};
    if (fb->bad) return none;
    if (!inside(fb, pos, 4) || pos == 0) goto malformed;
    int64_t vtable = (int64_t)pos - (int32_t)shardy__le32(fb->data + pos);
    if (vtable < 0 || !inside(fb, (uint64_t)vtable, 4)) goto malformed;
    t.pos = (uint32_t)pos;
    t.vtable = (uint32_t)vtable;
    t.vtable_len = shardy__le16(fb->data + vtable);
    t.table_len = shardy__le16(fb->data + vtable + 2);
    if (t.vtable_len < 4 || t.vtable_len % 2 || t.table_len < 4) goto malformed;
    if (!inside(fb, t.vtable, t.vtable_len) || !inside(fb, t.pos, t.table_len)) goto malformed;
    return t;
malformed:
    spoil(fb, name);
    return none;
}

shardy__fb_table shardy__fb_root(shardy__fb *fb) {
    if (!inside(fb, 0, 4)) {
        spoil(fb, "root");
        return (shardy__fb_table){0};
    }
    return table_at(fb, shardy__le32(fb->data), "root");
}

bool shardy__fb_has(shardy__fb *fb, const shardy__fb_table *t, unsigned slot) {
    if (fb->bad || !t->pos || slot + 2 > t->vtable_len) return false;
    return shardy__le16(fb->data + t->vtable + slot) != 0;
}

bool shardy__fb_has_from(shardy__fb *fb, const shardy__fb_table *t, unsigned slot) {
    for (; slot < t->vtable_len; slot += 2) {
        if (shardy__fb_has(fb, t, slot)) return true;
    }
    return false;
}

/* Position of a field of `size` bytes, 0 if it is absent or malformed. */
static uint32_t field(shardy__fb *fb, const shardy__fb_table *t, unsigned slot, uint32_t size,
                      const char *name) {
    if (!shardy__fb_has(fb, t, slot)) return 0;
    uint32_t at = shardy__le16(fb->data + t->vtable + slot);
    if (at < 4 || at + size > t->table_len) {
        spoil(fb, name);
        return 0;
    }
    return t->pos + at;
}

uint8_t shardy__fb_u8(shardy__fb *fb, const shardy__fb_table *t, unsigned slot, const char *name) {
    uint32_t pos = field(fb, t, slot, 1, name);
    return pos ? fb->data[pos] : 0;
}

uint16_t shardy__fb_u16(shardy__fb *fb, const shardy__fb_table *t, unsigned slot,
                        const char *name) {
    uint32_t pos = field(fb, t, slot, 2, name);
    return pos ? shardy__le16(fb->data + pos) : 0;
}

uint32_t shardy__fb_u32(shardy__fb *fb, const shardy__fb_table *t, unsigned slot,
                        const char *name) {
    uint32_t pos = field(fb, t, slot, 4, name);
    return pos ? shardy__le32(fb->data + pos) : 0;
}

uint64_t shardy__fb_u64(shardy__fb *fb, const shardy__fb_table *t, unsigned slot,
                        const char *name) {
    uint32_t pos = field(fb, t, slot, 8, name);
    return pos ? shardy__le64(fb->data + pos) : 0;
}

/* Where a reference field points; a required one that is absent is malformed. */
static uint64_t target(shardy__fb *fb, const shardy__fb_table *t, unsigned slot, const char *name) {
    uint32_t pos = field(fb, t, slot, 4, name);
    if (!pos) {
        spoil(fb, name);
        return 0;
    }
    return (uint64_t)pos + shardy__le32(fb->data + pos);
}

shardy__fb_table shardy__fb_child(shardy__fb *fb, const shardy__fb_table *t, unsigned slot,
                                  const char *name) {
    return table_at(fb, target(fb, t, slot, name), name);
}

shardy__fb_vector shardy__fb_vec(shardy__fb *fb, const shardy__fb_table *t, unsigned slot,
                                 uint32_t item, const char *name) {
    shardy__fb_vector v = {0};
    uint64_t pos = target(fb, t, slot, name);
    if (fb->bad) return v;
    if (inside(fb, pos, 4)) {
        uint32_t count = shardy__le32(fb->data + pos);
        if (inside(fb, pos + 4, (uint64_t)count * item)) {
            v.pos = (uint32_t)pos + 4;
            v.count = count;
            return v;
        }
    }
    spoil(fb, name);
    return v;
}

shardy_slice shardy__fb_bytes(shardy__fb *fb, const shardy__fb_table *t, unsigned slot,
                              const char *name) {
    shardy__fb_vector v = shardy__fb_vec(fb, t, slot, 1, name);
    if (fb->bad) return (shardy_slice){0};
    return (shardy_slice){fb->data + v.pos, v.count};
}

shardy__fb_table shardy__fb_item(shardy__fb *fb, const shardy__fb_vector *v, uint32_t i,
                                 const char *name) {
    if (fb->bad) return (shardy__fb_table){0};
    uint64_t pos = (uint64_t)v->pos + 4 * (uint64_t)i;
    return table_at(fb, pos + shardy__le32(fb->data + pos), name);
}
