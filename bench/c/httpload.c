/*
 * httpload: posts JSON to a server on this machine over connections that are kept open, and prints one line of JSON.
 *
 *   --host 127.0.0.1 --port P   the server; loopback only
 *   --path /x                   where to post
 *   --header 'Name: value'      one more header
 *   --items FILE                bodies, one a line, used in turn; {now} becomes the microseconds since 1970, {n} a number
 *                               that no other item of this run has
 *   --batch B                   B items as one array (default 0: one item, bare)
 *   --connections C             requests under way at most (default 16)
 *   --rate R                    requests a second, at even distances whether or not answers come (latency then counts from
 *                               the moment at which a request was due); 0: each connection as fast as it is answered
 *   --requests M, --seconds S   ends after so many, or so long
 *   --first N                   the first {n}
 */
#include "common.h"
#include <sys/timerfd.h>

struct connection {
  int fd;
  bool busy;
  uint64_t due_us;
  char *out, *in;
  size_t out_size, out_at, in_size, in_room;
};

static struct {
  const char *host, *path, *header;
  long port, batch, connections, rate, requests, seconds, first, item_count;
  char **items;
} options = {.host = "127.0.0.1", .path = "/", .connections = 16, .seconds = 10};

static struct {
  uint64_t sent, answered, good, items, start_us, last_us;
  char first_failure[400];
  struct histogram latency;
} seen;

static int queue, timer;
static struct connection *connections;

static void read_options(int argc, char **argv) {
  const char *name, *value;
  for (int at = 1; (value = next_option(argc, argv, &at, &name));) {
    if (!strcmp(name, "host")) options.host = value;
    else if (!strcmp(name, "port")) options.port = number(name, value, 1, 65535);
    else if (!strcmp(name, "path")) options.path = value;
    else if (!strcmp(name, "header")) options.header = value;
    else if (!strcmp(name, "items")) options.items = read_lines(value, &options.item_count);
    else if (!strcmp(name, "batch")) options.batch = number(name, value, 0, 10000);
    else if (!strcmp(name, "connections")) options.connections = number(name, value, 1, 10000);
    else if (!strcmp(name, "rate")) options.rate = number(name, value, 0, 1000000);
    else if (!strcmp(name, "requests")) options.requests = number(name, value, 0, 1000000000);
    else if (!strcmp(name, "seconds")) options.seconds = number(name, value, 1, 7200);
    else if (!strcmp(name, "first")) options.first = number(name, value, 0, 1000000000000000000);
    else die("unknown option --%s", name);
  }
  if (options.port == 0 || options.item_count == 0) die("--port and --items are needed");
}

static void open_connection(struct connection *connection) {
  struct sockaddr_in server = loopback(options.host, (int)options.port);
  connection->fd = socket(AF_INET, SOCK_STREAM, 0);
  if (connection->fd < 0) die("socket: %s", strerror(errno));
  if (connect(connection->fd, (struct sockaddr *)&server, sizeof server) < 0) die("connect: %s", strerror(errno));
  set_nodelay(connection->fd);
  set_nonblocking(connection->fd);
  connection->in_size = 0;
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
  epoll_ctl(queue, EPOLL_CTL_ADD, connection->fd, &event);
}

/* Copies an item with its placeholders filled in. Returns the end of the copy. */
static char *put_item(char *out, const char *item, uint64_t now_us) {
  while (*item) {
    if (!strncmp(item, "{now}", 5)) {
      out += sprintf(out, "%lu", now_us);
      item += 5;
    } else if (!strncmp(item, "{n}", 3)) {
      out += sprintf(out, "%lu", (uint64_t)options.first + seen.items);
      item += 3;
    } else *out++ = *item++;
  }
  return out;
}

static const char *next_item(void) { return options.items[seen.items % (uint64_t)options.item_count]; }

/* The room that `count` items need at most: a placeholder grows to 20 digits. */
static size_t room_for(long count) {
  size_t longest = 0;
  for (long i = 0; i < options.item_count; i += 1)
    if (strlen(options.items[i]) > longest) longest = strlen(options.items[i]);
  return (size_t)count * (longest + 64) + 16;
}

static size_t make_body(char *body, uint64_t now_us) {
  char *end = body;
  if (options.batch > 0) *end++ = '[';
  for (long i = 0; i < (options.batch > 0 ? options.batch : 1); i += 1) {
    if (i > 0) *end++ = ',';
    end = put_item(end, next_item(), now_us);
    seen.items += 1;
  }
  if (options.batch > 0) *end++ = ']';
  return (size_t)(end - body);
}

static void set_interest(struct connection *connection, bool writing) {
  struct epoll_event event = {.events = EPOLLIN | (writing ? EPOLLOUT : 0u), .data.ptr = connection};
  epoll_ctl(queue, EPOLL_CTL_MOD, connection->fd, &event);
}

static void write_out(struct connection *connection) {
  while (connection->out_at < connection->out_size) {
    ssize_t written = write(connection->fd, connection->out + connection->out_at, connection->out_size - connection->out_at);
    if (written < 0 && errno == EAGAIN) {
      set_interest(connection, true);
      return;
    }
    if (written < 0) die("the server hung up on a request: %s", strerror(errno));
    connection->out_at += (size_t)written;
  }
}

static void send_request(struct connection *connection, uint64_t due_us) {
  static char *body = NULL;
  if (!body) body = malloc(room_for(options.batch > 0 ? options.batch : 1));
  size_t size = make_body(body, due_us);
  if (!connection->out) connection->out = malloc(room_for(options.batch > 0 ? options.batch : 1) + 4096);
  int head = snprintf(connection->out, 4096,
                      "POST %s HTTP/1.1\r\nHost: %s:%ld\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n%s%s\r\n",
                      options.path, options.host, options.port, size, options.header ? options.header : "",
                      options.header ? "\r\n" : "");
  memcpy(connection->out + head, body, size);
  connection->out_size = (size_t)head + size;
  connection->out_at = 0;
  connection->busy = true;
  connection->due_us = due_us;
  seen.sent += 1;
  write_out(connection);
}

/* The connections are used in turn: one that waits for its first request would be taken for half-open by the server. */
static struct connection *next_free(void) {
  static long last = 0;
  for (long i = 1; i <= options.connections; i += 1) {
    long at = (last + i) % options.connections;
    if (connections[at].busy) continue;
    last = at;
    return &connections[at];
  }
  return NULL;
}

/* The size of the whole answer, or 0 while its head is incomplete. */
static size_t answer_size(const struct connection *connection) {
  char *end = memmem(connection->in, connection->in_size, "\r\n\r\n", 4);
  if (!end) return 0;
  size_t head = (size_t)(end - connection->in) + 4;
  *end = 0;
  const char *length = strcasestr(connection->in, "\r\ncontent-length:");
  size_t size = length ? strtoul(length + 17, NULL, 10) : 0;
  if (!length && strcasestr(connection->in, "\r\ntransfer-encoding:")) die("chunked answers are not understood");
  *end = '\r';
  return head + size;
}

static void keep_failure(const struct connection *connection) {
  if (seen.first_failure[0]) return;
  for (size_t i = 0; i < connection->in_size && i < sizeof seen.first_failure - 1; i += 1) {
    char letter = connection->in[i];
    seen.first_failure[i] = letter >= ' ' && letter <= '~' && letter != '"' && letter != '\\' ? letter : ' ';
  }
}

static void take_answer(struct connection *connection) {
  uint64_t now_us = realtime_us();
  seen.answered += 1;
  seen.last_us = now_us;
  if (connection->in_size > 9 && connection->in[9] == '2') seen.good += 1;
  else keep_failure(connection);
  record(&seen.latency, now_us > connection->due_us ? now_us - connection->due_us : 0);
  bool ends = strcasestr(connection->in, "\r\nconnection: close") != NULL;
  connection->busy = false;
  connection->in_size = 0;
  if (!ends) return;
  close(connection->fd);
  open_connection(connection);
}

static void read_answer(struct connection *connection) {
  if (connection->in_room - connection->in_size < 65536) {
    connection->in_room += 262144;
    connection->in = realloc(connection->in, connection->in_room + 1);
  }
  ssize_t got = read(connection->fd, connection->in + connection->in_size, connection->in_room - connection->in_size);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got <= 0) die("the server hung up while %lu answers were due", seen.sent - seen.answered);
  connection->in_size += (size_t)got;
  connection->in[connection->in_size] = 0;
  size_t wanted = answer_size(connection);
  if (wanted > 0 && connection->in_size >= wanted) take_answer(connection);
}

static bool may_send(uint64_t now_us) {
  if (stopping) return false;
  if (options.requests > 0 && seen.sent >= (uint64_t)options.requests) return false;
  return now_us - seen.start_us < (uint64_t)options.seconds * 1000000u;
}

static uint64_t due_us_of(uint64_t request) {
  return seen.start_us + (uint64_t)((double)request * 1e6 / (double)options.rate);
}

static void send_what_is_due(void) {
  uint64_t now_us = realtime_us();
  while (may_send(now_us)) {
    uint64_t due_us = options.rate > 0 ? due_us_of(seen.sent) : realtime_us();
    if (due_us > now_us && options.rate > 0) {
      uint64_t wait_us = due_us - now_us;
      struct itimerspec once = {.it_value = {(time_t)(wait_us / 1000000), (long)(wait_us % 1000000) * 1000 + 1}};
      timerfd_settime(timer, 0, &once, NULL);
      return;
    }
    struct connection *connection = next_free();
    if (!connection) return;
    send_request(connection, due_us);
  }
}

static void handle(struct epoll_event *event) {
  struct connection *connection = event->data.ptr;
  if (!connection) {
    uint64_t expirations;
    if (read(timer, &expirations, sizeof expirations) < 0 && errno != EAGAIN) die("timerfd: %s", strerror(errno));
    return;
  }
  if (event->events & EPOLLOUT) {
    set_interest(connection, false);
    write_out(connection);
  }
  if (event->events & ~(uint32_t)EPOLLOUT) read_answer(connection);
}

static void print_result(void) {
  double seconds = (double)(seen.last_us - seen.start_us) / 1e6;
  if (seen.answered == 0) seconds = 1;
  printf("{\"requests\":%lu,\"answered\":%lu,\"good\":%lu,\"failed\":%lu,\"items\":%lu,", seen.sent, seen.answered, seen.good,
         seen.answered - seen.good, seen.items);
  printf("\"startUs\":%lu,\"lastUs\":%lu,\"requestsPerSecond\":%.1f,\"cpuShare\":%.3f,", seen.start_us, seen.last_us,
         (double)seen.answered / seconds, (double)cpu_us() / 1e6 / seconds);
  printf("\"firstFailure\":\"%s\",", seen.first_failure);
  print_histogram("latencyUs", &seen.latency);
  puts("}");
}

int main(int argc, char **argv) {
  read_options(argc, argv);
  need_descriptors(options.connections);
  stop_on_signals();
  queue = epoll_create1(0);
  timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
  struct epoll_event wake = {.events = EPOLLIN, .data.ptr = NULL}, events[512];
  epoll_ctl(queue, EPOLL_CTL_ADD, timer, &wake);
  connections = calloc((size_t)options.connections, sizeof *connections);
  for (long i = 0; i < options.connections; i += 1) open_connection(&connections[i]);
  seen.start_us = realtime_us();
  uint64_t patience_us = 10000000;
  for (;;) {
    send_what_is_due();
    uint64_t now_us = realtime_us();
    if (!may_send(now_us) && seen.answered == seen.sent) break;
    if (now_us - seen.start_us > (uint64_t)options.seconds * 1000000u + patience_us) break;
    int count = epoll_wait(queue, events, 512, 100);
    for (int i = 0; i < count; i += 1) handle(&events[i]);
  }
  print_result();
  return seen.answered == seen.sent && seen.good == seen.answered ? 0 : 1;
}
