/*
 * virsh-disk-plan.h: which disks of a domain an operation would take
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "conf/domain_disk_selection.h"

typedef struct _virshDiskPlan virshDiskPlan;
struct _virshDiskPlan {
    char *target;
    char *source; /* NULL if the drive is empty */
    char *format;

    virDomainDiskFlags flags;

    bool migrate;
    virDomainDiskSelectionReason migrateReason;
    bool migrateUnsure; /* left behind on storage that may not be shared */
    bool migrateOntoItself; /* the destination would open the same place */

    bool backup;
    virDomainDiskSelectionReason backupReason;

    virDomainSnapshotLocation snapshot;
    virDomainDiskSelectionReason snapshotReason;
    const char *snapshotRefusal; /* why the snapshot can't take it; NULL if it can */
};

typedef struct _virshDiskPlanList virshDiskPlanList;
struct _virshDiskPlanList {
    virshDiskPlan *disks;
    size_t ndisks;
};

void
virshDiskPlanListFree(virshDiskPlanList *list);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(virshDiskPlanList, virshDiskPlanListFree);

virDomainDiskDef *
virshDiskPlanParseDisk(xmlXPathContextPtr ctxt,
                       xmlNodePtr node,
                       char **source);

virshDiskPlanList *
virshDiskPlanListNew(xmlXPathContextPtr ctxt,
                     bool active);
