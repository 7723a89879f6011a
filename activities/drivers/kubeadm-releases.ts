// Which releases machines can be given.
// K2. A release can be installed when every machine that answers can have it. One that is away is
//     looked at when its turn comes.

import { knownReleases, releasesOfAll } from '../../domain/plan/releases';
import { type KubeVersion, minorOf, parseVersion } from '../../domain/versions';
import type { KubeadmPackages } from '../access';
import { forEachAtOnce } from '../at-once';
import { PortError } from '../ports';
import { imageReleasesScript } from './kubeadm-image';
import { packageReleasesScript } from './kubeadm-packages';
import { askedAtOnce } from './machine-ask';
import { refusedCode, scriptHead, shellWord } from './machine-script';
import { isAway, type Machines, type MachineShell } from './machine-shell';

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
  if (packages.kind === 'command') return scriptHead + imageReleasesScript(packages);
  return scriptHead + packageReleasesScript(packages, knownReleases.map(minorOf));
}

/** K2. The oldest first. Throws PortError, also where all are away, or the signal's reason. */
export async function releasesOnAll(
  machines: Machines,
  packages: KubeadmPackages,
  signal: AbortSignal,
): Promise<readonly KubeVersion[]> {
  const lists: (readonly KubeVersion[])[] = [];
  const away: PortError[] = [];
  await forEachAtOnce([...machines.names], askedAtOnce, async (machine) => {
    try {
      lists.push(await releasesOn(machines, { machine, packages }, signal));
    } catch (error) {
      if (!isAway(error)) throw error;
      away.push(error);
    }
  });
  const releases = releasesOfAll(lists);
  if (releases === undefined && away[0] !== undefined) throw away[0];
  return releases ?? [];
}

async function releasesOn(
  machines: Machines,
  of: { readonly machine: string; readonly packages: KubeadmPackages },
  signal: AbortSignal,
): Promise<readonly KubeVersion[]> {
  const shell = await machines.connect(of.machine, signal);
  try {
    return await releasesFrom(shell, of, signal);
  } finally {
    shell.close();
  }
}

/** Of one machine. Throws PortError, or the signal's reason. */
export async function releasesFrom(
  shell: MachineShell,
  { machine, packages }: { readonly machine: string; readonly packages: KubeadmPackages },
  signal: AbortSignal,
): Promise<readonly KubeVersion[]> {
  const script = releasesScript(packages);
  const limits = { timeoutMs: askMs, outputBytesMax: answerBytesMax };
  const ask = { doing, script, args: [], ...limits };
  const { code, output, complaints } = await shell.run(ask, signal);
  const lines = output.toString('utf8').trim().split('\n');
  if (code === 0) return lines.flatMap((line) => parseVersion(line) ?? []);
  const why = complaints.at(-1) ?? lines.at(-1) ?? '';
  throw new PortError(
    code === refusedCode ? 'rejected' : 'unexpected',
    `${doing} on machine ${machine}: ${why === '' ? `it ended with ${code}` : why}`,
  );
}
