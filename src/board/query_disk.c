/*
 * Looking at the disk.
 */
#include "board/query_disk.h"

#include "base/str.h"

#include <dirent.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/banned.h"

#define LEAST_ROOM_BYTES ((uint64_t)1 << 30)
#define LEAST_ROOM_SHARE 20 /* a twentieth */

int64_t query_disk_bytes(const char *path)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    const off_t bytes = fd >= 0 ? lseek(fd, 0, SEEK_END) : 0;

    if (fd >= 0)
        close(fd);
    return bytes > 0 ? bytes : 0;
}

bool query_disk_is_low(const char *folder)
{
    struct statvfs disk;
    uint64_t least;

    if (statvfs(folder, &disk) != 0)
        return false;
    least = (uint64_t)disk.f_blocks * disk.f_frsize / LEAST_ROOM_SHARE;
    if (least > LEAST_ROOM_BYTES)
        least = LEAST_ROOM_BYTES;
    return (uint64_t)disk.f_bavail * disk.f_frsize < least;
}

bool query_disk_has_spill(const char *folder)
{
    DIR *dir = opendir(folder);
    struct dirent *entry;
    bool found = false;

    while (dir && !found && (entry = readdir(dir)) != NULL)
        found = str_starts(entry->d_name, "duckdb_temp_");
    if (dir)
        closedir(dir);
    return found;
}
