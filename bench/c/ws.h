/* RFC 6455 as far as measuring needs it: frame heads, and the handshake with one fixed key. */
#ifndef PAYBELL_BENCH_WS_H
#define PAYBELL_BENCH_WS_H

#include "common.h"

/* The sample nonce of RFC 6455, section 1.3, and its answer: 10,000 clients of one test need no 10,000 nonces. */
#define WS_KEY "dGhlIHNhbXBsZSBub25jZQ=="
#define WS_ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

enum { WS_TEXT = 1, WS_CLOSE = 8, WS_PING = 9, WS_PONG = 10 };

/* Writes the head of a complete frame, returns its length (at most 14). A client's mask is zero: allowed on the wire, and
 * it leaves the payload as it is. */
static inline size_t ws_head(uint8_t *out, int opcode, size_t length, bool client) {
  size_t at = 0;
  uint8_t masked = client ? 0x80 : 0;
  out[at++] = (uint8_t)(0x80 | opcode);
  if (length < 126) {
    out[at++] = (uint8_t)(masked | length);
  } else if (length < 65536) {
    out[at++] = masked | 126;
    out[at++] = (uint8_t)(length >> 8);
    out[at++] = (uint8_t)length;
  } else {
    out[at++] = masked | 127;
    for (int shift = 56; shift >= 0; shift -= 8) out[at++] = (uint8_t)((uint64_t)length >> shift);
  }
  if (client) {
    memset(out + at, 0, 4);
    at += 4;
  }
  return at;
}

struct ws_frame {
  int opcode;
  bool last;
  const uint8_t *payload;
  size_t length, whole;
};

/* A server's frame at the start of `data`. Returns false when it is not complete yet. */
static inline bool ws_parse(const uint8_t *data, size_t size, struct ws_frame *frame) {
  if (size < 2) return false;
  uint64_t length = data[1] & 0x7f;
  size_t head = 2;
  if (length == 126) {
    if (size < 4) return false;
    length = (uint64_t)data[2] << 8 | data[3];
    head = 4;
  } else if (length == 127) {
    if (size < 10) return false;
    length = 0;
    for (int i = 2; i < 10; i += 1) length = length << 8 | data[i];
    head = 10;
  }
  if (data[1] & 0x80 || data[0] & 0x70) die("the server sent a masked or a compressed frame");
  if (size - head < length) return false;
  *frame = (struct ws_frame){data[0] & 0x0f, data[0] & 0x80, data + head, (size_t)length, head + (size_t)length};
  return true;
}

#endif
