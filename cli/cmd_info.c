/* cmd_info.c: shardy info: facts about the current snapshot. */
#include <string.h>

#include "cli.h"

typedef struct info_args {
    bool custom;
} info_args;

static const arg_option options[] = {
    {"custom", 0, ARG_FLAG, NULL, "print the manifest's custom object too",
     offsetof(info_args, custom), NULL},
    {0}};

static void show_vector(output *o, const shardy_snapshot_info *s) {
    if (!s->has_vectors) return;
    out_group(o, "vector");
    out_u64(o, "dim", s->dim);
    out_str(o, "metric", s->metric);
    out_str(o, "index_type", s->index_type);
    out_str(o, "quantization", s->quantization);
    out_str(o, "index_built", s->index_built);
    if (s->index_note) out_str(o, "index_note", s->index_note);
    out_u64(o, "vector_count", s->vector_count);
    out_group_end(o);
}

static void show(output *o, const info_args *a, const shardy_snapshot_info *s) {
    out_begin(o, "info");
    out_str(o, "run_id", s->run_id);
    out_u64(o, "num_dbs", s->num_dbs);
    out_u64(o, "num_shards", s->num_shards);
    out_str(o, "sharding", s->strategy);
    out_str(o, "hash_algorithm", s->hash_algorithm);
    out_str(o, "created_at", s->created_at);
    out_str(o, "published_at", s->published_at);
    out_str(o, "prefix", s->prefix);
    out_str(o, "manifest_ref", s->manifest_ref);
    out_u64(o, "row_count", s->row_count);
    out_u64(o, "db_bytes", s->db_bytes);
    out_str(o, "key_col", s->key_col);
    out_str(o, "key_encoding", s->key_encoding);
    show_vector(o, s);
    if (a->custom) {
        out_json(o, "custom", s->custom_json, s->custom_json ? strlen(s->custom_json) : 0);
    }
    out_end(o);
}

static int run(cli *c, int argc, char **argv) {
    info_args a = {0};
    int code = CLI_OK;
    if (!cli_begin(c, &argc, argv, &a, &code)) return code;
    shardy_reader *reader = NULL;
    code = cli_open_reader(c, 0, &reader);
    if (code == CLI_OK) {
        shardy_snapshot_info info = SHARDY_SNAPSHOT_INFO_INIT;
        shardy_error err = SHARDY_ERROR_INIT;
        shardy_status status = shardy_reader_info(reader, &info, &err);
        if (status == SHARDY_OK)
            show(&c->out, &a, &info);
        else
            code = cli_library_error(status, &err);
    }
    shardy_reader_close(reader);
    return cli_end(c, &a, code);
}

const cli_command cmd_info = {
    .name = "info",
    .summary = "show facts about the snapshot",
    .operands = "",
    .description = "Show what the current manifest says about the snapshot.",
    .options = options,
    .run = run,
};
