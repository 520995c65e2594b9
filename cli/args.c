/* args.c: command lines as tables: parsing and help. */
#include "args.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const arg_option *find_long(const arg_table *tables, size_t n, const char *name, size_t len,
                                   void **settings) {
    for (size_t t = 0; t < n; t++) {
        for (const arg_option *o = tables[t].options; o->name; o++) {
            if (strlen(o->name) == len && !memcmp(o->name, name, len)) {
                *settings = tables[t].settings;
                return o;
            }
        }
    }
    return NULL;
}

static const arg_option *find_letter(const arg_table *tables, size_t n, char letter,
                                     void **settings) {
    for (size_t t = 0; t < n; t++) {
        for (const arg_option *o = tables[t].options; o->name; o++) {
            if (o->letter == letter) {
                *settings = tables[t].settings;
                return o;
            }
        }
    }
    return NULL;
}

static void list_add(arg_list *list, const char *item, size_t len) {
    list->items = text_alloc(list->items, (list->n + 1) * sizeof *list->items);
    char *copy = text_alloc(NULL, len + 1);
    memcpy(copy, item, len);
    copy[len] = '\0';
    list->items[list->n++] = copy;
}

static bool set_commas(arg_list *list, const char *name, const char *value, problem *why) {
    for (;;) {
        size_t len = strcspn(value, ",");
        if (len == 0) return problem_set(why, "--%s has an empty name in its list", name);
        list_add(list, value, len);
        if (!value[len]) return true;
        value += len + 1;
    }
}

static bool set_ids(arg_ids *ids, const char *name, const char *value, problem *why) {
    for (const char *at = value;;) {
        size_t len = strcspn(at, ",");
        char digits[16] = {0};
        uint64_t id = 0;
        if (len < sizeof digits) memcpy(digits, at, len);
        if (!text_parse_u64(digits, &id) || id > UINT32_MAX) {
            return problem_set(why, "--%s takes shard numbers like 0,1,5, not '%s'", name, value);
        }
        ids->ids = text_alloc(ids->ids, (ids->n + 1) * sizeof *ids->ids);
        ids->ids[ids->n++] = (uint32_t)id;
        if (!at[len]) return true;
        at += len + 1;
    }
}

static bool set_choice(const arg_option *o, int *member, const char *value, problem *why) {
    text_buf allowed = {0};
    for (int i = 0; o->choices[i]; i++) {
        if (!strcasecmp(o->choices[i], value)) {
            *member = i;
            text_free(&allowed);
            return true;
        }
        text_addf(&allowed, "%s%s", i ? ", " : "", o->choices[i]);
    }
    problem_set(why, "--%s is one of %s, not '%s'", o->name, text_cstr(&allowed), value);
    text_free(&allowed);
    return false;
}

/* Store `value` (NULL for flags) in the member that the option names. */
static bool set_option(const arg_option *o, void *settings, const char *value, problem *why) {
    void *member = (char *)settings + o->offset;
    uint64_t number = 0;
    switch (o->type) {
        case ARG_FLAG:
            *(bool *)member = true;
            return true;
        case ARG_COUNT:
            (*(uint32_t *)member)++;
            return true;
        case ARG_STRING:
            *(const char **)member = value;
            return true;
        case ARG_U32:
        case ARG_U64:
            if (!text_parse_u64(value, &number) || number == 0 ||
                (o->type == ARG_U32 && number > UINT32_MAX)) {
                return problem_set(why, "--%s takes a whole number from 1 on, not '%s'", o->name,
                                   value);
            }
            if (o->type == ARG_U32)
                *(uint32_t *)member = (uint32_t)number;
            else
                *(uint64_t *)member = number;
            return true;
        case ARG_SIZE:
            if (!text_parse_size(value, &number) || number == 0) {
                return problem_set(why, "--%s takes a size like 4096, 64KiB or 2GiB, not '%s'",
                                   o->name, value);
            }
            *(uint64_t *)member = number;
            return true;
        case ARG_INDEX:
            if (!text_parse_u64(value, &number)) {
                return problem_set(why, "--%s takes a whole number from 0 on, not '%s'", o->name,
                                   value);
            }
            *(arg_index *)member = (arg_index){number, true};
            return true;
        case ARG_CHOICE:
            return set_choice(o, member, value, why);
        case ARG_LIST:
            list_add(member, value, strlen(value));
            return true;
        case ARG_COMMAS:
            return set_commas(member, o->name, value, why);
        case ARG_IDS:
            return set_ids(member, o->name, value, why);
    }
    return false;
}

static bool takes_value(const arg_option *o) { return o->type != ARG_FLAG && o->type != ARG_COUNT; }

/* argv[*i] is "--something". Moves *i over a value in the next argument. */
static bool parse_long(const arg_table *tables, size_t n, int argc, char **argv, int *i,
                       problem *why) {
    const char *name = argv[*i] + 2;
    size_t len = strcspn(name, "=");
    void *settings = NULL;
    const arg_option *o = find_long(tables, n, name, len, &settings);
    if (!o) return problem_set(why, "unknown option '--%.*s'", (int)len, name);
    const char *value = name[len] == '=' ? name + len + 1 : NULL;
    if (!takes_value(o)) {
        if (value) return problem_set(why, "--%s takes no value", o->name);
        return set_option(o, settings, NULL, why);
    }
    if (!value) {
        if (*i + 1 >= argc) return problem_set(why, "--%s needs a value (%s)", o->name, o->value);
        value = argv[++*i];
    }
    return set_option(o, settings, value, why);
}

/* argv[*i] is "-abc". */
static bool parse_letters(const arg_table *tables, size_t n, int argc, char **argv, int *i,
                          problem *why) {
    for (const char *at = argv[*i] + 1; *at; at++) {
        void *settings = NULL;
        const arg_option *o = find_letter(tables, n, *at, &settings);
        if (!o) return problem_set(why, "unknown option '-%c'", *at);
        if (!takes_value(o)) {
            if (!set_option(o, settings, NULL, why)) return false;
            continue;
        }
        const char *value = at[1] ? at + 1 : NULL;
        if (!value) {
            if (*i + 1 >= argc) return problem_set(why, "-%c needs a value (%s)", *at, o->value);
            value = argv[++*i];
        }
        return set_option(o, settings, value, why);
    }
    return true;
}

static bool is_operand(const char *arg) {
    if (arg[0] != '-' || arg[1] == '\0') return true;
    return (arg[1] >= '0' && arg[1] <= '9') || arg[1] == '.';
}

bool args_parse(const arg_table *tables, size_t n_tables, int argc, char **argv,
                bool stop_at_operand, int *operands, problem *why) {
    int kept = 0;
    bool only_operands = false;
    for (int i = 0; i < argc; i++) {
        if (only_operands || is_operand(argv[i])) {
            if (stop_at_operand) {
                *operands = i;
                return true;
            }
            argv[kept++] = argv[i];
        } else if (!strcmp(argv[i], "--")) {
            only_operands = true;
        } else if (argv[i][1] == '-') {
            if (!parse_long(tables, n_tables, argc, argv, &i, why)) return false;
        } else if (!parse_letters(tables, n_tables, argc, argv, &i, why)) {
            return false;
        }
    }
    *operands = stop_at_operand ? argc : kept;
    return true;
}

void args_free(const arg_table *table) {
    for (const arg_option *o = table->options; o->name; o++) {
        void *member = (char *)table->settings + o->offset;
        if (o->type == ARG_LIST || o->type == ARG_COMMAS) {
            arg_list *list = member;
            for (size_t i = 0; i < list->n; i++) free(list->items[i]);
            free(list->items);
            *list = (arg_list){0};
        } else if (o->type == ARG_IDS) {
            free(((arg_ids *)member)->ids);
            *(arg_ids *)member = (arg_ids){0};
        }
    }
}

void args_wrap(FILE *file, const char *text, int column, int indent) {
    while (*text) {
        size_t len = strcspn(text, " \n");
        if (column > indent && column + 1 + (int)len > 79) {
            fprintf(file, "\n%*s", indent, "");
            column = indent;
        } else if (column > indent) {
            fputc(' ', file);
            column++;
        }
        fwrite(text, 1, len, file);
        column += (int)len;
        text += len;
        while (*text == '\n' || *text == ' ') {
            if (*text++ != '\n') continue;
            fprintf(file, "\n%*s", *text && *text != '\n' ? indent : 0, "");
            column = indent;
        }
    }
    fputc('\n', file);
}

void args_help(const arg_option *options, FILE *file) {
    enum { HELP_COLUMN = 29 };
    for (const arg_option *o = options; o->name; o++) {
        char letter[8] = "    ";
        if (o->letter) snprintf(letter, sizeof letter, "-%c, ", o->letter);
        int n = fprintf(file, "  %s--%s%s%s", letter, o->name, o->value ? " " : "",
                        o->value ? o->value : "");
        if (n < HELP_COLUMN - 1)
            fprintf(file, "%*s", HELP_COLUMN - n, "");
        else
            fprintf(file, "\n%*s", HELP_COLUMN, "");
        args_wrap(file, o->help, HELP_COLUMN, HELP_COLUMN);
    }
}
