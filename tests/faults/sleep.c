/* Preloaded before libfaketime 0.9.10, whose clock_nanosleep takes every absolute time for one of the day's clock and
   so refuses what Python's time.sleep asks of the monotonic one. */

#define _GNU_SOURCE
#include <errno.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_nanosleep(clockid_t clock, int flags, const struct timespec *wanted, struct timespec *left) {
    return syscall(SYS_clock_nanosleep, clock, flags, wanted, left) == 0 ? 0 : errno;
}
