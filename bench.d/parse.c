/*
 * parse.c: parse a domain's XML and write it again, as the QEMU driver does
 *
 * Usage: parse DIRECTORY FILE
 *
 * DIRECTORY is where what is known of the QEMU binary is kept. What counts is
 * what runs below measured(); the same has run once before, so that nothing in it
 * is done for the first time. The XML that comes out is printed.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <config.h>

#include "qemu_conf.h"
#include "qemu_capabilities.h"
#include "virerror.h"
#include "virfile.h"

#define VIR_FROM_THIS VIR_FROM_NONE

#define MAX_XML_BYTES (64 * 1024 * 1024)


static char *
parseAndFormat(const char *xml,
               virDomainXMLOption *xmlopt)
{
    g_autoptr(virDomainDef) def = NULL;

    if (!(def = virDomainDefParseString(xml, xmlopt, NULL,
                                        VIR_DOMAIN_DEF_PARSE_INACTIVE)))
        return NULL;

    return virDomainDefFormat(def, xmlopt, VIR_DOMAIN_DEF_FORMAT_SECURE);
}


/* callgrind finds it by its name */
static char * __attribute__((noinline))
measured(const char *xml,
         virDomainXMLOption *xmlopt)
{
    return parseAndFormat(xml, xmlopt);
}


int
main(int argc,
     char **argv)
{
    virQEMUDriver driver = { 0 };
    g_autofree char *xml = NULL;
    g_autofree char *first = NULL;
    g_autofree char *second = NULL;

    if (argc != 3) {
        fprintf(stderr, "usage: parse DIRECTORY FILE\n");
        return 2;
    }

    if (virInitialize() < 0 ||
        virFileReadAll(argv[2], MAX_XML_BYTES, &xml) < 0 ||
        virMutexInit(&driver.lock) < 0 ||
        !(driver.config = virQEMUDriverConfigNew(false, argv[1])) ||
        !(driver.qemuCapsCache = virQEMUCapsCacheNew(argv[1], argv[1],
                                                     geteuid(), getegid())) ||
        !(driver.xmlopt = virQEMUDriverCreateXMLConf(&driver, "none")) ||
        !(first = parseAndFormat(xml, driver.xmlopt)) ||
        !(second = measured(xml, driver.xmlopt))) {
        fprintf(stderr, "parse: %s: %s\n", argv[2], virGetLastErrorMessage());
        return 1;
    }

    fputs(second, stdout);
    return 0;
}
