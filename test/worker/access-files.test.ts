import { readAccessFiles } from '../../worker/access-files';
import { accessContent, accessFolder } from '../activities/adapters/support/access-files';

const { access, at, write } = accessFolder();

describe('readAccessFiles', () => {
  it('reads JSON and YAML, in the order given', async () => {
    const yaml = JSON.stringify({ ...accessContent, cluster: 'other' });
    const files = [write('prod.json', accessContent), write('other.yaml', yaml)];
    expect(await readAccessFiles(files)).toEqual([access, { ...access, cluster: 'other' }]);
  });

  it('takes a cluster without a driver: its nodes can be drained', async () => {
    const driver = { kind: 'none' };
    const file = write('seen.json', { ...accessContent, cluster: 'seen', driver });
    expect(await readAccessFiles([file])).toEqual([{ ...access, cluster: 'seen', driver }]);
  });

  it('tells the problems of all files at once, those of the files that they name too', async () => {
    const { kubeconfig: _left, ...incomplete } = accessContent;
    const etcd = { ...accessContent.etcd, key: 'gone.key', ca: 'folder' };
    const files = [
      write('good', accessContent),
      write('bad', { ...incomplete, cluster: 'The Lab', color: 'red', members: [] }),
      write('text', 'cluster: *lab'),
      write('keyless', { ...accessContent, etcd }),
      at('absent'),
    ];
    await expect(readAccessFiles(files)).rejects.toMatchObject({
      code: 'access-invalid',
      problems: [
        `${files[1]}: cluster: expected a lower-case DNS label`,
        `${files[1]}: kubeconfig: is required`,
        `${files[1]}: members: expected at least one member`,
        expect.stringContaining(`${files[1]}: color: unknown key; known are apiVersion, `),
        `${files[2]}: is not a plain document: an alias has no anchor`,
        `${files[3]}: etcd.ca: ${at('folder')} is not a file`,
        `${files[3]}: etcd.key: ${at('gone.key')} does not exist`,
        `${files[4]}: cannot be read (ENOENT)`,
      ],
    });
  });
});
