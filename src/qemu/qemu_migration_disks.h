/*
 * qemu_migration_disks.h: which disks a storage migration copies
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "domain_conf.h"
#include "virbuffer.h"

/* defined in qemu_migration_cookie.h, which needs the type below */
typedef struct _qemuMigrationCookie qemuMigrationCookie;

typedef struct _qemuMigrationDisks qemuMigrationDisks;
struct _qemuMigrationDisks {
    char **copied; /* NULL-terminated targets of the disks that are copied */
    bool byFlags; /* the disks' flags made this differ from libvirt's default */
};

void
qemuMigrationDisksFree(qemuMigrationDisks *disks);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(qemuMigrationDisks, qemuMigrationDisksFree);

bool
qemuMigrationDisksSrcCopies(const virDomainDiskDef *disk,
                            const char **migrate_disks);

int
qemuMigrationDisksSrcDecide(const virDomainDef *def,
                            const char ***migrate_disks,
                            const char **detect_zeroes,
                            unsigned int *flags,
                            qemuMigrationDisks **decided);

int
qemuMigrationDisksSrcBegin(virDomainObj *vm,
                           const char *xmlin,
                           const char ***migrate_disks,
                           const char **detect_zeroes,
                           unsigned int *flags,
                           qemuMigrationDisks **decided);

int
qemuMigrationDisksSrcPerform(virDomainObj *vm,
                             const char *xmlin,
                             const char ***migrate_disks,
                             const char **detect_zeroes,
                             unsigned int *flags,
                             qemuMigrationDisks **decided);

int
qemuMigrationDisksSrcCheckParams(const char **migrate_disks,
                                 int nparams);

void
qemuMigrationDisksSrcReportRefusal(void);

bool
qemuMigrationDisksAny(const qemuMigrationDisks *disks);

void
qemuMigrationDisksSrcSend(qemuMigrationCookie *mig,
                          qemuMigrationDisks **disks);

int
qemuMigrationDisksSrcRecall(virDomainObj *vm,
                            const char *cookiein,
                            int cookieinlen,
                            qemuMigrationDisks **disks);

void
qemuMigrationDisksApply(const qemuMigrationDisks *disks,
                        const char ***migrate_disks,
                        unsigned int *flags);

unsigned int
qemuMigrationDisksGetMaxConnections(const virDomainDef *def);

void
qemuMigrationDisksFormat(virBuffer *buf,
                         const qemuMigrationDisks *disks);

int
qemuMigrationDisksParse(xmlXPathContextPtr ctxt,
                        qemuMigrationDisks **disks);

void
qemuMigrationDisksReportUnsafe(const virDomainDiskDef *disk,
                               const char **migrate_disks,
                               unsigned int flags);
