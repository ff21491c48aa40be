/*
 * writeloop: the upper bound of fan-out on this machine. Accepts N WebSocket clients, then writes one ready-made frame
 * to each of them, round after round, with a plain blocking `write`. No queue, no events, no limits: what a server loses
 * against this is the cost of being a server.
 *
 *   --port P          0: any; the port is printed as {"port":P}
 *   --connections N   starts when so many clients have shaken hands
 *   --rounds M        frames per client
 *   --bytes B         payload of the frame (default 240)
 */
#include "ws.h"

static const char ANSWER[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                             "Sec-WebSocket-Accept: " WS_ACCEPT "\r\n\r\n";

static long port, connections, rounds = 1000, bytes = 240;

static void read_options(int argc, char **argv) {
  const char *name, *value;
  for (int at = 1; (value = next_option(argc, argv, &at, &name));) {
    if (!strcmp(name, "port")) port = number(name, value, 0, 65535);
    else if (!strcmp(name, "connections")) connections = number(name, value, 1, 1000000);
    else if (!strcmp(name, "rounds")) rounds = number(name, value, 1, 1000000000);
    else if (!strcmp(name, "bytes")) bytes = number(name, value, 1, 65535);
    else die("unknown option --%s", name);
  }
  if (connections == 0) die("--connections is needed");
}

static int listen_on_loopback(void) {
  int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (bind(fd, (struct sockaddr *)&address, size) < 0 || listen(fd, 4096) < 0) die("listen: %s", strerror(errno));
  getsockname(fd, (struct sockaddr *)&address, &size);
  printf("{\"port\":%d}\n", ntohs(address.sin_port));
  fflush(stdout);
  return fd;
}

/* One client after the other: the handshake is not what is measured. */
static int shake_hands(int listener) {
  int fd = accept(listener, NULL, NULL);
  if (fd < 0) die("accept: %s", strerror(errno));
  set_nodelay(fd);
  char head[4096];
  size_t size = 0;
  while (!memmem(head, size, "\r\n\r\n", 4)) {
    ssize_t got = size < sizeof head ? read(fd, head + size, sizeof head - size) : 0;
    if (got <= 0) die("a client went away in its handshake");
    size += (size_t)got;
  }
  if (!memmem(head, size, WS_KEY, strlen(WS_KEY))) die("this server knows the key of wsload only");
  if (write(fd, ANSWER, sizeof ANSWER - 1) != (ssize_t)sizeof ANSWER - 1) die("write: %s", strerror(errno));
  return fd;
}

/* Returns false when the generator has seen enough and hung up. */
static bool write_all(int fd, const uint8_t *frame, size_t size) {
  for (size_t at = 0; at < size;) {
    ssize_t written = write(fd, frame + at, size - at);
    if (written < 0) return false;
    at += (size_t)written;
  }
  return true;
}

int main(int argc, char **argv) {
  read_options(argc, argv);
  need_descriptors(connections);
  stop_on_signals();
  int listener = listen_on_loopback();
  int *clients = calloc((size_t)connections, sizeof *clients);
  for (long i = 0; i < connections; i += 1) clients[i] = shake_hands(listener);

  uint8_t frame[65536 + 14];
  size_t head = ws_head(frame, WS_TEXT, (size_t)bytes, false);
  memset(frame + head, 'x', (size_t)bytes);
  bool heard = true;
  for (long round = 0; round < rounds && heard && !stopping; round += 1)
    for (long i = 0; i < connections && heard; i += 1) heard = write_all(clients[i], frame, head + (size_t)bytes);
  /* The clients read what is still on its way, our processor time is looked up; whoever started us ends us. */
  while (!stopping) pause();
  return 0;
}
