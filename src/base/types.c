/* types.c: names of enums and checks of the vector spec. */
#include "shardyfusion/types.h"

#include <string.h>

#include "base/error.h"
#include "shardyfusion/shardyfusion.h"

struct name_row {
    const char *name;
    int value;
};

#define COUNT(rows) (sizeof(rows) / sizeof *(rows))

static const struct name_row encodings[] = {{"u64be", SHARDY_ENCODING_U64BE},
                                            {"u32be", SHARDY_ENCODING_U32BE},
                                            {"utf8", SHARDY_ENCODING_UTF8},
                                            {"raw", SHARDY_ENCODING_RAW},
                                            {"auto", SHARDY_ENCODING_AUTO}};
static const struct name_row metrics[] = {
    {"cosine", SHARDY_METRIC_COSINE}, {"l2", SHARDY_METRIC_L2}, {"dot_product", SHARDY_METRIC_DOT}};
static const struct name_row index_types[] = {
    {"hnsw", SHARDY_INDEX_HNSW}, {"ivf", SHARDY_INDEX_IVF}, {"flat", SHARDY_INDEX_FLAT}};
static const struct name_row quantizations[] = {{"none", SHARDY_QUANTIZATION_NONE},
                                                {"sq", SHARDY_QUANTIZATION_SQ},
                                                {"fp16", SHARDY_QUANTIZATION_SQ},
                                                {"i8", SHARDY_QUANTIZATION_SQ},
                                                {"default", SHARDY_QUANTIZATION_DEFAULT}};
static const struct name_row compressions[] = {{"none", SHARDY_COMPRESSION_NONE},
                                               {"zstd", SHARDY_COMPRESSION_ZSTD}};

static const char *name_of(const struct name_row *rows, size_t n, int value) {
    for (size_t i = 0; i < n; i++) {
        if (rows[i].value == value) return rows[i].name;
    }
    return "unknown";
}

static shardy_status parse(const struct name_row *rows, size_t n, const char *what,
                           const char *name, int *out, shardy_error *err) {
    for (size_t i = 0; name && i < n; i++) {
        if (!strcmp(rows[i].name, name)) {
            *out = rows[i].value;
            return SHARDY_OK;
        }
    }
    char allowed[200] = "", text[80];
    for (size_t i = 0; i < n; i++) {
        if (i) strcat(allowed, ", ");
        strcat(allowed, rows[i].name);
    }
    return shardy__fail(err, SHARDY_E_CONFIG, "%s %s is unknown; it must be one of %s", what,
                        shardy__quote(text, sizeof text, name ? name : "", name ? strlen(name) : 0),
                        allowed);
}

const char *shardy_key_encoding_name(shardy_key_encoding v) {
    return name_of(encodings, COUNT(encodings), (int)v);
}
const char *shardy_metric_name(shardy_metric v) { return name_of(metrics, COUNT(metrics), (int)v); }
const char *shardy_index_type_name(shardy_index_type v) {
    return name_of(index_types, COUNT(index_types), (int)v);
}
const char *shardy_quantization_name(shardy_quantization v) {
    return name_of(quantizations, COUNT(quantizations), (int)v);
}
const char *shardy_compression_name(shardy_compression v) {
    return name_of(compressions, COUNT(compressions), (int)v);
}

static shardy_status no_out(const char *what, shardy_error *err) {
    return shardy__fail(err, SHARDY_E_ARGUMENT, "%s: out is NULL", what);
}

#define DEFINE_PARSE(type, rows, what)                                                             \
    shardy_status shardy_##type##_parse(const char *name, shardy_##type *out, shardy_error *err) { \
        int value = 0;                                                                             \
        if (!out) return no_out(what, err);                                                        \
        SHARDY_TRY(parse(rows, COUNT(rows), what, name, &value, err));                             \
        *out = (shardy_##type)value;                                                               \
        return SHARDY_OK;                                                                          \
    }
DEFINE_PARSE(key_encoding, encodings, "key encoding")
DEFINE_PARSE(metric, metrics, "vector_spec.metric")
DEFINE_PARSE(index_type, index_types, "vector_spec.index_type")
DEFINE_PARSE(compression, compressions, "compression")

shardy_status shardy_quantization_parse(const char *name, shardy_quantization *out,
                                        shardy_error *err) {
    static const char what[] = "vector_spec.quantization";
    int value = 0;
    if (!out) return no_out(what, err);
    if (!name || !*name) {
        *out = SHARDY_QUANTIZATION_DEFAULT;
        return SHARDY_OK;
    }
    if (!strcmp(name, "pq")) {
        return shardy__fail(err, SHARDY_E_UNSUPPORTED,
                            "vector_spec.quantization \"pq\" needs the official lancedb engine, "
                            "which this build does not drive; use \"sq\" or \"none\"");
    }
    SHARDY_TRY(parse(quantizations, COUNT(quantizations), what, name, &value, err));
    *out = (shardy_quantization)value;
    return SHARDY_OK;
}

/* Index parameters; 0 in a spec is "not given". */
static const struct param_row {
    const char *name;
    size_t offset;
} params[] = {{"M", offsetof(shardy_vector_spec, m)},
              {"ef_construction", offsetof(shardy_vector_spec, ef_construction)},
              {"num_partitions", offsetof(shardy_vector_spec, num_partitions)},
              {"ef", offsetof(shardy_vector_spec, ef)},
              {"nprobes", offsetof(shardy_vector_spec, nprobes)},
              {"refine_factor", offsetof(shardy_vector_spec, refine_factor)}};

static shardy_status check_param(const char *name, int64_t value, shardy_error *err) {
    if (value >= 1 && value <= INT32_MAX) return SHARDY_OK;
    return shardy__fail(err, SHARDY_E_CONFIG,
                        "vector_spec.index_params[\"%s\"] is %lld; it must be %s", name,
                        (long long)value, value < 1 ? ">= 1" : "<= 2147483647");
}

shardy_status shardy_vector_spec_set_param(shardy_vector_spec *spec, const char *name,
                                           int64_t value, shardy_error *err) {
    if (!spec || !name) {
        return shardy__fail(err, SHARDY_E_ARGUMENT, "vector spec or name of a parameter is NULL");
    }
    for (size_t i = 0; i < COUNT(params); i++) {
        if (strcmp(params[i].name, name)) continue;
        SHARDY_TRY(check_param(name, value, err));
        uint32_t v = (uint32_t)value;
        memcpy((char *)spec + params[i].offset, &v, sizeof v);
        return SHARDY_OK;
    }
    char text[80];
    return shardy__fail(err, SHARDY_E_CONFIG,
                        "vector_spec.index_params has no parameter %s; known are M, "
                        "ef_construction, num_partitions, ef, nprobes, refine_factor",
                        shardy__quote(text, sizeof text, name, strlen(name)));
}

static shardy_status check_params(const shardy_vector_spec *spec, shardy_error *err) {
    for (size_t i = 0; i < COUNT(params); i++) {
        uint32_t v;
        memcpy(&v, (const char *)spec + params[i].offset, sizeof v);
        if (v) SHARDY_TRY(check_param(params[i].name, v, err));
    }
    return SHARDY_OK;
}

shardy_status shardy_vector_spec_check(const shardy_vector_spec *spec, shardy_error *err) {
    if (!spec) return shardy__fail(err, SHARDY_E_ARGUMENT, "vector spec is NULL");
    if (spec->size != sizeof *spec) {
        return shardy__fail(err, SHARDY_E_ARGUMENT, "vector spec has an unknown size %zu",
                            spec->size);
    }
    if (spec->dim < 1 || spec->dim > SHARDY_DIM_MAX) {
        return shardy__fail(err, SHARDY_E_CONFIG, "vector.dim must be > 0 and <= %u, got %u",
                            SHARDY_DIM_MAX, spec->dim);
    }
    if (spec->metric < SHARDY_METRIC_COSINE || spec->metric > SHARDY_METRIC_DOT) {
        return shardy__fail(err, SHARDY_E_CONFIG,
                            "vector_spec.metric must be one of cosine, l2, dot_product, got %d",
                            (int)spec->metric);
    }
    if (spec->index_type < SHARDY_INDEX_HNSW || spec->index_type > SHARDY_INDEX_FLAT) {
        return shardy__fail(err, SHARDY_E_CONFIG,
                            "vector_spec.index_type must be one of hnsw, ivf, flat, got %d",
                            (int)spec->index_type);
    }
    if (spec->quantization < SHARDY_QUANTIZATION_DEFAULT ||
        spec->quantization > SHARDY_QUANTIZATION_SQ) {
        return shardy__fail(err, SHARDY_E_CONFIG,
                            "vector_spec.quantization must be one of none, sq, fp16, i8, got %d",
                            (int)spec->quantization);
    }
    return check_params(spec, err);
}

const char *shardy_version(void) { return SHARDY_VERSION; }
