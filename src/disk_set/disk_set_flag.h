/*
 * disk_set_flag.h: what a disk says of a flag
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

typedef enum {
    VIR_DISK_SET_FLAG_ABSENT = 0,
    VIR_DISK_SET_FLAG_TRUE,
    VIR_DISK_SET_FLAG_FALSE,
    VIR_DISK_SET_FLAG_RECREATE, /* of "migrate" only */
    VIR_DISK_SET_FLAG_INVALID, /* what no daemon takes that knows flags */
} virDiskSetFlag;

const char *
virDiskSetFlagToString(virDiskSetFlag value);
