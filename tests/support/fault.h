/*
 * Faults at will: the libc calls that change files are counted, and the nth one kills or stops the process,
 * or fails. For one source file of a test program to include: its functions stand in for libc's, also for
 * SQLite. (In the support library they would get into every test.)
 *
 * Counted: write, pwrite, fsync, fdatasync, ftruncate, rename, renameat2, unlink, mkdir.
 */
#ifndef RIACHO_FAULT_H
#define RIACHO_FAULT_H

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static _Atomic int calls_left; /* 0: disarmed */
static int signal_to_give;
static int error_to_give;
static bool stays_armed;
static _Atomic bool fired; /* by whichever thread */

static void arm(int nth, int number, int error, bool sticky)
{
    fired = false;
    signal_to_give = number;
    error_to_give = error;
    stays_armed = sticky;
    calls_left = nth;
}

/* From now on the nth counted call (from 1) gives the process that signal before it is done. */
__attribute__((unused)) static void fault_arm_signal(int nth, int number)
{
    arm(nth, number, 0, false);
}

/* From now on the nth counted call fails with `error`; `sticky`: and all after it. */
__attribute__((unused)) static void fault_arm_error(int nth, int error, bool sticky)
{
    arm(nth, 0, error, sticky);
}

__attribute__((unused)) static void fault_disarm(void)
{
    calls_left = 0;
}

/* Whether the fault has come, since it was armed. */
__attribute__((unused)) static bool fault_fired(void)
{
    return fired;
}

/* Whether the call that is about to be made fails. */
static bool comes_now(void)
{
    if (calls_left == 0 || (calls_left > 1 && calls_left--))
        return false;
    fired = true;
    if (!stays_armed)
        calls_left = 0;
    if (signal_to_give)
        syscall(SYS_kill, syscall(SYS_getpid), signal_to_give);
    errno = error_to_give;
    return error_to_give != 0;
}

#define COUNTED(call) (comes_now() ? -1 : (int)(call))

ssize_t write(int fd, const void *bytes, size_t size)
{
    return fd > 2 && comes_now() ? -1 : (ssize_t)syscall(SYS_write, fd, bytes, size);
}

ssize_t pwrite64(int fd, const void *bytes, size_t size, off64_t offset)
{
    return comes_now() ? -1 : (ssize_t)syscall(SYS_pwrite64, fd, bytes, size, offset);
}

int fsync(int fd)
{
    return COUNTED(syscall(SYS_fsync, fd));
}

int fdatasync(int fd)
{
    return COUNTED(syscall(SYS_fdatasync, fd));
}

int ftruncate64(int fd, off64_t size)
{
    return COUNTED(syscall(SYS_ftruncate, fd, size));
}

int rename(const char *from, const char *to)
{
    return COUNTED(syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0));
}

int renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags)
{
    return COUNTED(syscall(SYS_renameat2, from_dir, from, to_dir, to, flags));
}

int unlink(const char *path)
{
    return COUNTED(syscall(SYS_unlinkat, AT_FDCWD, path, 0));
}

int mkdir(const char *path, mode_t mode)
{
    return COUNTED(syscall(SYS_mkdirat, AT_FDCWD, path, mode));
}

#endif
