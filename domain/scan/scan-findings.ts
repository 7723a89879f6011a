// What is found in files: objects as people wrote them, held against the catalogue. Nothing here
// reads a file; activities/scan does.
// C1. Only what the target does not serve, or its components do not read, blocks.
// C2. What could not be looked into is a finding, not silence.

import type { CheckFinding } from '../findings/finding';
import type { KubeMinor } from '../versions';

export const scanChecks = [
  'api-removed',
  'api-deprecated',
  'volume-removed',
  'minor-unknown',
  'file-skipped',
  'document-skipped',
] as const;

export type ScanCheck = (typeof scanChecks)[number];

/** Where something stands; lines count from 1. */
export interface FilePlace {
  readonly file: string;
  readonly line: number;
}

/** What a finding is about; without a kind it is the file itself. */
export interface ScannedThing {
  readonly place?: FilePlace;
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly namespace?: string;
  readonly name?: string;
}

/** A field of a volume, or the provisioner of a storage class. */
export interface VolumeUse {
  readonly field?: string;
  readonly provisioner?: string;
  readonly line: number;
}

/** An object as a file has it. */
export interface ManifestObject extends ScannedThing {
  readonly place: FilePlace;
  readonly apiVersion: string;
  readonly kind: string;
  readonly volumes: readonly VolumeUse[];
}

export const skipReasons = [
  'template',
  'not-yaml',
  'aliases',
  'too-deep',
  'too-large',
  'too-many-documents',
  'binary',
  'unreadable',
  'too-many-files',
  'folder-too-deep',
] as const;

export type SkipReason = (typeof skipReasons)[number];

/** A file, or a document of it, that could not be looked into. */
export interface Skipped {
  readonly place: FilePlace;
  /** One document; the others of the file were looked into. */
  readonly isDocument: boolean;
  readonly reason: SkipReason;
  /** What the parser or the system said. */
  readonly detail?: string;
}

/** The minors that are asked about: of a path the hops, else the target alone. */
export interface ScanRange {
  readonly from?: KubeMinor;
  readonly to: KubeMinor;
}

export type ScanFinding = CheckFinding<ScanCheck, ScannedThing>;
