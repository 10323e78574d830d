/*
 * qemu_migration_recreate.h: disks that a migration makes anew at the destination
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "domain_conf.h"
#include "virbuffer.h"

/* defined in qemu_migration_cookie.h, which needs the type below */
typedef struct _qemuMigrationCookie qemuMigrationCookie;

typedef struct _qemuMigrationRecreateDisk qemuMigrationRecreateDisk;
struct _qemuMigrationRecreateDisk {
    char *target;
    unsigned long long capacity; /* in bytes */
};

typedef struct _qemuMigrationRecreate qemuMigrationRecreate;
struct _qemuMigrationRecreate {
    size_t ndisks;
    qemuMigrationRecreateDisk *disks;
};

void
qemuMigrationRecreateFree(qemuMigrationRecreate *recreate);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(qemuMigrationRecreate, qemuMigrationRecreateFree);

bool
qemuMigrationRecreateSrcMakes(const virDomainDiskDef *disk,
                              const char **migrate_disks);

int
qemuMigrationRecreateSrcBegin(virDomainObj *vm,
                              const char **migrate_disks,
                              unsigned int flags,
                              qemuMigrationRecreate **recreate);

void
qemuMigrationRecreateSrcSend(qemuMigrationCookie *mig,
                             qemuMigrationRecreate **recreate);

void
qemuMigrationRecreateFormat(virBuffer *buf,
                            const qemuMigrationRecreate *recreate);

int
qemuMigrationRecreateParse(xmlXPathContextPtr ctxt,
                           qemuMigrationRecreate **recreate);

int
qemuMigrationRecreateSrcUnplug(virDomainObj *vm,
                               const qemuMigrationRecreate *recreate);

void
qemuMigrationRecreateSrcPlugBack(virDomainObj *vm,
                                 virDomainAsyncJob asyncJob);

void
qemuMigrationRecreateSrcForget(virDomainObj *vm,
                               const virDomainDiskDef *disk);

int
qemuMigrationRecreateDstPrepare(virDomainObj *vm,
                                const qemuMigrationRecreate *recreate,
                                unsigned int flags);

void
qemuMigrationRecreateDstPlug(virDomainObj *vm,
                             virDomainAsyncJob asyncJob);

void
qemuMigrationRecreateDiscard(virDomainObj *vm);

void
qemuMigrationRecreateDstFinishOffline(virDomainObj *vm,
                                      bool arrived);

void
qemuMigrationRecreateRecover(virDomainObj *vm);
