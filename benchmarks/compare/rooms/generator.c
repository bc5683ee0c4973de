/* The load generator for many small rooms: one process, one epoll loop, any protocol.
 *
 * Python spends some microseconds on each message, which is more than Redis or NATS do. This program
 * spends a fraction of one, so that the server is what is measured. It knows nothing of a protocol: the
 * plan on its standard input (see `generator.py`) has for each client what it sends to get in, what
 * the server then answers, and one text as it is sent, with the places of its number.
 *
 * Each text is `^`, the room (3 digits), the talker (3), the number (8), and x up to 64 bytes. Each client
 * finds the texts in what it receives, and checks that each talker's come all, once and in order, and that
 * no text is of another room. In the end all clients of a room must have received them in the same order.
 *
 * One file, longer than others here, because one command compiles it.
 *
 * It prints `enter`, `in`, `start` and `stop` when it comes to that point, and then what it has measured.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    TEXT = 64,         /* bytes of a text */
    HEAD = 15,         /* of its mark, room, talker and number */
    BUFFER = 1 << 18,  /* bytes for one read */
    TAIL = 128,        /* bytes that are kept of a read; no answer is longer */
    READY = 64,        /* sockets that are served before the next look at what is due */
    BUCKETS = 2000000, /* of the latencies, ... */
    BUCKET = 10000     /* ... each of so many nanoseconds */
};

static const int64_t SECOND = 1000000000;
static const int64_t PATIENCE = 60 * 1000000000LL;    /* for all clients to get in */
static const int64_t QUIET = 500000000;               /* without a byte: all joins are announced */
static const int64_t AGAIN = 200000000;               /* until who was turned away tries again */
static const int64_t DRAIN = 6 * 1000000000LL;        /* for the last texts to come */

typedef struct {
    int64_t again_at; /* when it connects again, if it was turned away */
    int fd, room, talker; /* the talker's number in its room, -1 for who only reads */
    int entered, blocked;
    unsigned char *entrance, *answer, *text;
    int entrance_size, answer_size, text_size, number_at, id_at;
    unsigned char *unsent;
    size_t unsent_size, unsent_room;
    unsigned char tail[TAIL]; /* of the last read: the beginning of a text, or of the answer */
    int tail_size;
    int *next; /* for each talker of the room, the number that must come next */
    int said, acknowledged;
    uint64_t order; /* a hash of what came, in order */
    int64_t *due;   /* when each of its texts was due */
    int due_room;
} Client;

typedef struct {
    int first, members, talkers; /* its clients follow one another, talkers first */
} Room;

/* The plan */
static int port, entering, window, acknowledged_by, ordered, client_count, room_count;
static double rate, warm_up, seconds;

static Client **clients;
static Room *rooms;
static int *talkers, talker_count; /* in the order in which they talk if paced */
static int *again, again_start, again_end; /* those who were turned away: a ring */
static int epoll, talking;
static unsigned char buffer[TAIL + BUFFER];

/* What was measured */
static int64_t deliveries, expected, waiting_since, longest_gap, window_start, window_stop;
static int64_t lost, doubled, broken, strange, cut_off, turned_away;
static uint32_t latencies[BUCKETS], lateness[BUCKETS];

static int64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * SECOND + time.tv_nsec;
}

static void fail(const char *what) {
    printf("failed %s\n", what);
    exit(1);
}

static void *grown(void *memory, size_t size) {
    memory = realloc(memory, size);
    if (!memory) fail("there is no memory left");
    return memory;
}

static void count(uint32_t *buckets, int64_t nanoseconds, uint32_t times) {
    int64_t bucket = nanoseconds < 0 ? 0 : nanoseconds / BUCKET;
    buckets[bucket < BUCKETS ? bucket : BUCKETS - 1] += times;
}

/* -- the plan */

static unsigned char *read_hex(int *size) {
    static char digits[65536];
    if (scanf("%65535s", digits) != 1) fail("the plan ends early");
    *size = (int)strlen(digits) / 2;
    unsigned char *bytes = grown(NULL, *size + 1);
    for (int i = 0; i < *size; i++) sscanf(digits + 2 * i, "%2hhx", &bytes[i]);
    return bytes;
}

static void read_plan(void) {
    if (scanf("%d %d %d %lf %lf %lf %d %d %d %d", &port, &entering, &window, &rate, &warm_up, &seconds,
              &acknowledged_by, &ordered, &room_count, &client_count) != 10)
        fail("the plan has another form");
    rooms = calloc(room_count, sizeof *rooms);
    clients = calloc(client_count, sizeof *clients);
    talkers = calloc(client_count, sizeof *talkers);
    again = calloc(client_count, sizeof *again);
    if (!rooms || !clients || !talkers || !again) fail("there is no memory left");
    for (int i = 0; i < client_count; i++) {
        Client *client = clients[i] = calloc(1, sizeof *client);
        if (!client) fail("there is no memory left");
        if (scanf("%d %d %d %d", &client->room, &client->talker, &client->number_at, &client->id_at) != 4)
            fail("the plan ends early");
        client->entrance = read_hex(&client->entrance_size);
        client->answer = read_hex(&client->answer_size);
        client->text = read_hex(&client->text_size);
        if (client->answer_size > TAIL) fail("the plan has a long answer");
        Room *room = &rooms[client->room];
        if (!room->members++) room->first = i;
        room->talkers += client->talker >= 0;
    }
    for (int i = 0; i < client_count; i++) {
        clients[i]->next = calloc(rooms[clients[i]->room].talkers + 1, sizeof(int));
        if (!clients[i]->next) fail("there is no memory left");
    }
    /* First talker 0 of each room, then talker 1: two that talk one after the other share no room. */
    for (int talker = 0; talker_count < client_count; talker++) {
        int before = talker_count;
        for (int room = 0; room < room_count; room++)
            if (talker < rooms[room].talkers) talkers[talker_count++] = rooms[room].first + talker;
        if (before == talker_count) break;
    }
}

/* -- sending */

static void flush(int number) {
    Client *client = clients[number];
    ssize_t sent = send(client->fd, client->unsent, client->unsent_size, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0) sent = 0; /* reading notices that the connection is gone */
    client->unsent_size -= sent;
    memmove(client->unsent, client->unsent + sent, client->unsent_size);
    if (client->blocked != (client->unsent_size > 0)) {
        client->blocked = !client->blocked;
        struct epoll_event event = {.events = EPOLLIN | (client->blocked ? EPOLLOUT : 0), .data.u32 = number};
        epoll_ctl(epoll, EPOLL_CTL_MOD, client->fd, &event);
    }
}

static void queue_bytes(Client *client, const unsigned char *bytes, size_t size) {
    if (client->unsent_size + size > client->unsent_room) {
        client->unsent_room = 2 * (client->unsent_size + size);
        client->unsent = grown(client->unsent, client->unsent_room);
    }
    memcpy(client->unsent + client->unsent_size, bytes, size);
    client->unsent_size += size;
}

static void write_digits(unsigned char *at, int number, int digits) {
    for (; digits-- > 0; number /= 10) at[digits] = '0' + number % 10;
}

static void say(int number, int times, int64_t due) {
    Client *client = clients[number];
    if (client->fd < 0) return;
    if (due && client->said + times > client->due_room) {
        client->due_room = 2 * (client->said + times);
        client->due = grown(client->due, client->due_room * sizeof *client->due);
    }
    while (times-- > 0) {
        write_digits(client->text + client->number_at, client->said, 8);
        if (client->id_at >= 0) write_digits(client->text + client->id_at, client->said, 7);
        queue_bytes(client, client->text, client->text_size);
        if (due) client->due[client->said] = due;
        client->said++;
    }
    flush(number);
}

/* Let a talker fill its window, once a quarter of it is free: what a client says at once is sent at once. */
static void refill(int number) {
    Client *client = clients[number];
    int has = client->acknowledged;
    if (!acknowledged_by) {
        Room *room = &rooms[client->room];
        has = client->said;
        for (int i = room->first; i < room->first + room->members; i++)
            if (clients[i]->fd >= 0 && clients[i]->next[client->talker] < has)
                has = clients[i]->next[client->talker];
    }
    int space = window - (client->said - has);
    if (space > 0 && space * 4 >= window) say(number, space, 0);
}

/* -- receiving */

static int read_digits(const unsigned char *at, int digits) {
    int number = 0;
    for (; digits-- > 0; at++) {
        if (*at < '0' || *at > '9') return -1;
        number = 10 * number + *at - '0';
    }
    return number;
}

static void take_text(Client *client, const unsigned char *text, int64_t time) {
    static const char filler[] = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";
    _Static_assert(sizeof filler - 1 == TEXT - HEAD, "a text has another size");
    int room = read_digits(text + 1, 3), talker = read_digits(text + 4, 3), number = read_digits(text + 7, 8);
    if (room < 0 || talker < 0 || number < 0 || memcmp(text + HEAD, filler, TEXT - HEAD)) {
        broken++;
        return;
    }
    Room *own = &rooms[client->room];
    if (room != client->room || talker >= own->talkers || number >= clients[own->first + talker]->said) {
        strange++;
        return;
    }
    if (number < client->next[talker]) {
        doubled++;
        return;
    }
    lost += number - client->next[talker];
    client->next[talker] = number + 1;
    client->order = (client->order ^ ((uint64_t)talker << 32 | number)) * 1099511628211ULL;
    deliveries++;
    if (rate > 0) {
        int64_t due = clients[own->first + talker]->due[number];
        if (due >= window_start && due < window_stop) count(latencies, time - due, 1);
    }
}

/* Take the whole texts from `bytes`. Return how many bytes at the end may be the beginning of one. */
static int take_texts(Client *client, const unsigned char *bytes, int size, int64_t time) {
    const unsigned char *end = bytes + size, *mark = bytes;
    while ((mark = memchr(mark, '^', end - mark))) {
        if (end - mark < TEXT) return (int)(end - mark);
        take_text(client, mark, time);
        mark += TEXT;
    }
    return 0;
}

static void take_acknowledgements(Client *client, const unsigned char *bytes, int size) {
    const unsigned char *end = bytes + size;
    for (; (bytes = memchr(bytes, acknowledged_by, end - bytes)); bytes++) {
        client->acknowledged++;
        deliveries++;
    }
}

static void note_arrival(int64_t time) {
    int64_t gap = time - waiting_since;
    if (waiting_since >= window_start && time < window_stop && gap > longest_gap) longest_gap = gap;
    waiting_since = time;
}

static void cut(Client *client) {
    close(client->fd);
    client->fd = -1;
    cut_off++;
}

/* Receive what has come for a client behind what it kept of the last read. Return all of it. */
static int receive(Client *client) {
    memcpy(buffer, client->tail, client->tail_size);
    ssize_t size = recv(client->fd, buffer + client->tail_size, BUFFER, MSG_DONTWAIT);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) return -1;
    if (size <= 0) {
        cut(client);
        return -1;
    }
    return (int)size + client->tail_size;
}

static void on_ready(int number, uint32_t events) {
    Client *client = clients[number];
    if (client->fd < 0) return;
    if (events & EPOLLOUT && client->unsent_size) flush(number);
    if (!(events & ~EPOLLOUT)) return;
    int size = receive(client);
    if (size < 0 || !talking) return;
    int64_t time = now(), before = deliveries;
    if (acknowledged_by)
        take_acknowledgements(client, buffer, size);
    else {
        client->tail_size = take_texts(client, buffer, size, time);
        memcpy(client->tail, buffer + size - client->tail_size, client->tail_size);
    }
    if (deliveries == before) return;
    note_arrival(time);
    if (talking < 2 || !window) return;
    if (acknowledged_by) {
        refill(number);
        return;
    }
    Room *room = &rooms[client->room];
    for (int i = room->first; i < room->first + room->talkers; i++) refill(i);
}

/* Serve the sockets that are ready within so many nanoseconds. Return how many. */
static int serve(int64_t wait) {
    struct epoll_event events[READY];
    int ready = epoll_wait(epoll, events, READY, 0);
    if (!ready && wait > 0) { /* epoll_wait waits for whole milliseconds */
        struct pollfd polled = {.fd = epoll, .events = POLLIN};
        struct timespec time = {.tv_sec = wait / SECOND, .tv_nsec = wait % SECOND};
        ppoll(&polled, 1, &time, NULL);
        ready = epoll_wait(epoll, events, READY, 0);
    }
    for (int i = 0; i < ready; i++) on_ready(events[i].data.u32, events[i].events);
    return ready;
}

/* -- getting in */

static void connect_client(int number) {
    Client *client = clients[number];
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    client->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (client->fd < 0) fail("a socket could not be made");
    if (connect(client->fd, (struct sockaddr *)&address, sizeof address) < 0 && errno != EINPROGRESS)
        fail("the server let nobody connect");
    int at_once = 1;
    setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &at_once, sizeof at_once);
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT, .data.u32 = number};
    epoll_ctl(epoll, EPOLL_CTL_ADD, client->fd, &event);
    client->tail_size = client->unsent_size = 0;
    queue_bytes(client, client->entrance, client->entrance_size);
    client->blocked = 1;
}

/* Take what has come for a client on its way in. Return whether it has got in by that. One that the
 * server turns away tries again a little later, as any client would. */
static int take_answer(int number) {
    Client *client = clients[number];
    int size = receive(client);
    if (client->fd < 0) {
        turned_away += cut_off;
        cut_off = 0;
        client->again_at = now() + AGAIN;
        again[again_end++ % client_count] = number;
    }
    if (size < 0) return 0;
    if (memmem(buffer, size, client->answer, client->answer_size)) {
        client->tail_size = 0;
        return client->entered = 1;
    }
    client->tail_size = size < TAIL ? size : TAIL;
    memcpy(client->tail, buffer + size - client->tail_size, client->tail_size);
    return 0;
}

/* Connect those again who were turned away long enough ago. */
static void connect_again(void) {
    while (again_start < again_end && clients[again[again_start % client_count]]->again_at <= now())
        connect_client(again[again_start++ % client_count]);
}

static void enter(void) {
    int connected = 0, in = 0;
    int64_t until = now() + PATIENCE;
    while (in < client_count) {
        while (connected < client_count && connected - in < entering) connect_client(connected++);
        connect_again();
        struct epoll_event events[READY];
        int ready = epoll_wait(epoll, events, READY, again_start < again_end ? 1 : 100);
        if (now() > until) fail("not everybody was in after 60 s");
        for (int i = 0; i < ready; i++) {
            int number = events[i].data.u32;
            Client *client = clients[number];
            if (events[i].events & EPOLLOUT) flush(number);
            if (!(events[i].events & ~EPOLLOUT)) continue;
            if (client->entered) {
                on_ready(number, EPOLLIN);
                if (client->fd < 0) fail("the server closed a connection before the start");
            } else
                in += take_answer(number);
        }
    }
}

static void settle(void) {
    int64_t until = now() + PATIENCE;
    while (serve(QUIET))
        if (now() > until) fail("the server was not quiet 60 s after all were in");
    if (cut_off) fail("the server closed a connection before the start");
}

/* -- a run */

static void run_saturated(int64_t until) {
    for (int64_t time; (time = now()) < until;) serve(until - time);
}

static void run_paced(int64_t until) {
    static int64_t began, said;
    if (!began) began = now();
    for (int64_t time; (time = now()) < until;) {
        int64_t due;
        while ((due = began + (int64_t)(said * SECOND / rate)) <= time) {
            int talker = talkers[said++ % talker_count];
            if (deliveries == expected) waiting_since = due;
            expected += rooms[clients[talker]->room].members;
            say(talker, 1, due);
            if (due >= window_start) count(lateness, now() - due, 1);
        }
        serve((due < until ? due : until) - now());
    }
}

static int64_t missing(void) {
    int64_t found = 0;
    for (int i = 0; i < client_count; i++) {
        Room *room = &rooms[clients[i]->room];
        if (acknowledged_by) found += clients[i]->said - clients[i]->acknowledged;
        for (int talker = 0; !acknowledged_by && clients[i]->fd >= 0 && talker < room->talkers; talker++)
            found += clients[room->first + talker]->said - clients[i]->next[talker];
    }
    return found;
}

static void drain(void) {
    int64_t until = now() + DRAIN;
    talking = 1;
    while (missing() && now() < until)
        for (int i = 0; i < 1000 && serve(QUIET / 10); i++) continue;
    while (serve(QUIET / 2) && now() < until) continue; /* what comes twice is noticed here */
}

/* A text that never came took until the end. */
static void count_missing(int64_t end) {
    for (int i = 0; i < client_count; i++) {
        Room *room = &rooms[clients[i]->room];
        for (int talker = 0; talker < room->talkers; talker++) {
            Client *author = clients[room->first + talker];
            for (int number = clients[i]->next[talker]; number < author->said; number++)
                if (author->due[number] >= window_start && author->due[number] < window_stop)
                    count(latencies, end - author->due[number], 1);
        }
    }
}

/* -- what came of it */

static int64_t other_orders(void) {
    int64_t found = 0;
    for (int i = 0; i < client_count; i++) {
        Client *first = clients[rooms[clients[i]->room].first];
        found += clients[i]->fd >= 0 && first->fd >= 0 && clients[i]->order != first->order;
    }
    return found;
}

static void print_buckets(const char *name, const uint32_t *buckets) {
    printf("%s", name);
    for (int i = 0; i < BUCKETS; i++)
        if (buckets[i]) printf(" %d:%u", i, buckets[i]);
    printf("\n");
}

static void print_troubles(void) {
    struct { int64_t count; const char *what; } troubles[] = {
        {turned_away, "connections closed on their way in, and made again"},
        {cut_off, "clients cut off"},
        {lost, "deliveries lost"},
        {doubled, "deliveries doubled or out of order"},
        {broken, "texts changed"},
        {strange, "texts that nobody said in the room"},
        {missing(), "deliveries missing 6 s after the last text"},
        {ordered && !missing() ? other_orders() : 0, "clients got another order than their room"},
    };
    for (size_t i = 0; i < sizeof troubles / sizeof *troubles; i++)
        if (troubles[i].count) printf("trouble %lld %s\n", (long long)troubles[i].count, troubles[i].what);
}

static double cpu_seconds(void) {
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return time.tv_sec + time.tv_nsec / 1e9;
}

static void measure(void) {
    void (*run)(int64_t) = rate > 0 ? run_paced : run_saturated;
    int64_t start = now() + (int64_t)(warm_up * SECOND);
    window_start = start;
    window_stop = start + (int64_t)(seconds * SECOND);
    talking = 2;
    for (int i = 0; window && i < talker_count; i++) say(talkers[i], window, 0);
    run(window_start);
    double cpu = cpu_seconds();
    int64_t before = deliveries, began = now();
    printf("start\n");
    run(window_stop);
    printf("stop\n");
    int64_t delivered = deliveries - before;
    double took = (now() - began) / 1e9;
    cpu = cpu_seconds() - cpu;
    drain();
    if (rate > 0) count_missing(now());
    printf("taken %lld\ndeliveries %lld\nseconds %.9f\ncpu %.9f\ngap %.9f\n", (long long)deliveries,
           (long long)delivered, took, cpu,
           longest_gap / 1e9);
    print_buckets("latencies", latencies);
    print_buckets("lateness", lateness);
}

int main(void) {
    setvbuf(stdout, NULL, _IOLBF, 0);
    epoll = epoll_create1(0);
    if (epoll < 0) fail("epoll could not be made");
    read_plan();
    printf("enter\n");
    int64_t began = now();
    enter();
    printf("in %.9f\n", (now() - began) / 1e9);
    if (seconds > 0) {
        settle();
        measure();
    }
    print_troubles();
    return 0;
}
