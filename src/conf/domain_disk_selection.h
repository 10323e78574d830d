/*
 * domain_disk_selection.h: which disks an operation takes, and why
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "domain_conf.h"
#include "virenum.h"

/* What made an operation take a disk or leave it out. */
typedef enum {
    VIR_DOMAIN_DISK_SELECTION_DEFAULT = 0, /* nobody asked for anything else */
    VIR_DOMAIN_DISK_SELECTION_LIST, /* the caller's list of disks, or snapshot XML */
    VIR_DOMAIN_DISK_SELECTION_FLAG, /* the disk's <flags> */
    VIR_DOMAIN_DISK_SELECTION_EMPTY, /* there is nothing in the drive */
    VIR_DOMAIN_DISK_SELECTION_READONLY,
    VIR_DOMAIN_DISK_SELECTION_SHAREABLE,
    VIR_DOMAIN_DISK_SELECTION_ATTRIBUTE, /* the disk's snapshot='...' */

    VIR_DOMAIN_DISK_SELECTION_LAST
} virDomainDiskSelectionReason;

VIR_ENUM_DECL(virDomainDiskSelectionReason);

/* All that decides whether storage migration copies a disk. */
typedef struct _virDomainDiskMigrateFacts virDomainDiskMigrateFacts;
struct _virDomainDiskMigrateFacts {
    virTristateBool listed; /* is it in the caller's list; absent: no list */
    virTristateBool flag; /* <migrate> of its <flags> */
    bool empty;
    bool readonly;
    bool shareable;
};

bool
virDomainDiskSelectMigrate(const virDomainDiskMigrateFacts *facts,
                           virDomainDiskSelectionReason *reason);

bool
virDomainDiskIsOnNetwork(const virStorageSource *src);

/* All that decides whether a backup or a checkpoint takes a disk. */
typedef struct _virDomainDiskBackupFacts virDomainDiskBackupFacts;
struct _virDomainDiskBackupFacts {
    virTristateBool listed; /* what the backup XML says; absent: nothing */
    virTristateBool flag; /* <backup> of its <flags> */
    bool others; /* the backup XML lists other disks: libvirt takes just those */
    bool empty;
    bool readonly;
};

bool
virDomainDiskSelectBackup(const virDomainDiskBackupFacts *facts,
                          virDomainDiskSelectionReason *reason);

bool
virDomainDiskIsBackedUp(const virDomainDiskDef *disk,
                        bool others);

/* All that decides whether and how a snapshot takes a disk. */
typedef struct _virDomainDiskSnapshotFacts virDomainDiskSnapshotFacts;
struct _virDomainDiskSnapshotFacts {
    bool listed; /* is the disk in the snapshot XML */
    virDomainSnapshotLocation asked; /* what the snapshot XML says; default: nothing */
    virTristateBool flag; /* <snapshot> of its <flags> */
    virDomainSnapshotLocation attribute; /* its snapshot='...'; default: not set */
    virDomainSnapshotLocation fallback; /* what this kind of snapshot defaults to */
    bool uniform; /* every disk that is taken has to be taken as @fallback says */
    bool empty;
    bool readonly;
};

virDomainSnapshotLocation
virDomainDiskSelectSnapshot(const virDomainDiskSnapshotFacts *facts,
                            virDomainDiskSelectionReason *reason);
