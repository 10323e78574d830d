/*
 * virsh-disk-flags.h: command that shows and sets the flags of disks
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "virbuffer.h"
#include "virsh.h"

char **
virshDiskFlagsValueCompleter(vshControl *ctl,
                             const vshCmd *cmd,
                             unsigned int flags);

char **
virshDiskFlagsMigrateCompleter(vshControl *ctl,
                               const vshCmd *cmd,
                               unsigned int flags);

#define VIRSH_DISK_FLAGS_OPT(_name, _completer, _help) \
    {.name = _name, \
     .type = VSH_OT_STRING, \
     .completer = _completer, \
     .help = _help \
    }

#define VIRSH_DISK_FLAGS_OPTS \
    VIRSH_DISK_FLAGS_OPT("migrate", virshDiskFlagsMigrateCompleter, \
                         N_("copy the disk in storage migration: true, false, recreate or default")), \
    VIRSH_DISK_FLAGS_OPT("snapshot", virshDiskFlagsValueCompleter, \
                         N_("take the disk into snapshots: true, false or default")), \
    VIRSH_DISK_FLAGS_OPT("backup", virshDiskFlagsValueCompleter, \
                         N_("take the disk into backups: true, false or default"))

int
virshDiskFlagsFormat(vshControl *ctl,
                     const vshCmd *cmd,
                     virBuffer *buf);

void
virshDiskFlagsTellMigration(vshControl *ctl,
                            const vshCmd *cmd,
                            virDomainPtr dom);

extern const vshCmdInfo info_domblkflags;
extern const vshCmdOptDef opts_domblkflags[];

bool
cmdDomblkflags(vshControl *ctl,
               const vshCmd *cmd);
