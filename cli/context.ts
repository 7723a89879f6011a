// Everything outside of arguments and text that commands need, as one value: bin/ builds the real
// one, tests a fake one. Nothing below cli/ reaches for process, terminal or network itself.

import type { AscentClient, ConnectOptions } from '../client';
import type { ClusterAccess } from '../activities/access';
import type { AccessResult } from '../activities/adapters/access-file';
import type { ManifestSource } from '../activities/adapters/manifest-files';
import type { KnowledgeText } from '../activities/knowledge/read-knowledge';
import type { OpenCluster, OpenSnapshots } from '../activities/adapters/open-cluster';

/** The methods of AscentClient, without its private parts, so that a fake can stand for it. */
export type UpgradeClient = Pick<AscentClient, keyof AscentClient>;

export interface OutputStream {
  write(text: string): void;
  readonly isTerminal: boolean;
  /** Columns; 100 where there is no terminal. */
  readonly width: number;
  readonly hasColours: boolean;
}

/** An area at the end of the terminal that is drawn again and again. */
export interface LiveFrame {
  update(lines: readonly string[]): void;
  /** Leaves the last drawing where it is. */
  done(): void;
}

export interface RunningLab {
  readonly name: string;
  readonly accessFile: string;
}

/** Asks for yes or no. Rejects on Ctrl-C, and when the signal says that it is too late. */
export type Confirm = (question: string, signal?: AbortSignal) => Promise<boolean>;

export interface CliContext {
  /** How people call this executable, for lines to copy: `ascent`, or a path. */
  readonly program: string;
  readonly version: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** `user@host`. */
  readonly user: string;
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  /** Aborted by Ctrl-C. A command that never asks for it is simply ended by Ctrl-C. */
  readonly signal: AbortSignal;
  isInterrupted(): boolean;
  nowMs(): number;
  /** Rejects as node:fs does, and with the code EFBIG for more than `maxBytes`. */
  readFile(file: string, maxBytes?: number): Promise<string>;
  /** Replaces the file as a whole. */
  writeFile(file: string, text: string): Promise<void>;
  /** Makes a key in a new file. Rejects with PortError, `conflict` when the file exists. */
  createSnapshotKey(
    file: string,
  ): Promise<{ readonly fingerprint: string; readonly recipient: string }>;
  /** Of a file, a folder, or `-`: the standard input. Rejects with PortError without it. */
  manifestSources(target: string): AsyncIterable<ManifestSource>;
  /** The files of a folder of knowledge. Rejects with PortError. */
  readKnowledge(folder: string): Promise<readonly KnowledgeText[]>;
  connect(options: ConnectOptions): Promise<UpgradeClient>;
  /** Never rejects: what is wrong with the file is in the result. */
  readAccess(file: string): Promise<AccessResult>;
  /** Rejects with PortError `rejected` when the credentials cannot be used. */
  openCluster(access: ClusterAccess): Promise<OpenCluster>;
  /** Needs nothing but the store, and etcd's tools to verify. */
  openSnapshots(access: ClusterAccess): Promise<OpenSnapshots>;
  /** Labs of this machine that are up. */
  runningLabs(): Promise<readonly RunningLab[]>;
  liveFrame(): LiveFrame;
  /** Undefined where nobody can be asked. */
  readonly confirm: Confirm | undefined;
}
