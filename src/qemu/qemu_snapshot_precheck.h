/*
 * qemu_snapshot_precheck.h: what a revert needs, looked at beforehand
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "domain_conf.h"
#include "virdomainmomentobjlist.h"

int
qemuSnapshotPrecheckDisks(virDomainObj *vm,
                          virDomainMomentObj *snap,
                          virDomainDef *config,
                          virDomainDef *inactiveConfig,
                          unsigned int flags);

int
qemuSnapshotPrecheckRevert(virDomainObj *vm,
                           virDomainMomentObj *snap,
                           virDomainDef *config,
                           virDomainDef *inactiveConfig,
                           unsigned int flags,
                           virDomainDef **before);

void
qemuSnapshotPrecheckReportLoad(virDomainObj *vm,
                               const virDomainSnapshotDef *snapdef,
                               const char *reason);

void
qemuSnapshotPrecheckRevertFailed(virDomainObj *vm,
                                 virDomainMomentObj *snap,
                                 virDomainDef **before);
