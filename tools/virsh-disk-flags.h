/*
 * virsh-disk-flags.h: command that shows and sets the flags of disks
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "virsh.h"

extern const vshCmdInfo info_domblkflags;
extern const vshCmdOptDef opts_domblkflags[];

bool
cmdDomblkflags(vshControl *ctl,
               const vshCmd *cmd);
