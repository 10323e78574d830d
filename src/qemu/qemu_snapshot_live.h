/*
 * qemu_snapshot_live.h: snapshots whose memory is written while the guest goes on
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "qemu_conf.h"
#include "qemu_saveimage.h"
#include "qemu_snapshot_record.h"
#include "snapshot_conf.h"
#include "virdomainmomentobjlist.h"

bool
qemuSnapshotLiveIsWanted(virDomainObj *vm,
                         const virDomainSnapshotDef *snapdef,
                         unsigned int flags);

bool
qemuSnapshotLiveIs(virDomainSnapshotDef *snapdef);

int
qemuSnapshotLiveSetMemory(virDomainObj *vm,
                          virDomainSnapshotDef *snapdef,
                          unsigned int flags);

int
qemuSnapshotLiveTakeDisks(virDomainObj *vm);

int
qemuSnapshotLiveGoOn(virDomainObj *vm);

bool
qemuSnapshotLiveIsStatusSaved(virDomainObj *vm);

void
qemuSnapshotLiveFail(virDomainObj *vm);

void
qemuSnapshotLiveMigrationStatus(virDomainObj *vm,
                                int status);

int
qemuSnapshotLiveCreate(virDomainObj *vm,
                       virDomainMomentObj *snap,
                       unsigned int flags);

void
qemuSnapshotLiveReconnect(virDomainObj *vm,
                          virDomainJobObj *job);

void
qemuSnapshotLiveRecover(virDomainObj *vm,
                        const qemuSnapshotRecord *record);

int
qemuSnapshotLiveCheckMemory(virDomainObj *vm,
                            virDomainMomentObj *snap,
                            virDomainDef *config);

int
qemuSnapshotLiveGoBack(virDomainObj *vm,
                       virDomainMomentObj *snap,
                       int *fd,
                       char **path,
                       virQEMUSaveData **data);

void
qemuSnapshotLiveReportStart(virDomainMomentObj *snap);

int
qemuSnapshotLiveRemoveMemory(virDomainMomentObj *snap);
