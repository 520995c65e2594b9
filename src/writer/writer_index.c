/* writer_index.c: which vector index a build makes, and the vector table of a shard.
 *
 * Partition counts follow the shard size. With several partitions the centroids are trained once,
 * on a sample over all shards (routing by hash makes every shard a random sample of the rows, so
 * one set of centroids serves all). With one partition the centroid is the mean of the shard's own
 * vectors.
 */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "vec/vec.h"
#include "writer/writer_impl.h"

#define ROWS_PER_PARTITION 4096 /* Lance's target for IVF_FLAT, so that its readers probe alike */
#define MAX_PARTITIONS 4096
#define SAMPLE_PER_PARTITION 256
#define ASSIGN_BLOCK 1024

/* ---- the plan ---- */

static uint32_t choose_partitions(const shardy_writer *w) {
    if (w->spec.index_type == SHARDY_INDEX_FLAT) return 1;
    /* HNSW means one graph per shard; until graphs are built it is one exact partition. */
    if (w->spec.index_type == SHARDY_INDEX_HNSW) return 1;
    if (w->spec.num_partitions) return w->spec.num_partitions;
    uint64_t per_shard = w->rows / w->options.num_dbs / ROWS_PER_PARTITION;
    return per_shard < 1 ? 1 : per_shard > MAX_PARTITIONS ? MAX_PARTITIONS : (uint32_t)per_shard;
}

static const char *plan_note(const shardy_vector_spec *spec) {
    if (spec->index_type == SHARDY_INDEX_HNSW) {
        return "HNSW graphs are not built by this version; the index is exact (IVF_FLAT, one "
               "partition)";
    }
    if (spec->index_type == SHARDY_INDEX_IVF && spec->quantization != SHARDY_QUANTIZATION_NONE) {
        return "scalar quantisation is not built by this version; the index keeps float32 "
               "(IVF_FLAT)";
    }
    if (spec->index_type == SHARDY_INDEX_FLAT && spec->quantization == SHARDY_QUANTIZATION_SQ) {
        return "index_type flat keeps float32; quantization has no effect";
    }
    return NULL;
}

/* The form in which a vector is indexed. */
static void index_form(const shardy_writer *w, const float *v, float *dst) {
    if (w->spec.metric == SHARDY_METRIC_COSINE) {
        shardy__vec_normalise(dst, v, w->spec.dim);
    } else {
        memcpy(dst, v, w->spec.dim * sizeof *dst);
    }
}

/* Every stride-th row over all shards, at most `want` of them. */
static uint64_t take_sample(const shardy_writer *w, uint64_t want, float *sample) {
    uint64_t stride = (w->rows + want - 1) / want, n = 0, skip = 0;
    for (uint32_t s = 0; s < w->options.num_dbs; s++) {
        const shardy__rows *rows = &w->shards[s];
        uint64_t row = skip;
        for (; row < rows->n && n < want; row += stride) {
            index_form(w, shardy__rows_vector(rows, (uint32_t)row), sample + n++ * w->spec.dim);
        }
        skip = row >= rows->n ? row - rows->n : 0;
    }
    return n;
}

shardy_status shardy__index_plan_make(shardy_writer *w, shardy__index_plan *plan,
                                      shardy_error *err) {
    memset(plan, 0, sizeof *plan);
    if (!w->spec.dim) return SHARDY_OK;
    uint32_t dim = w->spec.dim, partitions = choose_partitions(w);
    float *sample = NULL;
    shardy_status rc = SHARDY_OK;
    plan->kind = SHARDY__LANCE_IVF_FLAT;
    plan->note = plan_note(&w->spec);
    plan->partitions = 1;
    if (plan->note) shardy__log_write(&w->log, SHARDY__LOG_WARNING, "vector index: %s", plan->note);
    if (partitions > w->rows) partitions = (uint32_t)w->rows;
    if (partitions <= 1) return SHARDY_OK;
    uint64_t want = (uint64_t)partitions * SAMPLE_PER_PARTITION;
    if (want > w->rows) want = w->rows;
    sample = shardy__realloc_array(NULL, want * dim, sizeof *sample);
    plan->centroids = shardy__realloc_array(NULL, (size_t)partitions * dim, sizeof(float));
    if (!sample || !plan->centroids) {
        rc = shardy__fail_nomem(err);
        goto done;
    }
    uint64_t n = take_sample(w, want, sample);
    shardy__kmeans_options options = {.k = partitions, .threads = w->options.threads, .seed = 42};
    rc = shardy__kmeans(sample, n, dim, &options, plan->centroids, &plan->partitions, NULL, err);
done:
    shardy__free(sample);
    if (rc) shardy__index_plan_free(plan);
    return rc;
}

void shardy__index_plan_free(shardy__index_plan *plan) {
    shardy__free(plan->centroids);
    plan->centroids = NULL;
}

/* ---- a shard's table ---- */

/* Rows of the table are the shard's rows in stored order; entries of the index are those rows
 * grouped by partition. */
struct table {
    const shardy_writer *w;
    const shardy__rows *rows;
    const uint32_t *order;
    uint32_t n;
    uint64_t *row_ids; /* entry -> table row */
    uint64_t *lengths;
    float *centroids; /* own mean, or NULL: the plan's */
    float *form;      /* one vector in indexed form */
    double loss;
};

static shardy_slice row_id(void *ctx, uint64_t row) {
    struct table *t = ctx;
    const shardy__vector_entry *e = &t->rows->vectors[t->order[row]];
    return (shardy_slice){e->id, e->id_len};
}

static const float *row_vector(void *ctx, uint64_t row) {
    struct table *t = ctx;
    return shardy__rows_vector(t->rows, t->order[row]);
}

static shardy_slice row_payload(void *ctx, uint64_t row) {
    struct table *t = ctx;
    const shardy__vector_entry *e = &t->rows->vectors[t->order[row]];
    return (shardy_slice){e->payload, e->payload_len};
}

static const float *entry_vector(void *ctx, uint64_t entry) {
    struct table *t = ctx;
    const float *v = row_vector(t, t->row_ids[entry]);
    if (t->w->spec.metric != SHARDY_METRIC_COSINE) return v;
    index_form(t->w, v, t->form);
    return t->form;
}

/* One partition: its centroid is the mean, and all rows are its entries. */
static shardy_status one_partition(struct table *t, shardy_error *err) {
    uint32_t dim = t->w->spec.dim;
    shardy_status rc = SHARDY_OK;
    double *sum = shardy__calloc(dim, sizeof *sum);
    t->centroids = shardy__calloc(dim, sizeof *t->centroids);
    if (!sum || !t->centroids) {
        rc = shardy__fail_nomem(err);
        goto done;
    }
    for (uint32_t i = 0; i < t->n; i++) {
        t->row_ids[i] = i;
        const float *v = entry_vector(t, i);
        for (uint32_t d = 0; d < dim; d++) sum[d] += (double)v[d];
    }
    for (uint32_t d = 0; d < dim; d++) t->centroids[d] = (float)(sum[d] / t->n);
    for (uint32_t i = 0; i < t->n; i++) {
        t->loss += (double)shardy__vec_kernels_get()->l2(entry_vector(t, i), t->centroids, dim);
    }
    t->lengths[0] = t->n;
done:
    shardy__free(sum);
    return rc;
}

/* Group the rows by the plan's partitions: assign in blocks, then a stable counting sort. */
static shardy_status many_partitions(struct table *t, const shardy__index_plan *plan,
                                     shardy_error *err) {
    uint32_t dim = t->w->spec.dim, k = plan->partitions;
    shardy_status rc = SHARDY_OK;
    float *block = shardy__realloc_array(NULL, (size_t)ASSIGN_BLOCK * dim, sizeof *block);
    uint32_t *partition = shardy__realloc_array(NULL, t->n, sizeof *partition);
    uint64_t *at = shardy__calloc(k, sizeof *at);
    if (!block || !partition || !at) {
        rc = shardy__fail_nomem(err);
        goto done;
    }
    for (uint32_t from = 0; from < t->n && !rc; from += ASSIGN_BLOCK) {
        uint32_t n = t->n - from < ASSIGN_BLOCK ? t->n - from : ASSIGN_BLOCK;
        double loss;
        for (uint32_t i = 0; i < n; i++) {
            index_form(t->w, row_vector(t, from + i), block + (size_t)i * dim);
        }
        rc = shardy__vec_assign(t->w->spec.metric, block, n, dim, plan->centroids, k, 1,
                                partition + from, &loss, err);
        if (!rc) t->loss += loss;
    }
    if (rc) goto done;
    for (uint32_t i = 0; i < t->n; i++) t->lengths[partition[i]]++;
    for (uint32_t p = 1; p < k; p++) at[p] = at[p - 1] + t->lengths[p - 1];
    for (uint32_t i = 0; i < t->n; i++) t->row_ids[at[partition[i]]++] = i;
done:
    shardy__free(block);
    shardy__free(partition);
    shardy__free(at);
    return rc;
}

shardy_status shardy__vector_table_write(shardy__dir *dir, const shardy_writer *w,
                                         const shardy__rows *rows, const uint32_t *order,
                                         uint32_t n, const shardy__index_plan *plan,
                                         shardy_error *err) {
    struct table t = {.w = w, .rows = rows, .order = order, .n = n};
    shardy_status rc = SHARDY_OK;
    t.row_ids = shardy__realloc_array(NULL, n, sizeof *t.row_ids);
    t.lengths = shardy__calloc(plan->partitions, sizeof *t.lengths);
    t.form = shardy__realloc_array(NULL, w->spec.dim, sizeof *t.form);
    if (!t.row_ids || !t.lengths || !t.form) {
        rc = shardy__fail_nomem(err);
        goto done;
    }
    rc = plan->centroids ? many_partitions(&t, plan, err) : one_partition(&t, err);
    if (rc) goto done;
    shardy__lance_rows table_rows = {n, w->spec.dim, &t, row_id, row_vector, row_payload};
    shardy__lance_ivf ivf = {.kind = plan->kind,
                             .metric = w->spec.metric,
                             .partitions = plan->partitions,
                             .centroids = plan->centroids ? plan->centroids : t.centroids,
                             .lengths = t.lengths,
                             .row_ids = t.row_ids,
                             .loss = isfinite(t.loss) ? t.loss : 0,
                             .vector = entry_vector,
                             .ctx = &t};
    shardy__lance_options options = {0};
    rc = shardy__lance_write(dir, &table_rows, &ivf, &options, err);
done:
    shardy__free(t.row_ids);
    shardy__free(t.lengths);
    shardy__free(t.centroids);
    shardy__free(t.form);
    return rc;
}
