/* status.h: status codes and error details.
 *
 * Every function that can fail returns a status code by value (SHARDY_OK is 0) and takes, as its
 * last parameter, a caller-owned `shardy_error *` that may be NULL. Nothing is kept per thread,
 * nothing is printed, nothing aborts.
 */
#ifndef SHARDYFUSION_STATUS_H
#define SHARDYFUSION_STATUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(_WIN32)
#define SHARDY_API
#else
#define SHARDY_API __attribute__((visibility("default")))
#endif

/* The one list of status codes: X(name, value, text, retryable, Python exception class).
 * Values are part of the ABI: they are only ever appended. "Retryable" means that the same call
 * may succeed later without anybody changing its input. */
#define SHARDY_STATUS_MAP(X)                                                                      \
    X(OK, 0, "success", false, "")                                                                \
    X(CONFIG, 1, "invalid configuration or input", false, "ConfigValidationError")                \
    X(ARGUMENT, 2, "invalid argument", false, "ConfigValidationError")                            \
    X(NO_MEMORY, 3, "out of memory", false, "MemoryError")                                        \
    X(NOT_FOUND, 4, "object not found", false, "DbAdapterError")                                  \
    X(EXISTS, 5, "object exists already", false, "DbAdapterError")                                \
    X(IO, 6, "input/output error", false, "DbAdapterError")                                       \
    X(TRANSIENT, 7, "transient storage error", true, "S3TransientError")                          \
    X(CORRUPT, 8, "corrupt data", false, "DbAdapterError")                                        \
    X(UNSUPPORTED, 9, "not supported", false, "ConfigValidationError")                            \
    X(STATE, 10, "object is in the wrong state", false, "ReaderStateError")                       \
    X(FORKED, 11, "handle was inherited by a forked child", false, "ReaderStateError")            \
    X(ASSIGNMENT, 12, "row cannot be assigned to a shard", false, "ShardAssignmentError")         \
    X(COVERAGE, 13, "shards are missing from the result", false, "ShardCoverageError")            \
    X(SHARD_WRITE, 14, "shard could not be written", true, "ShardWriteError")                     \
    X(VECTOR_INDEX, 15, "vector index could not be built", false, "VectorIndexError")             \
    X(VECTOR_SEARCH, 16, "vector search failed", false, "VectorSearchError")                      \
    X(MANIFEST_BUILD, 17, "manifest could not be built", false, "ManifestBuildError")             \
    X(MANIFEST_PARSE, 18, "manifest could not be parsed", false, "ManifestParseError")            \
    X(PUBLISH_MANIFEST, 19, "manifest could not be published", true, "PublishManifestError")      \
    X(PUBLISH_CURRENT, 20, "current pointer could not be published", true, "PublishCurrentError") \
    X(CANCELLED, 21, "cancelled by the caller", false, "ShardyfusionError")                       \
    X(LIMIT, 22, "a limit was exceeded", false, "ConfigValidationError")                          \
    X(INTERNAL, 23, "internal error", false, "ShardyfusionError")

typedef enum shardy_status {
#define SHARDY_X(name, value, text, retryable, python) SHARDY_E_##name = value,
    SHARDY_STATUS_MAP(SHARDY_X)
#undef SHARDY_X
        SHARDY_OK = 0
} shardy_status;

/* Detail of the last failure of the call it was given to. The caller zeroes it with
 * SHARDY_ERROR_INIT once and may use it for any number of calls; a successful call leaves it as it
 * was. `message` is always NUL-terminated UTF-8 and names the thing (key, shard, object, field),
 * the value and the rule; longer messages are cut at a character boundary. */
typedef struct shardy_error {
    size_t size;        /* sizeof(shardy_error), set by SHARDY_ERROR_INIT */
    shardy_status code; /* the code that the call returned */
    int32_t shard;      /* the shard's db_id, or -1 where no single shard is meant */
    int32_t os_error;   /* errno of the failing system call, or 0 */
    char message[1000];
} shardy_error;

#define SHARDY_ERROR_INIT {sizeof(shardy_error), SHARDY_OK, -1, 0, {0}}

/* Name of a code ("CORRUPT"), its one-line text, whether it is retryable and the Python
 * exception class that it becomes. Unknown codes answer "unknown", false and "ShardyfusionError".
 * Strings are static. */
SHARDY_API const char *shardy_status_name(shardy_status status);
SHARDY_API const char *shardy_status_text(shardy_status status);
SHARDY_API bool shardy_status_retryable(shardy_status status);
SHARDY_API const char *shardy_status_python_class(shardy_status status);

#ifdef __cplusplus
}
#endif
#endif
