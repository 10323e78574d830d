/*
 * diskflagsfuzz.h: hostile XML with <flags> of disks
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "domain_conf.h"
#include "qemu/qemu_conf.h"

/* An input is a line of words, which tell what the XML is used for, and the XML.
 * Words that nobody asks for are ignored. */
typedef struct _testFuzzInput testFuzzInput;
struct _testFuzzInput {
    char **words; /* NULL-terminated */
    const char *xml;
};

typedef enum {
    TEST_FUZZ_BROKEN = -1, /* something that must hold does not */
    TEST_FUZZ_REFUSED, /* libvirt refused the XML, with an error */
    TEST_FUZZ_ACCEPTED,
} testFuzzResult;

/* What must hold is told as a sentence. Used in functions that return a
 * testFuzzResult. */
#define TEST_FUZZ_MUST(condition, sentence) \
    do { \
        if (!(condition)) { \
            testFuzzComplain(sentence); \
            return TEST_FUZZ_BROKEN; \
        } \
    } while (0)

/* What a disk of an input says by itself, before libvirt reads it. */
typedef struct _testFuzzFlags testFuzzFlags;
struct _testFuzzFlags {
    bool legal;
    virDomainDiskFlags flags;
};

typedef testFuzzResult (*testFuzzFunction)(const testFuzzInput *input);

extern virQEMUDriver testFuzzDriver;

bool
testFuzzSays(const testFuzzInput *input,
             const char *word);

char *
testFuzzDiskXML(const testFuzzInput *input,
                const char *tense,
                const char *children);

char *
testFuzzDomainXML(const char *diskXML);

testFuzzFlags
testFuzzTakeFlags(xmlXPathContextPtr ctxt,
                  const char *disk);

bool
testFuzzFlagsEqual(virDomainDiskFlags a,
                   virDomainDiskFlags b);

bool
testFuzzFlagsAnySet(virDomainDiskFlags flags);

bool
testFuzzFlagsFit(virDomainDiskFlags flags,
                 const virDomainDiskDef *disk);

bool
testFuzzFlagsContradict(virDomainDiskFlags flags,
                        const virDomainDiskDef *disk);

bool
testFuzzErrorIsTold(void);

void
testFuzzComplain(const char *sentence);

testFuzzResult
testFuzzDisk(const testFuzzInput *input);

testFuzzResult
testFuzzSnapshot(const testFuzzInput *input);

testFuzzResult
testFuzzUpdate(const testFuzzInput *input);
