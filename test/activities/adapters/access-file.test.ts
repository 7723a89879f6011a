import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { stringify } from 'yaml';

import { readAccessFile } from '../../../activities/adapters/access-file';
import type { ClusterAccess } from '../../../activities/access';
import { temporaryDirectory } from './support/temporary-directory';

const directory = temporaryDirectory();
for (const name of ['kubeconfig', 'ca.crt', 'client.crt', 'client.key', 'etcdutl']) {
  writeFileSync(path.join(directory, name), 'content');
}
chmodSync(path.join(directory, 'etcdutl'), 0o755);
mkdirSync(path.join(directory, 'folder'));

const valid = {
  apiVersion: 'ascent/access/v1',
  cluster: 'prod',
  kubeconfig: 'kubeconfig',
  members: [
    {
      name: 'cp-1',
      apiServer: 'https://10.0.0.1:6443',
      controllerManager: 'https://10.0.0.1:10257',
      scheduler: 'https://10.0.0.1:10259',
    },
  ],
  etcd: {
    members: [{ name: 'cp-1', endpoint: 'https://10.0.0.1:2379' }],
    ca: 'ca.crt',
    certificate: 'client.crt',
    key: 'client.key',
  },
  driver: { kind: 'lab', socket: 'lab.sock' },
  snapshots: { directory: '../snapshots' },
  tools: { etcd: 'etcd', etcdutl: './etcdutl' },
};

const at = (name: string): string => path.join(directory, name);

function write(content: object | string): string {
  const file = at('access');
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
  return file;
}

/** Problems without the name of the file that each begins with. */
async function problemsOf(content: object | string): Promise<readonly string[]> {
  const file = write(content);
  const result = await readAccessFile(file);
  if (result.kind === 'read') return [];
  expect(result.problems.filter((problem) => !problem.startsWith(`${file}: `))).toEqual([]);
  return result.problems.map((problem) => problem.slice(file.length + 2));
}

const access: ClusterAccess = {
  apiVersion: 'ascent/access/v1',
  cluster: 'prod',
  kubeconfig: at('kubeconfig'),
  members: valid.members,
  etcd: {
    members: valid.etcd.members,
    ca: at('ca.crt'),
    certificate: at('client.crt'),
    key: at('client.key'),
  },
  driver: { kind: 'lab', socket: at('lab.sock') },
  snapshots: { directory: path.join(path.dirname(directory), 'snapshots') },
  tools: { etcd: 'etcd', etcdutl: at('etcdutl') },
};

describe('an access file', () => {
  it.each([
    { name: 'JSON', content: JSON.stringify(valid) },
    { name: 'YAML', content: stringify(valid) },
  ])('in $name is read, its paths relative to its folder', async ({ content }) => {
    expect(await readAccessFile(write(content))).toEqual({ kind: 'read', access });
  });

  it('needs no tools: then they are looked up on PATH', async () => {
    const { tools: _tools, ...without } = valid;
    expect(await readAccessFile(write(without))).toEqual({
      kind: 'read',
      access: { ...access, tools: {} },
    });
  });

  it('tells every problem of its shape at once', async () => {
    const [member] = valid.members;
    const content = {
      ...valid,
      apiVersion: 'ascent/access/v2',
      cluster: 'Prod!',
      kubeConfig: 'x',
      members: [{ ...member, scheduler: 'http://10.0.0.1:10259' }],
      etcd: { ...valid.etcd, members: [] },
      driver: { kind: 'ssh', socket: '' },
    };
    expect((await problemsOf(content)).toSorted()).toEqual(
      [
        'apiVersion: Invalid input: expected "ascent/access/v1"',
        'cluster: expected a lower-case DNS label',
        'driver.kind: Invalid input: expected "lab"',
        'driver.socket: expected a path',
        'etcd.members: expected at least one member',
        'kubeConfig: unknown key',
        'members.0.scheduler: expected https://HOST:PORT without a path',
      ].toSorted(),
    );
  });

  it('names what is used twice', async () => {
    const [member] = valid.members;
    expect(await problemsOf({ ...valid, members: [member, { ...member, name: 'cp-2' }] })).toEqual([
      'members.1.apiServer: https://10.0.0.1:6443 is used twice',
      'members.1.controllerManager: https://10.0.0.1:10257 is used twice',
      'members.1.scheduler: https://10.0.0.1:10259 is used twice',
    ]);
  });

  it('tells every file that is missing or is none at once', async () => {
    const etcd = { ...valid.etcd, ca: 'none.crt', key: 'folder' };
    const tools = { etcd: './none', etcdutl: './kubeconfig' };
    expect(await problemsOf({ ...valid, kubeconfig: 'none', etcd, tools })).toEqual([
      `kubeconfig: ${at('none')} does not exist`,
      `etcd.ca: ${at('none.crt')} does not exist`,
      `etcd.key: ${at('folder')} is not a file`,
      `tools.etcd: ${at('none')} does not exist`,
      `tools.etcdutl: ${at('kubeconfig')} cannot be executed (EACCES)`,
    ]);
  });

  it('that is no document says where', async () => {
    const [first = ''] = await problemsOf('{ "cluster": "prod"');
    expect(first).toMatch(/at line 1, column \d+/);
  });

  it('that is empty is refused', async () => {
    expect(await problemsOf('')).toEqual([
      'the file: Invalid input: expected object, received null',
    ]);
  });

  it('that does not exist is refused', async () => {
    expect(await readAccessFile(at('nowhere'))).toEqual({
      kind: 'refused',
      problems: [`${at('nowhere')}: cannot be read (ENOENT)`],
    });
  });
});
