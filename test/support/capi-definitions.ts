// The definitions of Cluster API's objects, as its own release has them: from its Go module, which
// Go verifies and keeps.

import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

import { parse } from 'yaml';

import type { KubeRest } from '../../lab/kube-rest';
import { untilTrue } from './lab-until';

const run = promisify(execFile);

const goModule = 'sigs.k8s.io/cluster-api@v1.8.12';
const sum = 'h1:+nZAMzO1DXERArdgmhp+igi2HiyXyi8wxHFb0cl+tgQ=';
const core = { group: 'cluster.x-k8s.io', folder: 'config/crd/bases' };
const kubeadm = {
  group: 'controlplane.cluster.x-k8s.io',
  folder: 'controlplane/kubeadm/config/crd/bases',
};
const kinds = [
  { ...core, plural: 'clusters' },
  { ...core, plural: 'machinedeployments' },
  { ...core, plural: 'machines' },
  { ...kubeadm, plural: 'kubeadmcontrolplanes' },
] as const;

interface Definition {
  readonly metadata: { readonly name: string };
  readonly spec: object;
}

async function moduleDirectory(): Promise<string> {
  const { stdout } = await run('go', ['mod', 'download', '-json', goModule]);
  const { Dir, Sum } = JSON.parse(stdout) as { readonly Dir: string; readonly Sum: string };
  if (Sum !== sum) throw new Error(`${goModule} is ${Sum}, expected ${sum}`);
  return Dir;
}

/** Returns when the API serves them. Nobody converts between their versions. */
export async function installDefinitions(kube: KubeRest): Promise<void> {
  const directory = await moduleDirectory();
  for (const { group: of, folder, plural } of kinds) {
    const file = path.join(directory, folder, `${of}_${plural}.yaml`);
    const text = await readFile(file, 'utf8');
    const definition = parse(text) as Definition;
    const body = { ...definition, spec: { ...definition.spec, conversion: { strategy: 'None' } } };
    const group = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
    await kube.must({ method: 'POST', path: group, body }, [409]);
    await untilTrue(`${plural} are served`, async () => {
      const served = await kube.ask({
        method: 'GET',
        path: `/apis/${of}/v1beta1/${plural}`,
      });
      return served.status === 200;
    });
  }
}
