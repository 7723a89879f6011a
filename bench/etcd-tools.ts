// etcd's own tools, as a runbook uses them on a lab: what Ascent is compared with.

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

import { pkiOf } from '../lab/certificates';
import { etcdUrl } from '../lab/flags';
import { type LabFile, readLabFile } from '../lab/lab-file';
import { labLayout } from '../lab/layout';
import { resolveBinary } from '../lab/toolchain/resolve';

const execute = promisify(execFile);
const timeoutMs = 300_000;

export interface EtcdTools {
  readonly lab: LabFile;
  /** `etcdctl snapshot save` from the first member. */
  save(file: string): Promise<void>;
  /** `etcdutl snapshot status`: the keys of the file and its revision. */
  status(file: string): Promise<{ readonly totalKey: number; readonly revision: number }>;
}

/** Of the lab in that directory. Builds etcdctl when it is not there yet. */
export async function etcdToolsOf(stateDir: string): Promise<EtcdTools> {
  const layout = labLayout(stateDir);
  const lab = await readLabFile(layout.labFile);
  const [member] = lab?.members ?? [];
  if (lab === undefined || member === undefined) throw new Error(`no lab in ${stateDir}`);
  const etcdctl = await resolveBinary('etcdctl');
  const etcdutl = await resolveBinary('etcdutl');
  const pki = pkiOf(layout.pki);
  const access = [
    `--endpoints=${etcdUrl(member)}`,
    `--cacert=${pki.certificate('etcd-ca')}`,
    `--cert=${pki.certificate('etcd-client')}`,
    `--key=${pki.key('etcd-client')}`,
  ];
  return {
    lab,
    async save(file) {
      await execute(etcdctl.path, [...access, 'snapshot', 'save', file], { timeout: timeoutMs });
    },
    async status(file) {
      const args = ['snapshot', 'status', file, '-w', 'json'];
      const { stdout } = await execute(etcdutl.path, args, { timeout: timeoutMs });
      return JSON.parse(stdout) as { readonly totalKey: number; readonly revision: number };
    },
  };
}
