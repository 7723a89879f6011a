// What happens while binaries are looked for, as data; whoever asked renders it.

import { describeProblem } from './toolchain-problem';
import type { ToolchainProblem } from './toolchain-problem';

export type BinarySource = 'environment' | 'path' | 'cache' | 'download' | 'build';

export type ToolchainProgress =
  /** Another process installs the same release; its result will be used. */
  | { readonly kind: 'waiting'; readonly release: string; readonly pid: number }
  | { readonly kind: 'host-unreachable'; readonly host: string; readonly why: string }
  | {
      readonly kind: 'downloading';
      readonly tool: string;
      readonly version: string;
      readonly url: string;
      readonly receivedBytes: number;
      readonly totalBytes: number | undefined;
    }
  /** A source had something, but not what was needed; the next source is asked. */
  | {
      readonly kind: 'passed-over';
      readonly tool: string;
      readonly version: string;
      readonly source: BinarySource;
      readonly problem: ToolchainProblem;
    }
  /** Told once, before the first build. */
  | {
      readonly kind: 'builds-planned';
      readonly releases: readonly string[];
      readonly estimateMinutes: number;
      readonly parallel: number;
    }
  /** Told at the start of a build (with 0 s) and every 30 s from then on. */
  | {
      readonly kind: 'building';
      readonly release: string;
      readonly version: string;
      readonly tools: readonly string[];
      readonly estimateMinutes: number;
      readonly elapsedSeconds: number;
    }
  | {
      readonly kind: 'done';
      readonly tool: string;
      readonly version: string;
      readonly source: BinarySource;
      readonly path: string;
      readonly seconds: number;
    };

export type OnToolchainProgress = (event: ToolchainProgress) => void;

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

function minutes(count: number): string {
  return count === 1 ? 'about a minute' : `about ${count} minutes`;
}

/** `75` is `1 min 15 s`. */
export function describeSeconds(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  return `${Math.floor(whole / 60)} min ${whole % 60} s`;
}

function describeDownloading(event: Extract<ToolchainProgress, { kind: 'downloading' }>): string {
  const of = event.totalBytes === undefined ? '' : ` of ${megabytes(event.totalBytes)}`;
  return `downloading ${event.tool} ${event.version}: ${megabytes(event.receivedBytes)}${of}`;
}

function describeBuilding(event: Extract<ToolchainProgress, { kind: 'building' }>): string {
  const what = `${event.tools.join(', ')} ${event.version}`;
  if (event.elapsedSeconds === 0) return `building ${what} (${minutes(event.estimateMinutes)})`;
  const elapsed = describeSeconds(event.elapsedSeconds);
  return `still building ${what}: ${elapsed} of ${minutes(event.estimateMinutes)}`;
}

/**
 * One line for people. Undefined for what needs no line: a tool that was simply there, and a tool
 * that could not be downloaded because of a host about which `host-unreachable` has told already.
 */
export function describeProgress(event: ToolchainProgress): string | undefined {
  switch (event.kind) {
    case 'waiting':
      return `waiting for process ${event.pid}, which is installing ${event.release}`;
    case 'host-unreachable':
      return `${event.host} cannot be reached (${event.why}); asking the next source`;
    case 'downloading':
      return describeDownloading(event);
    case 'passed-over':
      return event.problem.code === 'host-unreachable' || event.source === 'path'
        ? undefined
        : `${event.tool} ${event.version}: ${describeProblem(event.problem)}; ` +
            'asking the next source';
    case 'builds-planned':
      return (
        `building ${event.releases.join(', ')} from source, ${event.parallel} at a time: ` +
        `${minutes(event.estimateMinutes)}, once; safe to interrupt`
      );
    case 'building':
      return describeBuilding(event);
    case 'done':
      return event.source === 'download' || event.source === 'build'
        ? `${event.tool} ${event.version} is installed (${event.source}, ` +
            `${describeSeconds(event.seconds)})`
        : undefined;
  }
}
