// A terminal, a file system and a clock in memory, so that whole command lines run in-process.

import type {
  CliContext,
  LiveFrame,
  OutputStream,
  RunningLab,
  UpgradeClient,
} from '../../../cli/context';
import { PortError } from '../../../activities/ports';
import type { ManifestSource } from '../../../activities/adapters/manifest-files';
import type { ClusterAccess } from '../../../activities/access';
import type { OpenCluster, OpenSnapshots } from '../../../activities/adapters/open-cluster';
import type { ConnectOptions } from '../../../client';

/** 2026-11-21T04:10:00Z: ten minutes after the fixtures were seen. */
export const nowMs = Date.UTC(2026, 10, 21, 4, 10);

export interface TerminalOptions {
  readonly files?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
  readonly labs?: readonly RunningLab[];
  readonly isTerminal?: boolean;
  /** Answer of every question; undefined: nobody can be asked. */
  readonly confirms?: boolean;
  readonly client?: () => UpgradeClient;
  readonly cluster?: (access: ClusterAccess) => OpenCluster;
  readonly snapshots?: () => OpenSnapshots;
  readonly signal?: AbortSignal;
}

export class FakeTerminal {
  readonly files: Map<string, string>;
  readonly connections: ConnectOptions[] = [];
  readonly questions: string[] = [];
  /** Every drawing of the live frame. */
  readonly frames: string[] = [];
  stdout = '';
  stderr = '';
  readonly context: CliContext;

  constructor(options: TerminalOptions = {}) {
    this.files = new Map(Object.entries(options.files ?? {}));
    const isTerminal = options.isTerminal ?? false;
    this.context = {
      program: 'ascent',
      version: '0.0.0',
      env: options.env ?? {},
      user: 'ada@workstation',
      stdout: this.stream(isTerminal, (text) => (this.stdout += text)),
      stderr: this.stream(isTerminal, (text) => (this.stderr += text)),
      signal: options.signal ?? new AbortController().signal,
      isInterrupted: () => options.signal?.aborted ?? false,
      nowMs: () => nowMs,
      readFile: (file, maxBytes) => this.readFile(file, maxBytes),
      writeFile: (file, text) => {
        this.files.set(file, text);
        return Promise.resolve();
      },
      createSnapshotKey: (file) => {
        if (this.files.has(file)) {
          const message = `${file} exists; a key is never written over`;
          return Promise.reject(new PortError('conflict', message));
        }
        this.files.set(file, 'a key');
        return Promise.resolve({ fingerprint: 'sha256:0123456789abcdef', recipient: 'age1xyz' });
      },
      manifestSources: (target) => this.manifestSources(target),
      readKnowledge: (folder) => Promise.resolve(this.below(folder)),
      connect: (asked) => {
        this.connections.push(asked);
        if (options.client === undefined) throw new Error('this test has no client');
        return Promise.resolve(options.client());
      },
      openCluster: (access) => {
        if (options.cluster === undefined) throw new Error('this test has no cluster');
        return Promise.resolve(options.cluster(access));
      },
      openSnapshots: () => {
        if (options.snapshots === undefined) throw new Error('this test has no snapshots');
        return Promise.resolve(options.snapshots());
      },
      readAccess: (file) => this.readAccess(file),
      runningLabs: () => Promise.resolve(options.labs ?? []),
      liveFrame: () => this.liveFrame(),
      confirm: this.confirmWith(options.confirms),
    };
  }

  private confirmWith(answer: boolean | undefined): CliContext['confirm'] {
    if (answer === undefined) return undefined;
    return (question) => {
      this.questions.push(question);
      return Promise.resolve(answer);
    };
  }

  private stream(isTerminal: boolean, append: (text: string) => void): OutputStream {
    return { write: append, isTerminal, width: 100, hasColours: false };
  }

  private liveFrame(): LiveFrame {
    return {
      update: (lines) => {
        this.frames.push(lines.join('\n'));
      },
      done: () => undefined,
    };
  }

  /** Files of a folder, by name. */
  private below(folder: string): readonly { readonly name: string; readonly text: string }[] {
    return [...this.files]
      .filter(([name]) => name.startsWith(`${folder}/`))
      .map(([name, text]) => ({ name, text }));
  }

  private async *manifestSources(target: string): AsyncGenerator<ManifestSource> {
    const text = this.files.get(target);
    const found = text === undefined ? this.below(target) : [{ name: target, text }];
    if (found.length === 0) throw new PortError('not-found', `${target} cannot be read (ENOENT)`);
    for (const one of found) {
      yield await Promise.resolve({ kind: 'text', file: one.name, text: one.text } as const);
    }
  }

  private readAccess(file: string): ReturnType<CliContext['readAccess']> {
    const text = this.files.get(file);
    return Promise.resolve(
      text === undefined
        ? { kind: 'refused', problems: [`${file}: cannot be read (ENOENT)`] }
        : { kind: 'read', access: JSON.parse(text) as ClusterAccess },
    );
  }

  private readFile(file: string, maxBytes = Infinity): Promise<string> {
    const text = this.files.get(file);
    if (text !== undefined && text.length > maxBytes) {
      const large = new Error(`${file} is too large`);
      return Promise.reject(Object.assign(large, { code: 'EFBIG' }));
    }
    if (text !== undefined) return Promise.resolve(text);
    const missing = new Error(`ENOENT: no such file or directory, open '${file}'`);
    return Promise.reject(Object.assign(missing, { code: 'ENOENT' }));
  }
}
