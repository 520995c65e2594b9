/* crc32.h: CRC-32/IEEE (ISO-HDLC; zlib, gzip): reflected 0xEDB88320, init and final 0xFFFFFFFF. */
#ifndef SHARDY_BASE_CRC32_H
#define SHARDY_BASE_CRC32_H

#include <stddef.h>
#include <stdint.h>

/* CRC of `len` bytes; shardy__crc32_extend continues from the CRC of the bytes before. Chooses
 * carry-less multiplication where the processor has it, else slicing-by-8. */
uint32_t shardy__crc32(const void *data, size_t len);
uint32_t shardy__crc32_extend(uint32_t crc, const void *data, size_t len);
/* The table method, for the tests to compare with. */
uint32_t shardy__crc32_portable(uint32_t crc, const void *data, size_t len);

#endif
