// What a restore of this lab would need beside etcd: the keys and certificates of its components,
// and the arguments that they run with. A real machine has them in /etc/kubernetes.

import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';

import type { LabNeeds } from '../../activities/drivers/lab-protocol';
import { apiServerFlags, controllerManagerFlags, etcdFlags, schedulerFlags } from '../flags';
import type { LabFile } from '../lab-file';
import type { LabLayout } from '../layout';

/** Private keys are among it: the socket is its owner's only. In the order of their names. */
export async function restoreNeeds(options: {
  readonly lab: LabFile;
  readonly layout: LabLayout;
  readonly etcdToken: string;
}): Promise<LabNeeds> {
  const { lab, layout, etcdToken } = options;
  const names = (await readdir(layout.pki)).toSorted();
  const pki = await Promise.all(
    names.map(async (name) => {
      const content = await readFile(path.join(layout.pki, name));
      return { kind: 'pki' as const, name, base64: content.toString('base64') };
    }),
  );
  const flags = lab.members.flatMap((member) => {
    const context = { lab, layout, member };
    const components = {
      etcd: etcdFlags(context, etcdToken),
      'kube-apiserver': apiServerFlags(context),
      'kube-controller-manager': controllerManagerFlags(context),
      'kube-scheduler': schedulerFlags(context),
    };
    return Object.entries(components).map(([name, args]) => {
      const base64 = Buffer.from(`${args.join('\n')}\n`).toString('base64');
      return { kind: 'flags' as const, name, member: member.name, base64 };
    });
  });
  return { items: [...pki, ...flags] };
}
