// Which releases machines can be given.
// K2. A release can be installed when every machine can have it.

import { knownReleases } from '../../domain/plan/releases';
import { compareVersions, type KubeVersion, minorOf, parseVersion } from '../../domain/versions';
import type { KubeadmPackages } from '../access';
import { forEachAtOnce } from '../at-once';
import { PortError } from '../ports';
import { packageReleasesScript } from './kubeadm-packages';
import { scriptHead, shellWord } from './machine-script';
import type { Machines } from './machine-shell';
import { refusedCode } from './machine-steps';

/** Machines that are asked at the same time. */
const askedAtOnce = 10;
/** Repositories may have to be asked: one for each minor. */
const askMs = 60_000;
const answerBytesMax = 64 * 1024;
const doing = 'looking for releases';

/** Only whole releases count: all three programs are there. */
function binaryReleasesScript(directory: string): string {
  return `
cd ${shellWord(directory)} 2> /dev/null || exit 0
for release in */; do
  release=\${release%/}
  if [ -x "$release/kubeadm" ] && [ -x "$release/kubelet" ] && [ -x "$release/kubectl" ]; then
    echo "$release"
  fi
done
`;
}

function releasesScript(packages: KubeadmPackages): string {
  if (packages.kind === 'binaries') return binaryReleasesScript(packages.directory);
  return scriptHead + packageReleasesScript(packages, knownReleases.map(minorOf));
}

/** K2. The oldest first. Throws PortError, or the signal's reason. */
export async function releasesOnAll(
  machines: Machines,
  packages: KubeadmPackages,
  signal: AbortSignal,
): Promise<readonly KubeVersion[]> {
  const script = releasesScript(packages);
  const lists: (readonly KubeVersion[])[] = [];
  await forEachAtOnce([...machines.names], askedAtOnce, async (name) => {
    lists.push(await releasesOn(machines, { name, script }, signal));
  });
  const [first = [], ...others] = lists;
  return first
    .filter((one) => others.every((list) => list.includes(one)))
    .toSorted(compareVersions);
}

async function releasesOn(
  machines: Machines,
  { name, script }: { readonly name: string; readonly script: string },
  signal: AbortSignal,
): Promise<readonly KubeVersion[]> {
  const shell = await machines.connect(name, signal);
  try {
    const limits = { timeoutMs: askMs, outputBytesMax: answerBytesMax };
    const { code, output, complaints } = await shell.run(
      { doing, script, args: [], ...limits },
      signal,
    );
    const lines = output.toString('utf8').trim().split('\n');
    if (code === 0) return lines.flatMap((line) => parseVersion(line) ?? []);
    const why = complaints.at(-1) ?? lines.at(-1) ?? '';
    const isRefused = code === refusedCode;
    throw new PortError(
      isRefused ? 'rejected' : 'unexpected',
      `${doing} on machine ${name}: ${why === '' ? `it ended with ${code}` : why}`,
    );
  } finally {
    shell.close();
  }
}
