/* A disk that loses power. Preloaded into a process, it follows every write below UNSYNCED_ROOT and keeps, in a second
 * folder UNSYNCED_KEPT, what the disk would hold: writes reach it only when the file is synced. Kill the process, and the
 * second folder is the state after the power came back.
 *
 * The process itself sees its writes at once, as through the page cache. A file that was never synced does not exist
 * afterwards. Removing and renaming are taken to be durable at once (a journalling file system orders them), so this is
 * for databases that do not commit by removing a file: SQLite in WAL mode does not. Shared memory (-shm) is not kept, as
 * SQLite makes it anew. With UNSYNCED_LIES set, syncing does nothing: a disk that lies about its cache.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#define MOST_FDS 65536

struct change {
  struct change *next;
  off_t at;
  size_t size; /* of data; unused for a truncation */
  int truncates;
  char data[];
};

struct file {
  struct file *next;
  char name[PATH_MAX]; /* below the root */
  struct change *first, **last;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct file *files;
static struct file *of_fd[MOST_FDS];
static const char *root, *kept;
static int lies;

static int (*real_open)(const char *, int, ...);
static int (*real_close)(int);
static ssize_t (*real_write)(int, const void *, size_t);
static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);
static int (*real_ftruncate)(int, off_t);
static int (*real_unlink)(const char *);
static int (*real_rename)(const char *, const char *);

__attribute__((constructor)) static void begin(void) {
  root = getenv("UNSYNCED_ROOT");
  kept = getenv("UNSYNCED_KEPT");
  lies = getenv("UNSYNCED_LIES") != NULL;
  real_open = dlsym(RTLD_NEXT, "open64");
  real_close = dlsym(RTLD_NEXT, "close");
  real_write = dlsym(RTLD_NEXT, "write");
  real_pwrite = dlsym(RTLD_NEXT, "pwrite64");
  real_ftruncate = dlsym(RTLD_NEXT, "ftruncate64");
  real_unlink = dlsym(RTLD_NEXT, "unlink");
  real_rename = dlsym(RTLD_NEXT, "rename");
}

/* The part of a path below the root, or NULL. */
static const char *below(const char *path) {
  static __thread char whole[PATH_MAX];
  size_t length;
  if (!root || !kept || !path) return NULL;
  if (path[0] != '/') {
    char here[PATH_MAX];
    if (!getcwd(here, sizeof here)) return NULL;
    if (snprintf(whole, sizeof whole, "%s/%s", here, path) >= (int)sizeof whole) return NULL;
    path = whole;
  }
  length = strlen(root);
  if (strncmp(path, root, length) || path[length] != '/') return NULL;
  path += length + 1;
  length = strlen(path);
  if (length >= 4 && !strcmp(path + length - 4, "-shm")) return NULL;
  return path;
}

static void forget(struct file *file) {
  while (file->first) {
    struct change *change = file->first;
    file->first = change->next;
    free(change);
  }
  file->last = &file->first;
}

static struct file *file_named(const char *name) {
  struct file *file;
  for (file = files; file; file = file->next)
    if (!strcmp(file->name, name)) return file;
  file = calloc(1, sizeof *file);
  snprintf(file->name, sizeof file->name, "%s", name);
  file->last = &file->first;
  file->next = files;
  return files = file;
}

static void add(struct file *file, off_t at, const void *data, size_t size, int truncates) {
  struct change *change = malloc(sizeof *change + size);
  change->next = NULL;
  change->at = at;
  change->size = size;
  change->truncates = truncates;
  if (size) memcpy(change->data, data, size);
  *file->last = change;
  file->last = &change->next;
}

static void keep(struct file *file) {
  char path[PATH_MAX * 2];
  int fd;
  if (lies) return;
  snprintf(path, sizeof path, "%s/%s", kept, file->name);
  fd = real_open(path, O_WRONLY | O_CREAT, 0600);
  if (fd < 0) {
    perror("unsynced: cannot keep what was synced");
    abort();
  }
  for (struct change *change = file->first; change; change = change->next) {
    int failed = change->truncates ? real_ftruncate(fd, change->at) != 0
                                   : real_pwrite(fd, change->data, change->size, change->at) != (ssize_t)change->size;
    if (failed) {
      perror("unsynced: cannot keep what was synced");
      abort();
    }
  }
  real_close(fd);
  forget(file);
}

static struct file *followed(int fd) { return fd >= 0 && fd < MOST_FDS ? of_fd[fd] : NULL; }

static int opened(int fd, const char *path, int flags) {
  const char *name = fd >= 0 && fd < MOST_FDS && (flags & O_ACCMODE) != O_RDONLY ? below(path) : NULL;
  int saved = errno;
  if (fd >= 0 && fd < MOST_FDS) {
    pthread_mutex_lock(&lock);
    of_fd[fd] = name ? file_named(name) : NULL;
    if (name && (flags & O_TRUNC)) add(of_fd[fd], 0, NULL, 0, 1);
    pthread_mutex_unlock(&lock);
  }
  errno = saved;
  return fd;
}

#define MODE_OF(flags)                             \
  mode_t mode = 0;                                 \
  if ((flags) & (O_CREAT | O_TMPFILE)) {           \
    va_list arguments;                             \
    va_start(arguments, flags);                    \
    mode = va_arg(arguments, mode_t);              \
    va_end(arguments);                             \
  }

int open(const char *path, int flags, ...) {
  MODE_OF(flags)
  return opened(real_open(path, flags, mode), path, flags);
}

int open64(const char *path, int flags, ...) {
  MODE_OF(flags)
  return opened(real_open(path, flags, mode), path, flags);
}

int close(int fd) {
  if (fd >= 0 && fd < MOST_FDS) of_fd[fd] = NULL;
  return real_close(fd);
}

static ssize_t written(int fd, const void *data, ssize_t size, off_t at) {
  struct file *file = size > 0 ? followed(fd) : NULL;
  if (file) {
    pthread_mutex_lock(&lock);
    add(file, at, data, (size_t)size, 0);
    pthread_mutex_unlock(&lock);
  }
  return size;
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t at) {
  return written(fd, data, real_pwrite(fd, data, size, at), at);
}

ssize_t pwrite64(int fd, const void *data, size_t size, off_t at) {
  return written(fd, data, real_pwrite(fd, data, size, at), at);
}

ssize_t write(int fd, const void *data, size_t size) {
  ssize_t done = real_write(fd, data, size);
  return followed(fd) && done > 0 ? written(fd, data, done, lseek(fd, 0, SEEK_CUR) - done) : done;
}

static int truncated(int fd, off_t size, int result) {
  struct file *file = result == 0 ? followed(fd) : NULL;
  if (file) {
    pthread_mutex_lock(&lock);
    add(file, size, NULL, 0, 1);
    pthread_mutex_unlock(&lock);
  }
  return result;
}

int ftruncate(int fd, off_t size) { return truncated(fd, size, real_ftruncate(fd, size)); }

int ftruncate64(int fd, off_t size) { return truncated(fd, size, real_ftruncate(fd, size)); }

static int synced(int fd) {
  struct file *file = followed(fd);
  if (file) {
    pthread_mutex_lock(&lock);
    keep(file);
    pthread_mutex_unlock(&lock);
  }
  return 0;
}

int fsync(int fd) { return synced(fd); }

int fdatasync(int fd) { return synced(fd); }

int unlink(const char *path) {
  const char *name = below(path);
  int result = real_unlink(path);
  if (name && result == 0) {
    char gone[PATH_MAX * 2];
    pthread_mutex_lock(&lock);
    forget(file_named(name));
    snprintf(gone, sizeof gone, "%s/%s", kept, name);
    real_unlink(gone);
    pthread_mutex_unlock(&lock);
  }
  return result;
}

int rename(const char *from, const char *to) {
  char old_name[PATH_MAX], from_kept[PATH_MAX * 2], to_kept[PATH_MAX * 2];
  const char *name = below(from), *new_name;
  int result;
  if (name) snprintf(old_name, sizeof old_name, "%s", name);
  new_name = below(to);
  result = real_rename(from, to);
  if (name && new_name && result == 0) {
    snprintf(from_kept, sizeof from_kept, "%s/%s", kept, old_name);
    snprintf(to_kept, sizeof to_kept, "%s/%s", kept, new_name);
    real_rename(from_kept, to_kept);
  }
  return result;
}
