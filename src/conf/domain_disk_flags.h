/*
 * domain_disk_flags.h: the <flags> element of a domain disk
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "virbuffer.h"
#include "virconftypes.h"
#include "virenum.h"
#include "virxml.h"

/* What the user decided about a disk once and for all. A flag that is absent
 * leaves the decision to libvirt's default. */
typedef struct _virDomainDiskFlags virDomainDiskFlags;
struct _virDomainDiskFlags {
    virTristateBool migrate; /* copied when storage is migrated */
    bool recreate; /* with migrate 'no': made anew, blank, where the domain goes */
    virTristateBool snapshot; /* takes part in snapshots of the domain */
    virTristateBool backup; /* is backed up, and its changes are recorded for that */
};

int
virDomainDiskFlagsParseXML(virDomainDiskDef *disk,
                           xmlXPathContextPtr ctxt);

void
virDomainDiskFlagsFormat(virBuffer *buf,
                         const virDomainDiskFlags *flags);

int
virDomainDiskFlagsCheckSupport(const virDomainDeviceDef *dev,
                               const virDomainDef *def,
                               virDomainXMLOption *xmlopt);

int
virDomainDiskFlagsValidate(const virDomainDef *def,
                           const virDomainDiskDef *disk);

int
virDomainDiskFlagsValidateUpdate(const virDomainDiskDef *disk,
                                 const virDomainDiskDef *orig);
