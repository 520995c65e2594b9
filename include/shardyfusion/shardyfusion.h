/* shardyfusion.h: the whole public interface.
 *
 * What is not declared in include/shardyfusion/ is not part of the interface.
 *
 *   types.h     slices, keys, enums, vector spec     status.h    status codes, error detail
 *   route.h     key -> shard, key <-> stored bytes   snapshot.h  facts about a snapshot
 *   writer.h    build and publish a snapshot         reader.h    get, multi_get, scan, search
 *   ops.h       verify                               arrow.h     Arrow C Data structures
 *
 * Defaults, unless a function says otherwise: writers belong to one thread at a time, readers may
 * be shared; all calls block; nothing is usable in a forked child but newly opened handles; output
 * parameters are cleared on entry and filled only on success; every function may also return
 * SHARDY_E_ARGUMENT (a required pointer is NULL, an options struct has an unknown size) and
 * SHARDY_E_NO_MEMORY.
 */
#ifndef SHARDYFUSION_SHARDYFUSION_H
#define SHARDYFUSION_SHARDYFUSION_H

#include "shardyfusion/arrow.h"
#include "shardyfusion/ops.h"
#include "shardyfusion/reader.h"
#include "shardyfusion/route.h"
#include "shardyfusion/snapshot.h"
#include "shardyfusion/status.h"
#include "shardyfusion/types.h"
#include "shardyfusion/writer.h"

#ifdef __cplusplus
extern "C" {
#endif

/* "0.1.0". Static. */
SHARDY_API const char *shardy_version(void);

/* The distance kernels chosen for this processor: "avx512", "avx2", "neon" or "portable". Static.
 */
SHARDY_API const char *shardy_simd_level(void);

#ifdef __cplusplus
}
#endif
#endif
