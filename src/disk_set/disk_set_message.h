/*
 * disk_set_message.h: why the last call of the disk-set library failed
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <glib.h>

void
virDiskSetMessageReset(void);

void
virDiskSetMessageSet(const char *format,
                     ...)
    G_GNUC_PRINTF(1, 2);

void
virDiskSetMessageTake(void);

const char *
virDiskSetMessageGet(void);
