// What can go wrong with a binary, as data, and the one place that turns it into a sentence.

export type ToolchainProblem =
  | { readonly code: 'unknown-tool'; readonly tool: string; readonly known: readonly string[] }
  | {
      readonly code: 'unknown-version';
      readonly tool: string;
      readonly version: string;
      readonly known: readonly string[];
    }
  | {
      readonly code: 'setting-invalid';
      readonly variable: string;
      readonly value: string;
      readonly expected: string;
    }
  | {
      readonly code: 'variable-unusable';
      readonly variable: string;
      readonly path: string;
      readonly why: string;
    }
  | {
      readonly code: 'wrong-version';
      readonly tool: string;
      readonly path: string;
      readonly wanted: string;
      /** Undefined when the executable names no version. */
      readonly found: string | undefined;
    }
  | { readonly code: 'platform-unsupported'; readonly platform: string }
  | { readonly code: 'host-unreachable'; readonly host: string; readonly why: string }
  | { readonly code: 'download-refused'; readonly url: string; readonly status: number }
  | { readonly code: 'download-interrupted'; readonly url: string; readonly why: string }
  | {
      readonly code: 'download-truncated';
      readonly url: string;
      readonly expectedBytes: number;
      readonly receivedBytes: number;
    }
  | {
      readonly code: 'checksum-mismatch';
      readonly url: string;
      readonly expected: string;
      readonly actual: string;
      readonly receivedBytes: number;
    }
  | { readonly code: 'checksum-missing'; readonly url: string; readonly checksumUrl: string }
  | { readonly code: 'archive-unusable'; readonly url: string; readonly why: string }
  | { readonly code: 'answer-unusable'; readonly url: string; readonly why: string }
  | { readonly code: 'go-missing'; readonly needed: string }
  | { readonly code: 'go-too-old'; readonly needed: string; readonly found: string }
  | {
      readonly code: 'build-failed';
      readonly release: string;
      readonly exit: string;
      /** The last lines that the build printed. */
      readonly output: string;
    }
  | { readonly code: 'java-missing' }
  | { readonly code: 'maven-missing' }
  | { readonly code: 'maven-failed'; readonly exit: string; readonly output: string }
  | { readonly code: 'cache-unusable'; readonly path: string; readonly why: string }
  | {
      readonly code: 'no-source-left';
      readonly tool: string;
      readonly version: string;
      readonly tried: readonly string[];
      readonly variable: string;
    };

function describeDownload(problem: DownloadProblem): string {
  switch (problem.code) {
    case 'host-unreachable':
      return `${problem.host} cannot be reached from here (${problem.why})`;
    case 'download-refused':
      return `${problem.url} was answered with HTTP status ${problem.status}`;
    case 'download-interrupted':
      return `the download of ${problem.url} broke off: ${problem.why}; try again`;
    case 'download-truncated':
      return (
        `${problem.url} is truncated: ${problem.receivedBytes} of ${problem.expectedBytes} bytes ` +
        'arrived; it was thrown away - try again, or check the mirror or proxy in between'
      );
    case 'checksum-mismatch':
      return (
        `${problem.url} (${problem.receivedBytes} bytes) has the SHA-256 ${problem.actual}, but ` +
        `${problem.expected} is published; it was thrown away - do not use that server or mirror ` +
        'until somebody has found out why'
      );
    case 'checksum-missing':
      return `${problem.checksumUrl} names no SHA-256 for ${problem.url}; it was not downloaded`;
    case 'archive-unusable':
      return `${problem.url} cannot be unpacked: ${problem.why}`;
    case 'answer-unusable':
      return `${problem.url} answered something unexpected: ${problem.why}`;
  }
}

function describeBuild(problem: BuildProblem): string {
  switch (problem.code) {
    case 'go-missing':
      return `Go is not on the PATH: install Go ${problem.needed} or newer (https://go.dev/dl)`;
    case 'go-too-old':
      return (
        `Go ${problem.found} is too old: install Go ${problem.needed} or newer ` +
        '(https://go.dev/dl), or unset GOTOOLCHAIN so that Go fetches the newer one itself'
      );
    case 'build-failed':
      return `building ${problem.release} failed (${problem.exit}):\n${problem.output}`;
    case 'java-missing':
      return 'java is not on the PATH: install a Java runtime, version 11 or newer';
    case 'maven-missing':
      return 'mvn is not on the PATH: install Apache Maven, version 3.6 or newer';
    case 'maven-failed':
      return `fetching the test server with Maven failed (${problem.exit}):\n${problem.output}`;
  }
}

type DownloadProblem = Extract<
  ToolchainProblem,
  { readonly code: `${'download' | 'checksum' | 'archive' | 'answer' | 'host'}-${string}` }
>;
type BuildProblem = Extract<
  ToolchainProblem,
  { readonly code: `${'go' | 'build' | 'java' | 'maven'}-${string}` }
>;

function isDownloadProblem(problem: ToolchainProblem): problem is DownloadProblem {
  return /^(download|checksum|archive|answer|host)-/.test(problem.code);
}

function isBuildProblem(problem: ToolchainProblem): problem is BuildProblem {
  return /^(go|build|java|maven)-/.test(problem.code);
}

/** One sentence: what, which object, and what would help. */
export function describeProblem(problem: ToolchainProblem): string {
  if (isDownloadProblem(problem)) return describeDownload(problem);
  if (isBuildProblem(problem)) return describeBuild(problem);
  switch (problem.code) {
    case 'unknown-tool':
      return `there is no tool "${problem.tool}"; there are ${problem.known.join(', ')}`;
    case 'unknown-version':
      return (
        `there is no ${problem.tool} ${problem.version} in the toolchain; ` +
        `there are ${problem.known.join(', ')}`
      );
    case 'setting-invalid':
      return `${problem.variable} is "${problem.value}", but must be ${problem.expected}`;
    case 'variable-unusable':
      return (
        `${problem.variable} points to ${problem.path}, which ${problem.why}; ` +
        'correct the variable, or unset it to let the toolchain choose'
      );
    case 'wrong-version':
      return (
        `${problem.path} is ${problem.tool} ${problem.found ?? 'of an unknown version'}, ` +
        `not ${problem.wanted}`
      );
    case 'platform-unsupported':
      return `there is no official executable for ${problem.platform}`;
    case 'cache-unusable':
      return (
        `the cache cannot be used (${problem.path}: ${problem.why}); ` +
        'set ASCENT_CACHE_DIR to a directory that you may write to'
      );
    case 'no-source-left':
      return (
        `${problem.tool} ${problem.version} is nowhere to be had (tried: ` +
        `${problem.tried.join(', ')}); install it and set ${problem.variable} to its path`
      );
  }
}

/** Carries every problem at once; a first line and one line each in the message. */
export class ToolchainError extends Error {
  readonly problems: readonly [ToolchainProblem, ...ToolchainProblem[]];

  constructor(
    problems: readonly [ToolchainProblem, ...ToolchainProblem[]],
    options: { readonly cause?: unknown } = {},
  ) {
    super(problems.map(describeProblem).join('\n'), options);
    this.name = 'ToolchainError';
    this.problems = problems;
  }
}
