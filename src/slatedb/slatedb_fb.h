/* slatedb_fb.h: reading flatbuffers that nobody has checked.
 *
 * Every position is checked against the buffer before it is used. The first malformed thing is
 * remembered in `bad` by the name of its field; from then on everything reads as absent, so that a
 * parser looks at `bad` once at the end and inside its loops.
 */
#ifndef SHARDY_SLATEDB_FB_H
#define SHARDY_SLATEDB_FB_H

#include "shardyfusion/types.h"

typedef struct shardy__fb {
    const uint8_t *data;
    uint32_t len;
    const char *bad; /* static text, or NULL */
} shardy__fb;

typedef struct shardy__fb_table {
    uint32_t pos, vtable; /* positions in the buffer; pos 0: absent */
    uint16_t vtable_len, table_len;
} shardy__fb_table;

typedef struct shardy__fb_vector {
    uint32_t pos, count; /* position of item 0 */
} shardy__fb_vector;

void shardy__fb_init(shardy__fb *fb, const void *data, size_t len);
shardy__fb_table shardy__fb_root(shardy__fb *fb);

/* `slot` is the place of the field's entry in the vtable, in bytes: 4, 6, 8, ... */
bool shardy__fb_has(shardy__fb *fb, const shardy__fb_table *t, unsigned slot);
/* True if an entry from `slot` on is set: a field that a newer version added. */
bool shardy__fb_has_from(shardy__fb *fb, const shardy__fb_table *t, unsigned slot);

uint8_t shardy__fb_u8(shardy__fb *fb, const shardy__fb_table *t, unsigned slot, const char *name);
uint16_t shardy__fb_u16(shardy__fb *fb, const shardy__fb_table *t, unsigned slot, const char *name);
uint32_t shardy__fb_u32(shardy__fb *fb, const shardy__fb_table *t, unsigned slot, const char *name);
uint64_t shardy__fb_u64(shardy__fb *fb, const shardy__fb_table *t, unsigned slot, const char *name);

/* The required table, vector (of items of `item` bytes) or bytes that a field refers to. */
shardy__fb_table shardy__fb_child(shardy__fb *fb, const shardy__fb_table *t, unsigned slot,
                                  const char *name);
shardy__fb_vector shardy__fb_vec(shardy__fb *fb, const shardy__fb_table *t, unsigned slot,
                                 uint32_t item, const char *name);
shardy_slice shardy__fb_bytes(shardy__fb *fb, const shardy__fb_table *t, unsigned slot,
                              const char *name);
/* Item i < count of a vector of tables. */
shardy__fb_table shardy__fb_item(shardy__fb *fb, const shardy__fb_vector *v, uint32_t i,
                                 const char *name);

#endif
