/*
 * disk_set_definition.h: the disks in the definition of a domain
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <stdbool.h>
#include <libvirt/libvirt.h>

#include "disk_set_flag.h"
#include "disk_set_xml.h"

xmlDocPtr
virDiskSetDefinitionRead(virDomainPtr dom,
                         unsigned int impact);

xmlDocPtr
virDiskSetDefinitionReadForUpdate(virDomainPtr dom,
                                  unsigned int impact);

xmlNodePtr
virDiskSetDefinitionFirstDisk(xmlDocPtr doc);

xmlNodePtr
virDiskSetDefinitionFindDisk(xmlDocPtr doc,
                             const char *name);

char *
virDiskSetDiskTarget(xmlNodePtr disk);

bool
virDiskSetDiskIsNamed(xmlNodePtr disk,
                      const char *name);

virDiskSetFlag
virDiskSetDiskGetFlag(xmlNodePtr disk,
                      const char *flag);

void
virDiskSetDiskSetFlag(xmlNodePtr disk,
                      const char *flag,
                      virDiskSetFlag value);

bool
virDiskSetDiskCanHaveFlag(xmlNodePtr disk,
                          const char *flag);

int
virDiskSetDiskCheckFlag(xmlNodePtr disk,
                        const char *flag,
                        virDiskSetFlag value);
