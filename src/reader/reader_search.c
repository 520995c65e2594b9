/* reader_search.c: nearest neighbours over shards.
 *
 * Each shard gives its best candidates by single-precision distance over the index's vectors, a few
 * more than asked for; those are scored again in double precision on the vectors as they were
 * stored, and the best of all shards win. Ids, payloads and vectors are touched for winners only
 * and borrowed from the mapped table.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "reader/reader_impl.h"
#include "vec/vec.h"

#define DEFAULT_TOP_K 10
#define MAX_TOP_K 100000u
/* Candidates beyond k, so that rounding in single precision cannot push a winner out. */
#define SPARE 16

struct candidate {
    double score;
    uint32_t db_id;
    uint64_t row;
    const shardy__lance *table;
};

struct shard_task {
    struct candidate *found; /* owned, ascending by score */
    uint32_t n;
    uint64_t distances;
};

struct search {
    shardy__reader_state *state;
    const float *query;       /* as given */
    float *unit;              /* in the index's form */
    uint32_t dim, k, nprobes; /* nprobes 0: all */
    const uint32_t *shards;
    struct shard_task *tasks;
};

struct result {
    shardy_search_result base;
    shardy__reader_state *state;
    shardy_hit hits[];
};

/* ---- one shard ---- */

static shardy_status scan_index(const struct search *s, const shardy__lance_index *index,
                                shardy__topk *top, uint64_t *distances, shardy_error *err) {
    uint32_t n = s->nprobes && s->nprobes < index->partitions ? s->nprobes : index->partitions;
    uint32_t *probes = NULL;
    if (n < index->partitions) {
        probes = shardy__realloc_array(NULL, n, sizeof *probes);
        if (!probes) return shardy__fail_nomem(err);
        shardy_status rc = shardy__vec_probe(index->metric, s->unit, index->centroids,
                                             index->partitions, s->dim, n, probes, err);
        if (rc) {
            shardy__free(probes);
            return rc;
        }
    }
    for (uint32_t i = 0; i < n; i++) {
        uint32_t p = probes ? probes[i] : i;
        uint64_t from = index->offsets[p], count = index->offsets[p + 1] - from;
        shardy__vec_scan(index->metric, s->unit, index->vectors + from * s->dim,
                         index->row_ids + from, 0, count, s->dim, top);
        *distances += count;
    }
    shardy__free(probes);
    return SHARDY_OK;
}

static int by_score(const void *a, const void *b) {
    const struct candidate *x = a, *y = b;
    if (x->score != y->score) return x->score < y->score ? -1 : 1;
    shardy_slice i = shardy__lance_id(x->table, x->row), j = shardy__lance_id(y->table, y->row);
    int c = shardy__slice_cmp(i.data, i.len, j.data, j.len);
    if (c) return c;
    if (x->db_id != y->db_id) return x->db_id < y->db_id ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

static shardy_status rescore(const struct search *s, const shardy__lance *table, uint32_t db_id,
                             const shardy__topk *top, struct shard_task *t, shardy_error *err) {
    const float *vectors = shardy__lance_vectors(table);
    shardy_metric metric = s->state->loaded.manifest.metric;
    t->found = shardy__realloc_array(NULL, top->n, sizeof *t->found);
    if (!t->found) return shardy__fail_nomem(err);
    for (uint32_t i = 0; i < top->n; i++) {
        uint64_t row = top->items[i].row;
        double score = shardy__vec_distance_exact(metric, s->query, vectors + row * s->dim, s->dim);
        t->found[t->n++] = (struct candidate){score, db_id, row, table};
    }
    t->distances += t->n;
    if (t->n) qsort(t->found, t->n, sizeof *t->found, by_score);
    if (t->n > s->k) t->n = s->k;
    return SHARDY_OK;
}

static shardy_status search_table(const struct search *s, const shardy__lance *table,
                                  uint32_t db_id, struct shard_task *t, shardy_error *err) {
    shardy__topk top = {0};
    if (!shardy__lance_count(table)) return SHARDY_OK;
    const shardy__lance_index *index = shardy__lance_get_index(table);
    if (!index) {
        return shardy__fail(err, SHARDY_E_VECTOR_SEARCH, "the vector table has no index");
    }
    uint64_t rows = shardy__lance_count(table), want = (uint64_t)s->k + SPARE;
    SHARDY_TRY(shardy__topk_init(&top, (uint32_t)(want < rows ? want : rows), err));
    shardy_status rc = scan_index(s, index, &top, &t->distances, err);
    if (!rc) rc = rescore(s, table, db_id, &top, t, err);
    shardy__topk_free(&top);
    return rc;
}

static shardy_status search_task(void *ctx, uint32_t i, shardy_error *err) {
    const struct search *s = ctx;
    uint32_t db_id = s->shards[i];
    shardy__lance *table;
    SHARDY_TRY(shardy__state_table(s->state, db_id, &table, err));
    return shardy__shard_error(search_table(s, table, db_id, &s->tasks[i], err), db_id, err);
}

/* ---- all shards ---- */

/* Merge the shards' sorted lists: gather and sort, as k and the number of shards are small. */
static shardy_status merge(struct search *s, uint32_t n_shards, bool with_vectors,
                           struct result **out, shardy_error *err) {
    size_t total = 0, n = 0;
    for (uint32_t i = 0; i < n_shards; i++) total += s->tasks[i].n;
    struct candidate *all = shardy__realloc_array(NULL, total, sizeof *all);
    size_t kept = total < s->k ? total : s->k;
    struct result *r = shardy__calloc(1, sizeof *r + kept * sizeof *r->hits);
    if (!all || !r) {
        shardy__free(all);
        shardy__free(r);
        return shardy__fail_nomem(err);
    }
    for (uint32_t i = 0; i < n_shards; i++) {
        if (s->tasks[i].n) memcpy(all + n, s->tasks[i].found, s->tasks[i].n * sizeof *all);
        n += s->tasks[i].n;
        r->base.distances += s->tasks[i].distances;
    }
    if (n) qsort(all, n, sizeof *all, by_score);
    for (size_t i = 0; i < kept; i++) {
        const struct candidate *c = &all[i];
        r->hits[i] = (shardy_hit){
            .id = shardy__lance_id(c->table, c->row),
            .score = c->score,
            .payload = shardy__lance_payload(c->table, c->row),
            .vector = with_vectors ? shardy__lance_vectors(c->table) + c->row * s->dim : NULL,
            .db_id = c->db_id};
    }
    shardy__free(all);
    r->base.hits = r->hits;
    r->base.n_hits = kept;
    *out = r;
    return SHARDY_OK;
}

static shardy_status check_query(const shardy__manifest *m, const float *query, uint32_t dim,
                                 shardy_error *err) {
    bool zero;
    if (!m->has_vectors) {
        return shardy__fail(err, SHARDY_E_CONFIG, "the snapshot has no vectors to search");
    }
    if (dim != m->dim) {
        return shardy__fail(err, SHARDY_E_CONFIG, "query has %u values; the snapshot's dim is %u",
                            dim, m->dim);
    }
    if (!shardy__vec_check(query, dim, &zero)) {
        return shardy__fail(err, SHARDY_E_CONFIG, "query has a NaN or infinite value");
    }
    if (zero && m->metric == SHARDY_METRIC_COSINE) {
        return shardy__fail(err, SHARDY_E_CONFIG,
                            "query is all zeros, which has no direction under metric cosine");
    }
    return SHARDY_OK;
}

static shardy_status run_search(struct search *s, uint32_t n_shards, bool with_vectors,
                                struct result **out, shardy_error *err) {
    shardy_status rc = SHARDY_OK;
    s->tasks = shardy__calloc(n_shards, sizeof *s->tasks);
    s->unit = shardy__realloc_array(NULL, s->dim, sizeof *s->unit);
    if (!s->tasks || !s->unit) {
        rc = shardy__fail_nomem(err);
        goto done;
    }
    memcpy(s->unit, s->query, s->dim * sizeof *s->unit);
    if (s->state->loaded.manifest.metric == SHARDY_METRIC_COSINE) {
        shardy__vec_normalise(s->unit, s->unit, s->dim);
    }
    rc = shardy__parallel_try(s->state->threads, n_shards, search_task, s, err);
    if (!rc) rc = merge(s, n_shards, with_vectors, out, err);
done:
    for (uint32_t i = 0; s->tasks && i < n_shards; i++) shardy__free(s->tasks[i].found);
    shardy__free(s->tasks);
    shardy__free(s->unit);
    return rc;
}

shardy_status shardy_reader_search(shardy_reader *r, const float *query, uint32_t dim,
                                   const shardy_search_options *options, shardy_search_result **out,
                                   shardy_error *err) {
    shardy_search_options defaults = SHARDY_SEARCH_OPTIONS_INIT;
    uint64_t begun = shardy__monotonic_ns();
    uint32_t *shards = NULL, n_shards = 0;
    struct result *result = NULL;
    if (out) *out = NULL;
    if (!options) options = &defaults;
    if (!query || !out || options->size != sizeof *options) {
        return shardy__fail(
            err, SHARDY_E_ARGUMENT,
            "shardy_reader_search: a required pointer is NULL or of an unknown size");
    }
    SHARDY_TRY(shardy__reader_usable(r, err));
    const shardy__manifest *m = &r->state->loaded.manifest;
    SHARDY_TRY(check_query(m, query, dim, err));
    if (options->top_k > MAX_TOP_K) {
        return shardy__fail(err, SHARDY_E_CONFIG, "top_k is %u; at most %u are allowed",
                            options->top_k, MAX_TOP_K);
    }
    SHARDY_TRY(shardy__choose_shards(r->state, options->shard_ids, options->n_shard_ids, &shards,
                                     &n_shards, err));
    struct search s = {.state = r->state,
                       .query = query,
                       .dim = dim,
                       .k = options->top_k ? options->top_k : DEFAULT_TOP_K,
                       .nprobes = options->exact     ? 0
                                  : options->nprobes ? options->nprobes
                                                     : m->nprobes,
                       .shards = shards};
    shardy_status rc = run_search(&s, n_shards, options->with_vectors, &result, err);
    shardy__free(shards);
    if (rc) return rc;
    shardy__state_ref(r->state);
    result->state = r->state;
    result->base.size = sizeof result->base;
    result->base.num_shards_queried = n_shards;
    result->base.latency_ms = (double)(shardy__monotonic_ns() - begun) / 1e6;
    *out = &result->base;
    return SHARDY_OK;
}

void shardy_search_result_free(shardy_search_result *result) {
    struct result *r = (struct result *)result;
    if (!r) return;
    shardy__state_unref(r->state);
    shardy__free(r);
}

/* ---- a stored vector ---- */

shardy_status shardy_reader_vector(shardy_reader *r, shardy_slice id, float *out, uint32_t dim,
                                   bool *found, shardy_error *err) {
    if (found) *found = false;
    if (!out || !found || !id.data) {
        return shardy__fail(err, SHARDY_E_ARGUMENT,
                            "shardy_reader_vector: a required pointer is NULL");
    }
    SHARDY_TRY(shardy__reader_usable(r, err));
    const shardy__manifest *m = &r->state->loaded.manifest;
    if (!m->has_vectors || dim != m->dim) {
        return shardy__fail(err, SHARDY_E_CONFIG, "the snapshot's vectors have dim %u, not %u",
                            m->has_vectors ? m->dim : 0, dim);
    }
    for (uint32_t s = 0; s < m->n_shards; s++) {
        shardy__lance *table;
        SHARDY_TRY(shardy__state_table(r->state, m->shards[s].db_id, &table, err));
        uint64_t rows = shardy__lance_count(table);
        for (uint64_t row = 0; row < rows; row++) {
            shardy_slice other = shardy__lance_id(table, row);
            if (other.len != id.len || (id.len && memcmp(other.data, id.data, id.len))) continue;
            memcpy(out, shardy__lance_vectors(table) + row * dim, dim * sizeof *out);
            *found = true;
            return SHARDY_OK;
        }
    }
    return SHARDY_OK;
}
