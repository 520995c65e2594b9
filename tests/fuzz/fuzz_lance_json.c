/* fuzz_lance_json.c: the JSON reader of index metadata: as an object, an array, a string and a
 * number. */
#include <stdlib.h>
#include <string.h>

#include "lance/lance_json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Every value that is handed out lies inside the text and is not padded. */
static bool look(void *ctx, shardy_slice value) {
    const shardy_slice *text = ctx;
    const char *p = value.data, *begin = text->data;
    if (!value.len || p < begin || p + value.len > begin + text->len) abort();
    if (strchr(" \t\r\n", p[0]) || strchr(" \t\r\n", p[value.len - 1])) abort();
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    shardy_slice text = {data, size}, value;
    shardy__buf out = {0};
    uint64_t number;
    if (shardy__lance_json_get(text, "type", &value) && value.data) {
        look(&text, value);
        if (shardy__lance_json_text(value, &out) && out.len > value.len) abort();
    }
    shardy__lance_json_each(text, look, &text);
    shardy__buf_free(&out);
    if (shardy__lance_json_text(text, &out) && out.len + 2 > size) abort();
    shardy__buf_free(&out);
    if (shardy__lance_json_uint(text, &number) && size > 20) abort();
    return 0;
}
