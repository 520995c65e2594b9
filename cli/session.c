/* session.c: errors, logs, which snapshot is meant, and opening it. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

/* "shardy: ...": one line whatever the message holds. */
static void print_line(const char *message) {
    text_buf line = {0};
    text_add_str(&line, "shardy: ");
    for (const char *at = message; *at;) { /* backslashes in paths and messages stay as they are */
        size_t plain = strcspn(at, "\\");
        text_add_escaped(&line, at, plain);
        at += plain;
        if (*at) text_add_char(&line, *at++);
    }
    text_add_char(&line, '\n');
    fflush(stdout);
    fwrite(line.data, 1, line.len, stderr);
    text_free(&line);
}

static void print_formatted(const char *fmt, va_list args) {
    char message[4096];
    vsnprintf(message, sizeof message, fmt, args);
    print_line(message);
}

int cli_error(const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    print_formatted(fmt, args);
    va_end(args);
    return CLI_FAILED;
}

void cli_note(const cli *c, const char *fmt, ...) {
    if (c->quiet) return;
    va_list args;
    va_start(args, fmt);
    print_formatted(fmt, args);
    va_end(args);
}

int cli_usage(const cli *c, const char *fmt, ...) {
    char message[2048];
    va_list args;
    va_start(args, fmt);
    vsnprintf(message, sizeof message, fmt, args);
    va_end(args);
    if (c->command) {
        cli_error("%s: %s (see 'shardy help %s')", c->command->name, message, c->command->name);
    } else {
        cli_error("%s (see 'shardy help')", message);
    }
    return CLI_USAGE;
}

int cli_library_error(shardy_status status, const shardy_error *err) {
    return cli_error("%s", err->message[0] ? err->message : shardy_status_text(status));
}

void cli_log(void *ctx, int level, const char *message) {
    const cli *c = ctx;
    int shown = c->quiet ? -1 : c->verbose == 0 ? 4 : c->verbose == 1 ? 6 : 7;
    if (level > shown) return;
    cli_note(c, "%s%s", level <= 3 ? "error: " : level == 4 ? "warning: " : "", message);
}

static char *copy(const char *text, size_t len) {
    char *s = text_alloc(NULL, len + 1);
    memcpy(s, text, len);
    s[len] = '\0';
    return s;
}

/* "{prefix}/{name}" -> both parts. */
static int split_current(const cli *c, const char *url, const char *source, cli_location *out) {
    const char *slash = strrchr(url, '/');
    const char *name = slash ? slash + 1 : url;
    if (!*name)
        return cli_usage(c, "%s '%s' must name the pointer object, like .../_CURRENT", source, url);
    if (!slash)
        out->prefix = copy(".", 1);
    else if (slash == url)
        out->prefix = copy("/", 1);
    else
        out->prefix = copy(url, (size_t)(slash - url));
    out->current_name = copy(name, strlen(name));
    return CLI_OK;
}

static const char *environment(const char *name) {
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

int cli_locate(const cli *c, cli_location *out) {
    *out = (cli_location){0};
    if (c->prefix_option && c->current_option) {
        return cli_usage(c, "--prefix and --current-url exclude each other");
    }
    if (c->prefix_option && !*c->prefix_option) return cli_usage(c, "--prefix is empty");
    if (c->current_option) return split_current(c, c->current_option, "--current-url", out);
    const char *prefix = c->prefix_option ? c->prefix_option : environment("SHARDY_PREFIX");
    if (prefix) {
        out->prefix = copy(prefix, strlen(prefix));
        return CLI_OK;
    }
    const char *current = environment("SHARDY_CURRENT");
    if (current) return split_current(c, current, "SHARDY_CURRENT", out);
    return cli_usage(c,
                     "which snapshot? give --prefix URL or --current-url URL, or set "
                     "SHARDY_PREFIX or SHARDY_CURRENT");
}

void cli_location_free(cli_location *location) {
    free(location->prefix);
    free(location->current_name);
    *location = (cli_location){0};
}

int cli_open_reader(cli *c, uint32_t threads, shardy_reader **out) {
    cli_location location;
    *out = NULL;
    int code = cli_locate(c, &location);
    if (code != CLI_OK) return code;
    shardy_reader_options options = SHARDY_READER_OPTIONS_INIT;
    options.current_name = location.current_name;
    options.threads = threads;
    options.log = cli_log;
    options.log_ctx = c;
    shardy_error err = SHARDY_ERROR_INIT;
    shardy_status status = shardy_reader_open(location.prefix, &options, out, &err);
    if (status != SHARDY_OK) code = cli_library_error(status, &err);
    cli_location_free(&location);
    return code;
}
