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
qemuSnapshotSubsetHasDisk(const virDomainSnapshotDef *snapdef,
                          const char *target);

bool
qemuSnapshotSubsetIsDiskWritable(const virDomainDiskDef *disk);

bool
qemuSnapshotSubsetMayHold(const virDomainSnapshotDef *snapdef,
                          const virDomainDiskDef *disk);

bool
qemuSnapshotSubsetIsPartial(const virDomainDef *def,
                            const virDomainSnapshotDef *snapdef);

int
qemuSnapshotSubsetValidate(virDomainObj *vm,
                           const virDomainSnapshotDef *snapdef,
                           unsigned int flags);

void
qemuSnapshotSubsetReportFormat(const virDomainDiskDef *disk);

int
qemuSnapshotSubsetCheckDataFile(const virDomainDiskDef *disk);

const char *
qemuSnapshotSubsetGetMemoryNode(virDomainObj *vm,
                                const virDomainSnapshotDef *snapdef);

int
qemuSnapshotSubsetCreatePrepare(virDomainObj *vm,
                                virDomainSnapshotDef *snapdef);

int
qemuSnapshotSubsetCreatePrepareInactive(virDomainObj *vm,
                                        virDomainMomentObj *snap);

int
qemuSnapshotSubsetCreateBeforeHalt(virDomainObj *vm,
                                   virDomainMomentObj *snap,
                                   unsigned int flags);

void
qemuSnapshotSubsetCreateDiscard(virDomainObj *vm,
                                virDomainSnapshotDef *snapdef);

void
qemuSnapshotSubsetCreateUndo(virDomainObj *vm,
                             virDomainMomentObj *snap,
                             virDomainMomentObj *current);

bool
qemuSnapshotSubsetKeepsDisk(virDomainObj *vm,
                            const virDomainSnapshotDef *snapdef,
                            const virDomainDiskDef *disk);

void
qemuSnapshotSubsetListKept(virDomainObj *vm,
                           const virDomainSnapshotDef *snapdef,
                           const virDomainDef *def,
                           virDomainSnapshotDef *overlays);

int
qemuSnapshotSubsetRevertInactive(virDomainObj *vm,
                                 virDomainDef *def,
                                 virDomainMomentObj *snap);

int
qemuSnapshotSubsetDeleteValidate(virDomainObj *vm,
                                 const virDomainSnapshotDef *snapdef);

int
qemuSnapshotSubsetDeletePrepare(virDomainObj *vm,
                                const virDomainSnapshotDef *snapdef);

int
qemuSnapshotSubsetCheckForgotten(virDomainObj *vm,
                                 const virDomainSnapshotDef *snapdef,
                                 char **nodes);

int
qemuSnapshotSubsetCheckDeletedInactive(virDomainDef *def,
                                       const virDomainSnapshotDef *snapdef);

void
qemuSnapshotSubsetRecover(virDomainObj *vm,
                          virDomainJobObj *job);

void
qemuSnapshotSubsetRecoverDead(virDomainObj *vm,
                              virDomainJobObj *job);
