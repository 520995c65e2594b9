/* slatedb_codec.h: compression of the parts of an SST (zstd, one frame per part). */
#ifndef SHARDY_SLATEDB_CODEC_H
#define SHARDY_SLATEDB_CODEC_H

#include "base/buf.h"
#include "slatedb/slatedb_format.h"

/* ---- compressing: one context, used by one thread ---- */

typedef struct shardy__sdb_encoder shardy__sdb_encoder;
shardy_status shardy__sdb_encoder_open(shardy__sdb_encoder **out, shardy_error *err);
void shardy__sdb_encoder_close(shardy__sdb_encoder *encoder); /* NULL is allowed */

/* Append one frame holding data to `out`. */
shardy_status shardy__sdb_encode(shardy__sdb_encoder *encoder, const void *data, size_t len,
                                 shardy__buf *out, shardy_error *err);

/* The same for data that comes in pieces: begin with the total length, then each piece in order;
 * `last` ends the frame. Compressed bytes are appended to `out` as they come. */
shardy_status shardy__sdb_encode_begin(shardy__sdb_encoder *encoder, uint64_t len,
                                       shardy_error *err);
shardy_status shardy__sdb_encode_piece(shardy__sdb_encoder *encoder, const void *data, size_t len,
                                       bool last, shardy__buf *out, shardy_error *err);

/* ---- decompressing: a small set of contexts, used by any number of threads ---- */

typedef struct shardy__sdb_decoders shardy__sdb_decoders;
shardy_status shardy__sdb_decoders_open(shardy__sdb_decoders **out, shardy_error *err);
void shardy__sdb_decoders_close(shardy__sdb_decoders *decoders); /* NULL is allowed */

/* Replace out's contents by what the frame holds. SHARDY_E_CORRUPT without an object's name: the
 * caller puts one in front. */
shardy_status shardy__sdb_decode(shardy__sdb_decoders *decoders, const void *data, size_t len,
                                 shardy__buf *out, shardy_error *err);

#endif
