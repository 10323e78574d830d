/*
 * qemumonitortestreply.h: recorded replies of QEMU for a test's monitor
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

char *
qemuMonitorTestReplyWithoutID(const char *recorded);
