// Why a file, or a part of it, was not looked into, as findings (C2).

import type { Severity } from '../findings/finding';
import type { ScanFinding, SkipReason, Skipped } from './scan-findings';

interface Told {
  readonly severity: Severity;
  readonly what: string;
  readonly remedy: string;
}

const told: Readonly<Record<SkipReason, Told>> = {
  template: {
    severity: 'notes',
    what: 'is a template, and no YAML before it is rendered',
    remedy: 'scan what it renders to: helm template … | ascent scan -',
  },
  'not-yaml': {
    severity: 'warns',
    what: 'is not readable as YAML',
    remedy: 'correct it, or leave it out of the scan',
  },
  aliases: {
    severity: 'warns',
    what: 'has aliases that lead nowhere, or that repeat it without end',
    remedy: 'correct them, or write out what they stand for',
  },
  'too-deep': {
    severity: 'warns',
    what: 'is nested too deeply',
    remedy: 'see whether it is a manifest at all',
  },
  'too-large': {
    severity: 'warns',
    what: 'is too large',
    remedy: 'split it, or scan its parts',
  },
  'too-many-documents': {
    severity: 'warns',
    what: 'has too many documents',
    remedy: 'split it, or scan its parts',
  },
  binary: {
    severity: 'notes',
    what: 'is no text',
    remedy: 'nothing, unless it should be',
  },
  unreadable: {
    severity: 'warns',
    what: 'cannot be read',
    remedy: 'see its permissions, and whether it is there',
  },
  'too-many-files': {
    severity: 'warns',
    what: 'and what comes after it was not looked into: there are too many files',
    remedy: 'scan its folders one by one',
  },
  'folder-too-deep': {
    severity: 'warns',
    what: 'lies too deep in the folder',
    remedy: 'scan it alone',
  },
};

export function skippedFinding({ place, isDocument, reason, detail }: Skipped): ScanFinding {
  const { severity, what, remedy } = told[reason];
  return {
    check: isDocument ? 'document-skipped' : 'file-skipped',
    severity,
    object: { place },
    evidence: `it ${what}${detail === undefined ? '' : ` (${detail})`}`,
    why: 'what it holds is not known',
    remedy,
  };
}
