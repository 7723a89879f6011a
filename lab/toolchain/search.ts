// The search for one program: what was found, or why each source had nothing.

import type { BinarySource, OnToolchainProgress } from './progress';
import type { WantedTool } from './requests';
import type { ToolchainProblem } from './toolchain-problem';

export interface ResolvedBinary {
  readonly tool: string;
  /** What the executable is; the pinned version unless a variable chose otherwise. */
  readonly version: string;
  /** The catalogue's version, by which it was asked for. */
  readonly pinnedVersion: string;
  /** Absolute. */
  readonly path: string;
  readonly source: BinarySource;
  /** How long the source took, without the sources before it and without waiting for its turn. */
  readonly seconds: number;
  /** Why sources before this one were passed over, first to last. */
  readonly passedOver: readonly ToolchainProblem[];
}

export class Search {
  readonly wanted: WantedTool;
  /** What ends the search without a result. */
  readonly errors: ToolchainProblem[] = [];
  found: ResolvedBinary | undefined;

  private startedMs = performance.now();
  private readonly passedOver: { source: BinarySource; problem: ToolchainProblem }[] = [];
  private readonly onProgress: OnToolchainProgress;

  constructor(wanted: WantedTool, onProgress: OnToolchainProgress) {
    this.wanted = wanted;
    this.onProgress = onProgress;
  }

  get isOpen(): boolean {
    return this.found === undefined && this.errors.length === 0;
  }

  restartClock(): void {
    this.startedMs = performance.now();
  }

  passOver(source: BinarySource, problem: ToolchainProblem): void {
    const { tool, release } = this.wanted;
    this.passedOver.push({ source, problem });
    const { version } = release;
    this.onProgress({ kind: 'passed-over', tool: tool.name, version, source, problem });
  }

  succeed(source: BinarySource, path: string, version?: string): void {
    const { tool, release } = this.wanted;
    const seconds = (performance.now() - this.startedMs) / 1000;
    const binary: ResolvedBinary = {
      tool: tool.name,
      version: version ?? release.version,
      pinnedVersion: release.version,
      path,
      source,
      seconds,
      passedOver: this.passedOver.map(({ problem }) => problem),
    };
    this.found = binary;
    const { tool: name, version: actual } = binary;
    this.onProgress({ kind: 'done', tool: name, version: actual, source, path, seconds });
  }

  /**
   * Everything that explains why there is no result. An executable of another version on the PATH
   * explains nothing: there was more to be asked.
   */
  problems(tried: readonly BinarySource[]): readonly ToolchainProblem[] {
    const { tool, release } = this.wanted;
    const earlier = this.passedOver.flatMap(({ source, problem }) =>
      source === 'path' ? [] : [problem],
    );
    const all = [...earlier, ...this.errors];
    if (all.length > 0) return all;
    const variable = tool.environmentVariable;
    const { version } = release;
    return [{ code: 'no-source-left', tool: tool.name, version, tried, variable }];
  }
}
