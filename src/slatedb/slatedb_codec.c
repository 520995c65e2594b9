/* slatedb_codec.c: zstd frames through libzstd (RFC 8878).
 *
 * Each part of an SST is one ordinary frame; slatedb-0.18.0/src/format/sst.rs compresses at level 3
 * and reads any frame. Frames of other writers need not tell their content size, so both forms are
 * decoded.
 */
#include "slatedb/slatedb_codec.h"

#include <stdatomic.h>
#include <zstd.h>

#include "base/alloc.h"

enum { LEVEL = 3, POOL = 16 };

/* A zstd block is at least 4 bytes and holds at most 128 KiB: more is a lie of the frame's header.
 */
#define RATIO_MAX (131072u / 4u)
/* Longest block of rows that a reader can be asked to hold: one value and one key of 2^31 bytes. */
#define PLAIN_MAX (UINT64_C(1) << 32)

struct shardy__sdb_encoder {
    ZSTD_CCtx *ctx;
};

static shardy_status zstd_failed(size_t code, shardy_error *err) {
    return shardy__fail(err, SHARDY_E_INTERNAL, "zstd: %s", ZSTD_getErrorName(code));
}

shardy_status shardy__sdb_encoder_open(shardy__sdb_encoder **out, shardy_error *err) {
    *out = NULL;
    shardy__sdb_encoder *e = shardy__calloc(1, sizeof *e);
    if (!e) return shardy__fail_nomem(err);
    e->ctx = ZSTD_createCCtx();
    if (!e->ctx) {
        shardy__free(e);
        return shardy__fail_nomem(err);
    }
    size_t rc = ZSTD_CCtx_setParameter(e->ctx, ZSTD_c_compressionLevel, LEVEL);
    if (ZSTD_isError(rc)) {
        shardy__sdb_encoder_close(e);
        return zstd_failed(rc, err);
    }
    *out = e;
    return SHARDY_OK;
}

void shardy__sdb_encoder_close(shardy__sdb_encoder *encoder) {
    if (!encoder) return;
    ZSTD_freeCCtx(encoder->ctx);
    shardy__free(encoder);
}

shardy_status shardy__sdb_encode(shardy__sdb_encoder *encoder, const void *data, size_t len,
                                 shardy__buf *out, shardy_error *err) {
    size_t bound = ZSTD_compressBound(len);
    uint8_t *to = shardy__buf_reserve(out, bound);
    if (!to) return shardy__fail_nomem(err);
    size_t rc = ZSTD_compress2(encoder->ctx, to, bound, data, len);
    if (ZSTD_isError(rc)) return zstd_failed(rc, err);
    out->len += rc;
    return SHARDY_OK;
}

shardy_status shardy__sdb_encode_begin(shardy__sdb_encoder *encoder, uint64_t len,
                                       shardy_error *err) {
    size_t rc = ZSTD_CCtx_reset(encoder->ctx, ZSTD_reset_session_only);
    if (!ZSTD_isError(rc)) rc = ZSTD_CCtx_setPledgedSrcSize(encoder->ctx, len);
    return ZSTD_isError(rc) ? zstd_failed(rc, err) : SHARDY_OK;
}

shardy_status shardy__sdb_encode_piece(shardy__sdb_encoder *encoder, const void *data, size_t len,
                                       bool last, shardy__buf *out, shardy_error *err) {
    ZSTD_inBuffer in = {data, len, 0};
    size_t left;
    do {
        size_t room = ZSTD_CStreamOutSize();
        uint8_t *to = shardy__buf_reserve(out, room);
        if (!to) return shardy__fail_nomem(err);
        ZSTD_outBuffer piece = {to, room, 0};
        left = ZSTD_compressStream2(encoder->ctx, &piece, &in, last ? ZSTD_e_end : ZSTD_e_continue);
        if (ZSTD_isError(left)) return zstd_failed(left, err);
        out->len += piece.pos;
    } while (last ? left != 0 : in.pos < in.size);
    return SHARDY_OK;
}

struct shardy__sdb_decoders {
    _Atomic(ZSTD_DCtx *) idle[POOL];
};

shardy_status shardy__sdb_decoders_open(shardy__sdb_decoders **out, shardy_error *err) {
    *out = shardy__calloc(1, sizeof **out);
    return *out ? SHARDY_OK : shardy__fail_nomem(err);
}

void shardy__sdb_decoders_close(shardy__sdb_decoders *decoders) {
    if (!decoders) return;
    for (unsigned i = 0; i < POOL; i++) ZSTD_freeDCtx(atomic_load(&decoders->idle[i]));
    shardy__free(decoders);
}

static ZSTD_DCtx *take(shardy__sdb_decoders *decoders) {
    for (unsigned i = 0; i < POOL; i++) {
        if (!atomic_load_explicit(&decoders->idle[i], memory_order_relaxed)) continue;
        ZSTD_DCtx *ctx = atomic_exchange(&decoders->idle[i], NULL);
        if (ctx) return ctx;
    }
    return ZSTD_createDCtx();
}

static void give_back(shardy__sdb_decoders *decoders, ZSTD_DCtx *ctx) {
    for (unsigned i = 0; i < POOL; i++) {
        ZSTD_DCtx *none = NULL;
        if (atomic_compare_exchange_strong(&decoders->idle[i], &none, ctx)) return;
    }
    ZSTD_freeDCtx(ctx);
}

static shardy_status bad_frame(shardy_error *err, const char *what) {
    return shardy__fail(err, SHARDY_E_CORRUPT, "zstd frame: %s", what);
}

static shardy_status decode_known(ZSTD_DCtx *ctx, const void *data, size_t len, uint64_t plain,
                                  shardy__buf *out, shardy_error *err) {
    if (plain > PLAIN_MAX || plain / RATIO_MAX > len) {
        return bad_frame(err, "content size does not fit the frame");
    }
    uint8_t *to = shardy__buf_reserve(out, (size_t)plain + 1);
    if (!to) return shardy__fail_nomem(err);
    size_t rc = ZSTD_decompressDCtx(ctx, to, (size_t)plain, data, len);
    if (ZSTD_isError(rc)) return bad_frame(err, ZSTD_getErrorName(rc));
    if (rc != plain) return bad_frame(err, "holds less than its content size");
    out->len = rc;
    return SHARDY_OK;
}

/* Streamed by a writer that did not tell the size. */
static shardy_status decode_unknown(ZSTD_DCtx *ctx, const void *data, size_t len, shardy__buf *out,
                                    shardy_error *err) {
    ZSTD_inBuffer in = {data, len, 0};
    size_t rc = ZSTD_DCtx_reset(ctx, ZSTD_reset_session_only);
    while (!ZSTD_isError(rc)) {
        size_t room = ZSTD_DStreamOutSize();
        uint8_t *to = shardy__buf_reserve(out, room);
        if (!to) return shardy__fail_nomem(err);
        ZSTD_outBuffer piece = {to, room, 0};
        rc = ZSTD_decompressStream(ctx, &piece, &in);
        out->len += piece.pos;
        if (rc == 0) return in.pos == len ? SHARDY_OK : bad_frame(err, "bytes behind its end");
        if (out->len > PLAIN_MAX) return bad_frame(err, "holds too much");
        if (!ZSTD_isError(rc) && in.pos == len && piece.pos < room) return bad_frame(err, "is cut");
    }
    return bad_frame(err, ZSTD_getErrorName(rc));
}

shardy_status shardy__sdb_decode(shardy__sdb_decoders *decoders, const void *data, size_t len,
                                 shardy__buf *out, shardy_error *err) {
    shardy__buf_clear(out);
    unsigned long long plain = ZSTD_getFrameContentSize(data, len);
    if (plain == ZSTD_CONTENTSIZE_ERROR) return bad_frame(err, "not a frame");
    ZSTD_DCtx *ctx = take(decoders);
    if (!ctx) return shardy__fail_nomem(err);
    shardy_status rc = plain == ZSTD_CONTENTSIZE_UNKNOWN
                           ? decode_unknown(ctx, data, len, out, err)
                           : decode_known(ctx, data, len, plain, out, err);
    give_back(decoders, ctx);
    return rc;
}
