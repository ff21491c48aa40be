/*
 * Shared by the measuring programs: time, addresses, descriptors, latency histogram, command line.
 * Header only, so that each program is one `cc` call. Linux only (epoll, timerfd).
 */
#ifndef PAYBELL_BENCH_COMMON_H
#define PAYBELL_BENCH_COMMON_H

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* Ends the program: a measurement that went wrong must not look like one that went well. */
__attribute__((noreturn, format(printf, 1, 2))) static void die(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vfprintf(stderr, format, arguments);
  va_end(arguments);
  fputc('\n', stderr);
  exit(2);
}

static uint64_t clock_us(clockid_t clock) {
  struct timespec t;
  clock_gettime(clock, &t);
  return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000u;
}

/* For durations. */
static inline uint64_t monotonic_us(void) { return clock_us(CLOCK_MONOTONIC); }

/* For times that another process compares with its own. */
static inline uint64_t realtime_us(void) { return clock_us(CLOCK_REALTIME); }

/* Processor time that this program has used: near the elapsed time means that the generator was the limit. */
static inline uint64_t cpu_us(void) { return clock_us(CLOCK_PROCESS_CPUTIME_ID); }

/* These programs can flood a machine: they speak to 127.0.0.0/8 and to nobody else. */
static inline struct sockaddr_in loopback(const char *host, int port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  if (inet_pton(AF_INET, host, &address.sin_addr) != 1) die("%s is not an IPv4 address", host);
  if ((ntohl(address.sin_addr.s_addr) >> 24) != 127) die("%s is not a loopback address: refused", host);
  if (port < 1 || port > 65535) die("%d is not a port", port);
  return address;
}

static inline void set_nonblocking(int fd) {
  if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) < 0) die("fcntl: %s", strerror(errno));
}

static inline void set_nodelay(int fd) {
  int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

/* Takes as many descriptors as this user may have, and says so when that is too few. */
static inline void need_descriptors(long wanted) {
  struct rlimit limit;
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  if ((long)limit.rlim_cur < wanted + 32)
    die("%ld connections need more open files than the %ld allowed here: raise `ulimit -Hn`", wanted, (long)limit.rlim_cur);
}

static volatile sig_atomic_t stopping = 0;
static void on_stop(int signal) {
  (void)signal;
  stopping = 1;
}

/* SIGTERM and SIGINT end the measurement; the result is still printed. */
static inline void stop_on_signals(void) {
  struct sigaction action = {.sa_handler = on_stop};
  sigaction(SIGTERM, &action, NULL);
  sigaction(SIGINT, &action, NULL);
  signal(SIGPIPE, SIG_IGN);
}

/*
 * Latencies in buckets of at most 1/64 relative width: exact below 64 us, then 64 buckets for each doubling.
 */
enum { SUB_BITS = 6, SUB = 1 << SUB_BITS, BUCKETS = SUB * 40 };
struct histogram {
  uint64_t count, sum, min, max;
  uint64_t buckets[BUCKETS];
};

static inline unsigned bucket_of(uint64_t us) {
  if (us < SUB) return (unsigned)us;
  unsigned power = 63u - (unsigned)__builtin_clzll(us);
  unsigned index = (power - SUB_BITS + 1) * SUB + (unsigned)((us >> (power - SUB_BITS)) & (SUB - 1));
  return index < BUCKETS ? index : BUCKETS - 1;
}

/* The largest value that falls into the bucket. */
static inline uint64_t bucket_top(unsigned index) {
  if (index < SUB) return index;
  unsigned power = index / SUB + SUB_BITS - 1;
  return (((uint64_t)(SUB + index % SUB) + 1) << (power - SUB_BITS)) - 1;
}

static inline void record(struct histogram *h, uint64_t us) {
  if (h->count == 0 || us < h->min) h->min = us;
  if (us > h->max) h->max = us;
  h->count += 1;
  h->sum += us;
  h->buckets[bucket_of(us)] += 1;
}

static inline uint64_t percentile(const struct histogram *h, double share) {
  uint64_t wanted = (uint64_t)(share * (double)h->count + 0.5), seen = 0;
  for (unsigned i = 0; i < BUCKETS; i += 1) {
    seen += h->buckets[i];
    if (seen >= wanted && seen > 0) return bucket_top(i) < h->max ? bucket_top(i) : h->max;
  }
  return h->max;
}

/* `"name":{…}` or `"name":null` when nothing was recorded. */
static inline void print_histogram(const char *name, const struct histogram *h) {
  if (h->count == 0) {
    printf("\"%s\":null", name);
    return;
  }
  printf("\"%s\":{\"count\":%lu,\"mean\":%lu,\"min\":%lu,\"p50\":%lu,\"p90\":%lu,\"p99\":%lu,\"p999\":%lu,\"max\":%lu}", name,
         h->count, h->sum / h->count, h->min, percentile(h, 0.5), percentile(h, 0.9), percentile(h, 0.99),
         percentile(h, 0.999), h->max);
}

/* `--name value` pairs only. Returns the value, or NULL at the end. */
static inline const char *next_option(int argc, char **argv, int *at, const char **name) {
  if (*at >= argc) return NULL;
  if (strncmp(argv[*at], "--", 2) != 0 || *at + 1 >= argc) die("expected --option value, got %s", argv[*at]);
  *name = argv[*at] + 2;
  *at += 2;
  return argv[*at - 1];
}

static inline long number(const char *name, const char *text, long min, long max) {
  char *end;
  long value = strtol(text, &end, 10);
  if (*text == 0 || *end != 0 || value < min || value > max) die("--%s: %s is not in %ld..%ld", name, text, min, max);
  return value;
}

/* The lines of a file, without their ends; empty ones are left out. */
static inline char **read_lines(const char *file, long *count) {
  FILE *stream = fopen(file, "r");
  if (!stream) die("%s: %s", file, strerror(errno));
  char **lines = NULL, *line = NULL;
  size_t size = 0;
  ssize_t length;
  *count = 0;
  while ((length = getline(&line, &size, stream)) >= 0) {
    if (length > 0 && line[length - 1] == '\n') line[length - 1] = 0;
    if (line[0] == 0) continue;
    lines = realloc(lines, (size_t)(*count + 1) * sizeof *lines);
    lines[(*count)++] = strdup(line);
  }
  free(line);
  fclose(stream);
  if (*count == 0) die("%s holds no lines", file);
  return lines;
}

#endif
