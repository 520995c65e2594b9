/* cmd_shards.c: shardy shards: facts about every shard. */
#include <string.h>

#include "cli.h"

static const arg_option options[] = {{0}};

static void show_key(output *o, const char *name, const char *json) {
    out_json(o, name, json, json ? strlen(json) : 0);
}

static void show(output *o, const shardy_shard_info *shards, uint32_t n) {
    out_begin(o, "shards");
    out_list(o, "shards");
    for (uint32_t i = 0; i < n; i++) {
        const shardy_shard_info *s = &shards[i];
        out_row(o);
        out_u64(o, "db_id", s->db_id);
        out_u64(o, "row_count|rows", s->row_count);
        show_key(o, "min_key|min", s->min_key);
        show_key(o, "max_key|max", s->max_key);
        out_u64(o, "db_bytes|bytes", s->db_bytes);
        out_u64(o, "vector_count|vectors", s->vector_count);
        out_str(o, "vector_index|index", s->vector_index);
        out_u64(o, "vector_partitions|partitions", s->vector_partitions);
        out_u64(o, "attempt", s->attempt);
        if (!out_is_table(o)) out_str(o, "db_url|url", s->db_url); /* wider than a screen */
        out_row_end(o);
    }
    out_list_end(o);
    out_end(o);
}

static int run(cli *c, int argc, char **argv) {
    int code = CLI_OK, nothing = 0;
    if (!cli_begin(c, &argc, argv, &nothing, &code)) return code;
    shardy_reader *reader = NULL;
    code = cli_open_reader(c, 0, &reader);
    if (code == CLI_OK) {
        const shardy_shard_info *shards = NULL;
        uint32_t n = 0;
        shardy_error err = SHARDY_ERROR_INIT;
        shardy_status status = shardy_reader_shards(reader, &shards, &n, &err);
        if (status == SHARDY_OK)
            show(&c->out, shards, n);
        else
            code = cli_library_error(status, &err);
    }
    shardy_reader_close(reader);
    return cli_end(c, &nothing, code);
}

const cli_command cmd_shards = {
    .name = "shards",
    .summary = "list the shards of the snapshot",
    .operands = "",
    .description = "List every shard, empty ones included, in the order of their numbers.",
    .options = options,
    .run = run,
};
