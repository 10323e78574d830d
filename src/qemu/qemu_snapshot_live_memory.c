/*
 * qemu_snapshot_live_memory.c: memory of a domain before and after a live snapshot
 *
 * QEMU can protect only pages that are there. Of private memory, one that the guest has
 * not touched is there for next to nothing, being the kernel's page of zeros; of shared
 * memory each has to be allocated, cleared and mapped, which takes some 0.6 to 1.2
 * seconds for each gigabyte, and QEMU does it when the guest stands still. To read them
 * from outside does the same while the guest goes on, and it does not notice.
 *
 * A QEMU before 8.1 leaves the memory protected when a snapshot fails or is cancelled,
 * and the guest would wait for ever where it writes next. So it is taken off from
 * outside, through QEMU's own descriptor.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <config.h>

#ifdef __linux__
# include <linux/userfaultfd.h>
# include <sys/ioctl.h>
# include <sys/syscall.h>
# include <sys/uio.h>
#endif

#include "qemu_conf.h"
#include "qemu_domain.h"
#include "qemu_snapshot_live_memory.h"
#include "virerror.h"
#include "virfile.h"
#include "virlog.h"
#include "virstring.h"
#include "virutil.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

/* How many pages are read at once: what the kernel takes. */
#define QEMU_SNAPSHOT_LIVE_PAGES 1024

/* Bytes of /proc/PID/maps: some thousand mappings. */
#define QEMU_SNAPSHOT_LIVE_MAPS_MAX (10 * 1024 * 1024)

VIR_LOG_INIT("qemu.qemu_snapshot_live_memory");


static bool
qemuSnapshotLiveIsShared(const virDomainDef *def)
{
    size_t i;

    if (def->mem.access == VIR_DOMAIN_MEMORY_ACCESS_SHARED)
        return true;

    for (i = 0; i < virDomainNumaGetNodeCount(def->numa); i++) {
        if (virDomainNumaGetNodeMemoryAccessMode(def->numa, i) == VIR_DOMAIN_MEMORY_ACCESS_SHARED)
            return true;
    }

    return false;
}


#ifdef __linux__
static int
qemuSnapshotLiveReadPages(pid_t pid,
                          unsigned long long start,
                          unsigned long long end)
{
    g_autofree char *bytes = g_new0(char, QEMU_SNAPSHOT_LIVE_PAGES);
    g_autofree struct iovec *remote = g_new0(struct iovec, QEMU_SNAPSHOT_LIVE_PAGES);
    struct iovec local = { .iov_base = bytes, .iov_len = QEMU_SNAPSHOT_LIVE_PAGES };
    size_t page = virGetSystemPageSize();
    size_t n = 0;

    for (; start < end; start += page) {
        remote[n].iov_base = (void *) (uintptr_t) start;
        remote[n].iov_len = 1;

        if (++n < QEMU_SNAPSHOT_LIVE_PAGES && start + page < end)
            continue;

        if (process_vm_readv(pid, &local, 1, remote, n, 0) < 0)
            return -1;

        n = 0;
    }

    return 0;
}
#else
static int
qemuSnapshotLiveReadPages(pid_t pid G_GNUC_UNUSED,
                          unsigned long long start G_GNUC_UNUSED,
                          unsigned long long end G_GNUC_UNUSED)
{
    errno = ENOSYS;
    return -1;
}
#endif


/* @line is one of /proc/PID/maps: "START-END rw-s OFFSET DEVICE INODE   FILE". */
static int
qemuSnapshotLiveParseMapping(const char *line,
                             unsigned long long *start,
                             unsigned long long *end)
{
    char *rest = NULL;

    if (virStrToLong_ull(line, &rest, 16, start) < 0 || *rest != '-' ||
        virStrToLong_ull(rest + 1, &rest, 16, end) < 0)
        return -1;

    return 0;
}


static char **
qemuSnapshotLiveGetMappings(pid_t pid)
{
    g_autofree char *path = g_strdup_printf("/proc/%lld/maps", (long long) pid);
    g_autofree char *maps = NULL;

    if (virFileReadAllQuiet(path, QEMU_SNAPSHOT_LIVE_MAPS_MAX, &maps) < 0)
        return NULL;

    return g_strsplit(maps, "\n", 0);
}


static void
qemuSnapshotLivePopulateMapping(pid_t pid,
                                const char *line,
                                const char *dir)
{
    const char *file = strchr(line, '/');
    unsigned long long start;
    unsigned long long end;

    if (!file ||
        (!STRPREFIX(file, "/memfd:memory-backend") && !STRPREFIX(file, dir)) ||
        qemuSnapshotLiveParseMapping(line, &start, &end) < 0)
        return;

    if (qemuSnapshotLiveReadPages(pid, start, end) < 0)
        VIR_WARN("cannot have the memory in '%s' allocated, QEMU will with the guest stopped: %s",
                 file, g_strerror(errno));
}


/**
 * qemuSnapshotLivePopulate:
 * @vm: running domain that is about to be snapshotted live
 *
 * Has what the guest has not touched of its memory allocated and mapped, if that is
 * shared. It takes as much of the host's memory as if the guest had touched all. Where
 * it cannot be done, which is logged, QEMU does it with the guest stopped.
 */
void
qemuSnapshotLivePopulate(virDomainObj *vm)
{
    qemuDomainObjPrivate *priv = vm->privateData;
    g_autoptr(virQEMUDriverConfig) cfg = virQEMUDriverGetConfig(priv->driver);
    pid_t pid = vm->pid;
    g_auto(GStrv) lines = NULL;
    size_t i;

    if (!qemuSnapshotLiveIsShared(vm->def) ||
        !(lines = qemuSnapshotLiveGetMappings(pid)))
        return;

    /* others want to look at the domain meanwhile; the job keeps them from changing it */
    virObjectUnlock(vm);

    for (i = 0; lines[i]; i++)
        qemuSnapshotLivePopulateMapping(pid, lines[i], cfg->memoryBackingDir);

    virObjectLock(vm);
}


#ifdef __linux__
static int
qemuSnapshotLiveOpenDescriptor(pid_t pid,
                               int number)
{
    VIR_AUTOCLOSE pidfd = syscall(SYS_pidfd_open, pid, 0);

    if (pidfd < 0)
        return -1;

    return syscall(SYS_pidfd_getfd, pidfd, number, 0);
}


/* What is not protected is passed over: the kernel refuses it or does nothing. */
static void
qemuSnapshotLiveUnprotectBy(pid_t pid,
                            int number)
{
    VIR_AUTOCLOSE fd = qemuSnapshotLiveOpenDescriptor(pid, number);
    g_auto(GStrv) lines = qemuSnapshotLiveGetMappings(pid);
    size_t i;

    if (fd < 0 || !lines) {
        VIR_ERROR(_("the memory of QEMU process %1$lld stays protected, and its guest may hang: %2$s"),
                  (long long) pid, g_strerror(errno));
        return;
    }

    for (i = 0; lines[i]; i++) {
        struct uffdio_range range = { 0 };
        unsigned long long start;
        unsigned long long end;

        if (qemuSnapshotLiveParseMapping(lines[i], &start, &end) < 0)
            continue;

        range.start = start;
        range.len = end - start;
        ignore_value(ioctl(fd, UFFDIO_UNREGISTER, &range));
        /* who waits for a page that was only write-protected is not woken by that */
        ignore_value(ioctl(fd, UFFDIO_WAKE, &range));
    }
}
#else
static void
qemuSnapshotLiveUnprotectBy(pid_t pid G_GNUC_UNUSED,
                            int number G_GNUC_UNUSED)
{
}
#endif


/**
 * qemuSnapshotLiveUnprotect:
 * @vm: running domain whose live snapshot has failed, or is to fail now
 *
 * Lets the guest write to all of its memory again. A QEMU that has done so itself has no
 * descriptor for it any more. If it cannot be done, that is logged.
 */
void
qemuSnapshotLiveUnprotect(virDomainObj *vm)
{
    g_autofree char *path = g_strdup_printf("/proc/%lld/fd", (long long) vm->pid);
    g_autoptr(DIR) dir = NULL;
    struct dirent *entry;

    if (virDirOpenQuiet(&dir, path) < 0)
        return;

    while (virDirRead(dir, &entry, NULL) > 0) {
        g_autofree char *link = g_strdup_printf("%s/%s", path, entry->d_name);
        g_autofree char *target = g_file_read_link(link, NULL);
        int number;

        if (STREQ_NULLABLE(target, "anon_inode:[userfaultfd]") &&
            virStrToLong_i(entry->d_name, NULL, 10, &number) == 0)
            qemuSnapshotLiveUnprotectBy(vm->pid, number);
    }
}
