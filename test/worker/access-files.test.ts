import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import type { ClusterAccess } from '../../activities/access';
import { readAccessFiles } from '../../worker/access-files';

const access: ClusterAccess = {
  apiVersion: 'ascent/access/v1',
  cluster: 'lab',
  kubeconfig: 'kubeconfig',
  members: [
    {
      name: 'cp-1',
      apiServer: 'https://127.0.0.1:6443',
      controllerManager: 'https://127.0.0.1:10257',
      scheduler: 'https://127.0.0.1:10259',
    },
  ],
  etcd: {
    members: [{ name: 'cp-1', endpoint: 'https://127.0.0.1:2379' }],
    ca: 'pki/ca.pem',
    certificate: 'pki/etcd.pem',
    key: '/secret/etcd.key',
  },
  driver: { kind: 'lab', socket: 'lab.sock' },
  snapshots: { directory: 'snapshots' },
  tools: { etcdutl: 'etcdutl' },
};

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'ascent-access-'));
});

afterEach(() => rm(folder, { recursive: true }));

async function aFile(name: string, content: unknown): Promise<string> {
  const file = path.join(folder, name);
  await writeFile(file, typeof content === 'string' ? content : JSON.stringify(content));
  return file;
}

describe('readAccessFiles', () => {
  it('takes relative paths from the folder of the file, names of tools as they are', async () => {
    expect(await readAccessFiles([await aFile('access.json', access)])).toEqual([
      {
        ...access,
        kubeconfig: `${folder}/kubeconfig`,
        etcd: {
          ...access.etcd,
          ca: `${folder}/pki/ca.pem`,
          certificate: `${folder}/pki/etcd.pem`,
          key: '/secret/etcd.key',
        },
        driver: { kind: 'lab', socket: `${folder}/lab.sock` },
        snapshots: { directory: `${folder}/snapshots` },
        tools: { etcdutl: 'etcdutl' },
      },
    ]);
  });

  it('tells the problems of all files at once', async () => {
    const { kubeconfig: _left, ...incomplete } = access;
    const files = [
      await aFile('good.json', access),
      await aFile('bad.json', { ...incomplete, cluster: 'The Lab', color: 'red', members: [] }),
      await aFile('text.json', 'cluster: lab'),
      path.join(folder, 'absent.json'),
    ];
    await expect(readAccessFiles(files)).rejects.toMatchObject({
      code: 'access-invalid',
      problems: [
        `${files[1]}: cluster: is not a DNS label`,
        expect.stringContaining(`${files[1]}: kubeconfig: `),
        expect.stringContaining(`${files[1]}: members: `),
        expect.stringContaining(`${files[1]}: Unrecognized key: "color"`),
        expect.stringContaining(`${files[2]}: Unexpected token`),
        `${files[3]}: cannot be read (ENOENT)`,
      ],
    });
  });
});
