/*
 * wsload: opens many WebSocket connections to a server on this machine, counts the frames that arrive, and prints one
 * line of JSON at the end. `ready` on standard error says that all connections stand.
 *
 *   --host 127.0.0.1 --port P   the server; loopback only
 *   --connections N             how many clients
 *   --path /x                   path of every client, or
 *   --targets FILE              lines `path<TAB>first message<TAB>second …`, used in turn
 *   --header 'Name: value'      one more header in each handshake
 *   --dialect ws|socketio       socketio: Engine.IO 4 and Socket.IO 5 over WebSocket (path …?EIO=4&transport=websocket)
 *   --connecting K              handshakes under way at a time (default 128)
 *   --ready TEXT                a client is ready when a frame holds TEXT; default: when its connection is open
 *   --match TEXT                count only frames that hold TEXT
 *   --stamp TEXT                frames hold, behind TEXT, the microseconds since 1970 at which they were caused
 *   --skip S                    the first S counted frames are warm-up: counted, not timed
 *   --gather MS                 rest so long between looks at the sockets, so that one read takes several frames and the
 *                               generator is not the limit (default 0; not where latency is measured)
 *   --frames F                  end after F counted frames (0: never)
 *   --seconds S                 end S seconds after all are ready
 *   --connect-seconds S         give up if not all are ready by then (default 60)
 */
#include "ws.h"

enum state { CLOSED, CONNECTING, HANDSHAKE, OPEN };

struct client {
  int fd;
  uint8_t state;
  bool ready;
  const char *path;
  char *const *messages;
  /* What has arrived of an incomplete frame or answer. */
  uint8_t *rest;
  size_t rest_size;
};

/* One line of --targets. */
struct target {
  const char *path;
  char **messages; /* NULL at the end */
};

static struct {
  const char *host, *header, *ready, *match, *stamp;
  long port, connections, connecting, gather, seconds, connect_seconds;
  uint64_t frames, skip;
  bool socketio;
  struct target *targets;
  long target_count;
} options = {.host = "127.0.0.1", .connecting = 128, .seconds = 10, .connect_seconds = 60};

static struct {
  long started, underway, open, ready, closed, refused;
  uint64_t frames, timed, other, bytes, start_us, open_us, ready_us, first_us, last_us, cpu_first_us;
  struct histogram latency;
  int first_close_code;
  char first_close_reason[124];
} seen;

static int queue;
static struct client *clients;
static uint64_t batch_us; /* the time of the present read: one clock call for all its frames */

static void set_path(const char *path) {
  options.targets = calloc(1, sizeof *options.targets);
  options.targets[0] = (struct target){path, calloc(1, sizeof(char *))};
  options.target_count = 1;
}

static void read_targets(const char *file) {
  char **lines = read_lines(file, &options.target_count);
  options.targets = calloc((size_t)options.target_count, sizeof *options.targets);
  for (long i = 0; i < options.target_count; i += 1) {
    char **messages = calloc(1, sizeof(char *)), *cursor = lines[i];
    size_t count = 0;
    options.targets[i].path = strsep(&cursor, "\t");
    while (cursor) {
      messages = realloc(messages, (count + 2) * sizeof *messages);
      messages[count++] = strsep(&cursor, "\t");
      messages[count] = NULL;
    }
    options.targets[i].messages = messages;
  }
  free(lines);
}

static void read_options(int argc, char **argv) {
  const char *name, *value;
  for (int at = 1; (value = next_option(argc, argv, &at, &name));) {
    if (!strcmp(name, "host")) options.host = value;
    else if (!strcmp(name, "port")) options.port = number(name, value, 1, 65535);
    else if (!strcmp(name, "connections")) options.connections = number(name, value, 1, 1000000);
    else if (!strcmp(name, "path")) set_path(value);
    else if (!strcmp(name, "targets")) read_targets(value);
    else if (!strcmp(name, "header")) options.header = value;
    else if (!strcmp(name, "dialect")) options.socketio = !strcmp(value, "socketio");
    else if (!strcmp(name, "connecting")) options.connecting = number(name, value, 1, 4096);
    else if (!strcmp(name, "gather")) options.gather = number(name, value, 0, 1000);
    else if (!strcmp(name, "ready")) options.ready = value;
    else if (!strcmp(name, "match")) options.match = value;
    else if (!strcmp(name, "stamp")) options.stamp = value;
    else if (!strcmp(name, "skip")) options.skip = (uint64_t)number(name, value, 0, 1000000000000);
    else if (!strcmp(name, "frames")) options.frames = (uint64_t)number(name, value, 0, 1000000000000);
    else if (!strcmp(name, "seconds")) options.seconds = number(name, value, 1, 7200);
    else if (!strcmp(name, "connect-seconds")) options.connect_seconds = number(name, value, 1, 3600);
    else die("unknown option --%s", name);
  }
  if (options.connections == 0 || options.port == 0) die("--connections and --port are needed");
  if (options.target_count == 0) set_path("/");
}

/* At most 1,000 clients per source address: a server's limit per address and the range of ports are not what is measured. */
static void bind_source(int fd, long index) {
  struct sockaddr_in source = {.sin_family = AF_INET};
  source.sin_addr.s_addr = htonl(0x7f000002u + (uint32_t)(index / 1000));
  int on = 1;
  setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
  if (bind(fd, (struct sockaddr *)&source, sizeof source) < 0) die("bind: %s", strerror(errno));
}

static void watch(struct client *client, int operation, uint32_t events) {
  struct epoll_event event = {.events = events, .data.ptr = client};
  if (epoll_ctl(queue, operation, client->fd, &event) < 0) die("epoll_ctl: %s", strerror(errno));
}

static void start_client(long index) {
  struct sockaddr_in server = loopback(options.host, (int)options.port);
  struct client *client = &clients[index];
  const struct target *target = &options.targets[index % options.target_count];
  client->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  if (client->fd < 0) die("socket: %s", strerror(errno));
  set_nodelay(client->fd);
  bind_source(client->fd, index);
  client->state = CONNECTING;
  client->path = target->path;
  client->messages = target->messages;
  if (connect(client->fd, (struct sockaddr *)&server, sizeof server) < 0 && errno != EINPROGRESS)
    die("connect: %s", strerror(errno));
  watch(client, EPOLL_CTL_ADD, EPOLLOUT);
  seen.started += 1;
  seen.underway += 1;
}

static void end_client(struct client *client) {
  if (client->state == CLOSED) return;
  if (client->state == OPEN) seen.closed += 1;
  else seen.refused += 1;
  if (!client->ready) seen.underway -= 1;
  client->state = CLOSED;
  close(client->fd);
  free(client->rest);
  client->rest = NULL;
  client->rest_size = 0;
}

/* The few bytes that a client says fit into an empty socket buffer; anything else is a failure worth stopping for. */
static void put(struct client *client, const void *bytes, size_t size) {
  ssize_t written = send(client->fd, bytes, size, MSG_NOSIGNAL);
  if (written < 0 && (errno == EPIPE || errno == ECONNRESET)) return;
  if (written != (ssize_t)size) die("a client could not write %zu bytes: %s", size, strerror(errno));
}

static void put_frame(struct client *client, int opcode, const void *payload, size_t size) {
  uint8_t out[65536];
  if (size + 14 > sizeof out) die("a message of %zu bytes is too large", size);
  size_t head = ws_head(out, opcode, size, true);
  memcpy(out + head, payload, size);
  put(client, out, head + size);
}

static void put_messages(struct client *client) {
  for (char *const *message = client->messages; *message; message += 1)
    put_frame(client, WS_TEXT, *message, strlen(*message));
}

static void become_ready(struct client *client) {
  if (client->ready) return;
  client->ready = true;
  seen.ready += 1;
  seen.underway -= 1;
  if (seen.ready == options.connections) {
    seen.ready_us = realtime_us();
    fputs("ready\n", stderr);
  }
}

static void put_handshake(struct client *client) {
  int error = 0;
  socklen_t size = sizeof error;
  getsockopt(client->fd, SOL_SOCKET, SO_ERROR, &error, &size);
  if (error) {
    end_client(client);
    return;
  }
  char out[4096];
  int length = snprintf(out, sizeof out,
                        "GET %s HTTP/1.1\r\nHost: %s:%ld\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " WS_KEY "\r\n%s%s\r\n",
                        client->path, options.host, options.port, options.header ? options.header : "",
                        options.header ? "\r\n" : "");
  if (length >= (int)sizeof out) die("a request head of %d bytes is too large", length);
  put(client, out, (size_t)length);
  client->state = HANDSHAKE;
  watch(client, EPOLL_CTL_MOD, EPOLLIN);
}

/* Returns the bytes that were used up; 0: more are needed. */
static size_t take_answer(struct client *client, const uint8_t *data, size_t size) {
  const uint8_t *end = memmem(data, size, "\r\n\r\n", 4);
  if (!end) return 0;
  if (size < 12 || memcmp(data + 9, "101", 3) != 0) {
    if (seen.refused == 0) fprintf(stderr, "refused: %.*s\n", (int)(size < 400 ? size : 400), data);
    end_client(client);
    return size;
  }
  client->state = OPEN;
  seen.open += 1;
  if (seen.open == options.connections) seen.open_us = realtime_us();
  if (!options.socketio) {
    put_messages(client);
    if (!options.ready) become_ready(client);
  }
  return (size_t)(end - data) + 4;
}

static void count_frame(const struct ws_frame *frame) {
  if (options.match && !memmem(frame->payload, frame->length, options.match, strlen(options.match))) {
    seen.other += 1;
    return;
  }
  seen.frames += 1;
  if (seen.frames <= options.skip) return;
  if (seen.timed == 0) {
    seen.first_us = batch_us;
    seen.cpu_first_us = cpu_us();
  }
  seen.timed += 1;
  seen.bytes += frame->whole;
  seen.last_us = batch_us;
  if (!options.stamp) return;
  const char *mark = memmem(frame->payload, frame->length, options.stamp, strlen(options.stamp));
  if (!mark) return;
  /* The byte behind a frame may belong to the next one; a stamp ends at the first byte that is no digit, and every
   * payload here ends with one. */
  uint64_t caused = strtoull(mark + strlen(options.stamp), NULL, 10);
  record(&seen.latency, batch_us > caused ? batch_us - caused : 0);
}

/* Engine.IO: 0 open, 2 ping, 4 message. Socket.IO within 4: 0 connected, 2 event. Returns true for an event. */
static bool take_socketio(struct client *client, const struct ws_frame *frame) {
  const char *text = (const char *)frame->payload;
  if (frame->length >= 1 && text[0] == '0') put_frame(client, WS_TEXT, "40", 2);
  else if (frame->length >= 1 && text[0] == '2') put_frame(client, WS_TEXT, "3", 1);
  else if (frame->length >= 2 && text[0] == '4' && text[1] == '0') {
    put_messages(client);
    if (!options.ready) become_ready(client);
  } else return frame->length >= 2 && text[0] == '4' && text[1] == '2';
  return false;
}

static void take_close(const struct ws_frame *frame) {
  if (seen.first_close_code != 0 || frame->length < 2) return;
  seen.first_close_code = frame->payload[0] << 8 | frame->payload[1];
  for (size_t i = 2; i < frame->length && i < 120; i += 1) {
    char letter = (char)frame->payload[i];
    seen.first_close_reason[i - 2] = letter >= ' ' && letter <= '~' && letter != '"' && letter != '\\' ? letter : '?';
  }
}

static void take_frame(struct client *client, const struct ws_frame *frame) {
  if (frame->opcode == WS_PING) put_frame(client, WS_PONG, frame->payload, frame->length);
  if (frame->opcode == WS_CLOSE) take_close(frame);
  if (frame->opcode != WS_TEXT) return;
  if (!frame->last) die("a fragmented message: no server here sends such");
  if (options.socketio && !take_socketio(client, frame)) return;
  if (options.ready && !client->ready && memmem(frame->payload, frame->length, options.ready, strlen(options.ready)))
    become_ready(client);
  count_frame(frame);
}

static void take_bytes(struct client *client, const uint8_t *data, size_t size) {
  uint8_t *joined = NULL;
  if (client->rest) {
    joined = realloc(client->rest, client->rest_size + size);
    memcpy(joined + client->rest_size, data, size);
    data = joined;
    size += client->rest_size;
    client->rest = NULL;
    client->rest_size = 0;
  }
  size_t used = 0;
  if (client->state == HANDSHAKE) used = take_answer(client, data, size);
  struct ws_frame frame;
  while (client->state == OPEN && ws_parse(data + used, size - used, &frame)) {
    take_frame(client, &frame);
    used += frame.whole;
  }
  if (client->state != CLOSED && used < size) {
    client->rest_size = size - used;
    client->rest = malloc(client->rest_size);
    memcpy(client->rest, data + used, client->rest_size);
  }
  free(joined);
}

static void read_client(struct client *client) {
  static uint8_t buffer[262144];
  ssize_t got = read(client->fd, buffer, sizeof buffer);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got <= 0) {
    end_client(client);
    return;
  }
  batch_us = realtime_us();
  take_bytes(client, buffer, (size_t)got);
}

static bool finished(uint64_t started_us) {
  if (stopping) return true;
  if (options.frames > 0 && seen.frames >= options.frames) return true;
  if (seen.ready_us != 0) return realtime_us() - seen.ready_us >= (uint64_t)options.seconds * 1000000u;
  if (seen.refused + seen.closed == options.connections) return true;
  return realtime_us() - started_us >= (uint64_t)options.connect_seconds * 1000000u;
}

static void print_result(void) {
  uint64_t elapsed = seen.last_us - seen.first_us;
  double rate = elapsed > 0 ? (double)(seen.timed - 1) * 1e6 / (double)elapsed : 0;
  double cpu = elapsed > 0 ? (double)(cpu_us() - seen.cpu_first_us) / (double)elapsed : 0;
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  printf("{\"connections\":%ld,\"open\":%ld,\"ready\":%ld,\"refused\":%ld,\"closed\":%ld,", options.connections, seen.open,
         seen.ready, seen.refused, seen.closed);
  printf("\"firstCloseCode\":%d,\"firstCloseReason\":\"%s\",", seen.first_close_code, seen.first_close_reason);
  printf("\"frames\":%lu,\"timedFrames\":%lu,\"otherFrames\":%lu,\"timedBytes\":%lu,", seen.frames, seen.timed, seen.other,
         seen.bytes);
  printf("\"startUs\":%lu,\"allOpenUs\":%lu,\"allReadyUs\":%lu,\"firstUs\":%lu,\"lastUs\":%lu,", seen.start_us, seen.open_us,
         seen.ready_us, seen.first_us, seen.last_us);
  printf("\"framesPerSecond\":%.1f,\"cpuShare\":%.3f,\"maxRssKb\":%ld,", rate, cpu, usage.ru_maxrss);
  print_histogram("latencyUs", &seen.latency);
  puts("}");
}

int main(int argc, char **argv) {
  read_options(argc, argv);
  need_descriptors(options.connections);
  stop_on_signals();
  queue = epoll_create1(0);
  clients = calloc((size_t)options.connections, sizeof *clients);
  seen.start_us = realtime_us();
  struct epoll_event events[4096];
  while (!finished(seen.start_us)) {
    while (seen.started < options.connections && seen.underway < options.connecting) start_client(seen.started);
    int count = epoll_wait(queue, events, 4096, 50);
    for (int i = 0; i < count; i += 1) {
      struct client *client = events[i].data.ptr;
      if (client->state == CLOSED) continue;
      if (client->state == CONNECTING) put_handshake(client);
      else read_client(client);
    }
    if (options.gather > 0 && seen.ready_us != 0) usleep((useconds_t)options.gather * 1000);
  }
  print_result();
  return seen.ready == options.connections ? 0 : 1;
}
