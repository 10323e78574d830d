/*
 * qemu_snapshot_subset.h: internal snapshots of some of a domain's disks
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "domain_conf.h"
#include "qemu_conf.h"
#include "snapshot_conf.h"
#include "virdomainmomentobjlist.h"

bool
qemuSnapshotSubsetIsNeeded(const virDomainDef *def,
                           virDomainMomentObj *snap);

int
qemuSnapshotSubsetValidate(virDomainObj *vm,
                           const virDomainSnapshotDef *snapdef);

void
qemuSnapshotSubsetReportFormat(const virDomainDiskDef *disk);

int
qemuSnapshotSubsetCreatePrepare(virDomainObj *vm,
                                virDomainMomentObj *snap);

int
qemuSnapshotSubsetCreate(virDomainObj *vm,
                         virDomainMomentObj *snap,
                         unsigned int flags,
                         bool *resume);

int
qemuSnapshotSubsetCreateBeforeHalt(virDomainObj *vm,
                                   virDomainMomentObj *snap,
                                   unsigned int flags);

void
qemuSnapshotSubsetCreateUndo(virDomainObj *vm,
                             virDomainMomentObj *snap,
                             virDomainMomentObj *current);

int
qemuSnapshotSubsetRevertPrepare(virDomainObj *vm,
                                virDomainMomentObj *snap,
                                virDomainDef *config,
                                virDomainDef *inactiveConfig);

int
qemuSnapshotSubsetLoad(virDomainObj *vm,
                       virDomainMomentObj *snap,
                       virDomainAsyncJob asyncJob);

int
qemuSnapshotSubsetDeleteValidate(virDomainObj *vm,
                                 virDomainMomentObj *snap);

int
qemuSnapshotSubsetDelete(virDomainObj *vm,
                         virDomainMomentObj *snap);

int
qemuSnapshotSubsetCheckDeleted(virDomainObj *vm,
                               const virDomainSnapshotDef *snapdef);

int
qemuSnapshotSubsetDeleteInactive(virQEMUDriver *driver,
                                 virDomainDef *def,
                                 const virDomainSnapshotDef *snapdef);
