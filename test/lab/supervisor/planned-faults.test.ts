import { PlannedFaults } from '../../../lab/supervisor/planned-faults';

describe('a planned fault', () => {
  it('strikes once, at its phase', async () => {
    const faults = new PlannedFaults();
    const struck: string[] = [];
    faults.plan('starting-etcd', () => void struck.push('etcd'));
    await faults.reached('stopping-etcd');
    await faults.reached('starting-etcd');
    await faults.reached('starting-etcd');
    expect(struck).toEqual(['etcd']);
  });

  it('that holds a restore lets it go on as soon as it is called off', async () => {
    const faults = new PlannedFaults();
    const seen: string[] = [];
    faults.plan('starting-etcd', () => faults.holdRestores(600));
    await faults.reached('stopping-etcd');
    const held = faults.reached('starting-etcd').then(() => seen.push('goes on'));
    seen.push('is called off');
    faults.holdRestores(0.001);
    await held;
    expect(seen).toEqual(['is called off', 'goes on']);
  });

  it('takes a disk away until it is given back', () => {
    const faults = new PlannedFaults();
    faults.loseDisk('cp-1', 600);
    expect(() => faults.requireDisk('cp-1')).toThrow('the disk of cp-1 does not answer');
    faults.requireDisk('cp-2');
    faults.loseDisk('cp-1', 0);
    faults.requireDisk('cp-1');
  });
});
