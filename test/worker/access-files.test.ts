import { createSnapshotKey } from '../../activities/adapters/snapshot-key';
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

  it('takes a cluster whose snapshots are sealed with a key', async () => {
    await createSnapshotKey(at('snapshot-key.txt'), 0);
    const snapshots = { directory: '../snapshots', key: 'snapshot-key.txt', keep: 7 };
    const file = write('sealed.json', { ...accessContent, snapshots });
    const sealed = { directory: at('../snapshots'), key: at('snapshot-key.txt'), keep: 7 };
    expect(await readAccessFiles([file])).toEqual([{ ...access, snapshots: sealed }]);
  });

  it('refuses silence about a key, a key that is none, and both answers at once', async () => {
    const directory = '../snapshots';
    write('no-key.txt', 'hunter2');
    const files = [
      write('silent.json', { ...accessContent, snapshots: { directory } }),
      write('lost.json', { ...accessContent, snapshots: { directory, key: 'lost.txt' } }),
      write('no-key.json', { ...accessContent, snapshots: { directory, key: 'no-key.txt' } }),
      write('both.json', {
        ...accessContent,
        snapshots: { directory, key: 'no-key.txt', inTheClear: true },
      }),
      write('false.json', { ...accessContent, snapshots: { directory, inTheClear: false } }),
      write('none.json', { ...accessContent, snapshots: { directory, inTheClear: true, keep: 0 } }),
    ];
    await expect(readAccessFiles(files)).rejects.toMatchObject({
      code: 'access-invalid',
      problems: [
        `${files[0]}: snapshots: neither names the key that seals them nor says that they stay in` +
          ' the clear; make a key (ascent snapshot key FILE, or age-keygen) and name it as' +
          ' snapshots.key, or say snapshots.inTheClear: true',
        `${files[1]}: snapshots.key: ${at('lost.txt')} does not exist`,
        `${files[2]}: the snapshot key ${at('no-key.txt')}, line 1: expected an age identity in` +
          ' the clear (AGE-SECRET-KEY-…)',
        `${files[3]}: snapshots.inTheClear: there is a key, so they do not stay in the clear`,
        `${files[4]}: snapshots.inTheClear: expected true; leave it out where there is a key`,
        `${files[5]}: snapshots.keep: expected 1 or more: the way back stays in any case`,
      ],
    });
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
