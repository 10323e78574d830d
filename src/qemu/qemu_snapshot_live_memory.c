/*
 * qemu_snapshot_live_memory.c: memory of a domain before and after a live snapshot
 *
 * QEMU can protect only pages that are there, and so reads a byte of each page when the
 * guest stands still. That takes 3 milliseconds for each gigabyte at best, but
 *
 * - shared memory that the guest has not touched has to be allocated, cleared and mapped:
 *   0.6 to 1.2 seconds for each gigabyte;
 * - what nobody has read for a while takes longer on a host that is a virtual machine
 *   itself: some 30 milliseconds;
 * - QEMU protects and unprotects single pages, so that a live snapshot splits the huge
 *   pages that private memory is made of: some 50 milliseconds at the next snapshot.
 *
 * To read the pages from outside while the guest goes on does the first two, and the
 * kernel can be asked to make huge pages of small ones.
 *
 * A QEMU before 8.1 leaves the memory protected when a snapshot fails or is cancelled,
 * and the guest would wait for ever where it writes next. So it is taken off from
 * outside, through QEMU's own descriptor.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <config.h>

#include <fcntl.h>
#include <unistd.h>

#ifdef __linux__
# include <linux/mman.h>
# include <linux/userfaultfd.h>
# include <sys/ioctl.h>
# include <sys/syscall.h>
# include <sys/uio.h>
#endif

#include "qemu_conf.h"
#include "qemu_domain.h"
#include "qemu_snapshot_live_memory.h"
#include "virerror.h"
#include "virevent.h"
#include "virfile.h"
#include "virlog.h"
#include "virpidfile.h"
#include "virstring.h"
#include "virutil.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

/* How many pages are read at once: what the kernel takes. */
#define QEMU_SNAPSHOT_LIVE_PAGES 1024

/* Bytes of /proc/PID/smaps: some thousand mappings. */
#define QEMU_SNAPSHOT_LIVE_MAPS_MAX (10 * 1024 * 1024)

/* A domain's memory is in no mapping that is smaller, in bytes. */
#define QEMU_SNAPSHOT_LIVE_MAPPING_MIN (1024 * 1024)

/* Of an entry of /proc/PID/pagemap: the page is in memory, and nobody else has it. Zeros
 * that the kernel lends are not the process' own. */
#define QEMU_SNAPSHOT_LIVE_PAGE_OWN (1ULL << 63 | 1ULL << 56)

/* How often memory is unprotected again, in milliseconds. */
#define QEMU_SNAPSHOT_LIVE_UNPROTECT_INTERVAL 50

VIR_LOG_INIT("qemu.qemu_snapshot_live_memory");


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


/* @file is "maps", or "smaps", which takes longer and says what pages they are made of. */
static char **
qemuSnapshotLiveGetMappings(pid_t pid,
                            const char *file)
{
    g_autofree char *path = g_strdup_printf("/proc/%lld/%s", (long long) pid, file);
    g_autofree char *maps = NULL;

    if (virFileReadAllQuiet(path, QEMU_SNAPSHOT_LIVE_MAPS_MAX, &maps) < 0)
        return NULL;

    return g_strsplit(maps, "\n", 0);
}


/* Whether a domain's memory may be in the mapping that @line is of. */
static bool
qemuSnapshotLiveIsMemory(const char *line,
                         const char *dir)
{
    const char *file = strchr(line, '/');
    unsigned long long start;
    unsigned long long end;

    if (file)
        return STRPREFIX(file, "/memfd:memory-backend") || STRPREFIX(file, dir);

    return qemuSnapshotLiveParseMapping(line, &start, &end) == 0 &&
           end - start >= QEMU_SNAPSHOT_LIVE_MAPPING_MIN &&
           strstr(line, " rw-p ");
}


#ifdef __linux__
static int
qemuSnapshotLiveOpenProcess(pid_t pid)
{
    return syscall(SYS_pidfd_open, pid, 0);
}
#endif


#if defined(__linux__) && defined(SYS_process_madvise) && defined(MADV_COLLAPSE)
/* A huge page takes no more memory than the small ones only where all are there. */
static bool
qemuSnapshotLiveIsOwn(const unsigned long long *pages,
                      size_t npages)
{
    size_t i;

    for (i = 0; i < npages; i++) {
        if ((pages[i] & QEMU_SNAPSHOT_LIVE_PAGE_OWN) != QEMU_SNAPSHOT_LIVE_PAGE_OWN)
            return false;
    }

    return true;
}


/* Where the pages are a huge one already, or the kernel has none left, nothing happens. */
static void
qemuSnapshotLiveCollapse(pid_t pid,
                         unsigned long long start,
                         unsigned long long end)
{
    VIR_AUTOCLOSE pidfd = qemuSnapshotLiveOpenProcess(pid);
    g_autofree char *path = g_strdup_printf("/proc/%lld/pagemap", (long long) pid);
    VIR_AUTOCLOSE pagemap = open(path, O_RDONLY | O_CLOEXEC);
    size_t page = virGetSystemPageSize();
    g_autofree unsigned long long *pages = NULL;
    unsigned long long size = 0;
    size_t npages;

    if (pidfd < 0 || pagemap < 0 ||
        virFileReadValueUllong(&size, "/sys/kernel/mm/transparent_hugepage/hpage_pmd_size") < 0 ||
        size < page)
        return;

    npages = size / page;
    pages = g_new0(unsigned long long, npages);

    for (start = VIR_ROUND_UP(start, size); start + size <= end; start += size) {
        struct iovec iov = { .iov_base = (void *) (uintptr_t) start, .iov_len = size };

        if (pread(pagemap, pages, npages * sizeof(*pages),
                  start / page * sizeof(*pages)) != npages * sizeof(*pages))
            return;

        if (qemuSnapshotLiveIsOwn(pages, npages))
            ignore_value(syscall(SYS_process_madvise, pidfd, &iov, 1, MADV_COLLAPSE, 0));
    }
}
#else
static void
qemuSnapshotLiveCollapse(pid_t pid G_GNUC_UNUSED,
                         unsigned long long start G_GNUC_UNUSED,
                         unsigned long long end G_GNUC_UNUSED)
{
}
#endif


/* @lines are those of the mapping and of what the kernel says of it. */
static void
qemuSnapshotLiveWarmMapping(pid_t pid,
                            char **lines)
{
    unsigned long long start;
    unsigned long long end;
    unsigned long long other;
    size_t i;

    if (qemuSnapshotLiveParseMapping(lines[0], &start, &end) < 0)
        return;

    for (i = 1; lines[i] && qemuSnapshotLiveParseMapping(lines[i], &other, &other) < 0; i++) {
        /* huge pages that the administrator has forbidden are not made */
        if (STRPREFIX(lines[i], "THPeligible:") && strchr(lines[i], '1') &&
            strstr(lines[0], " rw-p "))
            qemuSnapshotLiveCollapse(pid, start, end);
    }

    if (qemuSnapshotLiveReadPages(pid, start, end) < 0)
        VIR_WARN("cannot have the memory of QEMU process %lld mapped, QEMU will with the guest stopped: %s",
                 (long long) pid, g_strerror(errno));
}


/**
 * qemuSnapshotLiveWarm:
 * @vm: running domain that is about to be snapshotted live
 *
 * Does beforehand what would keep the guest waiting when its memory is protected. What
 * it has not touched of memory that is shared is allocated, so that it takes as much of
 * the host's memory as if the guest had touched all; private memory takes no more than
 * before. Where it cannot be done, which is logged, QEMU does it with the guest stopped.
 */
void
qemuSnapshotLiveWarm(virDomainObj *vm)
{
    qemuDomainObjPrivate *priv = vm->privateData;
    g_autoptr(virQEMUDriverConfig) cfg = virQEMUDriverGetConfig(priv->driver);
    pid_t pid = vm->pid;
    g_auto(GStrv) lines = NULL;
    size_t i;

    if (!(lines = qemuSnapshotLiveGetMappings(pid, "smaps")))
        return;

    /* others want to look at the domain meanwhile; the job keeps them from changing it */
    virObjectUnlock(vm);

    for (i = 0; lines[i]; i++) {
        if (qemuSnapshotLiveIsMemory(lines[i], cfg->memoryBackingDir))
            qemuSnapshotLiveWarmMapping(pid, lines + i);
    }

    virObjectLock(vm);
}


#ifdef __linux__
static int
qemuSnapshotLiveOpenDescriptor(pid_t pid,
                               int number)
{
    VIR_AUTOCLOSE pidfd = qemuSnapshotLiveOpenProcess(pid);

    if (pidfd < 0)
        return -1;

    return syscall(SYS_pidfd_getfd, pidfd, number, 0);
}


/* What is not protected is passed over: the kernel refuses it or does nothing. */
static int
qemuSnapshotLiveUnprotectBy(pid_t pid,
                            int number)
{
    VIR_AUTOCLOSE fd = qemuSnapshotLiveOpenDescriptor(pid, number);
    g_auto(GStrv) lines = qemuSnapshotLiveGetMappings(pid, "maps");
    size_t i;

    if (fd < 0 || !lines) {
        VIR_ERROR(_("the memory of QEMU process %1$lld stays protected, and its guest may hang: %2$s"),
                  (long long) pid, g_strerror(errno));
        return -1;
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

    return 0;
}
#else
static int
qemuSnapshotLiveUnprotectBy(pid_t pid G_GNUC_UNUSED,
                            int number G_GNUC_UNUSED)
{
    return 0;
}
#endif


/**
 * qemuSnapshotLiveUnprotect:
 * @pid: QEMU process whose live snapshot has failed, or is to fail now
 *
 * Lets the guest write to all of its memory again. A QEMU that has done so itself has no
 * descriptor for it any more.
 *
 * Returns 0 on success, -1 if it cannot be done, which is logged.
 */
int
qemuSnapshotLiveUnprotect(pid_t pid)
{
    g_autofree char *path = g_strdup_printf("/proc/%lld/fd", (long long) pid);
    g_autoptr(DIR) dir = NULL;
    struct dirent *entry;

    if (virDirOpenQuiet(&dir, path) < 0)
        return 0;

    while (virDirRead(dir, &entry, NULL) > 0) {
        g_autofree char *link = g_strdup_printf("%s/%s", path, entry->d_name);
        g_autofree char *target = g_file_read_link(link, NULL);
        int number;

        if (STREQ_NULLABLE(target, "anon_inode:[userfaultfd]") &&
            virStrToLong_i(entry->d_name, NULL, 10, &number) == 0 &&
            qemuSnapshotLiveUnprotectBy(pid, number) < 0)
            return -1;
    }

    return 0;
}


static void
qemuSnapshotLiveUnprotectTimer(int timer,
                               void *opaque)
{
    const char *pidfile = opaque;
    pid_t pid = -1;

    /* QEMU may have ended, and another process have its number: only QEMU has a lock */
    if (virPidFileReadPathIfLocked(pidfile, &pid) == 0 && pid > 0 &&
        qemuSnapshotLiveUnprotect(pid) < 0)
        virEventUpdateTimeout(timer, -1);
}


/**
 * qemuSnapshotLiveKeepUnprotected:
 * @pidfile: of a QEMU process that may be taking a live snapshot, which is to fail
 *
 * Lets the guest write to all of its memory again and again, as QEMU may protect it yet,
 * and may not answer any more once it has.
 *
 * Returns a timer, to be removed by the caller, or -1 if there is no event loop.
 */
int
qemuSnapshotLiveKeepUnprotected(const char *pidfile)
{
    return virEventAddTimeout(QEMU_SNAPSHOT_LIVE_UNPROTECT_INTERVAL,
                              qemuSnapshotLiveUnprotectTimer,
                              g_strdup(pidfile), g_free);
}
