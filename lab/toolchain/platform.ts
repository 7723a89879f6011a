// For which machine official executables are asked.

export interface Platform {
  readonly os: string;
  /** As Go calls it: amd64, arm64. Undefined for machines without official executables. */
  readonly arch: string | undefined;
}

/** Of this process unless told otherwise. */
export function currentPlatform(
  os: NodeJS.Platform = process.platform,
  arch: NodeJS.Architecture = process.arch,
): Platform {
  const names = { x64: 'amd64', arm64: 'arm64' } as const;
  const isKnown = os === 'linux' && (arch === 'x64' || arch === 'arm64');
  return { os, arch: isKnown ? names[arch] : undefined };
}

/** Fills `{version}` and `{arch}` in. */
export function fillIn(template: string, version: string, arch: string): string {
  return template.replaceAll('{version}', version).replaceAll('{arch}', arch);
}
