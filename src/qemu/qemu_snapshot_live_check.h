/*
 * qemu_snapshot_live_check.h: what keeps a domain from a live snapshot
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "domain_conf.h"
#include "snapshot_conf.h"

int
qemuSnapshotLiveCheck(virDomainObj *vm,
                      const virDomainSnapshotDef *snapdef,
                      unsigned int flags,
                      bool *background);
