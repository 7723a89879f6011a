import { foundMembers, namedMembers } from '../../../activities/adapters/member-directory';
import type { MemberName } from '../../../domain/names';
import { never, refusalOf } from './support/refusals';

const addresses = (name: string, host: string) => ({
  name,
  apiServer: `https://${host}:6443`,
  controllerManager: `https://${host}:10257`,
  scheduler: `https://${host}:10259`,
});
const cp = (name: string): MemberName => name as MemberName;

describe('members that an access file names', () => {
  it('are those, and no others', async () => {
    const one = addresses('cp-1', '10.0.0.1');
    const directory = namedMembers([one]);
    expect(await directory.members(never)).toEqual([one]);
    expect(await directory.member(cp('cp-1'), never)).toEqual(one);
    expect(await refusalOf(directory.member(cp('cp-2'), never))).toEqual({
      code: 'not-found',
      message: 'member cp-2 is not in the access file',
    });
  });
});

describe('members that are found', () => {
  it('are looked for when somebody asks which there are, or for a stranger', async () => {
    let looks = 0;
    let there = [{ ...addresses('cp-a', '10.0.0.1'), etcd: 'https://10.0.0.1:2379' }];
    const directory = foundMembers(() => {
      looks += 1;
      return Promise.resolve(there);
    });
    expect(await directory.member(cp('cp-a'), never)).toMatchObject({ name: 'cp-a' });
    expect(await directory.member(cp('cp-a'), never)).toMatchObject({ name: 'cp-a' });
    expect(looks).toBe(1);

    there = [{ ...addresses('cp-b', '10.0.0.2'), etcd: 'https://10.0.0.2:2379' }];
    expect(await directory.member(cp('cp-b'), never)).toMatchObject(addresses('cp-b', '10.0.0.2'));
    expect(looks).toBe(2);
    expect((await directory.members(never)).map(({ name }) => name)).toEqual(['cp-b']);
    expect(await directory.etcd(never)).toEqual([
      { name: 'cp-b', endpoint: 'https://10.0.0.2:2379' },
    ]);
    expect(looks).toBe(4);
    expect(await refusalOf(directory.member(cp('cp-a'), never))).toEqual({
      code: 'not-found',
      message: 'no machine of the control plane serves as cp-a',
    });
  });
});
