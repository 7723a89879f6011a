// NodeDriver for the workers of a kubeadm cluster, changed in place (docs/kubeadm.md).
// K1. What it cannot change yet is refused when it is planned (`drives`).
// K2. A release can be installed when every machine has it.

import { compareVersions, type KubeVersion, parseVersion } from '../../domain/versions';
import type { KubeadmDriverAccess } from '../access';
import { forEachAtOnce } from '../at-once';
import type { ControlPlaneDriver, NodeDriver } from '../driver-ports';
import { nodeScript } from './kubeadm-node';
import type { Machines } from './machine-shell';
import { runStep, type StepOptions } from './machine-steps';
import { refusedChanges, refusing } from './refusals';

/** Machines that are asked at the same time. */
const askedAtOnce = 10;
const askMs = 20_000;
const answerBytesMax = 64 * 1024;

/** Only whole releases count: all three programs are there. */
const listReleases = `
cd "$1" 2> /dev/null || exit 0
for release in */; do
  release=\${release%/}
  if [ -x "$release/kubeadm" ] && [ -x "$release/kubelet" ] && [ -x "$release/kubectl" ]; then
    echo "$release"
  fi
done
`;

export interface KubeadmDriverOptions extends StepOptions {
  readonly access: Pick<KubeadmDriverAccess, 'packages'>;
}

const refuse = refusing(
  'the driver kubeadm changes workers only: do it with kubeadm by hand (docs/kubeadm.md)',
);

/** Connects nothing yet. Methods throw PortError, or the signal's reason. */
export function createKubeadmDriver(options: KubeadmDriverOptions): {
  readonly controlPlane: ControlPlaneDriver;
  readonly nodes: NodeDriver;
} {
  const { machines, access } = options;
  const { directory } = access.packages;
  return {
    controlPlane: {
      driver: 'kubeadm',
      drives: ['node'],
      availableVersions: (signal) => availableOn(machines, directory, signal),
      ...refusedChanges(refuse),
    },
    nodes: {
      upgradeNode: (node, to, context) => {
        const doing = `upgrading it to ${to}`;
        const script = nodeScript(to, access.packages);
        return runStep(options, { machine: node, doing, script }, context);
      },
    },
  };
}

/** K2. The oldest first. */
async function availableOn(
  machines: Machines,
  directory: string,
  signal: AbortSignal,
): Promise<readonly KubeVersion[]> {
  const lists: (readonly KubeVersion[])[] = [];
  await forEachAtOnce([...machines.names], askedAtOnce, async (name) => {
    lists.push(await releasesOn(machines, { name, directory }, signal));
  });
  const [first = [], ...others] = lists;
  return first
    .filter((one) => others.every((list) => list.includes(one)))
    .toSorted(compareVersions);
}

async function releasesOn(
  machines: Machines,
  { name, directory }: { readonly name: string; readonly directory: string },
  signal: AbortSignal,
): Promise<readonly KubeVersion[]> {
  const shell = await machines.connect(name, signal);
  try {
    const doing = 'looking for releases';
    const limits = { timeoutMs: askMs, outputBytesMax: answerBytesMax };
    const ask = { doing, script: listReleases, args: [directory], ...limits };
    const { output } = await shell.run(ask, signal);
    return output
      .toString('utf8')
      .split('\n')
      .flatMap((line) => parseVersion(line) ?? []);
  } finally {
    shell.close();
  }
}
